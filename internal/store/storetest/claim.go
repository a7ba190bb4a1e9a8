package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

var claimCases = []testCase{
	{"due grants are leased once", func(t *testing.T, w *world) {
		claims, err := w.s.ClaimDue(t.Context(), request(start))
		w.must(err)
		if len(claims) != 3 {
			t.Fatalf("claimed %d grants, want the 3 shops'", len(claims))
		}
		for _, c := range claims {
			g := c.Grant
			if c.Unsettled || g.Lease != (grant.Lease{Owner: "test", Term: 1, Until: start.Add(30 * time.Second)}) {
				t.Errorf("claim of %s: unsettled %v, lease %+v", g.ShopID, c.Unsettled, g.Lease)
			}
			app, err := w.s.App(t.Context(), g.App)
			w.must(err)
			same(t, "app of claim", c.App, app)
		}
		again, err := w.s.ClaimDue(t.Context(), request(start.Add(29*time.Second)))
		w.must(err)
		same(t, "claims while leased", len(again), 0)
	}},
	{"nothing is due before its time", func(t *testing.T, w *world) {
		claims, err := w.s.ClaimDue(t.Context(), request(start.Add(-time.Millisecond)))
		w.must(err)
		same(t, "claims", len(claims), 0)
	}},
	{"the longest due come first, up to the limit", func(t *testing.T, w *world) {
		w.renew("tea", start)
		w.renew("rice", start.Add(time.Minute))
		w.renew("silk", start.Add(2*time.Minute))
		r := request(start.Add(24 * time.Hour))
		r.Limit = 2
		claims, err := w.s.ClaimDue(t.Context(), r)
		w.must(err)
		var shops []string
		for _, c := range claims {
			shops = append(shops, c.Grant.ShopID)
		}
		same(t, "shops", shops, []string{"tea", "rice"})
		r.Limit = 0
		claims, err = w.s.ClaimDue(t.Context(), r)
		w.must(err)
		same(t, "claims at limit 0", len(claims), 0)
	}},
	{"a lease that ended unsettled is said and recorded", func(t *testing.T, w *world) {
		w.claim("tea", start)
		c := w.claim("tea", start.Add(30*time.Second))
		if !c.Unsettled || c.Grant.Lease.Term != 2 {
			t.Errorf("unsettled %v, term %d", c.Unsettled, c.Grant.Lease.Term)
		}
		recorded := w.entries("grant.unsettled")
		if len(recorded) != 1 || recorded[0].Subject != "grant:"+c.Grant.ID || recorded[0].Outcome != audit.Unknown ||
			recorded[0].Details["term"] != "1" {
			t.Errorf("recorded %+v", recorded)
		}
		w.must(w.settle(renewal(c, start.Add(31*time.Second))))
		if c := w.claim("tea", start.Add(32*time.Second)); c.Unsettled {
			t.Error("a settled term counts as unsettled")
		}
	}},
	{"one grant is claimed whatever its due time", func(t *testing.T, w *world) {
		w.renew("tea", start)
		c := w.claim("tea", start.Add(time.Minute))
		same(t, "term", c.Grant.Lease.Term, 2)
		w.refused(grant.ErrLeased, func() error {
			_, err := w.s.Claim(t.Context(), c.Grant.ID, request(start.Add(time.Minute)))
			return err
		})
	}},
	{"what cannot be claimed", func(t *testing.T, w *world) {
		id := w.shopGrant("tea").ID
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: id, Cause: "test"}}}))
		for _, id := range []string{id, "g_unknown"} {
			w.refused(grant.ErrNotFound, func() error {
				_, err := w.s.Claim(t.Context(), id, request(start))
				return err
			})
		}
		c := w.claim("rice", start)
		e := renewal(c, start)
		e.Settle.State, e.Settle.DueAt, e.Settle.Tokens = grant.NeedsOwner, time.Time{}, nil
		w.must(w.settle(e))
		w.refused(grant.ErrNotFound, func() error {
			_, err := w.s.Claim(t.Context(), c.Grant.ID, request(start.Add(time.Hour)))
			return err
		})
		claims, err := w.s.ClaimDue(t.Context(), request(start.Add(time.Hour)))
		w.must(err)
		same(t, "claims", len(claims), 1)
	}},
	{"a stopped grant is claimed when it is due", func(t *testing.T, w *world) {
		e := renewal(w.claim("tea", start), start)
		e.Settle.State, e.Settle.Cause, e.Settle.ErrCode = grant.Stopped, "ip_not_allowed", 40164
		e.Settle.Tokens, e.Settle.DueAt = nil, start.Add(time.Hour)
		w.must(w.settle(e))
		g := w.shopGrant("tea")
		same(t, "cause", g.Cause, "ip_not_allowed")
		same(t, "errcode", g.ErrCode, 40164)
		claims, err := w.s.ClaimDue(t.Context(), request(start.Add(time.Hour)))
		w.must(err)
		same(t, "claims", len(claims), 3)
	}},
	{"forced refreshes are counted", func(t *testing.T, w *world) {
		id := w.shopGrant("tea").ID
		for i := range 3 {
			w.must(w.s.SpendForce(t.Context(), id, start.Add(time.Duration(i)*time.Hour), "client:c", entry("grant.force")))
		}
		got, err := w.s.ForcedRefreshes(t.Context(), id, start.Add(time.Hour))
		w.must(err)
		same(t, "spent", got, []grant.Force{{At: start.Add(time.Hour), By: "client:c"}, {At: start.Add(2 * time.Hour), By: "client:c"}})
		same(t, "entries", len(w.entries("grant.force")), 3)
		w.refused(grant.ErrNotFound, func() error {
			return w.s.SpendForce(t.Context(), "g_unknown", start, "client:c", entry("grant.force"))
		})
	}},
	{"grants are found by what they belong to", func(t *testing.T, w *world) {
		e := w.enter(1)
		for _, c := range []struct {
			f    grant.Filter
			want int
		}{
			{grant.Filter{}, 4},
			{grant.Filter{PersonID: e.Login.NewPerson}, 1},
			{grant.Filter{PersonID: e.Login.NewPerson, Kind: grant.Self}, 0},
			{grant.Filter{ShopID: "tea"}, 1},
			{grant.Filter{Kind: grant.Self}, 3},
			{grant.Filter{State: grant.Revoked}, 0},
		} {
			got, err := w.s.Grants(t.Context(), c.f)
			w.must(err)
			if len(got) != c.want {
				t.Errorf("%+v picks %d grants, want %d", c.f, len(got), c.want)
			}
		}
		for _, err := range []error{
			second(w.s.Grant(t.Context(), "g_unknown")), second(w.s.ShopGrant(t.Context(), "unknown")),
			second(w.s.UserGrant(t.Context(), "mp", "o_demo_unknown", "snsapi_userinfo")),
		} {
			if !errors.Is(err, grant.ErrNotFound) || errors.Is(err, access.ErrNotFound) {
				t.Errorf("got %v, want grant.ErrNotFound", err)
			}
		}
	}},
}

func second[T any](_ T, err error) error { return err }
