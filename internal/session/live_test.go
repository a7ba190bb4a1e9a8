package session_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/session"
)

// TestFromMemory: what was read once is not read again, and is what the store said.
func TestFromMemory(t *testing.T) {
	w := newWorld(t, nil)
	parent := w.login("s_1", "p_1")
	parent.ToldAt, parent.Address = w.now, "192.0.2.0/24"
	w.store.sessions[0] = parent
	child := w.child("s_erp", parent)
	admin := w.login("s_admin", "")
	admin.AdminID = "a_1"
	w.store.sessions[2] = admin
	market := w.login("s_market", "")
	market.ShopID, market.Role, market.Door = "tea", access.Operator, access.DoorMarket
	w.store.sessions[3] = market
	for range 3 {
		for _, want := range []access.Session{child, parent, admin, market} {
			got, p, err := w.byToken(want.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("session (-want +got):\n%s", diff)
			}
			if p.ID != want.PersonID || (len(p.Members) == 0) != (want.AdminID != "") {
				t.Errorf("session %s is of %+v", want.ID, p)
			}
		}
	}
	if n := w.reads(); n != 3 { // the parent came with its child
		t.Errorf("the store was asked %d times", n)
	}
	for _, hash := range [][]byte{nil, []byte("short"), access.HashKey("s_unknown")} {
		if _, _, err := w.live.ByToken(t.Context(), hash); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("hash %x: %v", hash, err)
		}
	}
}

// TestAtOnce: many ask for a child while it is forgotten and read again.
func TestAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.child("s_erp", w.login("s_1", "p_1"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				if i == 0 {
					w.live.Forget("session:s_1")
				}
				if s, _, err := w.byToken("s_erp"); err != nil || s.Parent != "s_1" {
					t.Errorf("session %+v: %v", s, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestForget: each name drops whom it names, with what hangs on them, and nobody else.
func TestForget(t *testing.T) {
	for _, c := range []struct {
		name string
		gone []string
	}{
		{"person:p_1", []string{"s_1", "s_erp"}},
		{"session:s_1", []string{"s_1", "s_erp"}},
		{"session:s_erp", []string{"s_1", "s_erp"}},
		{"shop:tea", []string{"s_market"}},
		{"app:isv", []string{"s_market"}},
		{"app:mp", []string{"s_1", "s_erp", "s_2"}},
		{audit.Everybody, []string{"s_1", "s_erp", "s_2", "s_market"}},
		{"person:p_unknown", nil},
		{"grant:g_1", nil},
		{"", nil},
	} {
		w := newWorld(t, nil)
		w.child("s_erp", w.login("s_1", "p_1"))
		w.login("s_2", "p_2")
		market := w.login("s_market", "")
		market.ShopID, market.App = "tea", "isv"
		w.store.sessions[3] = market
		all := []string{"s_1", "s_erp", "s_2", "s_market"}
		for _, id := range all {
			w.in(id, true)
		}
		for _, id := range all {
			w.end(id)
		}
		w.live.Forget(c.name)
		for _, id := range all {
			w.in(id, !strings.Contains(strings.Join(c.gone, " ")+" ", id+" "))
		}
	}
}

// TestForgottenWhileReading: what was read before a change is not kept after it.
func TestForgottenWhileReading(t *testing.T) {
	w := newWorld(t, nil)
	w.login("s_1", "p_1")
	w.store.reading = func() {
		w.store.reading = nil
		w.end("s_1")
		w.live.Forget("person:p_1")
	}
	w.in("s_1", true) // it was, when the store was asked
	w.in("s_1", false)
}

// TestOver: times and ends, of a session and of the one that it hangs on.
func TestOver(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		name   string
		change func(w *world)
		parent bool
		child  bool
	}{
		{"nothing", func(*world) {}, true, true},
		{"idle, the last moment", func(w *world) { w.now = w.now.Add(7*day - time.Millisecond) }, true, true},
		{"idle", func(w *world) { w.now = w.now.Add(7 * day) }, false, false},
		{"idle here, used elsewhere", func(w *world) { w.now, w.store.sessions[0].SeenAt = w.now.Add(7*day), w.now.Add(6*day) }, true, true},
		{"old", func(w *world) { w.now = w.now.Add(30 * day); w.store.sessions[0].SeenAt = w.now }, false, false},
		{"the person is gone", func(w *world) { delete(w.store.persons, "p_1"); w.live.Forget("person:p_1") }, false, false},
		// As a server of an older version does.
		{"the parent alone ended", func(w *world) { w.end("s_1"); w.live.Forget("person:p_1") }, false, false},
		{"the child ended", func(w *world) { w.end("s_erp"); w.live.Forget("session:s_erp") }, true, false},
		{"the parent was deleted", func(w *world) { w.store.sessions = w.store.sessions[1:]; w.live.Forget("person:p_1") }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.child("s_erp", w.login("s_1", "p_1"))
			w.in("s_erp", true)
			w.in("s_1", true)
			c.change(w)
			w.in("s_1", c.parent)
			w.in("s_erp", c.child)
		})
	}
}

// TestMarketCloses: whoever came from the market is out when nobody may come.
func TestMarketCloses(t *testing.T) {
	w := newWorld(t, nil)
	w.login("s_market", "")
	w.store.sessions[0].ShopID = "tea"
	w.in("s_market", true)
	w.gone = true
	w.live.Forget("shop:tea")
	w.in("s_market", false)
}

// TestOutage: while the shared store is away, those who were in stay in for a bounded
// time, and it is said; nobody is logged out by it.
func TestOutage(t *testing.T) {
	w := newWorld(t, func(o *session.Options) { o.Shared = true })
	w.login("s_1", "p_1")
	w.login("s_2", "p_2")
	w.live.Current(w.now)
	w.in("s_1", true)
	w.in("s_1", true)
	if n := w.reads(); n != 1 {
		t.Errorf("with a feed on time the store was asked %d times", n)
	}
	w.now = w.now.Add(10 * time.Second)
	w.in("s_1", true)
	if n := w.reads(); n != 1 {
		t.Errorf("with a feed that is late the store was asked %d times, want 1", n)
	}
	if s := w.live.Trouble(); s != "" {
		t.Errorf("trouble %q", s)
	}
	w.store.down = true
	w.in("s_1", true) // nobody said yet that it is away
	w.live.Lost()
	w.reads()
	w.in("s_1", true)
	if n := w.reads(); n != 0 {
		t.Errorf("a store that is away was asked %d times", n)
	}
	if _, _, err := w.byToken("s_2"); !errors.Is(err, errDown) {
		t.Errorf("one that is not known: %v", err)
	}
	if s := w.live.Trouble(); !strings.Contains(s, "until 09:15:00Z") {
		t.Errorf("trouble %q", s)
	}
	w.now = start.Add(session.Grace + time.Second)
	if _, _, err := w.byToken("s_1"); !errors.Is(err, errDown) {
		t.Errorf("after the grace: %v", err)
	}
	if s := w.live.Trouble(); !strings.Contains(s, "nobody") {
		t.Errorf("trouble %q", s)
	}
	w.store.down = false
	w.live.Current(w.now)
	w.in("s_1", true)
	if s := w.live.Trouble(); s != "" {
		t.Errorf("trouble %q afterwards", s)
	}
}

// TestBounded: no more than so many are held.
func TestBounded(t *testing.T) {
	w := newWorld(t, func(o *session.Options) { o.Max = 2 })
	for _, id := range []string{"s_1", "s_2", "s_3"} {
		w.login(id, "p_"+id)
		w.in(id, true)
	}
	w.reads()
	for _, id := range []string{"s_1", "s_2", "s_3"} {
		w.in(id, true)
	}
	if w.reads() == 0 {
		t.Error("three sessions are held, want two at most")
	}
}

// TestStart: the store has the last word.
func TestStart(t *testing.T) {
	w := newWorld(t, nil)
	s := w.login("s_1", "p_1")
	s.ID, s.TokenHash, s.Parent = "s_erp", access.HashKey("s_erp"), "s_1"
	if err := w.live.Start(t.Context(), s, audit.Entry{Action: "session.start"}); err != nil || len(w.store.audit) != 1 {
		t.Fatalf("%v, %d entries", err, len(w.store.audit))
	}
	w.in("s_erp", true)
}
