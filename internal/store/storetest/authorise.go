package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

var authoriseCases = []testCase{
	{"an existing pair is replaced and a running refresh loses", func(t *testing.T, w *world) {
		a := *w.enter(1).Authorise
		c, err := w.s.Claim(t.Context(), a.GrantID, request(start))
		w.must(err)
		a.From, a.Tokens = 1, tokens(grant.User, a.GrantID, 2, start.Add(time.Second))
		w.must(w.s.Authorise(t.Context(), grant.Effects{At: start.Add(time.Second), Authorise: &a}))
		w.refused(grant.ErrLost, func() error { return w.settle(renewal(c, start.Add(2*time.Second))) })
		g, err := w.s.UserGrant(t.Context(), a.App, a.OpenID, a.Scope)
		w.must(err)
		same(t, "tokens", g.Tokens, *a.Tokens)
		same(t, "state", g.State, grant.Active)
		if next, err := w.s.Claim(t.Context(), a.GrantID, request(start.Add(3*time.Second))); err != nil || next.Unsettled {
			t.Errorf("claim after a new start: unsettled %v, %v", next.Unsettled, err)
		}
	}},
	{"who read before another wrote has lost", func(t *testing.T, w *world) {
		a := *w.enter(1).Authorise
		for name, spoil := range map[string]func(*grant.Authorisation){
			"older generation":     func(a *grant.Authorisation) { a.From = 0 },
			"later generation":     func(a *grant.Authorisation) { a.From = 2 },
			"id of nobody":         func(a *grant.Authorisation) { a.From, a.GrantID = 1, "g_other" },
			"new, but not from 0":  func(a *grant.Authorisation) { a.From, a.OpenID = 1, "o_demo_other" },
			"new scope, not the 0": func(a *grant.Authorisation) { a.From, a.Scope = 1, "snsapi_base" },
		} {
			t.Log(name)
			b := a
			spoil(&b)
			b.Tokens = tokens(grant.User, b.GrantID, b.From+1, start)
			w.refused(grant.ErrLost, func() error {
				return w.s.Authorise(t.Context(), grant.Effects{At: start, Authorise: &b})
			})
		}
	}},
	{"each scope has a grant of its own", func(t *testing.T, w *world) {
		a := *w.enter(1).Authorise
		b := a
		b.GrantID, b.Scope, b.Tokens = "g_base", "snsapi_base", tokens(grant.User, "g_base", 1, start)
		w.must(w.s.Authorise(t.Context(), grant.Effects{At: start, Authorise: &b}))
		g, err := w.s.UserGrant(t.Context(), a.App, a.OpenID, a.Scope)
		w.must(err)
		same(t, "kept pair", g.Tokens, *a.Tokens)
	}},
	{"a self grant starts anew and waits for the lease before it", func(t *testing.T, w *world) {
		c := w.claim("tea", start)
		a := grant.Authorisation{GrantID: c.Grant.ID, Kind: grant.Self, App: "app-tea", ShopID: "tea", DueAt: start.Add(time.Second)}
		w.must(w.s.Authorise(t.Context(), grant.Effects{At: start, Authorise: &a}))
		w.refused(grant.ErrLost, func() error { return w.settle(renewal(c, start)) })
		same(t, "due", w.shopGrant("tea").DueAt, c.Grant.Lease.Until)
	}},
	{"revoking deletes the tokens and ends the sessions", func(t *testing.T, w *world) {
		e := w.enter(1)
		c, err := w.s.Claim(t.Context(), e.Authorise.GrantID, request(start))
		w.must(err)
		revoke := grant.Effects{
			At:          start.Add(time.Second),
			Revoke:      []grant.Revocation{{GrantID: c.Grant.ID, Cause: "owner"}},
			EndSessions: []access.SessionFilter{{PersonID: e.Login.NewPerson, Why: "revoked"}},
		}
		w.must(w.s.Revoke(t.Context(), revoke))
		g, err := w.s.Grant(t.Context(), c.Grant.ID)
		w.must(err)
		if g.State != grant.Revoked || g.Tokens.Access != nil || g.Tokens.Refresh != nil || g.Tokens.Generation <= 1 {
			t.Errorf("after revoking: %s, %+v", g.State, g.Tokens)
		}
		n, err := w.s.SessionByToken(t.Context(), e.Login.Session.TokenHash)
		w.must(err)
		same(t, "why", n.EndedWhy, "revoked")
		w.refused(grant.ErrLost, func() error { return w.settle(renewal(c, start)) })
		size, _, err := w.s.AuditHead(t.Context())
		w.must(err)
		w.must(w.s.Revoke(t.Context(), revoke)) // again: stays as it is
		again, _, err := w.s.AuditHead(t.Context())
		w.must(err)
		same(t, "audit size", again, size)
	}},
	{"a revoked grant comes back by authorising, with a new generation", func(t *testing.T, w *world) {
		a := *w.enter(1).Authorise
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: a.GrantID}}}))
		a.From, a.Tokens = 1, tokens(grant.User, a.GrantID, 2, start)
		w.refused(grant.ErrLost, func() error {
			return w.s.Authorise(t.Context(), grant.Effects{At: start, Authorise: &a})
		})
		g, err := w.s.Grant(t.Context(), a.GrantID)
		w.must(err)
		a.From, a.Tokens = g.Tokens.Generation, tokens(grant.User, a.GrantID, g.Tokens.Generation+1, start)
		w.must(w.s.Authorise(t.Context(), grant.Effects{At: start, Authorise: &a}))
		g, err = w.s.Grant(t.Context(), a.GrantID)
		w.must(err)
		same(t, "state", g.State, grant.Active)
	}},
	{"one unknown grant and nothing is revoked", func(t *testing.T, w *world) {
		w.refused(grant.ErrNotFound, func() error {
			return w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{
				{GrantID: w.shopGrant("tea").ID}, {GrantID: "g_unknown"},
			}})
		})
	}},
}
