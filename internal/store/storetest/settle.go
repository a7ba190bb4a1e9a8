package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var settleCases = []testCase{
	{"new tokens are kept and recorded", func(t *testing.T, w *world) {
		c := w.claim("tea", start)
		e := renewal(c, start)
		w.must(w.settle(e))
		g := w.shopGrant("tea")
		same(t, "tokens", g.Tokens, *e.Settle.Tokens)
		same(t, "due", g.DueAt, e.Settle.DueAt)
		same(t, "settled term", g.SettledTerm, g.Lease.Term)
		recorded := w.entries("grant.settle")
		if len(recorded) != 1 || recorded[0].Details[g.ID] != "1 "+g.Tokens.Digest() {
			t.Errorf("recorded %+v, want generation and digest of %s", recorded, g.ID)
		}
	}},
	{"a batch shares one entry and lands as one", func(t *testing.T, w *world) {
		claims, err := w.s.ClaimDue(t.Context(), request(start))
		w.must(err)
		var batch []grant.Effects
		for _, c := range claims {
			batch = append(batch, renewal(c, start))
		}
		batch[1].Settle.Term-- // overtaken
		errs, err := w.s.Settle(t.Context(), batch)
		w.must(err)
		for i, err := range errs {
			if (i == 1) != errors.Is(err, grant.ErrLost) || (i != 1) != (err == nil) {
				t.Errorf("item %d: %v", i, err)
			}
		}
		recorded := w.entries("grant.settle")
		if len(recorded) != 1 || len(recorded[0].Details) != 2 {
			t.Errorf("recorded %+v, want one entry for two grants", recorded)
		}
	}},
	{"nothing of a lost item is written", func(t *testing.T, w *world) {
		e := renewal(w.claim("tea", start), start)
		e.Notices = []notice.Notice{{At: start, Kind: notice.GrantStopped}}
		e.Audit = append(e.Audit, entry("lost"))
		e.Settle.From = 7
		w.refused(grant.ErrLost, func() error { return w.settle(e) })
	}},
	{"what makes a settle lose", func(t *testing.T, w *world) {
		first := renewal(w.claim("tea", start), start)
		late := start.Add(31 * time.Second)
		next := renewal(w.claim("tea", late), late)
		w.refused(grant.ErrLost, func() error { return w.settle(first) })
		w.must(w.settle(next))
		w.refused(grant.ErrLost, func() error { return w.settle(next) })
		unknown := next
		unknown.Settle = new(*next.Settle)
		unknown.Settle.GrantID = "g_unknown"
		w.refused(grant.ErrLost, func() error { return w.settle(unknown) })
	}},
	{"a late settle within an ended lease lands while nobody took over", func(t *testing.T, w *world) {
		e := renewal(w.claim("tea", start), start.Add(time.Hour))
		w.must(w.settle(e))
		same(t, "generation", w.shopGrant("tea").Tokens.Generation, 1)
	}},
	{"a failure keeps the tokens", func(t *testing.T, w *world) {
		w.renew("tea", start)
		before := w.shopGrant("tea").Tokens
		c := w.claim("tea", start.Add(time.Hour))
		e := renewal(c, start.Add(time.Hour))
		e.Settle.Tokens, e.Settle.Cause, e.Settle.ErrCode, e.Settle.Attempt = nil, grant.CauseBusy, -1, 3
		w.must(w.settle(e))
		g := w.shopGrant("tea")
		same(t, "tokens", g.Tokens, before)
		same(t, "attempt", g.Attempt, 3)
		same(t, "errcode", g.ErrCode, -1)
	}},
	{"a settle with consequences", func(t *testing.T, w *world) {
		login := w.enter(1)
		c, err := w.s.Claim(t.Context(), login.Authorise.GrantID, request(start))
		w.must(err)
		e := renewal(c, start)
		e.Settle.Routine, e.Settle.Tokens, e.Settle.State, e.Settle.DueAt = false, nil, grant.NeedsOwner, time.Time{}
		e.Notices = []notice.Notice{{At: start, Kind: notice.GrantNeedsOwner, Subject: "grant:" + c.Grant.ID, Details: map[string]string{"errcode": "42002"}}}
		e.Audit = append(e.Audit, entry("grant.ended"))
		w.must(w.settle(e))
		_, notices, err := w.s.PendingNotices(t.Context(), 10)
		w.must(err)
		same(t, "notices", notices, e.Notices)
		same(t, "entries", len(w.entries("grant.ended")), 1)
		same(t, "shared entries", len(w.entries("grant.settle")), 0)
	}},
	{"a settle that makes no sense fails the batch", func(t *testing.T, w *world) {
		good := renewal(w.claim("rice", start), start)
		c := w.claim("tea", start)
		for name, spoil := range map[string]func(*grant.Effects){
			"no settlement": func(e *grant.Effects) { e.Settle = nil },
			"revoked":       func(e *grant.Effects) { e.Settle.State = grant.Revoked },
			"no state":      func(e *grant.Effects) { e.Settle.State = "" },
			"skips one":     func(e *grant.Effects) { e.Settle.Tokens.Generation++ },
			"no access":     func(e *grant.Effects) { e.Settle.Tokens.Access = nil },
		} {
			bad := renewal(c, start)
			spoil(&bad)
			before := w.snapshot()
			if _, err := w.s.Settle(t.Context(), []grant.Effects{good, bad}); err == nil {
				t.Errorf("%s: settled", name)
			}
			same(t, name, w.snapshot(), before)
		}
	}},
	{"an empty batch does nothing", func(t *testing.T, w *world) {
		errs, err := w.s.Settle(t.Context(), nil)
		w.must(err)
		same(t, "results", len(errs), 0)
	}},
}
