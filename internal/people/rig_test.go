package people_test

import (
	"encoding/json"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/people"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// epoch is when every test begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// rig is the pages on a real store; who asks is the test's choice.
type rig struct {
	t       *testing.T
	store   *sqlstore.Store
	people  *people.People
	handler http.Handler
	now     time.Time
	person  string // id of who asks; empty: nobody
	admin   string // id of the administrator who asks
	old     bool   // WeChat named who asks long ago
	forgot  bool   // the browser was told to forget
}

func newRig(t *testing.T) *rig {
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
	pages, err := ui.New(ui.Options{Catalogues: []fs.FS{people.Words()}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: store, now: epoch}
	origin := &url.URL{Scheme: "https", Host: "zhanggui.example.com"}
	page := func(h web.Handler) http.Handler { return web.CrossOrigin(origin)(web.BrowserHeaders(pages.Page(h))) }
	r.people = people.New(people.Options{UI: pages, Page: page, Now: func() time.Time { return r.now }, Login: r, Store: store,
		Link: func(p string) string { return origin.String() + p }})
	mux := http.NewServeMux()
	r.people.Mount(mux)
	mux.Handle("GET /shops/{shop}", page(func(w http.ResponseWriter, req *http.Request) error { return r.shopPage(pages, w, req) }))
	r.handler = web.Wrap(mux, web.Options{PublicURL: origin})
	r.declare(access.Declaration{
		Apps: []access.App{
			{ID: "mp", Kind: access.ServiceAccount, AppID: "wx00000000000000a1", Secret: []byte("sealed"), SecretVersion: 1},
			{ID: "a", Kind: access.ShopApp, AppID: "wx00000000000000c1", Secret: []byte("sealed"), SecretVersion: 1},
			{ID: "b", Kind: access.ShopApp, AppID: "wx00000000000000c2", Secret: []byte("sealed"), SecretVersion: 1},
		},
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天文具"}, {ID: "tea", Name: "红土"}},
		Shops:   []access.Shop{{ID: "lantian", TenantID: "lantian", App: "a", Name: "蓝天文具店"}, {ID: "tea", TenantID: "tea", App: "b", Name: "红土茶铺"}},
	})
	return r
}

// shopPage stands for the console's page of a shop.
func (r *rig) shopPage(pages *ui.UI, w http.ResponseWriter, req *http.Request) error {
	shop, err := r.store.Shop(req.Context(), req.PathValue("shop"))
	if err != nil {
		return err
	}
	var body templ.Component
	if r.admin != "" {
		if err := r.people.Visiting(req.Context(), r.admin, shop); err != nil {
			return err
		}
		body, err = r.people.Board(req.Context(), access.Person{}, shop, access.Owner, true)
	} else {
		_, person, failed := r.Require(req, access.Viewer, shop.ID)
		if failed != nil {
			return failed
		}
		role, _ := access.RoleIn(person.Members, shop, r.now)
		body, err = r.people.Board(req.Context(), person, shop, role, false)
	}
	if err != nil {
		return err
	}
	return pages.Render(w, req, http.StatusOK, ui.PageInfo{Title: shop.Name}, body)
}

func (r *rig) declare(d access.Declaration) {
	r.t.Helper()
	revision, err := r.store.Revision(r.t.Context())
	r.must(err)
	d.Revision, d.At = revision, r.now
	r.must(r.store.Declare(r.t.Context(), d, audit.Entry{At: r.now, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test.declare", Outcome: audit.Done}))
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// enter logs a new person in, with a session of a day.
func (r *rig) enter(id, nickname string) {
	r.t.Helper()
	_, hash := access.NewKey(access.SessionPrefix)
	e := grant.Effects{At: r.now, Login: &grant.Login{NewPerson: id,
		Identity: access.Identity{App: "mp", OpenID: "o_demo_" + id, PersonID: id, SeenAt: r.now},
		Session: access.Session{ID: "s_" + id, TokenHash: hash, PersonID: id, App: "mp", Door: access.DoorWeChat, Device: "微信 · Android",
			CreatedAt: r.now, SeenAt: r.now, ProvedAt: r.now, ExpiresAt: r.now.Add(24 * time.Hour), IdleLimit: 24 * time.Hour},
		Consent: &access.Consent{PersonID: id, App: "mp", TenantID: "lantian", Version: "c1", At: r.now}}}
	r.must(r.store.Login(r.t.Context(), e))
	r.must(r.store.SaveProfile(r.t.Context(), access.Profile{PersonID: id, Nickname: nickname, UpdatedAt: r.now}))
}

// join has a new person hold a role; shop is empty for the whole tenant.
func (r *rig) join(id, nickname, shop string, role access.Role) access.Member {
	r.t.Helper()
	r.enter(id, nickname)
	m := access.Member{TenantID: "lantian", ShopID: shop, PersonID: id, Role: role, Since: r.now}
	r.declare(access.Declaration{Members: []access.Member{m}})
	return m
}

func (r *rig) as(person string) *rig {
	r.person, r.admin, r.old = person, "", false
	return r
}

// Errors of a login that the rig stands for.
var (
	errStranger = &web.Error{Status: http.StatusUnauthorized, Code: "no-session", EN: "Sign in first.", ZH: "请先登录。"}
	errNoRole   = &web.Error{Status: http.StatusForbidden, Code: "no-role", EN: "Not yours.", ZH: "无权访问。"}
	errOldProof = &web.Error{Status: http.StatusForbidden, Code: "proof-old", EN: "Prove it again.", ZH: "请重新验证。"}
)

// Require implements people.Login.
func (r *rig) Require(req *http.Request, role access.Role, shopID string) (access.Session, access.Person, error) {
	if r.person == "" {
		return access.Session{}, access.Person{}, errStranger
	}
	sessions, err := r.store.Sessions(req.Context(), access.SessionFilter{PersonID: r.person})
	if err != nil || len(sessions) == 0 || !sessions[0].Live(r.now) {
		return access.Session{}, access.Person{}, errStranger
	}
	p, err := r.store.Person(req.Context(), r.person)
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	shop, err := r.store.Shop(req.Context(), shopID)
	held, ok := access.RoleIn(p.Members, shop, r.now)
	if err != nil || !ok || !held.Covers(role) {
		return access.Session{}, access.Person{}, errNoRole
	}
	return sessions[0], p, nil
}

// RequireProved implements people.Login.
func (r *rig) RequireProved(req *http.Request, role access.Role, shopID string) (access.Session, access.Person, error) {
	s, p, err := r.Require(req, role, shopID)
	if err == nil && r.old {
		err = errOldProof
	}
	return s, p, err
}

// RequirePerson implements people.Login.
func (r *rig) RequirePerson(req *http.Request) (access.Session, access.Person, error) {
	if r.person == "" {
		return access.Session{}, access.Person{}, errStranger
	}
	if r.old {
		return access.Session{}, access.Person{}, errOldProof
	}
	p, err := r.store.Person(req.Context(), r.person)
	return access.Session{PersonID: r.person}, p, err
}

// Forget implements people.Login.
func (r *rig) Forget(http.ResponseWriter) { r.forgot = true }

// RequireAdmin implements people.Login.
func (r *rig) RequireAdmin(*http.Request) (access.Session, error) {
	if r.admin == "" {
		return access.Session{}, errNoRole
	}
	return access.Session{AdminID: r.admin}, nil
}

// get opens a page.
func (r *rig) get(path string) *httptest.ResponseRecorder { return r.getIn(path, "en") }

func (r *rig) getIn(path, lang string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("GET", "https://zhanggui.example.com"+path, nil)
	req.Header.Set("Accept-Language", lang)
	return r.do(req)
}

// post presses a button.
func (r *rig) post(path string, form url.Values) *httptest.ResponseRecorder {
	req := httptest.NewRequest("POST", "https://zhanggui.example.com"+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return r.do(req)
}

func (r *rig) do(req *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	return rec
}

// posts wants a button to answer with a status.
func (r *rig) posts(status int, path string, form url.Values) *httptest.ResponseRecorder {
	r.t.Helper()
	rec := r.post(path, form)
	if rec.Code != status {
		r.t.Fatalf("%s %v: %d, want %d\n%s", path, form, rec.Code, status, rec.Body)
	}
	return rec
}

// role is somebody's role in the first shop; empty: none.
func (r *rig) role(person string) access.Role {
	r.t.Helper()
	p, err := r.store.Person(r.t.Context(), person)
	r.must(err)
	role, _ := access.RoleIn(p.Members, access.Shop{ID: "lantian", TenantID: "lantian"}, r.now)
	return role
}

// live tells whether somebody is logged in.
func (r *rig) live(person string) bool {
	r.t.Helper()
	all, err := r.store.Sessions(r.t.Context(), access.SessionFilter{PersonID: person})
	r.must(err)
	for _, s := range all {
		if s.Live(r.now) {
			return true
		}
	}
	return false
}

// entries are those of the audit log with an action.
func (r *rig) entries(action string) []audit.Entry {
	r.t.Helper()
	records, err := r.store.AuditEntries(r.t.Context(), -1, 1000)
	r.must(err)
	var found []audit.Entry
	for _, rec := range records {
		e, err := audit.Decode(rec.Data)
		r.must(err)
		if e.Action == action {
			found = append(found, e)
		}
	}
	return found
}

// kinds are the notices that were written.
func (r *rig) kinds() []notice.Kind {
	r.t.Helper()
	all, err := r.store.Notices(r.t.Context(), false, 100)
	r.must(err)
	var kinds []notice.Kind
	for _, n := range all {
		kinds = append(kinds, n.Notice.Kind)
	}
	return kinds
}

// word is what the catalogue says, as a page writes it.
func word(t *testing.T, lang, key string) string {
	t.Helper()
	b, err := fs.ReadFile(people.Words(), "locales/active."+lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if all[key] == "" {
		t.Fatalf("the catalogue has no %s", key)
	}
	return html.EscapeString(all[key])
}

// unsaid is a key of the catalogue that stands on a page instead of words.
var unsaid = regexp.MustCompile(`\b(people|ui)\.[a-z_]+(\.[a-z_]+)*\b`)

// contains wants all of these on a page.
func contains(t *testing.T, rec *httptest.ResponseRecorder, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%d, the page lacks %q:\n%s", rec.Code, want, rec.Body)
		}
	}
}

// lacks wants none of these on a page.
func lacks(t *testing.T, rec *httptest.ResponseRecorder, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(rec.Body.String(), u) {
			t.Errorf("%d, the page holds %q:\n%s", rec.Code, u, rec.Body)
		}
	}
}
