package session_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/session"
)

var office = netip.MustParseAddr("192.0.2.7")

// TestUses: uses are written together every few seconds, once a minute for each
// session, and one of a child is one of its parent. They outlast an outage and the
// end of the process.
func TestUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *session.Options) { o.Now = time.Now })
		w.now = time.Now()
		w.child("s_erp", w.login("s_1", "p_1"))
		w.in("s_erp", true)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { w.live.Run(ctx) })
		touched := func(want ...access.SessionUse) {
			t.Helper()
			synctest.Wait()
			w.store.mu.Lock()
			defer w.store.mu.Unlock()
			var got []access.SessionUse
			for _, batch := range w.store.touches {
				got = append(got, batch...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("uses (-want +got):\n%s", diff)
			}
			w.store.touches = nil
		}
		use := func(id string) access.SessionUse {
			return access.SessionUse{Session: id, At: time.Now(), Address: "192.0.2.0/24"}
		}
		w.live.Used("s_erp", time.Now(), office) // the same minute as the login
		time.Sleep(time.Minute)
		touched()
		at1, at2 := use("s_1"), use("s_erp")
		w.live.Used("s_erp", time.Now(), office)
		w.live.Used("s_erp", time.Now(), office)
		w.live.Used("s_1", time.Now().Add(-time.Second), netip.Addr{})
		time.Sleep(5 * time.Second)
		touched(at1, at2)
		w.live.Used("s_unknown", time.Now(), netip.Addr{}) // read by another server
		at := access.SessionUse{Session: "s_unknown", At: time.Now()}
		w.store.mu.Lock()
		w.store.down = true
		w.store.mu.Unlock()
		time.Sleep(30 * time.Second)
		touched()
		w.store.mu.Lock()
		w.store.down = false
		w.store.mu.Unlock()
		time.Sleep(5 * time.Second)
		touched(at)
		time.Sleep(time.Minute)
		at = use("s_1")
		w.live.Used("s_1", time.Now(), office)
		stop()
		wg.Wait()
		touched(at)
	})
}

// TestWaitingUseCounts: a use that is not written yet keeps a session from being idle.
func TestWaitingUseCounts(t *testing.T) {
	w := newWorld(t, nil)
	s := w.login("s_1", "p_1")
	w.in("s_1", true)
	w.now = w.now.Add(6 * 24 * time.Hour)
	w.live.Used("s_1", w.now, office)
	w.live.Forget("person:p_1")
	w.now = w.now.Add(6 * 24 * time.Hour)
	got, _, err := w.byToken("s_1")
	if err != nil || !got.SeenAt.After(s.SeenAt) {
		t.Errorf("seen %v, %v", got.SeenAt, err)
	}
}

// TestSwept: what nobody asked for in an hour is read anew.
func TestSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *session.Options) { o.Now = time.Now })
		w.now = time.Now()
		w.login("s_1", "p_1")
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { w.live.Run(ctx) })
		w.in("s_1", true)
		time.Sleep(50 * time.Minute)
		w.in("s_1", true)
		if n := w.reads(); n != 1 {
			t.Errorf("%d reads within the hour", n)
		}
		time.Sleep(12 * time.Minute)
		w.in("s_1", true)
		if n := w.reads(); n != 1 {
			t.Errorf("%d reads after it", n)
		}
		stop()
		wg.Wait()
	})
}
