package review_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/review"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var operator = audit.Actor{Kind: audit.ActorOperator}

// house is reviews and renewals on a real store that was first started at epoch.
type house struct {
	t        *testing.T
	store    *sqlstore.Store
	at       time.Time
	reviews  *review.Reviews
	renewals *review.Renewals
}

func newHouse(t *testing.T, maxAge time.Duration, enforce bool) *house {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{t: t, store: store, at: epoch}
	now := func() time.Time { return h.at }
	link := func(p string) string { return "https://zhanggui.example.com" + p }
	h.reviews = review.New(review.Options{Store: store, Catalogue: catalogue.Default(), Every: 90 * day, Now: now, Sealing: func(time.Time) []review.SealingKey { return nil }})
	h.renewals = review.NewRenewals(review.RenewalOptions{Store: store, Links: h, Link: link, MaxAge: maxAge, Enforce: enforce, Now: now})
	h.must(store.RegisterChannels(t.Context(), []notice.Route{{Channel: "log"}}, epoch, epoch, epoch))
	h.must(store.Declare(t.Context(), access.Declaration{At: epoch, Apps: []access.App{{ID: "platform", Kind: access.Component, AppID: "wx00000000000000d1", Secret: []byte{1}, SecretVersion: 1}}},
		audit.Entry{At: epoch, Actor: operator, Action: "test.declare", Outcome: audit.Done}))
	return h
}

// AccountLink implements review.Links.
func (h *house) AccountLink(_ context.Context, app, appID string, _ time.Time) (string, error) {
	return "link:" + app + ":" + appID, nil
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// told gives the kinds of all notices, the oldest first.
func (h *house) told() (kinds []string) {
	h.t.Helper()
	all, err := h.store.Notices(h.t.Context(), false, 100)
	h.must(err)
	for _, n := range all {
		kinds = append([]string{strings.Trim(string(n.Notice.Kind)+" "+n.Notice.Subject+" "+n.Notice.Details["was"], " ")}, kinds...)
	}
	return kinds
}

// entries gives the audit entries of an action.
func (h *house) entries(action string) (found []audit.Entry) {
	h.t.Helper()
	all, err := h.store.AuditEntries(h.t.Context(), -1, 1000)
	h.must(err)
	for _, r := range all {
		e, err := audit.Decode(r.Data)
		h.must(err)
		if e.Action == action {
			found = append(found, e)
		}
	}
	return found
}

// TestReviewsAreDue: a human is told once when nobody signed for 90 days, and once when
// somebody did.
func TestReviewsAreDue(t *testing.T) {
	h := newHouse(t, 0, false)
	look := func(after time.Duration, want ...string) {
		t.Helper()
		h.at = epoch.Add(after)
		h.must(h.reviews.Look(t.Context()))
		h.must(h.reviews.Look(t.Context()))
		if diff := cmp.Diff(want, h.told()); diff != "" {
			t.Errorf("after %v told (-want +got):\n%s", after, diff)
		}
	}
	due, over := "review.due review:house", "alert.over review:house review.due"
	look(90*day - time.Second)
	look(90*day, due)
	look(120*day, due)
	report, err := h.reviews.Report(t.Context(), review.Scope{TenantID: "x"})
	h.must(err)
	_, err = h.reviews.Sign(t.Context(), review.Scope{TenantID: "x"}, report.Digest, "", operator)
	h.must(err)
	look(120*day, due) // the house did not sign
	report, err = h.reviews.Report(t.Context(), review.Scope{})
	h.must(err)
	_, err = h.reviews.Sign(t.Context(), review.Scope{}, report.Digest, "looked", operator)
	h.must(err)
	look(121*day, due, over)
	look(210*day, due, over, due)
	if next, err := h.reviews.Due(t.Context()); err != nil || !next.Equal(epoch.Add(210*day)) {
		t.Errorf("due at %v, %v", next, err)
	}
}

// TestOldKeysAreTold: once for each sort of key, and once when none is old any more.
func TestOldKeysAreTold(t *testing.T) {
	h := newHouse(t, 0, false)
	look := func(after time.Duration, want ...string) {
		t.Helper()
		h.at = epoch.Add(after)
		h.must(h.reviews.LookAtKeys(t.Context()))
		h.must(h.reviews.LookAtKeys(t.Context()))
		if diff := cmp.Diff(want, h.told()); diff != "" {
			t.Errorf("after %v told (-want +got):\n%s", after, diff)
		}
	}
	old, over := "key.old keys:secrets", "alert.over keys:secrets key.old"
	look(364 * day)
	look(366*day, old)
	look(400*day, old)
	if all := h.entries("key.old"); len(all) != 1 || all[0].Details["keys"] != "platform" || all[0].Details["count"] != "1" {
		t.Errorf("entries %+v", all)
	}
	h.must(h.store.Declare(t.Context(), access.Declaration{At: h.at, Revision: 1, Apps: []access.App{{ID: "platform", Kind: access.Component, AppID: "wx00000000000000d1", Secret: []byte{2}, SecretVersion: 2}}},
		audit.Entry{At: h.at, Actor: operator, Action: "test.declare", Outcome: audit.Done}))
	look(401*day, old, over)
}

// TestSigning: what is signed is what was read, and the log proves it without the words
// of whoever signed.
func TestSigning(t *testing.T) {
	h := newHouse(t, 0, false)
	report, err := h.reviews.Report(t.Context(), review.Scope{})
	h.must(err)
	by := audit.Actor{Kind: audit.ActorAdmin, ID: "a_1"}
	signed, err := h.reviews.Sign(t.Context(), review.Scope{}, report.Digest, "asked 王芳", by)
	h.must(err)
	lines, marked := report.Lines()
	if signed.Digest != report.Digest || signed.Lines != lines || signed.Marked != marked || signed.By != "admin:a_1" || signed.Note != "asked 王芳" {
		t.Errorf("signed %+v", signed)
	}
	all := h.entries("review.sign")
	if len(all) != 1 || all[0].Details["digest"] != report.Digest || all[0].Actor != by || all[0].Subject != "review:house" || len(all[0].Details["note_sha256"]) != 64 {
		t.Fatalf("entries %+v", all)
	}
	for _, d := range all[0].Details {
		if strings.Contains(d, "王芳") {
			t.Error("the audit log has the words of the note")
		}
	}
	h.must(h.store.CreateAdmin(t.Context(), access.Administrator{ID: "a_2", KeyHash: []byte{1}, CreatedAt: epoch}, nil, audit.Entry{At: epoch, Actor: operator, Action: "admin.create", Outcome: audit.Done}))
	for _, c := range []struct {
		digest, note string
		want         error
	}{
		{report.Digest, "", review.ErrChanged}, {strings.Repeat("0", 64), "", review.ErrChanged}, {"", "", review.ErrChanged},
		{report.Digest, strings.Repeat("长", 501), review.ErrNote}, {report.Digest, "\xff", review.ErrNote},
	} {
		if _, err := h.reviews.Sign(t.Context(), review.Scope{}, c.digest, c.note, by); !errors.Is(err, c.want) {
			t.Errorf("digest %.8s, note %.8q: %v, want %v", c.digest, c.note, err, c.want)
		}
	}
	list, err := h.reviews.Signed(t.Context(), access.Mark{}, 10)
	if err != nil || len(list) != 1 {
		t.Errorf("signed %v, %v", list, err)
	}
}

// authorise has an account authorise the platform; generation 1 is the first time. An
// account without a shop came by a link.
func (h *house) authorise(id, shop string, generation int64) {
	h.t.Helper()
	a := grant.Authorizer{App: "platform", AppID: "wx00000000000000e" + id[len(id)-1:], Version: generation - 1, State: grant.AuthorizerKept, ShopID: shop, EventAt: h.at}
	e := grant.Effects{At: h.at, Authorizers: []grant.Authorizer{a},
		Authorise: &grant.Authorisation{GrantID: id, Kind: grant.ISV, App: "platform", ShopID: shop, Authorizer: a.AppID, From: generation - 1, DueAt: h.at,
			Tokens: &grant.Tokens{Generation: generation, Access: []byte("sealed " + id), AccessExpires: h.at.Add(2 * time.Hour), Refresh: []byte{1}}},
		Audit: []audit.Entry{{At: h.at, Actor: operator, Action: "test.authorise", Outcome: audit.Done}}}
	if shop != "" && generation == 1 {
		e.Open = &grant.Opening{Tenant: access.Tenant{ID: shop, Name: shop}, Shop: access.Shop{ID: shop, App: "platform", AppID: a.AppID, Name: shop}}
	}
	h.must(h.store.Authorise(h.t.Context(), e))
}

func (h *house) state(id string) string {
	h.t.Helper()
	g, err := h.store.Grant(h.t.Context(), id)
	h.must(err)
	return strings.TrimSpace(string(g.State) + " " + g.Cause)
}

// look is one hour's look, at a time.
func (h *house) look(after time.Duration) {
	h.t.Helper()
	h.at = epoch.Add(after)
	h.must(h.renewals.Look(h.t.Context()))
}

// TestOldAuthorisations: an authorisation that becomes too old is asked for once, two
// weeks ahead; it serves on, unless the settings say that it must not.
func TestOldAuthorisations(t *testing.T) {
	for _, enforce := range []bool{false, true} {
		h := newHouse(t, 365*day, enforce)
		h.authorise("g_1", "tea", 1)
		h.authorise("g_2", "lantian", 1)
		h.look(351*day - time.Hour)
		if told := h.told(); len(told) > 0 {
			t.Errorf("told too early: %v", told)
		}
		h.look(351*day + time.Hour)
		h.look(352 * day)
		open, err := h.renewals.Open(t.Context())
		if err != nil || len(open) != 2 || !open[0].DueAt.Equal(epoch.Add(365*day+time.Hour)) {
			t.Fatalf("asked %+v, %v", open, err)
		}
		h.authorise("g_2", "lantian", 2)
		h.look(366 * day)
		h.look(367 * day)
		want, told := "active", []string{"grant.old grant:g_1", "grant.old grant:g_2", "alert.over grant:g_2 grant.old"}
		if enforce {
			want, told = "needs_owner max_age", append(told, "grant.needs_owner grant:g_1")
		}
		if got := h.state("g_1"); got != want {
			t.Errorf("enforced %v: too old and %s, want %s", enforce, got, want)
		}
		if got := h.state("g_2"); got != "active" {
			t.Errorf("enforced %v: given anew and %s", enforce, got)
		}
		if diff := cmp.Diff(told, h.told()); diff != "" {
			t.Errorf("enforced %v: told (-want +got):\n%s", enforce, diff)
		}
		g, err := h.store.Grant(t.Context(), "g_1")
		h.must(err)
		if g.Overdue() != enforce {
			t.Errorf("enforced %v: overdue %v", enforce, g.Overdue())
		}
	}
}

// TestRevokedWhileAsked: nobody is asked for a grant that ended.
func TestRevokedWhileAsked(t *testing.T) {
	h := newHouse(t, 365*day, true)
	h.authorise("g_1", "tea", 1)
	h.look(360 * day)
	h.must(h.store.Revoke(t.Context(), grant.Effects{At: h.at, Revoke: []grant.Revocation{{GrantID: "g_1"}}}))
	h.look(361 * day)
	if open, err := h.renewals.Open(t.Context()); err != nil || len(open) > 0 {
		t.Errorf("still asked: %v, %v", open, err)
	}
	if diff := cmp.Diff([]string{"grant.old grant:g_1", "alert.over grant:g_1 grant.old"}, h.told()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestAsking: each kind of grant has its own way, and what nobody authorised none.
func TestAsking(t *testing.T) {
	h := newHouse(t, 0, false)
	h.authorise("g_1", "tea", 1)
	h.authorise("g_2", "", 1)
	for id, want := range map[string]review.Asked{
		"g_1": {Way: review.WayMarket, Link: "https://zhanggui.example.com/login?rd=%2Fshops%2Ftea&shop=tea"},
		"g_2": {Way: review.WayLink, Link: "link:platform:wx00000000000000e2"},
	} {
		got, err := h.renewals.Ask(t.Context(), id, epoch.Add(day), operator)
		h.must(err)
		if got.Way != want.Way || got.Link != want.Link || !got.Renewal.DueAt.Equal(epoch.Add(day)) || got.Renewal.By != "operator" {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
		if r, open, err := h.renewals.Of(t.Context(), id); err != nil || !open || r.GrantID != id {
			t.Errorf("%s: %+v, %v, %v", id, r, open, err)
		}
	}
	if told := h.told(); len(told) > 0 {
		t.Errorf("whoever asks was told: %v", told)
	}
	h.look(30 * day)
	if got := h.state("g_1"); got != "active" {
		t.Errorf("a day of a human's cut it: %s", got)
	}
	h.must(h.store.Revoke(t.Context(), grant.Effects{At: h.at, Revoke: []grant.Revocation{{GrantID: "g_2"}}}))
	own, err := h.store.ComponentGrant(t.Context(), "platform")
	h.must(err)
	for _, c := range []struct {
		id    string
		until time.Time
		want  error
	}{
		{own.ID, time.Time{}, review.ErrOwnKey}, {"g_2", time.Time{}, review.ErrEnded}, {"g_1", h.at, review.ErrDate}, {"g_nobody", time.Time{}, grant.ErrNotFound},
	} {
		if _, err := h.renewals.Ask(t.Context(), c.id, c.until, operator); !errors.Is(err, c.want) {
			t.Errorf("%s until %v: %v, want %v", c.id, c.until, err, c.want)
		}
	}
	if _, open, err := h.renewals.Of(t.Context(), own.ID); err != nil || open {
		t.Errorf("a platform's own: %v, %v", open, err)
	}
	if n := len(h.entries("grant.renew")); n != 2 {
		t.Errorf("%d entries of asking, want 2", n)
	}
}

// TestKindsOfNotices: the words of the notices that are told here exist.
func TestKindsOfNotices(t *testing.T) {
	for _, k := range []notice.Kind{notice.ReviewDue, notice.GrantOld, notice.AlertOver} {
		if k.Words() == notice.Kind("strange").Words() {
			t.Errorf("%s has no words", k)
		}
	}
}

// TestDaysOfHumansAreKept: where the settings enforce ends, a day that a human named is
// one.
func TestDaysOfHumansAreKept(t *testing.T) {
	h := newHouse(t, 365*day, true)
	h.authorise("g_1", "tea", 1)
	if _, err := h.renewals.Ask(t.Context(), "g_1", epoch.Add(10*day), operator); err != nil {
		t.Fatal(err)
	}
	h.look(9 * day)
	if got := h.state("g_1"); got != "active" {
		t.Errorf("before its day it is %s", got)
	}
	h.look(10 * day)
	if got := h.state("g_1"); got != "needs_owner not_renewed" {
		t.Errorf("after its day it is %s", got)
	}
	events, err := h.store.EventsAfter(t.Context(), 0, 10)
	if err != nil || len(events) != 1 || events[0].Name != "grant.needs_owner" || events[0].ShopID != "tea" {
		t.Errorf("events %+v, %v", events, err)
	}
}
