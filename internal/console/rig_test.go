package console_test

import (
	"context"
	"encoding/json"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/console"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/review"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// epoch is the tests' present.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// rig is the pages on a real store; who asks and what WeChat answers is the
// test's choice.
type rig struct {
	t       *testing.T
	store   *sqlstore.Store
	handler http.Handler
	session *access.Session // nil: a stranger
	person  access.Person
	answers map[string]string // of WeChat, by path
	failure error             // of every call to WeChat
	board   boards
	removed []string // channels
	alerts  alerts

	renewals *review.Renewals
	turning  turning
}

// staffOf is the administrators of a store, and one more who may do everything.
type staffOf struct{ *sqlstore.Store }

// Admin implements console.Staff.
func (s staffOf) Admin(ctx context.Context, id string) (access.Administrator, error) {
	if id == "a_0001" {
		return access.Administrator{ID: id}, nil
	}
	return s.Store.Admin(ctx, id)
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
	pages, err := ui.New(ui.Options{Catalogues: []fs.FS{console.Words()}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: store, answers: map[string]string{
		"/channels/ec/basics/info/get":  `{"info":{"nickname":"蓝天文具店","status":"open_finished"}}`,
		"/channels/ec/product/list/get": `{"product_ids":[],"total_num":0}`,
		"/channels/ec/order/list/get":   `{"order_id_list":[]}`,
	}}
	origin := &url.URL{Scheme: "https", Host: "zhanggui.example.com"}
	mux := http.NewServeMux()
	now := func() time.Time { return epoch }
	link := func(p string) string { return origin.String() + p }
	r.renewals = review.NewRenewals(review.RenewalOptions{Store: store, Now: now, Link: link})
	console.New(console.Options{
		UI: pages, Now: now, Login: r, Directory: store, People: store, Invites: store, Log: store, Caller: r, Purchases: store, Exports: store,
		Board: &r.board, Staff: staffOf{store}, Doctor: r, Radar: store, Channels: r, Alerts: &r.alerts, Rotations: &r.turning,
		Reviews: review.New(review.Options{Store: store, Catalogue: catalogue.Default(), Every: 24 * time.Hour, Now: now,
			Sealing: func(time.Time) []review.SealingKey { return nil }}),
		Renewals: r.renewals,
		Runbook:  func(k notice.Kind) string { return "https://example.com/" + string(k) + ".md" },
		Page:     func(h web.Handler) http.Handler { return web.CrossOrigin(origin)(web.BrowserHeaders(pages.Page(h))) },
		Link:     link,
	}).Mount(mux)
	r.handler = web.Wrap(mux, web.Options{PublicURL: origin})
	r.declare()
	return r
}

// declare makes two tenants with a shop each, and a client.
func (r *rig) declare() {
	r.t.Helper()
	revision, err := r.store.Revision(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	d := access.Declaration{Revision: revision, At: epoch,
		Apps: []access.App{
			{ID: "a", Kind: access.ShopApp, AppID: "wx00000000000000c1", Secret: []byte("sealed"), SecretVersion: 1},
			{ID: "b", Kind: access.ShopApp, AppID: "wx00000000000000c2", Secret: []byte("sealed"), SecretVersion: 1},
		},
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天文具"}, {ID: "tea", Name: "红土"}},
		Shops:   []access.Shop{{ID: "lantian", TenantID: "lantian", App: "a", Name: "蓝天文具店"}, {ID: "tea", TenantID: "tea", App: "b", Name: "红土茶铺"}},
		Clients: []access.Client{{ID: "erp", Name: "ERP", KeyHash: []byte("hash"), KeyHint: "zgc_AB…", Mode: access.Read, Shops: []string{"lantian"}, CreatedAt: epoch}},
	}
	if err := r.store.Declare(r.t.Context(), d, audit.Entry{At: epoch, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test.declare", Outcome: audit.Done}); err != nil {
		r.t.Fatal(err)
	}
}

// asPerson logs somebody with roles in.
func (r *rig) asPerson(nickname string, members ...access.Member) {
	r.session = &access.Session{ID: "s_0001", PersonID: "p_0001", Door: access.DoorWeChat}
	r.person = access.Person{ID: "p_0001", Profile: access.Profile{Nickname: nickname}, Members: members}
}

// owner is a role in the first tenant.
var owner = access.Member{PersonID: "p_0001", TenantID: "lantian", Role: access.Owner, Since: epoch.Add(-time.Hour)}

// asAdmin logs an administrator in.
func (r *rig) asAdmin() {
	r.session, r.person = &access.Session{ID: "s_0002", AdminID: "a_0001", Door: access.DoorKey}, access.Person{}
}

// Resume implements console.Login.
func (r *rig) Resume(http.ResponseWriter, *http.Request) (bool, error) { return false, nil }

// Current implements console.Login.
func (r *rig) Current(*http.Request) (access.Session, access.Person, bool) {
	if r.session == nil {
		return access.Session{}, access.Person{}, false
	}
	return *r.session, r.person, true
}

var (
	errStranger = &web.Error{Status: http.StatusUnauthorized, Code: "no-session", EN: "Sign in first.", ZH: "请先登录。"}
	errNoRole   = &web.Error{Status: http.StatusForbidden, Code: "no-role", EN: "Not yours.", ZH: "无权访问。"}
)

// Require implements console.Login.
func (r *rig) Require(_ *http.Request, role access.Role, shopID string) (access.Session, access.Person, error) {
	if r.session == nil {
		return access.Session{}, access.Person{}, errStranger
	}
	shop, err := r.store.Shop(r.t.Context(), shopID)
	held, ok := access.RoleIn(r.person.Members, shop, epoch)
	if err != nil || !ok || !held.Covers(role) {
		return access.Session{}, access.Person{}, errNoRole
	}
	return *r.session, r.person, nil
}

// RequireProved implements console.Login.
func (r *rig) RequireProved(req *http.Request, role access.Role, shopID string) (access.Session, access.Person, error) {
	s, p, err := r.Require(req, role, shopID)
	if err == nil && !s.ProvedAt.Equal(epoch) {
		err = errNoRole
	}
	return s, p, err
}

// RequireAdmin implements console.Login.
func (r *rig) RequireAdmin(*http.Request) (access.Session, error) {
	switch {
	case r.session == nil:
		return access.Session{}, errStranger
	case r.session.AdminID == "":
		return access.Session{}, errNoRole
	}
	return *r.session, nil
}

// Call implements console.Caller.
func (r *rig) Call(_ context.Context, _, _, path string, _, out any) error {
	if r.failure != nil {
		return r.failure
	}
	return json.Unmarshal([]byte(r.answers[path]), out)
}

// get opens a page in a language.
func (r *rig) get(path, lang string) *httptest.ResponseRecorder {
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

// takeInvitation makes an invitation that a new person took, with this code.
func (r *rig) takeInvitation(code string) access.Invitation {
	r.t.Helper()
	ctx := r.t.Context()
	by := audit.Actor{Kind: audit.ActorAdmin, ID: "a_0001"}
	i, _ := access.NewInvitation("lantian", "", access.Operator, "admin:a_0001", epoch)
	if err := r.store.CreateInvitation(ctx, i, grant.InviteEntry(epoch, by, i)); err != nil {
		r.t.Fatal(err)
	}
	r.takeAs(i, "p_0009", code)
	return i
}

// takeAs has a new person take an invitation, with the code they are shown.
func (r *rig) takeAs(i access.Invitation, person, code string) {
	r.t.Helper()
	ctx := r.t.Context()
	state := []byte("state " + i.ID)
	if _, err := r.store.UseState(ctx, grant.Callback{App: "a", StateHash: state, CodeHash: state, At: epoch}); err != nil {
		r.t.Fatal(err)
	}
	_, hash := access.NewKey(access.SessionPrefix)
	e := grant.Effects{At: epoch, Login: &grant.Login{StateHash: state, NewPerson: person,
		Identity: access.Identity{App: "a", OpenID: "o_demo_owner_0009", PersonID: person, SeenAt: epoch},
		Session: access.Session{ID: "s_0009", TokenHash: hash, PersonID: person, App: "a", Door: access.DoorWeChat, Device: "WeChat, Android",
			CreatedAt: epoch, SeenAt: epoch, ProvedAt: epoch, ExpiresAt: epoch.Add(time.Hour), IdleLimit: time.Hour},
		Take: &grant.Take{InvitationID: i.ID, PersonID: person, Code: code}}}
	if err := r.store.Login(ctx, e); err != nil {
		r.t.Fatal(err)
	}
}

// size is how many entries the audit log has.
func (r *rig) size() int64 {
	r.t.Helper()
	size, _, err := r.store.AuditHead(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return size
}

// word is what the catalogue says, as a page writes it.
func word(t *testing.T, lang, key string) string {
	t.Helper()
	b, err := fs.ReadFile(console.Words(), "locales/active."+lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	text, ok := all[key].(string)
	if !ok {
		t.Fatalf("the catalogue has no %s", key)
	}
	return html.EscapeString(text)
}
