package balance_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/balance"
)

// The numbers of the worlds below.
const (
	life  = 14 * time.Second
	lease = 3 * time.Second
)

var begin = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }

// world writes down what a good keeper would leave behind, step by step. Times
// are milliseconds since begin.
type world struct {
	h      balance.History
	row    balance.Change
	tokens int
}

func newWorld() *world {
	w := &world{h: balance.History{Life: life, Lease: lease, Timed: true, Calm: at(60_000)}}
	w.row = balance.Change{At: at(0), Grant: "g_1", Replica: -1, State: "active"}
	w.h.Changes = []balance.Change{w.row}
	return w
}

func (w *world) write(ms int) {
	w.row.At, w.row.Began = at(ms), at(ms-5)
	w.h.Changes = append(w.h.Changes, w.row)
}

// claim gives out the next term.
func (w *world) claim(ms, replica int) {
	w.row.Term++
	w.row.Replica, w.row.Until = replica, at(ms).Add(lease)
	w.write(ms)
}

// ask sends a request and gives the token that the emulator answered with.
func (w *world) ask(ms, replica int) string {
	w.tokens++
	token := fmt.Sprintf("token-%d", w.tokens)
	w.h.Requests = append(w.h.Requests, balance.Request{At: at(ms), Replica: replica, Grant: "g_1", Given: token, Left: life})
	return token
}

// unanswered sends a request that brings nothing.
func (w *world) unanswered(ms, replica int) {
	w.h.Requests = append(w.h.Requests, balance.Request{At: at(ms), Replica: replica, Grant: "g_1"})
}

// settle ends the term with tokens of the next generation.
func (w *world) settle(ms int, token string) {
	w.row.Generation++
	w.row.Tokens, w.row.Cause = "sealed "+token, ""
	w.fail(ms, "")
}

// fail ends the term with a cause, or without news.
func (w *world) fail(ms int, cause string) {
	w.row.Settled, w.row.Cause = w.row.Term, cause
	w.write(ms)
}

// unknown has the audit log say that nobody knows about a term.
func (w *world) unknown(term int64) {
	w.h.Unknown = append(w.h.Unknown, balance.Unknown{Grant: "g_1", Term: term})
}

// spool has a replica keep on its own disk what the newest request brought.
func (w *world) spool(ms, replica int) {
	w.h.Spooled = append(w.h.Spooled, balance.Spooled{At: at(ms), Replica: replica, Grant: "g_1", Generation: w.row.Generation + 1})
}

// use is a call that carried a token and was answered.
func (w *world) use(ms int, token string) {
	w.h.Uses = append(w.h.Uses, balance.Use{At: at(ms), Token: token})
	w.call(ms, 0)
}

func (w *world) call(ms, errcode int) *balance.Call {
	w.h.Calls = append(w.h.Calls, balance.Call{From: at(ms - 5), To: at(ms + 5), Grant: "g_1", Status: 200, ErrCode: errcode})
	return &w.h.Calls[len(w.h.Calls)-1]
}

// renew is one whole refresh.
func (w *world) renew(ms, replica int) string {
	w.claim(ms, replica)
	token := w.ask(ms+10, replica)
	w.settle(ms+50, token)
	return token
}

// good is a run in which everything happens that may happen.
func good() *world {
	w := newWorld()
	w.use(500, w.renew(100, 0))
	w.use(8000, w.renew(7200, 1))
	// Replica 0 dies after the claim, before it asks.
	w.claim(14_400, 0)
	w.claim(17_500, 1)
	w.unknown(3)
	w.settle(17_560, w.ask(17_510, 1))
	// The answer is lost.
	w.claim(24_600, 2)
	w.unanswered(24_610, 2)
	w.unknown(5)
	w.fail(25_400, "outcome_unknown")
	w.renew(27_700, 0)
	// WeChat is busy, then answers.
	w.claim(34_800, 0)
	w.unanswered(34_810, 0)
	w.fail(34_830, "busy")
	w.renew(35_900, 1)
	// The token dies early and is replaced.
	w.h.Deaths = []balance.Death{{At: at(38_000), Grant: "g_1"}}
	w.call(38_500, 40001)
	token := w.renew(38_600, 2)
	w.use(38_800, token)
	// A holder is paused past its lease and sends late.
	w.claim(45_700, 0)
	w.claim(48_800, 1)
	w.unknown(w.row.Term - 1)
	next := w.ask(48_810, 1)
	w.settle(48_860, next)
	w.h.Requests = append(w.h.Requests, balance.Request{At: at(49_500), Replica: 0, Grant: "g_1", Given: next, Left: 13 * time.Second})
	// A look again finds that somebody else did the work.
	w.claim(50_000, 2)
	w.fail(50_010, "")
	w.use(61_000, w.renew(56_000, 0))
	w.h.Kept = []balance.Kept{{Grant: "g_1", State: "active"}}
	return w
}

// TestGood: a run in which everything that may happen happens holds.
func TestGood(t *testing.T) {
	b := balance.Judge(good().h)
	if !b.OK() {
		t.Errorf("problems: %q", b.Problems)
	}
	want := balance.Balance{Asked: 11, Due: 8, Died: 1, Unknown: 3, Absent: 1, Late: 1, Renewed: 8, Refused: 1, Calls: 5, Failed: 1}
	b.Problems = nil
	if fmt.Sprint(b) != fmt.Sprint(want) {
		t.Errorf("balance\n%+v, want\n%+v", b, want)
	}
	if b.Asked != b.Due+b.Died+b.Unknown-b.Absent {
		t.Errorf("%+v: the difference is not what is absent", b)
	}
}

// outage is what follows when replica 0 loses the database after it asked: the
// token is used from its own disk, replica 1 claims the grant and gets nothing, and
// then replica 0 brings the token in under a term of its own.
func outage(w *world) (token string) {
	w.claim(63_000, 0)
	token = w.ask(63_010, 0)
	w.spool(65_500, 0)
	w.use(65_600, token)
	w.claim(66_100, 1)
	w.unknown(w.row.Term - 1)
	w.unanswered(66_110, 1)
	w.fail(66_200, "busy")
	w.claim(66_300, 0)
	w.settle(66_310, token)
	return token
}

// TestSpooled: a token that a replica kept on its own disk while the database was
// away may be used, and comes in under the term that asked or under another.
func TestSpooled(t *testing.T) {
	w := good()
	w.use(67_000, outage(w))
	if b := balance.Judge(w.h); !b.OK() || b.Unknown != 4 || b.Renewed != 9 {
		t.Errorf("%+v", b)
	}
	w = good()
	w.claim(63_000, 0)
	token := w.ask(63_010, 0)
	w.spool(65_500, 0)
	w.use(65_600, token)
	w.settle(66_300, token)
	if b := balance.Judge(w.h); !b.OK() || b.Unknown != 3 || b.Renewed != 9 {
		t.Errorf("%+v", b)
	}
	// The next renewal is counted from the answer that was brought in.
	w = good()
	outage(w)
	w.renew(68_000, 2)
	if b := balance.Judge(w.h); b.OK() {
		t.Error("a refresh right after a token was brought in holds")
	}
}

// TestSlowStatement: a claim that a busy database took seconds to carry out has a lease
// that was counted from its beginning, and is over earlier; nobody may come before.
func TestSlowStatement(t *testing.T) {
	for name, c := range map[string]struct {
		next int
		ok   bool
	}{"after its end": {63_020, true}, "before its end": {62_500, false}} {
		w := good()
		w.claim(62_300, 0)
		slow := &w.h.Changes[len(w.h.Changes)-1]
		slow.Began, slow.Until = at(60_000), at(60_010).Add(lease)
		w.claim(c.next, 1)
		w.unknown(w.row.Term - 1)
		w.settle(c.next+100, w.ask(c.next+10, 1))
		if b := balance.Judge(w.h); b.OK() != c.ok {
			t.Errorf("%s: %q", name, b.Problems)
		}
	}
}

// TestPerson: a person's grant begins with the tokens of a login.
func TestPerson(t *testing.T) {
	w := newWorld()
	w.row.User, w.h.Changes[0].User = true, true
	w.row.Generation, w.row.Tokens = 1, "sealed login"
	w.write(100)
	w.renew(7200, 0)
	w.h.Kept = []balance.Kept{{Grant: "g_1", State: "active"}}
	if b := balance.Judge(w.h); !b.OK() || b.Due != 1 {
		t.Errorf("%+v", b)
	}
	w.renew(8000, 0)
	if b := balance.Judge(w.h); b.OK() {
		t.Error("a refresh right after a refresh holds")
	}
}

// insert puts a change where its time belongs.
func insert(h *balance.History, c balance.Change) {
	i := slices.IndexFunc(h.Changes, func(x balance.Change) bool { return x.At.After(c.At) })
	h.Changes = slices.Insert(h.Changes, i, c)
}
