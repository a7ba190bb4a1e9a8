package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// disagreement makes the log say something else of a grant than its row, and
// gives what the store finds.
func (w *world) disagreement(id, said string) audit.Disagreement {
	w.t.Helper()
	e := entry(audit.GrantTokens)
	e.Details = map[string]string{id: said}
	if err := w.s.Append(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
	found, err := w.s.CheckGrants(w.t.Context())
	if err != nil || len(found) != 1 || found[0].Grant() != id {
		w.t.Fatalf("found %v, %v; want %s", found, err, id)
	}
	return found[0]
}

var integrityCases = []testCase{
	{"a row that is older than the log is ended and told", func(t *testing.T, w *world) {
		w.renew("tea", start)
		g := w.shopGrant("tea")
		d := w.disagreement(g.ID, "7 none")
		same(t, "kind", d.Kind, audit.GrantDisagrees)
		w.must(w.s.EndPutBack(t.Context(), start, d))
		g = w.shopGrant("tea")
		same(t, "state", g.State, grant.Revoked)
		same(t, "cause", g.Cause, audit.GrantRowPutBack)
		same(t, "tokens", g.Tokens, grant.Tokens{Generation: 8})
		w.refused(grant.ErrNotFound, func() error { return second(w.s.Claim(t.Context(), g.ID, request(start))) })
		recorded := w.entries("grant.disagrees")
		if len(recorded) != 1 || recorded[0].Subject != "grant:"+g.ID || recorded[0].Reason != string(audit.GrantDisagrees) {
			t.Errorf("recorded %+v, want one entry about %s", recorded, g.ID)
		}
		_, notices, err := w.s.PendingNotices(t.Context(), 10)
		w.must(err)
		same(t, "notices", notices, []notice.Notice{{At: start, Kind: notice.AuditBroken, Subject: "grant:" + g.ID, Details: recorded[0].Details}})
	}},
	{"a row that is newer than the log is ended", func(t *testing.T, w *world) {
		w.renew("tea", start)
		w.renew("tea", start)
		g := w.shopGrant("tea")
		w.must(w.s.EndPutBack(t.Context(), start, w.disagreement(g.ID, "1 none")))
		same(t, "tokens", w.shopGrant("tea").Tokens, grant.Tokens{Generation: 3})
	}},
	{"a row under a running lease is ended, and its holder loses", func(t *testing.T, w *world) {
		late := renewal(w.claim("tea", start), start)
		w.must(w.s.EndPutBack(t.Context(), start, w.disagreement(late.Settle.GrantID, "7 none")))
		w.refused(grant.ErrLost, func() error { return w.settle(late) })
	}},
	{"a row that two look at is ended once", func(t *testing.T, w *world) {
		w.renew("tea", start)
		d := w.disagreement(w.shopGrant("tea").ID, "7 none")
		w.must(w.s.EndPutBack(t.Context(), start, d))
		w.must(w.s.EndPutBack(t.Context(), start, d))
		same(t, "entries", len(w.entries("grant.disagrees")), 1)
		same(t, "generation", w.shopGrant("tea").Tokens.Generation, 8)
	}},
	{"a comparison in pages finds what one at once finds", comparePages},
	{"a row that is gone is recorded once", func(t *testing.T, w *world) {
		d := w.disagreement("g_gone", "3 none")
		same(t, "kind", d.Kind, audit.GrantGone)
		w.must(w.s.EndPutBack(t.Context(), start, d))
		same(t, "entries", len(w.entries("grant.disagrees")), 1)
	}},
	{"a grant that was ended for it starts anew", func(t *testing.T, w *world) {
		w.renew("tea", start)
		g := w.shopGrant("tea")
		w.must(w.s.EndPutBack(t.Context(), start, w.disagreement(g.ID, "2 none")))
		w.must(w.s.Authorise(t.Context(), grant.Effects{At: start, Authorise: &grant.Authorisation{
			GrantID: g.ID, Kind: grant.Self, App: "app-tea", ShopID: "tea", From: 3, DueAt: start,
		}}))
		w.renew("tea", start)
		same(t, "generation", w.shopGrant("tea").Tokens.Generation, 4)
	}},
	{"what ends nothing is no disagreement", func(t *testing.T, w *world) {
		w.must(w.s.EndPutBack(t.Context(), start))
		login := w.enter(1)
		id := login.Authorise.GrantID
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: id}}}))
		rev, err := w.s.Revision(t.Context())
		w.must(err)
		w.must(w.s.Declare(t.Context(), access.Declaration{At: start, Revision: rev, Remove: access.Removal{Apps: []string{"mp"}}}))
		if _, err := w.s.Grant(t.Context(), id); err == nil {
			t.Error("the app's grant is still there")
		}
	}},
}

// comparePages walks over the grants by two, while others renew.
func comparePages(t *testing.T, w *world) {
	w.renew("tea", start)
	w.renew("rice", start)
	gone := w.disagreement("g_gone", "3 none")
	var said audit.Grants
	for size := int64(1); said.Size() < size; {
		var err error
		size, err = w.s.FollowGrants(t.Context(), &said, 3)
		w.must(err)
	}
	said.Begin()
	var found []audit.Disagreement
	for last := ""; ; {
		more, next, err := w.s.CompareGrants(t.Context(), &said, last, 2)
		w.must(err)
		found = append(found, more...)
		if last = next; last == "" {
			break
		}
		w.renew("silk", start)
	}
	w.renew("rice", start)
	missing, err := w.s.MissingGrants(t.Context(), &said, gone.Grant(), w.shopGrant("rice").ID, "g_nobody")
	w.must(err)
	want, err := w.s.CheckGrants(t.Context())
	w.must(err)
	got := append(found, missing...)
	slices.SortFunc(got, func(a, b audit.Disagreement) int { return strings.Compare(a.Grant(), b.Grant()) })
	same(t, "disagreements", got, want)
	same(t, "how many", len(got), 1)
	w.must(w.s.EndPutBack(t.Context(), start, got...))
	size, root, err := w.s.AuditHead(t.Context())
	w.must(err)
	at, err := w.s.RootAt(t.Context(), size)
	w.must(err)
	same(t, "root of all entries", [32]byte(at), root)
	_, err = w.s.RootAt(t.Context(), size+1)
	if !errors.Is(err, sqlstore.ErrShorter) {
		t.Errorf("root of more entries than there are: %v", err)
	}
}
