package login

import (
	"bytes"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	uaWeChat = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116 Mobile Safari/537.36 MicroMessenger/8.0.50"
	uaWeCom  = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 wxwork/4.1.20 MicroMessenger/7.0.1"
	uaPC     = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"

	host   = "shop.example.com"
	openID = "o_demo_owner_0001"
)

// world is a login with everything around it faked but the vault, the pages
// and the HTTP plumbing.
type world struct {
	t        *testing.T
	store    *memStore
	live     *fakeLive
	platform *fakePlatform
	market   *fakeMarket
	links    *fakeLinks
	minis    *fakeMinis
	tally    *fakeTally
	clock    *clock
	vault    *vault.Vault
	login    *Login
	handler  http.Handler
	logs     *bytes.Buffer
	base     *url.URL
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newWorld(t *testing.T) *world { return newWorldAt(t, "https://"+host) }

func newWorldAt(t *testing.T, public string) *world {
	t.Helper()
	base, err := url.Parse(public)
	must(t, err)
	w := &world{
		t: t, base: base, tally: &fakeTally{}, logs: &bytes.Buffer{},
		clock:    &clock{at: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)},
		platform: &fakePlatform{answers: map[string]Answer{}, nickname: "小兰"},
		store:    &memStore{persons: map[string]*access.Person{}, setup: map[string]bool{}, fail: map[string]error{}},
		vault:    testVault(t),
	}
	w.fill()
	w.market = &fakeMarket{answers: map[string]Jump{}, store: w.store, grants: map[string]grant.Grant{}}
	w.links = &fakeLinks{answers: map[string]grant.Linked{}}
	w.minis = &fakeMinis{answers: map[string]Answer{}}
	words, err := ui.New(ui.Options{BasePath: base.Path, Catalogues: []fs.FS{Catalogue}})
	must(t, err)
	w.live = &fakeLive{w: w, strange: "none"}
	w.login, err = New(Options{
		Store: w.store, Live: w.live, Platform: w.platform, Vault: w.vault, UI: words, PublicURL: base,
		Page: func(h web.Handler) http.Handler {
			return web.BrowserHeaders(web.CrossOrigin(base)(words.Page(w.login.Silently(h))), "https://open.weixin.qq.com")
		},
		Market: w.market, Shops: w.market, Links: w.links, Minis: w.minis, Tally: w.tally, Now: w.clock.now,
		Log:      slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Operator: Operator{Name: "蓝天软件", ICP: "京ICP备00000000号", Contact: "help@example.com"},
	})
	must(t, err)
	mux := http.NewServeMux()
	w.login.Mount(mux)
	w.handler = web.Wrap(w.login.Proofs(mux), web.Options{
		PublicURL: base, Now: w.clock.now, Log: slog.New(slog.NewTextHandler(w.logs, nil)),
	})
	return w
}

// fill declares two apps, a tenant and two shops.
func (w *world) fill() {
	app := func(id string, kind access.AppKind, appid, scope string) access.App {
		sealed, err := w.vault.Seal(secret.FromString("the-app-secret"), vault.AppSecret(id, 1))
		must(w.t, err)
		return access.App{
			ID: id, Kind: kind, AppID: appid, Name: "应用 " + id, Secret: sealed, SecretVersion: 1, Scope: scope,
			CallbackHost: w.base.Host,
		}
	}
	w.store.apps = []access.App{
		app("site", access.Website, "wx00000000000000b2", "snsapi_login"),
		app("svc", access.ServiceAccount, "wx00000000000000a1", "snsapi_userinfo"),
		{ID: "own", Kind: access.ShopApp, AppID: "wx00000000000000c3", Name: "自研"},
		{ID: "isv", Kind: access.Component, AppID: "wx00000000000000d4", Name: "平台", CallbackHost: w.base.Host, Services: []access.Service{
			{ID: "erp", ServiceID: "1234567890123", Name: "蓝天 ERP", Role: access.Operator},
			{ID: "look", ServiceID: "2234567890123", Name: "看板", Role: access.Viewer},
			{ID: "odd", ServiceID: "3234567890123", Name: "错配", Role: access.Owner},
		}},
	}
	mini := app("mini", access.MiniProgram, "wx00000000000000f1", "")
	w.store.apps = append(w.store.apps, mini)
	w.store.apps[1].VerifyName, w.store.apps[1].VerifyBody = "MP_verify_Abc123.txt", "Abc123"
	w.store.tenants = []access.Tenant{{ID: "lan", Name: "蓝天商贸"}}
	w.store.shops = []access.Shop{
		{ID: "lantian", TenantID: "lan", App: "own", AppID: "wx00000000000000e1", Name: "蓝天小店", RevokeOnWithdraw: true},
		{ID: "baiyun", TenantID: "bai", App: "own", AppID: "wx00000000000000e2", Name: "白云小店"},
	}
}

// answer makes WeChat name openid for code.
func (w *world) answer(code, openid string) Answer {
	a := Answer{
		Access: secret.FromString("ACCESS-" + code), Refresh: secret.FromString("REFRESH-" + code),
		AccessExpires: w.clock.now().Add(2 * time.Hour), OpenID: openid, Scope: "snsapi_userinfo",
	}
	w.platform.mu.Lock()
	defer w.platform.mu.Unlock()
	w.platform.answers[code] = a
	return a
}

func (w *world) setAnswer(code string, a Answer) {
	w.platform.mu.Lock()
	defer w.platform.mu.Unlock()
	w.platform.answers[code] = a
}

// noSecrets is the claim that nothing secret was logged.
func (w *world) noSecrets(words ...string) {
	w.t.Helper()
	for _, s := range words {
		if s != "" && strings.Contains(w.logs.String(), s) {
			w.t.Errorf("the log holds %q:\n%s", s, w.logs)
		}
	}
}

func testVault(t testing.TB) *vault.Vault {
	t.Helper()
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := vault.Create(t.Context(), kek)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wechatError(code int) error {
	return &wechat.Error{Op: "GET /sns/oauth2/access_token", Kind: wechat.KindCodeExchange, Code: code, Outcome: wechat.OutcomeAnswered, RID: "6000-aaaa"}
}

func link(app access.App, redirectURI, state string) string {
	return "appid=" + app.AppID + "&redirect_uri=" + url.QueryEscape(redirectURI) + "&response_type=code&scope=" +
		app.Scope + "&state=" + state + "#wechat_redirect"
}

// browser is somebody's browser: an agent, a language and cookies.
type browser struct {
	w       *world
	ua      string
	host    string
	lang    string
	cookies map[string]string
	last    *httptest.ResponseRecorder
}

func (w *world) browser(ua string) *browser {
	return &browser{w: w, ua: ua, host: w.base.Host, lang: "en", cookies: map[string]string{}}
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.send(http.MethodGet, path, nil)
}

func (b *browser) post(path string, form url.Values) *httptest.ResponseRecorder {
	return b.send(http.MethodPost, path, form)
}

// send follows nothing and keeps cookies as a browser does.
func (b *browser) send(method, path string, form url.Values) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	b.w.handler.ServeHTTP(rec, b.request(method, path, form))
	b.last = rec
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	return rec
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, b.w.base.Scheme+"://"+b.host+path, strings.NewReader(form.Encode()))
	r.Header.Set("User-Agent", b.ua)
	r.Header.Set("Accept-Language", b.lang)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// begin goes to a login page and gives the state that WeChat is shown.
func (b *browser) begin(path string) string {
	b.w.t.Helper()
	return stateOf(b.w.t, b.get(path))
}

func stateOf(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	if rec.Code != http.StatusSeeOther {
		t.Fatalf("no redirect to WeChat but %d: %s", rec.Code, rec.Body)
	}
	u, err := url.Parse(rec.Header().Get("Location"))
	must(t, err)
	if u.Host != "open.weixin.qq.com" {
		t.Fatalf("redirect to %s, want WeChat", u)
	}
	return u.Query().Get("state")
}

// door gives the app of this browser's door.
func (b *browser) door() string {
	if b.ua == uaWeChat {
		return "svc"
	}
	return "site"
}

func (b *browser) callback(code, state string) *httptest.ResponseRecorder {
	return b.get("/oauth/callback/" + b.door() + "?code=" + code + "&state=" + state)
}

// logIn is a whole login of openid.
func (b *browser) logIn(code, openid string) {
	b.w.t.Helper()
	b.w.answer(code, openid)
	if rec := b.callback(code, b.begin("/login")); rec.Code != http.StatusSeeOther {
		b.w.t.Fatalf("login: %d %s", rec.Code, rec.Body)
	}
}

// current asks who this browser is.
func (b *browser) current() (access.Session, access.Person, bool) {
	return b.w.login.Current(b.request(http.MethodGet, "/", nil))
}

func (b *browser) sessionToken() string { return b.cookies["__Host-zg_session"] }

// refusedWith checks a page that refuses.
func refusedWith(t *testing.T, rec *httptest.ResponseRecorder, status int, words string) {
	t.Helper()
	if rec.Code != status {
		t.Errorf("status %d, want %d\n%s", rec.Code, status, rec.Body)
	}
	if !strings.Contains(rec.Body.String(), words) {
		t.Errorf("the page lacks %q:\n%s", words, rec.Body)
	}
	if loc := rec.Header().Get("Location"); loc != "" {
		t.Errorf("a refusal redirects to %s", loc)
	}
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// invite makes an invitation to own lantian's tenant and gives its token.
func (w *world) invite() (token, id string) {
	key, hash := access.NewKey(access.InvitePrefix)
	id = access.NewID("i")
	w.store.invitations = append(w.store.invitations, access.Invitation{
		ID: id, TokenHash: hash, TenantID: "lan", Role: access.Owner, InvitedBy: "admin:a_demo", State: access.InvitationOpen,
		CreatedAt: w.clock.now(), ExpiresAt: w.clock.now().Add(access.InvitationLife),
	})
	return key.RevealString(), id
}
