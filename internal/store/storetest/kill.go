package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

var killCases = []testCase{
	{"a revocation that kills leaves the grant due until its last forced refresh", func(t *testing.T, w *world) {
		w.must(w.settle(renewal(w.claim("tea", start), start)))
		w.must(w.kill("tea", start))
		g := w.shopGrant("tea")
		if g.State != grant.Revoked || g.Kills != grant.Kills || !g.DueAt.Equal(start) || g.Tokens.Access != nil {
			t.Fatalf("after the revocation: %s, owes %d, due %v, keeps %q", g.State, g.Kills, g.DueAt, g.Tokens.Access)
		}
		for left := grant.Kills - 1; left >= 0; left-- {
			c := w.claim("tea", start)
			w.must(w.settle(spent(c, left, start)))
			g = w.shopGrant("tea")
			same(t, "forced refreshes owed", g.Kills, left)
		}
		same(t, "due", g.DueAt, time.Time{})
		w.refused(grant.ErrNotFound, func() error { return second(w.s.Claim(t.Context(), g.ID, request(start))) })
	}},
	{"it waits for the holder's time to be over", func(t *testing.T, w *world) {
		c := w.claim("tea", start)
		w.must(w.kill("tea", start))
		same(t, "due", w.shopGrant("tea").DueAt, c.Grant.Lease.Until)
		w.refused(grant.ErrLost, func() error { return w.settle(renewal(c, start)) })
	}},
	{"no settle brings a killed grant back", func(t *testing.T, w *world) {
		w.must(w.kill("tea", start))
		c := w.claim("tea", start)
		for name, change := range map[string]func(*grant.Settlement){
			"state":  func(s *grant.Settlement) { s.State = grant.Active },
			"tokens": func(s *grant.Settlement) { s.Tokens = renewal(c, start).Settle.Tokens },
			"more":   func(s *grant.Settlement) { s.Kills = grant.Kills + 1 },
			"never":  func(s *grant.Settlement) { s.DueAt = time.Time{} },
		} {
			e := spent(c, 1, start)
			change(e.Settle)
			before := w.snapshot()
			if _, err := w.s.Settle(t.Context(), []grant.Effects{e}); err == nil {
				t.Errorf("%s: settled", name)
			}
			same(t, name, w.snapshot(), before)
		}
	}},
	{"a grant that was only revoked can be killed later, once", func(t *testing.T, w *world) {
		r := grant.Revocation{GrantID: w.shopGrant("tea").ID, Cause: "sold"}
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{r}}))
		same(t, "owed", w.shopGrant("tea").Kills, 0)
		w.must(w.kill("tea", start))
		same(t, "owed", w.shopGrant("tea").Kills, grant.Kills)
		w.must(w.settle(spent(w.claim("tea", start), 1, start)))
		w.must(w.kill("tea", start))
		same(t, "owed", w.shopGrant("tea").Kills, 1)
	}},
	{"a new start owes nothing", func(t *testing.T, w *world) {
		w.must(w.kill("tea", start))
		g := w.shopGrant("tea")
		w.must(w.s.Authorise(t.Context(), grant.Effects{At: start, Authorise: &grant.Authorisation{
			GrantID: g.ID, Kind: g.Kind, App: g.App, ShopID: g.ShopID, From: g.Tokens.Generation, DueAt: start,
		}}))
		g = w.shopGrant("tea")
		if g.State != grant.Active || g.Kills != 0 {
			t.Errorf("after a new start: %s, owes %d", g.State, g.Kills)
		}
	}},
	{"an active grant owes forced refreshes and keeps its tokens", func(t *testing.T, w *world) {
		w.must(w.settle(renewal(w.claim("tea", start), start)))
		g := w.shopGrant("tea")
		held := w.claim("tea", start)
		w.must(w.s.OweKills(t.Context(), g.ID, start.Add(time.Second), entry("grant.kill")))
		same(t, "entries", len(w.entries("grant.kill")), 1)
		e := renewal(held, start) // made before anything was owed
		w.must(w.settle(e))
		after := w.shopGrant("tea")
		if after.Kills != grant.Kills || !after.DueAt.Equal(start) || after.State != grant.Active || after.Tokens.Access == nil {
			t.Fatalf("after a settle that did not know: owes %d, due %v, %s", after.Kills, after.DueAt, after.State)
		}
		for left := grant.Kills - 1; left >= 0; left-- {
			c := w.claim("tea", start)
			e := renewal(c, start)
			e.Settle.Kills, e.Settle.Killed = c.Grant.Kills, 1
			w.must(w.settle(e))
			same(t, "owed", w.shopGrant("tea").Kills, left)
		}
		w.must(w.kill("rice", start))
		w.refused(grant.ErrNotFound, func() error { return w.s.OweKills(t.Context(), w.shopGrant("rice").ID, start) })
	}},
	{"no settle of an active grant ends more than is owed", func(t *testing.T, w *world) {
		e := renewal(w.claim("tea", start), start)
		e.Settle.Killed = 1
		before := w.snapshot()
		if _, err := w.s.Settle(t.Context(), []grant.Effects{e}); err == nil {
			t.Error("settled")
		}
		same(t, "store", w.snapshot(), before)
	}},
}

// kill revokes a shop's grant, its tokens at WeChat included.
func (w *world) kill(shop string, at time.Time) error {
	r := grant.Revocation{GrantID: w.shopGrant(shop).ID, Cause: "leaked", Kill: true}
	return w.s.Revoke(w.t.Context(), grant.Effects{At: at, Revoke: []grant.Revocation{r}})
}

// spent settles a claim after one forced refresh.
func spent(c grant.Claim, left int, at time.Time) grant.Effects {
	s := grant.Settlement{GrantID: c.Grant.ID, Term: c.Grant.Lease.Term, From: c.Grant.Tokens.Generation, State: grant.Revoked, Kills: left}
	if left > 0 {
		s.DueAt = at
	}
	return grant.Effects{At: at, Settle: &s}
}
