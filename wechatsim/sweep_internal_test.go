package wechatsim

import (
	"testing"
	"time"
)

// TestSweepForgetsTheOldOnly lets a sandbox run long enough to sweep, and then
// asks for what is young, old and very old.
func TestSweepForgetsTheOldOnly(t *testing.T) {
	s := New(Options{Now: func() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, china) }})
	k := func() *code {
		return &code{value: "c", appid: DefaultServiceAccount, person: "owner", scope: scopeUserinfo, ends: s.Now().Add(codeLife)}
	}
	old := s.newPair(k(), "o", s.Now())
	s.Advance(40 * 24 * time.Hour)
	kept := s.newPair(k(), "o", s.Now())
	rotated := kept.refresh
	s.renew(kept, s.Now())
	s.codes["old"] = &code{ends: s.Now().Add(-48 * time.Hour)}
	s.codes["young"] = k()
	s.tickets["old"] = &ticket{ends: s.Now().Add(-time.Second)}
	s.tickets["young"] = &ticket{ends: s.Now().Add(time.Second)}
	g := s.mint(DefaultShop, "stable", s.Now().Add(-100*time.Hour))

	s.sweepAt = 0
	s.sweep(s.Now())
	if s.refresh[old.refresh] != nil || s.access[old.access] != nil || s.codes["old"] != nil || s.tickets["old"] != nil || s.globals[g.value] != nil {
		t.Error("something old is still there")
	}
	if s.refresh[kept.refresh] == nil || s.refresh[rotated] == nil || s.access[kept.access] == nil || s.codes["young"] == nil || s.tickets["young"] == nil {
		t.Error("something young is gone")
	}
	if s.sweepAt != firstSweep {
		t.Errorf("the next sweep is at %d entries, want %d", s.sweepAt, firstSweep)
	}
}

func TestPairsOfAPersonDoNotPileUp(t *testing.T) {
	s := New(Options{})
	for range 100 {
		s.newPair(&code{appid: DefaultServiceAccount, person: "owner", scope: scopeBase}, "o", s.Now())
		s.Advance(3 * time.Hour)
	}
	if n := len(s.people["owner"].pairs); n > 2 {
		t.Errorf("%d pairs are looked through at each login, want the living ones", n)
	}
}
