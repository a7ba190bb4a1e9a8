package follow

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/movein"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// unknown is how long a token is believed of which no end is told: it is read
// again after that.
const unknown = time.Minute

// maxLeft is longer than any access token lives.
const maxLeft = 24 * time.Hour

// keptIn reads an object with the names of WeChat's answers, in any spelling of
// case and separators.
func keptIn(body []byte) (Kept, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	var object map[string]json.RawMessage
	if d.Decode(&object) != nil {
		return Kept{}, ErrNone
	}
	k := Kept{Left: unknown}
	for name, v := range object {
		var text string
		switch strings.TrimPrefix(plain(name), "authorizer") {
		case "accesstoken":
			if json.Unmarshal(v, &text) == nil {
				k.Access = secret.FromString(text)
			}
		case "refreshtoken":
			if json.Unmarshal(v, &text) == nil {
				k.Refresh = secret.FromString(text)
			}
		case "expiresin":
			k.Left = seconds(v)
		}
	}
	return k, k.check()
}

// check wants a usable access token; a refresh token that is none is left out.
func (k *Kept) check() error {
	if !movein.IsToken(k.Refresh.RevealString()) {
		k.Refresh = secret.Value{}
	}
	if !movein.IsToken(k.Access.RevealString()) {
		*k = Kept{}
		return ErrNone
	}
	return nil
}

// seconds reads a number, written as one or as a text. What is none is no time at
// all.
func seconds(v json.RawMessage) time.Duration {
	n, err := strconv.ParseInt(strings.Trim(string(v), `"`), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, int64(maxLeft/time.Second))) * time.Second
}

var separators = strings.NewReplacer("_", "", "-", "", ".", "")

func plain(name string) string { return strings.ToLower(separators.Replace(name)) }

// keptAs reads the values of two keys: a token as it is, in quotes of JSON or as
// PHP serialised it, or an object.
func keptAs(access, refresh string, left time.Duration) (Kept, error) {
	if strings.HasPrefix(strings.TrimSpace(access), "{") {
		k, err := keptIn([]byte(access))
		// What counts of an object's own time is not known: it may be what was left
		// when it was written.
		k.Left = left
		if k.Refresh.IsZero() {
			k.Refresh = secret.FromString(movein.Unwrap(refresh))
			err = k.check()
		}
		return k, err
	}
	k := Kept{Access: secret.FromString(movein.Unwrap(access)), Refresh: secret.FromString(movein.Unwrap(refresh)), Left: left}
	return k, k.check()
}
