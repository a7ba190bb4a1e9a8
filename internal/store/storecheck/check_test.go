package storecheck

import (
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

var start = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

// TestCheckerFindsBrokenGrants: an invariant that nothing can break proves
// nothing.
func TestCheckerFindsBrokenGrants(t *testing.T) {
	sound := func(id, shop string) grant.Grant {
		return grant.Grant{ID: id, Kind: grant.Self, ShopID: shop, State: grant.Active, Tokens: grant.Tokens{Generation: 1, Access: []byte("sealed-" + id), AccessExpires: start},
			Lease: grant.Lease{Owner: "r", Term: 2, Until: start}, SettledTerm: 1}
	}
	for want, spoil := range map[string]func(a, b *grant.Grant){
		"":                        func(a, b *grant.Grant) {},
		"both of":                 func(a, b *grant.Grant) { b.ShopID = a.ShopID },
		"keep one sealed":         func(a, b *grant.Grant) { b.Tokens = a.Tokens },
		"without a holder":        func(a, b *grant.Grant) { a.Lease.Owner = "" },
		"runs without":            func(a, b *grant.Grant) { a.Lease.Until = time.Time{} },
		"a lease of nobody":       func(a, b *grant.Grant) { a.SettledTerm, a.Lease.Owner = 2, "" },
		"only the owner":          func(a, b *grant.Grant) { a.State = grant.NeedsOwner },
		"is settled":              func(a, b *grant.Grant) { a.SettledTerm = 3 },
		"revoked":                 func(a, b *grant.Grant) { a.State = grant.Revoked },
		"the audit log says":      func(a, b *grant.Grant) { a.Tokens.Access[0]++ },
		"a self grant has":        func(a, b *grant.Grant) { a.Tokens.Refresh = []byte("x") },
		"is not in the audit log": func(a, b *grant.Grant) { a.ID = "g_other" },
		"no refresh token":        func(a, b *grant.Grant) { a.Kind = grant.ISV },
		"a component grant has":   func(a, b *grant.Grant) { a.Kind, a.Tokens.Refresh = grant.Component, []byte("x") },
		"are both of [\"isv\"":    func(a, b *grant.Grant) { a.Kind, b.Kind = grant.ISV, grant.ISV },
		"are both of [\"comp":     func(a, b *grant.Grant) { a.Kind, b.Kind = grant.Component, grant.Component },
		"one half of the pair":    func(a, b *grant.Grant) { a.Kind, a.OpenID = grant.User, "o_demo_owner_0001" },
	} {
		a, b := sound("g_a", "tea"), sound("g_b", "rice")
		c := &checker{tokens: map[string]string{"g_a": "1 " + a.Tokens.Digest(), "g_b": "1 " + b.Tokens.Digest()}}
		spoil(&a, &b)
		for _, g := range []grant.Grant{a, b} {
			if !strings.Contains(want, "the audit log") {
				c.tokens[g.ID] = "1 " + g.Tokens.Digest()
			}
			c.grant(g)
			c.lease(g)
		}
		c.only([]grant.Grant{a, b})
		if got := strings.Join(c.problems, "; "); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("want %q: problems %q", want, got)
		}
	}
}

// TestCheckerFindsBrokenAuthorizers: likewise.
func TestCheckerFindsBrokenAuthorizers(t *testing.T) {
	for want, a := range map[string]grant.Authorizer{
		"":           {AppID: "wx00000000000000e1", Version: 1},
		"version 0":  {AppID: "wx00000000000000e1"},
		"never ends": {AppID: "wx00000000000000e1", Version: 1, Code: []byte("x")},
	} {
		c := &checker{}
		c.authorizer(a)
		if got := strings.Join(c.problems, "; "); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("want %q: problems %q", want, got)
		}
	}
}
