package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/storecheck"
)

var randomCases = []testCase{
	{"any order of steps keeps the invariants", func(t *testing.T, w *world) {
		rapid.Check(t, func(rt *rapid.T) {
			m := &machine{w: w, now: start}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				m.step(rt)
			}
			if p := storecheck.Problems(t.Context(), w.s); len(p) > 0 {
				rt.Fatalf("after %q: %q", m.did, p)
			}
		})
	}},
}

// machine takes random steps on one store, also such as must be refused. Steps
// of earlier runs stay: the store only grows.
type machine struct {
	w      *world
	now    time.Time
	claims []grant.Claim
	did    []string
}

var shops = []string{"tea", "rice", "silk"}

func (m *machine) step(rt *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 120).Draw(rt, "seconds")) * time.Second)
	shop := rapid.SampledFrom(shops).Draw(rt, "shop")
	step := rapid.SampledFrom([]string{"claim", "claim due", "settle", "revoke", "secret", "remove", "return"}).Draw(rt, "step")
	m.did = append(m.did, step+" "+shop)
	var err error
	switch step {
	case "claim":
		err = m.claim(shop)
	case "claim due":
		var claims []grant.Claim
		claims, err = m.w.s.ClaimDue(m.w.t.Context(), request(m.now))
		m.claims = append(m.claims, claims...)
	case "settle":
		err = m.settle(rt)
	case "revoke":
		r := []grant.Revocation{{GrantID: m.w.shopGrant(shop).ID, Cause: "random"}}
		err = m.w.s.Revoke(m.w.t.Context(), grant.Effects{At: m.now, Revoke: r})
	case "secret":
		err = m.secret(shop)
	case "remove":
		err = m.declare(access.Declaration{Remove: access.Removal{Shops: []string{shop}}})
	case "return":
		err = m.restore(shop)
	}
	if err != nil && !expected(err) {
		rt.Fatalf("%q: %v", m.did, err)
	}
}

// expected tells refusals from failures.
func expected(err error) bool {
	return isAny(err, grant.ErrLeased, grant.ErrNotFound, grant.ErrLost, access.ErrNotFound)
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

func (m *machine) claim(shop string) error {
	c, err := m.w.s.Claim(m.w.t.Context(), m.w.shopGrant(shop).ID, request(m.now))
	if err == nil {
		m.claims = append(m.claims, c)
	}
	return err
}

// settle settles any claim ever made, in any way that makes sense.
func (m *machine) settle(rt *rapid.T) error {
	if len(m.claims) == 0 {
		return nil
	}
	c := rapid.SampledFrom(m.claims).Draw(rt, "claim")
	e := renewal(c, m.now)
	e.Settle.State = rapid.SampledFrom([]grant.State{grant.Active, grant.Stopped, grant.NeedsOwner}).Draw(rt, "state")
	e.Settle.Routine = rapid.Bool().Draw(rt, "routine")
	if e.Settle.State != grant.Active || rapid.Bool().Draw(rt, "failed") {
		e.Settle.Tokens = nil
	}
	errs, err := m.w.s.Settle(m.w.t.Context(), []grant.Effects{e})
	return errors.Join(append(errs, err)...)
}

func (m *machine) secret(shop string) error {
	a, err := m.w.s.App(m.w.t.Context(), "app-"+shop)
	if err != nil {
		return err
	}
	a.SecretVersion++
	a.Secret = fmt.Appendf(nil, "sealed-%d", a.SecretVersion)
	return m.declare(access.Declaration{Apps: []access.App{a}})
}

func (m *machine) restore(shop string) error {
	for _, s := range directory().Shops {
		if s.ID == shop {
			s.App = "app-" + shop
			return m.declare(access.Declaration{Shops: []access.Shop{s}})
		}
	}
	return nil
}

func (m *machine) declare(d access.Declaration) error {
	rev, err := m.w.s.Revision(m.w.t.Context())
	if err != nil {
		return err
	}
	d.Revision, d.At = rev, m.now
	return m.w.s.Declare(m.w.t.Context(), d, entry("setup.apply"))
}
