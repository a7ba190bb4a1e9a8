package app_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// kinds are those of the notices, the newest first.
func (r *rig) kinds() (all []string) {
	r.t.Helper()
	var list struct{ Items []adminapi.NoticeView }
	r.ask("GET", "/v1/notices", nil, &list)
	for _, n := range list.Items {
		all = append(all, n.Kind)
	}
	return all
}

// TestAServerStartedUnderAnOldClock: somebody set the machine back an hour while
// the server was stopped.
func TestAServerStartedUnderAnOldClock(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	var off atomic.Int64
	r.now = func() time.Time { return r.sim.Now().Add(time.Duration(off.Load())) }
	r.start(nil)
	r.declare()
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	off.Store(int64(-time.Hour))
	r.start(nil)
	r.await("word of it", func() bool { return len(r.readyz().Degraded) > 0 })
	if got := r.readyz(); !got.Ready || !strings.Contains(strings.Join(got.Degraded, "\n"), "logins are stopped") {
		t.Errorf("readyz: %+v", got)
	}
	if status, body := r.get(r.base+"/login", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "时钟") && !strings.Contains(body, "clock") {
		t.Errorf("a login begins with %d: %s", status, body)
	}
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("a token was not served: %d %s", status, body)
	}
	r.await("the notice", func() bool { k := r.kinds(); return len(k) > 0 && k[len(k)-1] == "clock.back" })
}

// TestSkewIsSeen: WeChat's clock is ahead of ours.
func TestSkewIsSeen(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	r.now = func() time.Time { return r.sim.Now().Add(-5 * time.Minute) }
	r.start(nil)
	r.declare()
	r.await("word of it", func() bool {
		if status, body := r.call(); status != http.StatusOK {
			t.Errorf("a call gave %d: %s", status, body)
		}
		return strings.Contains(strings.Join(r.readyz().Degraded, "\n"), "behind WeChat's")
	})
	_, metrics := r.get(r.ops+"/metrics", "")
	if !strings.Contains(metrics, "\nzhanggui_clock_skew_seconds -") {
		t.Error("the skew is not among the metrics")
	}
}
