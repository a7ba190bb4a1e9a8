package guard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

const (
	ours  = "https://zhanggui.example.com"
	erp   = "https://erp.example.com"
	pages = "text/html,application/xhtml+xml"
)

// underscored is a header that some servers read as X-Webauth-User.
var underscored = "X_webauth_user"

// world is a guard with everything around it faked but the vault, the pages and the
// HTTP plumbing.
type world struct {
	t       *testing.T
	mu      sync.Mutex
	at      time.Time
	data    *fakeData
	signer  *fakeSigner
	tally   []audit.Entry
	guard   *Guard
	handler http.Handler
	logs    bytes.Buffer
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// Refused implements Tally.
func (w *world) Refused(_ context.Context, e audit.Entry, _ netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally = append(w.tally, e)
}

func (w *world) reasons() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.tally {
		all = append(all, e.Reason)
	}
	return all
}

// erpHost is the usual protected host.
func erpHost() Host {
	return Host{
		Name: "erp.example.com", Shop: "lantian", Rule: Rule{Role: access.Viewer},
		Headers: map[string]Word{"X-Webauth-User": WordPerson, "X-Webauth-Name": WordName},
		Routes: []Route{
			{Path: "/admin", Rule: Rule{Role: access.Owner}},
			{Path: "/admin/money", Rule: Rule{ProvedWithin: 10 * time.Minute}},
			{Path: "/static", Rule: Rule{Public: true}},
			{Path: "/debug", Rule: Rule{Shut: true}},
			{Path: "/old", Rule: Rule{CrossOrigin: Observe}},
			{Path: "/till", Rule: Rule{Doors: []access.Door{access.DoorWeChat}}},
		},
	}
}

func newWorld(t *testing.T, hosts ...Host) *world {
	t.Helper()
	if len(hosts) == 0 {
		hosts = []Host{erpHost()}
	}
	w := &world{t: t, at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), signer: &fakeSigner{}}
	w.data = &fakeData{w: w, used: map[string]bool{}, persons: map[string]access.Person{}, byCookie: map[string]string{}, shops: []access.Shop{
		{ID: "lantian", TenantID: "lan", Name: "蓝天文具店"}, {ID: "hongtu", TenantID: "lan", Name: "红土茶铺"}, {ID: "baiyun", TenantID: "bai", Name: "白云小店"},
	}}
	public, err := url.Parse(ours)
	must(t, err)
	own, theirs := looks()[0], looks()[1]
	w.guard, err = New(Options{
		Hosts: hosts, PublicURL: public, Sessions: w.data, Store: w.data, Visitors: w.data, Signer: w.signer, Vault: testVault(t), Tally: w,
		UI: own, HostUI: theirs, HostFiles: theirs.Static(), Now: w.now,
		Page:     func(h web.Handler) http.Handler { return web.CrossOrigin(public)(web.BrowserHeaders(own.Page(h))) },
		HostPage: func(h web.Handler) http.Handler { return web.BrowserHeaders(theirs.Page(h)) },
	})
	must(t, err)
	mux := http.NewServeMux()
	w.guard.Mount(mux)
	mux.HandleFunc("GET /login", w.data.login)
	back := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { // a back office behind our own proxy
		rw.Header().Set("Saw-Person", r.Header.Get("X-Zhanggui-Person"))
		rw.Header().Set("Saw-User", strings.Join(append(r.Header["X-Webauth-User"], r.Header[underscored]...), ","))
		if r.URL.Path == "/clock" {
			<-r.Context().Done()
		}
	})
	all := w.guard.Handler(back)
	w.handler = web.Wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.guard.Protects(web.EffectiveHost(r.Context())) {
			all.ServeHTTP(rw, r)
			return
		}
		mux.ServeHTTP(rw, r)
	}), web.Options{
		PublicURL: public, Others: w.guard.Protects, Now: w.now, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Log: slog.New(slog.NewTextHandler(&w.logs, nil)),
	})
	return w
}

// looks are the pages of our own host and of protected ones, made once.
var looks = sync.OnceValue(func() (all [2]*ui.UI) {
	for i, base := range []string{"", Place} {
		var err error
		if all[i], err = ui.New(ui.Options{BasePath: base, Catalogues: []fs.FS{Words()}}); err != nil {
			panic(err)
		}
	}
	return all
})

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testVault(t testing.TB) *vault.Vault {
	t.Helper()
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	must(t, err)
	v, _, err := vault.Create(t.Context(), kek)
	must(t, err)
	return v
}

var errDown = errors.New("fake: the database is down")

// fakeSigner signs nothing: a test reads the claims.
type fakeSigner struct {
	mu    sync.Mutex
	count int
	err   error
}

func (s *fakeSigner) Sign(_ context.Context, alg string, claims any) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return "", s.err
	}
	s.count++
	b, err := json.Marshal(claims)
	return alg + "." + string(b), err
}

func (s *fakeSigner) signed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// fakeData is sessions, persons and shops in memory, and the login of our own host.
type fakeData struct {
	w        *world
	mu       sync.Mutex
	sessions []*access.Session
	persons  map[string]access.Person
	byCookie map[string]string // value of the login's cookie: session
	shops    []access.Shop
	used     map[string]bool
	uses     []string
	audit    []audit.Entry
	down     bool
	why      error  // what it says while it is down; nil: errDown
	reads    int    // of the shops
	looks    int    // at the system of a browser
	next     string // person whom WeChat names at the next login
}

func (d *fakeData) fails() error {
	if d.down {
		return cmp.Or(d.why, errDown)
	}
	return nil
}

func (d *fakeData) setDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// member gives a person a role, in one shop or (empty) the whole tenant.
func (d *fakeData) member(person, tenant, shop string, role access.Role) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.persons[person]
	p.ID, p.Profile.Nickname = person, "小兰 "+person
	p.Members = append(slices.Clone(p.Members), access.Member{TenantID: tenant, ShopID: shop, Role: role})
	d.persons[person] = p
}

func (d *fakeData) noMember(person string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.persons[person]
	p.Members = nil
	d.persons[person] = p
}

// login is our own login page: WeChat names next, silently.
func (d *fakeData) login(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next == "" {
		http.Error(w, "WeChat asks who you are", http.StatusOK)
		return
	}
	now := d.w.now()
	s := &access.Session{ID: access.NewID("s"), PersonID: d.next, Door: access.DoorQR, CreatedAt: now, SeenAt: now, ProvedAt: now, ExpiresAt: now.Add(24 * time.Hour), IdleLimit: 12 * time.Hour}
	switch {
	case strings.HasPrefix(d.next, "shop:"):
		s.PersonID, s.ShopID, s.Role, s.Door = "", strings.TrimPrefix(d.next, "shop:"), access.Operator, access.DoorMarket
	case strings.HasPrefix(d.next, "a_"):
		s.PersonID, s.AdminID, s.Door = "", d.next, access.DoorKey
	}
	if c, err := r.Cookie("who"); err == nil {
		d.end(d.byCookie[c.Value])
	}
	d.sessions = append(d.sessions, s)
	d.byCookie["c"+s.ID] = s.ID
	http.SetCookie(w, &http.Cookie{Name: "who", Value: "c" + s.ID, Path: "/", Secure: true})
	http.Redirect(w, r, r.URL.Query().Get("rd"), http.StatusSeeOther)
}

func (d *fakeData) end(id string) (n int) {
	for _, s := range d.sessions {
		if (s.ID == id || s.Parent == id) && s.EndedAt.IsZero() {
			s.EndedAt, n = d.w.now(), n+1
		}
	}
	return n
}

func (d *fakeData) personOf(s *access.Session) access.Person {
	if s.ShopID != "" {
		return access.Person{Members: []access.Member{{TenantID: "lan", ShopID: s.ShopID, Role: s.Role}}}
	}
	return d.persons[s.PersonID]
}

func (d *fakeData) Who(r *http.Request) (access.Session, access.Person, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := r.Cookie("who")
	if err == nil {
		for _, s := range d.sessions {
			if s.ID == d.byCookie[c.Value] && s.Live(d.w.now()) {
				return *s, d.personOf(s), d.fails()
			}
		}
	}
	return access.Session{}, access.Person{}, &web.Error{Status: http.StatusUnauthorized, Code: "no-session"}
}

func (d *fakeData) ByToken(_ context.Context, hash []byte) (access.Session, access.Person, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fails(); err != nil {
		return access.Session{}, access.Person{}, err
	}
	for _, s := range d.sessions {
		if bytes.Equal(s.TokenHash, hash) && s.Live(d.w.now()) {
			return *s, d.personOf(s), nil
		}
	}
	return access.Session{}, access.Person{}, access.ErrNotFound
}

func (d *fakeData) Start(_ context.Context, n access.Session, e ...audit.Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.sessions {
		if p.ID == n.Parent && p.Live(d.w.now()) && p.Parent == "" {
			n.PersonID, n.AdminID, n.ShopID, n.Role = p.PersonID, p.AdminID, p.ShopID, p.Role
			n.Door, n.ProvedAt, n.ExpiresAt, n.IdleLimit = p.Door, p.ProvedAt, p.ExpiresAt, p.IdleLimit
			d.sessions, d.audit = append(d.sessions, &n), append(d.audit, e...)
			return nil
		}
	}
	return access.ErrNotFound
}

func (d *fakeData) Used(id string, _ time.Time, _ netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.uses = append(d.uses, id)
}

func (d *fakeData) Strange(_ context.Context, s access.Session, system string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks++
	if s.System == "" || system == "" || s.System == system {
		return false, nil
	}
	d.end(s.Parent)
	return true, d.fails()
}

func (d *fakeData) UseState(_ context.Context, c grant.Callback, _ ...audit.Entry) (*grant.Callback, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fails(); err != nil {
		return nil, err
	}
	if d.used[string(c.StateHash)] {
		return &c, access.ErrUsed
	}
	d.used[string(c.StateHash)] = true
	return nil, nil
}

func (d *fakeData) EndSessions(_ context.Context, e grant.Effects) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range e.EndSessions {
		n += d.end(f.ID)
	}
	d.audit = append(d.audit, e.Audit...)
	return n, d.fails()
}

func (d *fakeData) Shops(context.Context) ([]access.Shop, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	return slices.Clone(d.shops), d.fails()
}

// browser has cookies, and a proxy between it and the back office that asks /auth as
// Traefik does.
type browser struct {
	w       *world
	jar     http.CookieJar
	headers http.Header // sent with everything
	blocked string      // host whose cookies are not kept
	visited []string
}

// answer is what a browser gets.
type answer struct {
	url    string
	status int
	header http.Header
	body   string
	told   http.Header // what the back office was told, if it was reached
}

func (w *world) browser() *browser {
	j, err := cookiejar.New(nil)
	must(w.t, err)
	return &browser{w: w, jar: j, headers: http.Header{"Accept": {pages}, "Accept-Language": {"en"}, "User-Agent": {"Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0"}}}
}

// open looks at a page and follows where it is sent.
func (b *browser) open(target string) answer {
	b.w.t.Helper()
	for range 12 {
		a := b.send("GET", target, nil)
		l := a.header.Get("Location")
		if l == "" || a.status < 300 || a.status >= 400 {
			return a
		}
		target = resolve(b.w.t, target, l)
	}
	b.w.t.Fatalf("redirects without end: %s", strings.Join(b.visited, "\n"))
	return answer{}
}

func resolve(t *testing.T, base, ref string) string {
	t.Helper()
	u, err := url.Parse(base)
	must(t, err)
	u, err = u.Parse(ref)
	must(t, err)
	return u.String()
}

// send makes one request. What goes to a protected host goes through its proxy.
func (b *browser) send(method, target string, header http.Header) answer {
	b.w.t.Helper()
	b.visited = append(b.visited, method+" "+target)
	u, err := url.Parse(target)
	must(b.w.t, err)
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr, r.TLS = "10.0.0.2:1234", nil
	for _, h := range []http.Header{b.headers, header} {
		maps.Copy(r.Header, h)
	}
	for _, c := range b.jar.Cookies(u) {
		r.AddCookie(c)
	}
	r.Header.Set("X-Forwarded-Proto", "https")
	h := b.w.guard.hosts[u.Host]
	asks := h != nil && !h.Inner && !under(u.Path, Place)
	if h != nil {
		r.Host = "zhanggui.internal:8080"
		r.Header.Set("X-Forwarded-Host", u.Host)
	}
	if asks {
		r.Header.Set("X-Forwarded-Method", method)
		r.Header.Set("X-Forwarded-Uri", u.RequestURI())
		r.Method, r.URL, r.RequestURI = "GET", &url.URL{Path: "/auth"}, "/auth"
	}
	rec := httptest.NewRecorder()
	b.w.handler.ServeHTTP(rec, r)
	res := rec.Result()
	if u.Host != b.blocked {
		b.jar.SetCookies(u, res.Cookies())
	}
	a := answer{url: target, status: res.StatusCode, header: res.Header, body: rec.Body.String()}
	if asks && a.status == http.StatusAccepted {
		a.told, a.status = res.Header, http.StatusOK
	}
	return a
}

// enter lets a person of the usual shop in, and gives the browser.
func (w *world) enter(person string, role access.Role) *browser {
	w.t.Helper()
	w.data.member(person, "lan", "lantian", role)
	b := w.browser()
	w.login(person)
	if a := b.open(erp + "/orders"); a.told == nil {
		w.t.Fatalf("%s does not get in: %d %s\n%s", person, a.status, a.body, strings.Join(b.visited, "\n"))
	}
	return b
}

// login says whom WeChat names from now on.
func (w *world) login(person string) {
	w.data.mu.Lock()
	defer w.data.mu.Unlock()
	w.data.next = person
}

// child gives the browser's cookie on the usual host.
func (b *browser) child() string {
	u, _ := url.Parse(erp)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == "__Host-zg_child" {
			return c.Value
		}
	}
	return ""
}

// wayOn wants an answer that a person can go on from.
func (a answer) wayOn(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("%s: status %d (%s), want a page with %d", a.url, a.status, a.header.Get("Content-Type"), status)
	}
	if !strings.Contains(a.body, word("guard.error."+code, false)) && !strings.Contains(a.body, strings.ReplaceAll(word("guard.error."+code, false), "'", "&#39;")) {
		t.Errorf("%s does not say %q:\n%s", a.url, word("guard.error."+code, false), a.body)
	}
	if !strings.Contains(a.body, `role="button"`) {
		t.Errorf("%s offers no way on:\n%s", a.url, a.body)
	}
}
