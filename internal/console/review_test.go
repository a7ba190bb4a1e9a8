package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

var digestField = regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`)

// digestOn gives the digest that a page asks to be signed.
func (r *rig) digestOn(path string) string {
	r.t.Helper()
	rec := r.get(path, "en")
	m := digestField.FindStringSubmatch(rec.Body.String())
	if rec.Code != http.StatusOK || m == nil {
		r.t.Fatalf("%s: %d without a digest: %s", path, rec.Code, rec.Body)
	}
	return m[1]
}

// TestTheHouseIsReviewed: an administrator sees what stands out with the command that
// ends it, and signs that very report.
func TestTheHouseIsReviewed(t *testing.T) {
	r := newRig(t)
	r.asAdmin()
	body := html.UnescapeString(r.get("/admin/review", "en").Body.String())
	for _, want := range []string{"zhanggui client revoke erp", "the key has no end", "Nobody signed", "authorizer_refresh_token", "?format=csv"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if zh := r.get("/admin/review", "zh-CN").Body.String(); !strings.Contains(zh, "密钥没有到期日") {
		t.Error("the Chinese page gives its reasons in English")
	}
	digest := r.digestOn("/admin/review")
	if rec := r.post("/admin/review", url.Values{"digest": {digest}, "note": {"looked"}}); rec.Code != http.StatusSeeOther {
		t.Fatalf("signing: %d %s", rec.Code, rec.Body)
	}
	if body := r.get("/admin/review", "en").Body.String(); !strings.Contains(body, "admin:a_0001") {
		t.Error("the page does not say who signed")
	}
	if rec := r.post("/admin/review", url.Values{"digest": {strings.Repeat("0", 64)}}); rec.Code != http.StatusConflict {
		t.Errorf("signing another report: %d, want 409", rec.Code)
	}
	if rec := r.post("/admin/review", url.Values{"digest": {digest}, "note": {strings.Repeat("长", 501)}}); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("a long note: %d, want 422", rec.Code)
	}
	if rec := r.get("/", "en"); !strings.Contains(rec.Body.String(), `href="/admin/review"`) {
		t.Error("the overview does not lead there")
	}
}

func TestReviewsAreFiles(t *testing.T) {
	r := newRig(t)
	r.asAdmin()
	for format, want := range map[string][2]string{"csv": {"text/csv; charset=utf-8", "\ufeffsection,id"}, "json": {"application/json", "{\n  \"at\""}} {
		rec := r.get("/admin/review?format="+format, "en")
		if rec.Header().Get("Content-Type") != want[0] || !strings.HasPrefix(rec.Body.String(), want[1]) || !strings.Contains(rec.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v %.40q", format, rec.Header(), rec.Body)
		}
	}
	paper := r.get("/admin/review?print=1", "en").Body.String()
	if strings.Contains(paper, "<form") || !strings.Contains(paper, "Read and signed") {
		t.Error("the page for paper has something to press, or no line to sign on")
	}
}

// TestOwnersReviewTheirPart: an owner sees and signs what is theirs, and strangers to
// the shop see nothing.
func TestOwnersReviewTheirPart(t *testing.T) {
	r := newRig(t)
	r.asPerson("王芳", owner)
	body := r.get("/shops/lantian/review", "en").Body.String()
	if !strings.Contains(body, "erp") || strings.Contains(body, "tea") || strings.Contains(body, "zhanggui client revoke") || strings.Contains(body, "Staff of the provider") {
		t.Errorf("an owner reads what is not theirs: %s", body)
	}
	digest := r.digestOn("/shops/lantian/review")
	if rec := r.post("/shops/lantian/review", url.Values{"digest": {digest}}); rec.Code != http.StatusForbidden {
		t.Errorf("signed without a fresh word of WeChat's: %d", rec.Code)
	}
	r.session.ProvedAt = epoch
	if rec := r.post("/shops/lantian/review", url.Values{"digest": {digest}}); rec.Code != http.StatusSeeOther {
		t.Fatalf("signing: %d %s", rec.Code, rec.Body)
	}
	last, err := r.store.LastReview(t.Context(), "lantian", "")
	if err != nil || last.By != "person:p_0001" || last.Digest != digest {
		t.Errorf("signed %+v, %v", last, err)
	}
	if rec := r.get("/", "en"); !strings.Contains(rec.Body.String(), `href="/shops/lantian/review"`) {
		t.Error("the shop's page does not lead there")
	}
	for _, path := range []string{"/shops/tea/review", "/admin/review"} {
		if rec := r.get(path, "en"); rec.Code != http.StatusForbidden {
			t.Errorf("an owner at %s: %d, want 403", path, rec.Code)
		}
	}
	viewer := owner
	viewer.Role = access.Viewer
	r.asPerson("", viewer)
	if rec := r.get("/shops/lantian/review", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("a viewer: %d, want 403", rec.Code)
	}
}

// manyClients declares clients with names that strangers choose.
func (r *rig) manyClients(n int, name string) {
	r.t.Helper()
	revision, err := r.store.Revision(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	d := access.Declaration{Revision: revision, At: epoch}
	for i := range n {
		d.Clients = append(d.Clients, access.Client{ID: fmt.Sprintf("c-%05d", i), Name: name, KeyHash: fmt.Appendf(nil, "hash %d", i), Mode: access.Read, Shops: []string{"tea"}, CreatedAt: epoch})
	}
	if err := r.store.Declare(r.t.Context(), d, audit.Entry{At: epoch, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test.declare", Outcome: audit.Done}); err != nil {
		r.t.Fatal(err)
	}
}

// TestManyLinesArePages: a page stays small however large the house is.
func TestManyLinesArePages(t *testing.T) {
	r := newRig(t)
	r.manyClients(250, "<script>alert(1)</script>\u202eexe")
	r.asAdmin()
	first := r.get("/admin/review", "en").Body.String()
	if n := strings.Count(first, "<code>c-"); n > 60 || strings.Contains(first, "<script>") || strings.Contains(first, "\u202e") {
		t.Errorf("the first page has %d of them, or a name does something", n)
	}
	for page, want := range map[string]struct {
		lines      int
		prev, next bool
	}{"1": {100, false, true}, "2": {100, true, true}, "3": {51, true, false}, "4": {51, true, false}, "x": {100, false, true}, "-1": {100, false, true}} {
		body := r.get("/admin/review?section=clients&page="+page, "en").Body.String()
		if got := strings.Count(body, "zhanggui client revoke"); got != want.lines {
			t.Errorf("page %s has %d lines, want %d", page, got, want.lines)
		}
		if strings.Contains(body, `rel="prev"`) != want.prev || strings.Contains(body, `rel="next"`) != want.next {
			t.Errorf("page %s leads to the wrong pages", page)
		}
	}
}

// TestOwnersAreAskedToAuthoriseAnew: their page says so, with one thing to press where
// WeChat has something to press.
func TestOwnersAreAskedToAuthoriseAnew(t *testing.T) {
	r := newRig(t)
	person := r.login("p_0001")
	r.asPerson("王芳", owner)
	if body := r.get("/", "en").Body.String(); strings.Contains(body, "prove=1") {
		t.Error("somebody is asked whom nobody asked")
	}
	if _, err := r.renewals.Ask(t.Context(), person, epoch.Add(10*24*time.Hour), audit.Actor{Kind: audit.ActorOperator}); err != nil {
		t.Fatal(err)
	}
	body := r.get("/", "en").Body.String()
	if !strings.Contains(body, "/login?prove=1") || !strings.Contains(body, "2026-03-11") {
		t.Errorf("the owner is not asked: %s", body)
	}
}

// login has a person log in whose grant is kept, and gives its id.
func (r *rig) login(person string) string {
	r.t.Helper()
	e := grant.Effects{At: epoch,
		Authorise: &grant.Authorisation{GrantID: "g_person", Kind: grant.User, App: "a", PersonID: person, OpenID: "o_demo_owner_0001", Scope: "snsapi_base", DueAt: epoch,
			Tokens: &grant.Tokens{Generation: 1, Access: []byte{1}, AccessExpires: epoch.Add(2 * time.Hour), Refresh: []byte{1}, RefreshIssued: epoch, RefreshExpires: epoch.Add(30 * 24 * time.Hour)}},
		Audit: []audit.Entry{{At: epoch, Actor: audit.Actor{Kind: audit.ActorPerson, ID: person}, Action: "test.login", Outcome: audit.Done}}}
	if err := r.store.Authorise(r.t.Context(), e); err != nil {
		r.t.Fatal(err)
	}
	return e.Authorise.GrantID
}
