package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/session"
)

// rotate asks for another token in the name of a browser that holds this one; it
// gives "" when it goes on with what it has.
func (w *world) rotate(token string) string {
	w.t.Helper()
	s, p, err := w.byToken(token)
	if err != nil {
		w.t.Fatal(err)
	}
	fresh, ok, err := w.live.Rotate(w.t.Context(), s, p, access.HashKey(token))
	if err != nil {
		w.t.Fatal(err)
	}
	if !ok {
		return ""
	}
	return fresh.RevealString()
}

// must have rotated.
func (w *world) rotated(token string) string {
	w.t.Helper()
	fresh := w.rotate(token)
	if fresh == "" {
		w.t.Fatalf("token %s was not replaced", token)
	}
	return fresh
}

// TestWhenTokensChange: after a day, and after a change of roles; never a child's.
func TestWhenTokensChange(t *testing.T) {
	member := access.Member{TenantID: "lan", PersonID: "p_1", Role: access.Owner, Since: start}
	for _, c := range []struct {
		name   string
		after  time.Duration
		change func(*access.Member)
		want   bool
	}{
		{"at once", 0, nil, false},
		{"within the day", 24*time.Hour - time.Second, nil, false},
		{"after a day", 24 * time.Hour, nil, true},
		{"a new role", time.Hour, func(m *access.Member) { m.Since = start.Add(time.Minute) }, true},
		{"a role that ended", time.Hour, func(m *access.Member) { m.Until = start.Add(time.Minute) }, true},
		{"a role that will end", time.Hour, func(m *access.Member) { m.Until = start.Add(2 * time.Hour) }, false},
		{"a role that had ended", time.Hour, func(m *access.Member) { m.Until = start }, false},
	} {
		w := newWorld(t, nil)
		w.child("s_erp", w.login("s_1", "p_1"))
		m := member
		if c.change != nil {
			c.change(&m)
		}
		w.store.persons["p_1"] = access.Person{ID: "p_1", Members: []access.Member{m}}
		w.now = w.now.Add(c.after)
		if got := w.rotate("s_1") != ""; got != c.want {
			t.Errorf("%s: replaced %t", c.name, got)
		}
		if w.rotate("s_erp") != "" {
			t.Errorf("%s: a child's token was replaced", c.name)
		}
	}
}

// TestParallelTabs: the token before counts for a minute after the new one was used;
// then it is theft, and all that hangs on the login ends with it.
func TestParallelTabs(t *testing.T) {
	w := newWorld(t, nil)
	w.child("s_erp", w.login("s_1", "p_1"))
	w.now = w.now.Add(25 * time.Hour)
	fresh := w.rotated("s_1")
	w.in("s_1", true)
	w.in(fresh, true)
	w.in(fresh, true)
	w.live.Used("s_1", w.now, office)
	w.now = w.now.Add(59 * time.Second)
	w.in("s_1", true)
	if w.rotate("s_1") != "" {
		t.Error("a tab that is late got a token of its own")
	}
	w.now = w.now.Add(time.Second)
	w.in("s_erp", true)
	if _, _, err := w.byToken("s_1"); !errors.Is(err, session.ErrStolen) {
		t.Fatalf("the old token: %v", err)
	}
	for _, token := range []string{"s_1", fresh, "s_erp"} {
		w.in(token, false)
	}
	w.told(session.OldToken)
}

// told wants one notice and one entry about a theft.
func (w *world) told(why string) {
	w.t.Helper()
	if len(w.store.notices) != 1 || w.store.notices[0].Kind != notice.SessionStolen || w.store.notices[0].Details["cause"] != why {
		w.t.Errorf("notices %+v", w.store.notices)
	}
	last := w.store.audit[len(w.store.audit)-1]
	if last.Action != "session.theft" || last.Reason != why || last.Subject != "session:s_1" {
		w.t.Errorf("last entry %+v", last)
	}
}

// flush has what waits written.
func flush(w *world) {
	w.t.Helper()
	w.live.Flush(w.t.Context())
}

// TestAnswerLost: a browser that never got its new token goes on with the old one,
// and gets another.
func TestAnswerLost(t *testing.T) {
	w := newWorld(t, nil)
	w.login("s_1", "p_1")
	w.now = w.now.Add(25 * time.Hour)
	lost := w.rotated("s_1")
	if w.rotate("s_1") != "" {
		t.Error("replaced again within a minute")
	}
	w.now = w.now.Add(3 * time.Hour)
	w.in("s_1", true)
	fresh := w.rotated("s_1")
	w.in(lost, false)
	w.in("s_1", true)
	w.in(fresh, true)
	flush(w)
	w.now = w.now.Add(2 * time.Minute)
	w.in(fresh, true)
	w.in("s_1", false)
	w.told(session.OldToken)
}

// TestOneWins: of requests at the same moment one replaces the token.
func TestOneWins(t *testing.T) {
	w := newWorld(t, nil)
	w.login("s_1", "p_1")
	w.now = w.now.Add(25 * time.Hour)
	s, p, err := w.byToken("s_1")
	if err != nil {
		t.Fatal(err)
	}
	hash := access.HashKey("s_1")
	if _, ok, err := w.live.Rotate(t.Context(), s, p, hash); !ok || err != nil {
		t.Fatalf("the first: %t, %v", ok, err)
	}
	if _, ok, err := w.live.Rotate(t.Context(), s, p, hash); ok || err != nil {
		t.Errorf("the second: %t, %v", ok, err)
	}
	w.store.down = true
	if _, ok, err := w.live.Rotate(t.Context(), s, p, hash); ok || !errors.Is(err, errDown) {
		t.Errorf("with the store away: %t, %v", ok, err)
	}
}

// TestOtherSystem: a token that turns up on quite another system ends the login;
// phones that ask for a computer's pages, and systems that are not known, do not.
func TestOtherSystem(t *testing.T) {
	for _, c := range []struct {
		at, now string
		want    bool
	}{
		{"Android", "Android", false}, {"Android", "Linux", false}, {"Android", "HarmonyOS", false},
		{"iPad", "macOS", false}, {"iPhone", "iPad", false}, {"Windows", "Windows", false},
		{"", "Windows", false}, {"Windows", "", false},
		{"Android", "Windows", true}, {"iPhone", "Android", true}, {"Windows", "macOS", true},
	} {
		w := newWorld(t, nil)
		w.login("s_1", "p_1")
		w.store.sessions[0].System = c.at
		w.child("s_erp", w.store.sessions[0])
		s, _, err := w.byToken("s_erp")
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.live.Strange(t.Context(), s, c.now)
		if err != nil || got != c.want {
			t.Errorf("%q, then %q: %t, %v", c.at, c.now, got, err)
		}
		w.in("s_1", !c.want)
		w.in("s_erp", !c.want)
		if c.want {
			w.told(session.OtherSystem)
		}
	}
	w := newWorld(t, nil)
	s := w.login("s_1", "p_1")
	w.store.down = true
	if got, err := w.live.Strange(t.Context(), s, "Windows"); !got || !errors.Is(err, errDown) {
		t.Errorf("with the store away: %t, %v", got, err)
	}
}
