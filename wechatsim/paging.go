package wechatsim

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// page cuts one page out of ids. A next_key is opaque to clients, belongs to
// the query it came from, and is refused with any other.
func (s *Sim) page(ids []string, query, key string, size, maxSize int) (page []string, next string, more, ok bool) {
	if size < 1 || size > maxSize {
		return nil, "", false, false
	}
	from := 0
	if key != "" {
		if from, ok = openKey(key, query); !ok {
			return nil, "", false, false
		}
	}
	from = min(from, len(ids))
	to := min(from+size, len(ids))
	more = to < len(ids)
	if more || s.sw.LastPageNextKey && from < to {
		next = sealKey(query, to)
	}
	return ids[from:to], next, more, true
}

func sealKey(query string, at int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(Digest(query) + "." + strconv.Itoa(at)))
}

func openKey(key, query string) (int, bool) {
	plain, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return 0, false
	}
	of, at, ok := strings.Cut(string(plain), ".")
	n, err := strconv.Atoi(at)
	return n, ok && err == nil && n >= 0 && of == Digest(query)
}
