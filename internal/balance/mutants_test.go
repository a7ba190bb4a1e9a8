package balance_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/balance"
)

// mutants are runs of keepers that lack one thing. Each must be found out, with
// these words among the problems.
var mutants = []struct {
	name  string
	spoil func(w *world)
	words string
}{
	{"no lease: two refresh at once", func(w *world) {
		w.claim(63_000, 0)
		w.claim(63_010, 1)
		w.unknown(w.row.Term - 1)
		w.unanswered(63_020, 0)
		w.settle(63_060, w.ask(63_030, 1))
	}, "was given out while term"},
	{"leases too short to count", func(w *world) {
		w.claim(63_000, 0)
		w.h.Changes[len(w.h.Changes)-1].Until = at(63_005)
		w.unanswered(63_010, 0)
		w.claim(63_020, 1)
		w.unknown(w.row.Term - 1)
		w.settle(63_060, w.ask(63_030, 1))
	}, "was given out while term"},
	{"leases by a local clock: a replica in the future takes them from others", func(w *world) {
		w.claim(63_000, 0)
		w.unanswered(63_010, 0)
		w.claim(64_000, 1)
		w.h.Changes[len(w.h.Changes)-1].Until = at(64_000).Add(2 * time.Hour)
		w.unknown(w.row.Term - 1)
		w.settle(64_060, w.ask(64_010, 1))
	}, "was given out while term"},
	{"a lease by a clock in the future is nobody's for two hours", func(w *world) {
		w.claim(63_000, 0)
		w.h.Changes[len(w.h.Changes)-1].Until = at(63_000).Add(2 * time.Hour)
		w.settle(63_050, w.ask(63_010, 0))
	}, "has a lease of"},
	{"asked without a claim", func(w *world) { w.ask(40_000, 5) }, "without a term"},
	{"asked twice under one term", func(w *world) {
		w.claim(63_000, 0)
		w.unanswered(63_010, 0)
		w.settle(63_500, w.ask(63_400, 0))
	}, "asked 2 times"},
	{"asked although nothing called for it", func(w *world) { w.renew(58_000, 1) }, "nothing called for it"},
	{"asked for the same token again and again", func(w *world) {
		w.claim(58_000, 1)
		w.h.Requests = append(w.h.Requests, balance.Request{At: at(58_010), Replica: 1, Grant: "g_1", Given: "token-9", Left: 12 * time.Second})
		w.fail(58_050, "")
	}, "nothing called for it"},
	{"an unknown outcome is not recorded", func(w *world) { w.h.Unknown = w.h.Unknown[1:] }, "the audit log does not say so"},
	{"an unknown outcome is taken for a refusal", func(w *world) { w.h.Unknown = slices.Delete(w.h.Unknown, 1, 2) }, "does not know its outcome"},
	{"an outcome is called unknown that was none", func(w *world) { w.unknown(1) }, "which renewed"},
	{"a term is called unknown twice", func(w *world) { w.unknown(3) }, "unknown twice"},
	{"a term that nobody held is called unknown", func(w *world) { w.unknown(99) }, "which nobody held"},
	{"no generation compare: a late settle overwrites", func(w *world) {
		w.row.Generation, w.row.Tokens = 2, "sealed token-2"
		w.write(62_000)
	}, "went back"},
	{"no generation compare: tokens change under their generation", func(w *world) {
		w.row.Tokens = "sealed something else"
		w.write(62_000)
	}, "were changed"},
	{"a settle by a holder whose term is over", func(w *world) {
		w.claim(63_000, 0)
		w.claim(66_100, 1)
		w.unknown(w.row.Term - 1)
		c := w.row
		c.Settled, c.Generation, c.Tokens = c.Term-1, c.Generation+1, "sealed late"
		c.At = at(66_200)
		w.row = c
		w.h.Changes = append(w.h.Changes, c)
	}, "was settled when term"},
	{"tokens are written without a settle", func(w *world) {
		w.row.Generation++
		w.row.Tokens = "sealed alone"
		w.write(62_000)
	}, "without a settle"},
	{"a generation is skipped", func(w *world) {
		w.claim(63_000, 0)
		w.ask(63_010, 0)
		w.row.Generation += 2
		w.row.Tokens = "sealed two"
		w.fail(63_050, "")
	}, "after generation"},
	{"a term is skipped", func(w *world) {
		w.row.Term++
		w.claim(63_000, 0)
		w.settle(63_050, w.ask(63_010, 0))
	}, "after term"},
	{"used before it is durable", func(w *world) {
		w.claim(63_000, 0)
		token := w.ask(63_010, 0)
		w.use(63_020, token)
		w.settle(63_050, token)
	}, "before it was durable"},
	{"used and never durable", func(w *world) {
		w.claim(63_000, 0)
		w.use(63_020, w.ask(63_010, 0))
		w.unknown(w.row.Term)
		w.fail(63_900, "outcome_unknown")
	}, "before it was durable"},
	{"settled as done with nothing", func(w *world) {
		w.claim(63_000, 0)
		w.unanswered(63_010, 0)
		w.settle(63_050, "nothing")
	}, "gave nothing"},
	{"brings in what nobody spooled", func(w *world) {
		outage(w)
		w.h.Spooled = nil
	}, "without asking"},
	{"brings in what another replica spooled", func(w *world) {
		outage(w)
		w.h.Changes[len(w.h.Changes)-1].Replica, w.h.Changes[len(w.h.Changes)-2].Replica = 2, 2
	}, "without asking"},
	{"brings in another generation than it spooled", func(w *world) {
		outage(w)
		w.h.Spooled[0].Generation--
	}, "without asking"},
	{"uses a token before it is on its disk", func(w *world) {
		outage(w)
		w.h.Spooled[0].At = at(65_700)
	}, "before it was durable"},
	{"spools what it was not given", func(w *world) {
		w.claim(63_000, 3)
		w.unanswered(63_010, 3)
		w.spool(63_100, 3)
		w.settle(63_200, "invented")
	}, "had given it nothing"},
	{"renewed without asking", func(w *world) {
		w.claim(63_000, 0)
		w.settle(63_050, "invented")
	}, "without asking"},
	{"says that nothing was sent", func(w *world) {
		w.claim(63_000, 0)
		w.unanswered(63_010, 0)
		w.fail(63_050, "not_sent")
	}, "the emulator got it"},
	{"a refresh is still under way at the end", func(w *world) { w.claim(63_000, 0) }, "ended without a settle"},
	{"asked for a shop that is none", func(w *world) {
		w.h.Requests = append(w.h.Requests, balance.Request{At: at(9000), Grant: "wx0000000000000bad"})
	}, "which is no grant"},
	{"a token is lost", func(w *world) { w.h.Kept[0].Trouble = "the emulator answers errcode 40001" }, "lost: the emulator"},
	{"a grant is given up", func(w *world) { w.h.Kept[0].State, w.h.Kept[0].Cause = "needs_owner", "refresh_invalid" }, "lost: it ended needs_owner"},
	{"nothing is left", func(w *world) { w.h.Kept = nil }, "nothing is kept"},
	{"another shop's answer", func(w *world) { w.call(40_000, 0).Wrong = true }, "of another shop"},
	{"a call fails in the calm", func(w *world) { w.call(61_500, 0).Status = 503 }, "in the calm"},
	{"another checker found something", func(w *world) { w.h.Problems = []string{"the log does not recompute"} }, "does not recompute"},
}

// TestMutants: a checker that cannot fail is worth nothing.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			w := good()
			m.spoil(w)
			b := balance.Judge(w.h)
			if b.OK() {
				t.Fatalf("not found out: %+v", b)
			}
			if !slices.ContainsFunc(b.Problems, func(p string) bool { return strings.Contains(p, m.words) }) {
				t.Errorf("found out by other words: %q", b.Problems)
			}
		})
	}
}

// TestStale: what counts as a stale answer, and who is excused.
func TestStale(t *testing.T) {
	for _, c := range []struct {
		name         string
		call         balance.Call
		blind        balance.Blind
		stale, apart int
	}{
		{"refused with a new token there for long", balance.Call{From: at(40_000), To: at(40_050), ErrCode: 40001}, balance.Blind{}, 1, 0},
		{"its time is over", balance.Call{From: at(40_000), To: at(40_050), ErrCode: 42001}, balance.Blind{}, 1, 0},
		{"another trouble", balance.Call{From: at(40_000), To: at(40_050), ErrCode: 45009}, balance.Blind{}, 0, 0},
		{"the new token came a moment ago", balance.Call{From: at(39_000), To: at(39_050), ErrCode: 40001}, balance.Blind{}, 0, 0},
		{"the newest token was dead too", balance.Call{From: at(38_500), To: at(38_550), ErrCode: 40001}, balance.Blind{}, 0, 0},
		{"by a replica that was cut off", balance.Call{From: at(40_000), To: at(40_050), ErrCode: 40001}, balance.Blind{From: at(37_000), To: at(39_500)}, 0, 1},
		{"another replica was cut off", balance.Call{From: at(40_000), To: at(40_050), ErrCode: 40001}, balance.Blind{Replica: 1, From: at(37_000), To: at(39_500)}, 1, 0},
		{"it was cut off long before", balance.Call{From: at(41_000), To: at(41_050), ErrCode: 40001}, balance.Blind{From: at(37_000), To: at(39_500)}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := good()
			c.call.Grant, c.call.Status = "g_1", 200
			w.h.Calls, w.h.Blind = []balance.Call{c.call}, []balance.Blind{c.blind}
			b := balance.Judge(w.h)
			if b.Stale != c.stale || b.StaleBlind != c.apart {
				t.Errorf("stale %d and %d apart, want %d and %d", b.Stale, b.StaleBlind, c.stale, c.apart)
			}
		})
	}
}

// TestLate: a late send is counted apart and breaks nothing; its settle would.
func TestLate(t *testing.T) {
	w := good()
	late := w.row
	late.At, late.Generation, late.Tokens, late.Settled = at(49_600), 8, "sealed late", late.Term
	insert(&w.h, late)
	if b := balance.Judge(w.h); b.OK() {
		t.Error("the settle of a late holder holds")
	}
}
