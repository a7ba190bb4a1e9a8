package app

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/gateway"
)

// setsWatch remembers which shops' calls lacked a permission set, since this server
// started. It stands before what records refusals.
type setsWatch struct {
	next gateway.Refusals

	mu   sync.Mutex
	seen map[unsetKey]doctor.SetRefusal
}

// unsetKey names a shop and a rule of the gateway's, such as "set:131".
type unsetKey struct{ shop, rule string }

// mostUnset bounds what is remembered. Beyond it, what is there is counted on.
const mostUnset = 4096

func newSetsWatch(next gateway.Refusals) *setsWatch {
	return &setsWatch{next: next, seen: map[unsetKey]doctor.SetRefusal{}}
}

// Refuse implements gateway.Refusals.
func (w *setsWatch) Refuse(ctx context.Context, r gateway.Refusal) {
	if ids, ok := strings.CutPrefix(r.Rule, "set:"); ok && r.ClientID != "" {
		w.note(unsetKey{r.Shop, r.Rule}, ids, r)
	}
	w.next.Refuse(ctx, r)
}

func (w *setsWatch) note(key unsetKey, ids string, r gateway.Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, known := w.seen[key]
	if !known && len(w.seen) >= mostUnset {
		return
	}
	if !known {
		for id := range strings.SplitSeq(ids, ",") {
			if n, err := strconv.ParseInt(id, 10, 64); err == nil {
				s.Sets = append(s.Sets, n)
			}
		}
	}
	s.Times, s.Last = s.Times+1, r.At
	w.seen[key] = s
}

// of gives what is remembered of a shop, by the first set.
func (w *setsWatch) of(shop string) []doctor.SetRefusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []doctor.SetRefusal
	for k, s := range w.seen {
		if k.shop == shop {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b doctor.SetRefusal) int { return cmp.Compare(a.Sets[0], b.Sets[0]) })
	return all
}
