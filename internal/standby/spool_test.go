package standby_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/standby"
)

// spooled begins an outage in the middle of a refresh: WeChat answered, the settle
// did not reach the database.
func spooled(t *testing.T) (*world, grant.Effects) {
	t.Helper()
	w := newWorld(t)
	w.begin(100)
	w.follow()
	e := w.settlement(w.claim("tea"))
	w.shut.cut(errGone)
	must(t, w.file.Spool(t.Context(), e))
	return w, e
}

func (w *world) replay(store standby.Settler) (dropped []string, err error) {
	_, err = w.file.Replay(w.t.Context(), standby.ReplayOptions{Store: store, Owner: "r_test", Now: func() time.Time { return w.now }, Log: w.logs,
		Dropped: func(id string) { dropped = append(dropped, id) }})
	return dropped, err
}

func (w *world) waiting() int {
	w.t.Helper()
	n, err := w.file.Spooled(w.t.Context())
	must(w.t, err)
	return n
}

// entries gives the audit entries of an action.
func (w *world) entries(action string) (found []audit.Entry) {
	w.t.Helper()
	for r, err := range w.main.AuditRecords(w.t.Context()) {
		must(w.t, err)
		e, err := audit.Decode(r.Data)
		must(w.t, err)
		if e.Action == action {
			found = append(found, e)
		}
	}
	return found
}

// TestSpooledIsServed: a credential that the database does not have is served
// from the file, also by the process after this one.
func TestSpooledIsServed(t *testing.T) {
	w, e := spooled(t)
	for _, restart := range []bool{false, true} {
		if restart {
			w.crash()
			f, err := standby.Open(t.Context(), w.path, true)
			must(t, err)
			f.Unlock(w.vault)
			state, err := f.Usable(t.Context(), database, w.now)
			must(t, err)
			w.reads = standby.NewReads(standby.ReadsOptions{Main: w.shut, File: f, State: func() (standby.State, error) { return state, nil },
				Database: database, Now: func() time.Time { return w.now }})
			t.Cleanup(func() { must(t, f.Close()) })
		}
		g, err := w.reads.ShopGrant(t.Context(), "tea")
		must(t, err)
		if g.Tokens.Generation != e.Settle.Tokens.Generation || string(g.Tokens.Access) != string(e.Settle.Tokens.Access) {
			t.Errorf("restarted %t: generation %d, want the spooled %d", restart, g.Tokens.Generation, e.Settle.Tokens.Generation)
		}
	}
}

// TestReplay: a spooled credential goes into the database when the grant still
// waits for it, and is given up in words when it does not.
func TestReplay(t *testing.T) {
	for _, c := range []struct {
		name      string
		meanwhile func(w *world, e grant.Effects)
		kept      bool   // the spooled tokens are the grant's afterwards
		waits     bool   // the item stays in the spool
		dropped   string // reason of the entry
	}{
		{"nothing happened", func(*world, grant.Effects) {}, true, false, ""},
		{"it had landed", func(w *world, e grant.Effects) {
			_, err := w.main.Settle(t.Context(), []grant.Effects{e})
			must(t, err)
		}, true, false, ""},
		{"another claimed and vanished", func(w *world, _ grant.Effects) {
			w.now = w.now.Add(time.Minute)
			w.claim("tea")
			w.now = w.now.Add(time.Minute)
		}, true, false, ""},
		{"another holds the lease", func(w *world, _ grant.Effects) {
			w.now = w.now.Add(time.Minute)
			w.claim("tea")
		}, false, true, ""},
		{"another refreshed", func(w *world, _ grant.Effects) {
			w.now = w.now.Add(time.Minute)
			w.renew("tea")
		}, false, false, "generation_moved"},
		{"revoked", func(w *world, _ grant.Effects) {
			must(t, w.main.Revoke(t.Context(), grant.RevokeEffects(w.now, audit.Actor{Kind: audit.ActorOperator}, "sold", w.grant("tea"))))
		}, false, false, "generation_moved"},
		{"damaged", func(w *world, _ grant.Effects) {
			must(t, w.file.Exec(t.Context(), "UPDATE spool SET body = substr(body, 1, 30)"))
		}, false, false, "damaged"},
	} {
		w, e := spooled(t)
		c.meanwhile(w, e)
		if dropped, err := w.replay(w.shut); err == nil || len(dropped) > 0 || w.waiting() != 1 && c.dropped != "damaged" {
			t.Errorf("%s: without the database: %v, %d wait", c.name, err, w.waiting())
		}
		w.shut.cut(nil)
		dropped, err := w.replay(w.shut)
		must(t, err)
		if got := w.grant("tea").Tokens.Digest() == e.Settle.Tokens.Digest(); got != c.kept {
			t.Errorf("%s: kept %t", c.name, got)
		}
		if waits := w.waiting() == 1; waits != c.waits {
			t.Errorf("%s: waits %t", c.name, waits)
		}
		told := w.entries("grant.spool")
		if c.dropped == "" && len(told)+len(dropped) > 0 || c.dropped != "" && (len(told) != 1 || told[0].Reason != c.dropped || len(dropped) != 1) {
			t.Errorf("%s: dropped %v, entries %+v", c.name, dropped, told)
		}
	}
}

// TestReplayAfterTheLease: what waited for another's lease is settled when that
// ends.
func TestReplayAfterTheLease(t *testing.T) {
	w, e := spooled(t)
	w.now = w.now.Add(time.Minute)
	w.claim("tea")
	w.shut.cut(nil)
	_, err := w.replay(w.shut)
	must(t, err)
	w.now = w.now.Add(time.Minute)
	_, err = w.replay(w.shut)
	must(t, err)
	if w.waiting() != 0 || w.grant("tea").Tokens.Digest() != e.Settle.Tokens.Digest() {
		t.Errorf("%d wait, generation %d", w.waiting(), w.grant("tea").Tokens.Generation)
	}
}

// failing breaks one step of a replay: before it was done, or after.
type failing struct {
	*shut
	at     int // which call
	landed bool
	calls  int
}

var errCut = errors.New("the connection broke")

func (f *failing) step(do func() error) error {
	f.calls++
	if f.calls != f.at {
		return do()
	}
	if f.landed {
		return errors.Join(errCut, do())
	}
	return errCut
}

func (f *failing) Settle(ctx context.Context, batch []grant.Effects) (errs []error, err error) {
	err = f.step(func() (err error) { errs, err = f.shut.Settle(ctx, batch); return err })
	return errs, err
}

func (f *failing) Grant(ctx context.Context, id string) (g grant.Grant, err error) {
	err = f.step(func() (err error) { g, err = f.shut.Grant(ctx, id); return err })
	return g, err
}

func (f *failing) Claim(ctx context.Context, id string, r grant.ClaimRequest) (c grant.Claim, err error) {
	err = f.step(func() (err error) { c, err = f.shut.Claim(ctx, id, r); return err })
	return c, err
}

func (f *failing) Append(ctx context.Context, e ...audit.Entry) error {
	return f.step(func() error { return f.shut.Append(ctx, e...) })
}

// TestReplayBreaks: each step of a replay fails, or fails and has landed, and the
// process dies there. The next process ends it with the same outcome.
func TestReplayBreaks(t *testing.T) {
	for name, meanwhile := range map[string]struct {
		do   func(w *world)
		kept bool
	}{
		"nothing happened":             {func(*world) {}, true},
		"another claimed and vanished": {func(w *world) { w.claim("tea"); w.now = w.now.Add(time.Minute) }, true},
		"another refreshed":            {func(w *world) { w.renew("tea") }, false},
	} {
		broke := 0
		for at, more := 1, true; more; at++ {
			for _, landed := range []bool{false, true} {
				w, e := spooled(t)
				w.now = w.now.Add(time.Minute)
				w.shut.cut(nil)
				meanwhile.do(w)
				f := &failing{shut: w.shut, at: at, landed: landed}
				_, err := w.replay(f)
				if more = f.calls >= at; !more {
					break // there are no more steps
				}
				broke++
				if !errors.Is(err, errCut) {
					t.Errorf("%s, call %d, landed %t: %v", name, at, landed, err)
				}
				w.crash()
				w.now = w.now.Add(time.Minute) // its lease, if it took one
				w.begin(100)
				_, err = w.replay(w.shut)
				must(t, err)
				if kept := w.grant("tea").Tokens.Digest() == e.Settle.Tokens.Digest(); kept != meanwhile.kept || w.waiting() != 0 {
					t.Errorf("%s, call %d, landed %t: kept %t, %d wait", name, at, landed, kept, w.waiting())
				}
				if told := len(w.entries("grant.spool")); meanwhile.kept && told != 0 || !meanwhile.kept && (told < 1 || told > 2) {
					t.Errorf("%s, call %d, landed %t: %d entries", name, at, landed, told)
				}
				w.follow()
				w.shut.cut(errGone)
				if g, err := w.reads.ShopGrant(t.Context(), "tea"); err != nil || g.Tokens.Generation != w.grant("tea").Tokens.Generation {
					t.Errorf("%s, call %d, landed %t: the file has generation %d, %v", name, at, landed, g.Tokens.Generation, err)
				}
			}
		}
		if broke < 2 {
			t.Errorf("%s: no step was broken", name)
		}
	}
}

// TestRowsWaitForTheSpool: what the database says of a grant does not replace a
// spooled credential, neither by a change nor by a new copy.
func TestRowsWaitForTheSpool(t *testing.T) {
	w, e := spooled(t)
	w.shut.cut(nil)
	must(t, w.main.Append(t.Context(), done("grant.x", "grant:"+e.Settle.GrantID)))
	w.follow()
	w.shut.cut(errGone)
	if g, err := w.reads.ShopGrant(t.Context(), "tea"); err != nil || g.Tokens.Generation != e.Settle.Tokens.Generation {
		t.Errorf("generation %d, %v", g.Tokens.Generation, err)
	}
}

// TestSpoolRefuses: what cannot be kept is an error, so that nobody uses it.
func TestSpoolRefuses(t *testing.T) {
	w, e := spooled(t)
	for name, bad := range map[string]grant.Effects{"no settle": {}, "no tokens": {Settle: &grant.Settlement{GrantID: "g_1"}}} {
		if err := w.file.Spool(t.Context(), bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	w.crash()
	if err := w.file.Spool(t.Context(), e); err == nil || strings.Contains(err.Error(), "token-") {
		t.Errorf("a closed file: %v", err)
	}
}
