package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// renewalOf asks for a grant because it is old.
func renewalOf(id string) grant.Renewal {
	return grant.Renewal{GrantID: id, Why: grant.RenewalMaxAge, By: audit.ActorSystem, AskedAt: start, DueAt: start.Add(14 * 24 * time.Hour), Told: true}
}

func (w *world) ask(r grant.Renewal) (bool, error) {
	return w.s.AskRenewal(w.t.Context(), r, grant.AskEffects(r.AskedAt, audit.Actor{Kind: audit.ActorSystem}, r, ""))
}

// asked wants it to be kept that somebody is asked, or not.
func (w *world) asked(r grant.Renewal, want bool) {
	w.t.Helper()
	asked, err := w.ask(r)
	w.must(err)
	same(w.t, "asked", asked, want)
}

func (w *world) renewal(id string) grant.Renewal {
	w.t.Helper()
	r, err := w.s.Renewal(w.t.Context(), id)
	w.must(err)
	return r
}

// kindsTold counts the notices of each kind.
func (w *world) kindsTold() map[notice.Kind]int {
	w.t.Helper()
	all, err := w.s.Notices(w.t.Context(), false, 1000)
	w.must(err)
	n := map[notice.Kind]int{}
	for _, x := range all {
		n[x.Notice.Kind]++
	}
	return n
}

var reviewCases = []testCase{
	{"signed reports are kept, the newest of each place first", func(t *testing.T, w *world) {
		_, err := w.s.LastReview(t.Context(), "", "")
		w.refused(access.ErrNotFound, func() error { return err })
		var want []access.Review
		for i, place := range []struct{ tenant, shop string }{{"", ""}, {"lantian", ""}, {"lantian", "lantian"}, {"", ""}} {
			r := access.Review{ID: "r_" + string(rune('0'+i)), TenantID: place.tenant, ShopID: place.shop, Digest: "d", Lines: 3, Marked: i, Note: "看过", By: "operator",
				At: start.Add(time.Duration(i) * time.Hour)}
			w.must(w.s.SignReview(t.Context(), r, entry("review.sign")))
			want = append([]access.Review{r}, want...)
		}
		all, err := w.s.ReviewsBefore(t.Context(), access.Mark{}, 10)
		w.must(err)
		same(t, "all", all, want)
		rest, err := w.s.ReviewsBefore(t.Context(), access.Mark{At: want[1].At, ID: want[1].ID}, 1)
		w.must(err)
		same(t, "a page", rest, want[2:3])
		last, err := w.s.LastReview(t.Context(), "", "")
		w.must(err)
		same(t, "the house's", last, want[0])
		last, err = w.s.LastReview(t.Context(), "lantian", "")
		w.must(err)
		same(t, "a tenant's", last, want[2])
		same(t, "entries", len(w.entries("review.sign")), 4)
	}},
	{"who was seen is told with names and days", func(t *testing.T, w *world) {
		m := w.member(1, "", access.Owner)
		people, err := w.s.MembersSeen(t.Context())
		w.must(err)
		same(t, "members", people, []access.Seen{{ID: m.PersonID, At: start}})
		open, err := w.s.OpenSessions(t.Context(), start)
		w.must(err)
		same(t, "sessions", len(open), 1)
		open, err = w.s.OpenSessions(t.Context(), start.Add(31*24*time.Hour))
		w.must(err)
		same(t, "sessions when they are over", len(open), 0)
		_, first, err := w.s.UsesSince(t.Context(), start)
		w.must(err)
		same(t, "first day before any call", first, time.Time{})
		call := access.PathUse{ClientID: "erp", ShopID: "tea", Path: "/channels/ec/order/get", Day: access.DayOf(start).UTC(), Calls: 2}
		older := call
		older.Day = call.Day.AddDate(0, 0, -5)
		w.must(w.s.AddPathUses(t.Context(), []access.PathUse{older, call, call}))
		uses, first, err := w.s.UsesSince(t.Context(), call.Day)
		w.must(err)
		call.Calls = 4
		same(t, "uses", uses, []access.PathUse{call})
		same(t, "first day", first, older.Day)
	}},
	{"accounts that are kept are told with their sets", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(authorised(1)))
		kept, err := w.s.KeptAuthorizers(t.Context())
		w.must(err)
		same(t, "accounts", kept, []grant.Authorizer{{App: "isv", AppID: account(1).AppID, State: grant.AuthorizerKept, Name: "店", ShopID: "shop-1", Sets: []int64{129, 130}, EventAt: start}})
	}},
	{"somebody is asked once, and it is over with a newer authorisation", func(t *testing.T, w *world) {
		w.platform()
		w.must(w.apply(authorised(1)))
		w.must(w.s.RegisterChannels(t.Context(), []notice.Route{{Channel: "log"}}, start, start, start))
		g := w.isvGrant(1)
		w.asked(renewalOf(g.ID), true)
		w.asked(renewalOf(g.ID), false)
		open, err := w.s.OpenRenewals(t.Context())
		w.must(err)
		same(t, "open", open, []grant.Renewal{renewalOf(g.ID)})

		again := authorised(1)
		again.At, again.Open, again.Authorizers = start.Add(time.Hour), nil, nil
		again.Authorise.From, again.Authorise.Tokens = 1, tokens(grant.ISV, g.ID, 2, start)
		w.must(w.apply(again))
		r := w.renewal(g.ID)
		if r.Open() || !r.RenewedAt.Equal(again.At) {
			t.Errorf("renewal %+v", r)
		}
		same(t, "told", w.kindsTold(), map[notice.Kind]int{notice.GrantOld: 1, notice.AlertOver: 1})
		same(t, "entries", len(w.entries("grant.renewed")), 1)

		third := again
		third.At = start.Add(2 * time.Hour)
		third.Authorise = &grant.Authorisation{GrantID: g.ID, Kind: grant.ISV, App: "isv", ShopID: "shop-1", Authorizer: g.Authorizer, From: 2, Tokens: tokens(grant.ISV, g.ID, 3, start), DueAt: start}
		w.must(w.apply(third))
		same(t, "given anew by itself", w.renewal(g.ID).RenewedAt, third.At)
		same(t, "told of that", w.kindsTold()[notice.AlertOver], 1)
	}},
	{"a human gives it another day, and a login is a newer authorisation", func(t *testing.T, w *world) {
		e := w.enter(1)
		id := e.Authorise.GrantID
		r := renewalOf(id)
		w.asked(r, true)
		r.Why, r.By, r.AskedAt, r.DueAt, r.Told = grant.RenewalAsked, "operator", start.Add(time.Hour), start.Add(48*time.Hour), false
		w.asked(r, true)
		kept := w.renewal(id)
		if kept.Why != grant.RenewalMaxAge || !kept.Told || !kept.AskedAt.Equal(start) || !kept.DueAt.Equal(r.DueAt) || kept.By != "operator" {
			t.Errorf("renewal %+v", kept)
		}
		w.must(w.s.CloseRenewal(t.Context(), id, start.Add(time.Hour), "revoked"))
		same(t, "over", w.renewal(id).Open(), false)
		before := len(w.entries("grant.renewed"))
		w.must(w.s.CloseRenewal(t.Context(), id, start.Add(time.Hour), "revoked"))
		same(t, "over once", len(w.entries("grant.renewed")), before)
		w.refused(grant.ErrNotFound, func() error { return second(w.ask(renewalOf("g_nobody"))) })
		w.must(w.s.CloseRenewal(t.Context(), "g_nobody", start, "revoked"))
	}},
	{"old grants are those that humans gave, that serve, and that nobody is asked for", func(t *testing.T, w *world) {
		w.platform()
		for n := range 3 {
			w.must(w.apply(authorised(n + 1)))
		}
		person := w.enter(1).Authorise.GrantID
		old := func(before time.Time, after string, limit int) (ids []string) {
			t.Helper()
			found, err := w.s.OldGrants(t.Context(), before, after, limit)
			w.must(err)
			for _, g := range found {
				same(t, "authorised", g.AuthorisedAt, start)
				ids = append(ids, g.GrantID)
			}
			return ids
		}
		same(t, "before they were given", old(start, "", 10), nil)
		later := start.Add(time.Second)
		same(t, "all", old(later, "", 10), []string{"g_isv1", "g_isv2", "g_isv3", person})
		same(t, "a page", old(later, "g_isv1", 2), []string{"g_isv2", "g_isv3"})
		w.asked(renewalOf("g_isv2"), true)
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: "g_isv3"}}}))
		same(t, "without one that is asked for and one that ended", old(later, "", 10), []string{"g_isv1", person})
		w.must(w.s.CloseRenewal(t.Context(), "g_isv2", start, "revoked"))
		same(t, "nobody is asked any more", old(later, "", 10), []string{"g_isv1", "g_isv2", person})
	}},
}
