package gateway

import (
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// usedPaths counts what the gateway tells it.
type usedPaths struct {
	mu    sync.Mutex
	calls map[string]int
}

func (u *usedPaths) Count(client, shop, path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls[client+" "+shop+" "+path]++
}

// TestUsedPathsAreCounted: what was sent counts, once for each call, under the
// catalogue's spelling; what was refused here does not.
func TestUsedPathsAreCounted(t *testing.T) {
	u := &usedPaths{calls: map[string]int{}}
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"errcode":0}`) }, func(c *Config) { c.Paths = u })
	for range 3 {
		r.do(t, "POST", writeKey, "/wx/lantian"+readPath, "{}")
	}
	r.do(t, "POST", readKey, "/wx/lantian"+writePath, "{}")
	r.do(t, "POST", otherKey, "/wx/lantian"+readPath, "{}")
	r.do(t, "POST", "", "/wx/lantian"+readPath, "{}")
	r.running.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	if diff := cmp.Diff(map[string]int{"erp lantian " + readPath: 3}, u.calls); diff != "" {
		t.Error(diff)
	}
}
