package oidc

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// world is a Provider with everything around it in memory.
type world struct {
	t        testing.TB
	mu       sync.Mutex
	now      time.Time
	clients  map[string]access.OIDCClient
	logins   map[string]access.OIDCLogin
	sessions map[string]access.Session // by what the cookie says
	persons  map[string]access.Person
	shops    map[string]access.Shop
	entries  []audit.Entry
	refusals []string
	err      error // of the store
	turns    map[string]time.Time
	posted   []string                  // logout tokens
	channel  func() (int, http.Header) // what the back channel answers
	log      bytes.Buffer
	p        *Provider
	mux      *http.ServeMux
}

const callback = "https://erp.example.com/callback"

// verifier and challenge are those of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	secretERP = "sandbox-secret-erp-000000000001"
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: start, turns: map[string]time.Time{}, logins: map[string]access.OIDCLogin{}}
	w.shops = map[string]access.Shop{
		"tea": {ID: "tea", TenantID: "lantian", Name: "茶"}, "rice": {ID: "rice", TenantID: "lantian", Name: "米"}, "far": {ID: "far", TenantID: "other"},
	}
	w.persons = map[string]access.Person{
		"p_owner": {ID: "p_owner", Profile: access.Profile{Nickname: "掌柜", AvatarURL: "https://img.example.com/1"}, Members: []access.Member{{TenantID: "lantian", ShopID: "tea", PersonID: "p_owner", Role: access.Owner}}},
		"p_both":  {ID: "p_both", Members: []access.Member{{TenantID: "lantian", PersonID: "p_both", Role: access.Operator}}},
		"p_none":  {ID: "p_none"},
	}
	live := access.Session{App: "fuwuhao", Door: access.DoorWeChat, CreatedAt: start, SeenAt: start, ProvedAt: start.Add(-time.Hour), ExpiresAt: start.Add(240 * time.Hour), IdleLimit: 100 * time.Hour}
	w.sessions = map[string]access.Session{}
	for name, s := range map[string]access.Session{"owner": {PersonID: "p_owner"}, "both": {PersonID: "p_both"}, "none": {PersonID: "p_none"}, "admin": {AdminID: "a_1"}, "market": {ShopID: "tea", Role: access.Operator}} {
		full := live
		full.ID, full.PersonID, full.AdminID, full.ShopID, full.Role = "s_"+name, s.PersonID, s.AdminID, s.ShopID, s.Role
		if name == "market" {
			full.Door = access.DoorMarket
		}
		w.sessions[name] = full
	}
	erp := access.OIDCClient{ID: "erp", Name: "ERP", RedirectURIs: []string{callback, "http://127.0.0.1/cb"}, PostLogoutURIs: []string{"https://erp.example.com/bye"},
		BackchannelURI: "https://erp.example.com/backchannel", TenantID: "lantian", Role: access.Viewer, Sector: "erp"}
	public := erp
	public.ID, public.Sector, public.BackchannelURI = "app", "app", ""
	old := erp
	old.ID, old.WithoutPKCE = "old", true
	w.clients = map[string]access.OIDCClient{"erp": erp, "app": public, "old": old}
	for _, id := range []string{"erp", "old"} {
		c := w.clients[id]
		c.SecretHash = access.OIDCSecretHash(w.mac, id, secretERP)
		w.clients[id] = c
	}
	w.channel = func() (int, http.Header) { return http.StatusOK, nil }
	w.make("https://zhanggui.example.com")
	return w
}

// make makes the Provider for an issuer.
func (w *world) make(issuer string) {
	public, err := url.Parse(issuer)
	if err != nil {
		w.t.Fatal(err)
	}
	pages, err := ui.New(ui.Options{BasePath: public.Path, Catalogues: []fs.FS{Catalogue}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.p, err = New(Options{
		Store: w, Sessions: w, Signer: w, MAC: w.mac, UI: pages, PublicURL: public, JWKS: "/.well-known/jwks.json",
		Page: func(h web.Handler) http.Handler { return web.CrossOrigin(public)(pages.Page(h)) },
		Send: func(bool) http.RoundTripper { return w }, Now: func() time.Time { return w.now }, Tally: w, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mux = http.NewServeMux()
	w.p.Mount(w.mux)
}

func (w *world) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, []byte("test key for "+purpose))
	h.Write(data)
	return h.Sum(nil)
}

// Who implements Sessions: a cookie names the session.
func (w *world) Who(r *http.Request) (access.Session, access.Person, error) {
	c, err := r.Cookie("test")
	if err != nil {
		return access.Session{}, access.Person{}, &web.Error{Status: http.StatusUnauthorized, Code: "no-session"}
	}
	s := w.sessions[c.Value]
	if w.err != nil {
		return s, access.Person{}, w.err
	}
	if !s.Live(w.now) {
		return access.Session{}, access.Person{}, &web.Error{Status: http.StatusUnauthorized, Code: "no-session"}
	}
	who := w.persons[s.PersonID]
	if s.ShopID != "" {
		who = access.Person{Members: []access.Member{{TenantID: "lantian", ShopID: s.ShopID, Role: s.Role}}}
	}
	return s, who, nil
}

func (w *world) EndCurrent(_ http.ResponseWriter, r *http.Request, why string) error {
	if c, err := r.Cookie("test"); err == nil {
		w.endSession(c.Value, why)
	}
	return nil
}

func (w *world) endSession(name, why string) {
	s := w.sessions[name]
	s.EndedAt, s.EndedWhy = w.now, why
	w.sessions[name] = s
}

// Sign implements Signer: what is "signed" can be read.
func (w *world) Sign(ctx context.Context, alg string, claims any) (string, error) {
	return w.SignAs(ctx, alg, "JWT", claims)
}

func (w *world) SignAs(_ context.Context, alg, typ string, claims any) (string, error) {
	b, err := json.Marshal(claims)
	return typ + "." + alg + "." + base64.RawURLEncoding.EncodeToString(b), err
}

func (w *world) Verify(_ context.Context, token, typ string, claims any) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[0] != typ {
		return errors.New("not ours")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	return json.Unmarshal(b, claims)
}

func (w *world) Refused(_ context.Context, e audit.Entry, _ netip.Addr) {
	w.refusals = append(w.refusals, e.Reason)
}

// RoundTrip is the back channel.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.posted = append(w.posted, r.PostForm.Get("logout_token"))
	status, header := w.channel()
	return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r}, nil
}

func lookup[T any](w *world, m map[string]T, id string) (T, error) {
	v, ok := m[id]
	if w.err != nil {
		return v, w.err
	}
	if !ok {
		return v, access.ErrNotFound
	}
	return v, nil
}

func (w *world) OIDCClient(_ context.Context, id string) (access.OIDCClient, error) {
	return lookup(w, w.clients, id)
}
func (w *world) OIDCLogin(_ context.Context, id string) (access.OIDCLogin, error) {
	return lookup(w, w.logins, id)
}
func (w *world) Person(_ context.Context, id string) (access.Person, error) {
	return lookup(w, w.persons, id)
}
func (w *world) Shop(_ context.Context, id string) (access.Shop, error) {
	return lookup(w, w.shops, id)
}

func (w *world) IdentityOfPerson(_ context.Context, app, person string) (access.Identity, error) {
	if app != "fuwuhao" || w.err != nil {
		return access.Identity{}, errors.Join(access.ErrNotFound, w.err)
	}
	return access.Identity{App: app, OpenID: "o_demo_owner_0001", UnionID: "u_demo_0001", PersonID: person}, nil
}

func (w *world) ShopsOfTenant(_ context.Context, tenant string) ([]access.Shop, error) {
	var all []access.Shop
	for _, id := range []string{"far", "rice", "tea"} {
		if w.shops[id].TenantID == tenant {
			all = append(all, w.shops[id])
		}
	}
	return all, w.err
}

func (w *world) Sessions(_ context.Context, f access.SessionFilter) ([]access.Session, error) {
	for _, s := range w.sessions {
		if s.ID == f.ID {
			return []access.Session{s}, w.err
		}
	}
	return nil, w.err
}

func (w *world) find(ok func(access.OIDCLogin) bool) []access.OIDCLogin {
	var all []access.OIDCLogin
	for _, l := range w.logins {
		if ok(l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b access.OIDCLogin) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func (w *world) OIDCLoginByCode(_ context.Context, hash []byte) (access.OIDCLogin, error) {
	for _, l := range w.find(func(l access.OIDCLogin) bool { return bytes.Equal(l.CodeHash, hash) }) {
		return l, w.err
	}
	return access.OIDCLogin{}, errors.Join(access.ErrNotFound, w.err)
}

func (w *world) LastOIDCLogin(_ context.Context, session, client string) (access.OIDCLogin, error) {
	for _, l := range w.find(func(l access.OIDCLogin) bool {
		return l.SessionID == session && l.ClientID == client && l.EndedAt.IsZero()
	}) {
		return l, w.err
	}
	return access.OIDCLogin{}, errors.Join(access.ErrNotFound, w.err)
}

func (w *world) BeginOIDCLogin(_ context.Context, l access.OIDCLogin, e ...audit.Entry) error {
	if w.err == nil {
		w.logins[l.ID], w.entries = l, append(w.entries, e...)
	}
	return w.err
}

func (w *world) RedeemOIDCCode(_ context.Context, id string, refresh []byte, at time.Time) error {
	l := w.logins[id]
	if !l.CodeUsed.IsZero() || !l.EndedAt.IsZero() {
		return access.ErrUsed
	}
	l.CodeUsed, l.RefreshHash = at, refresh
	w.logins[id] = l
	return w.err
}

func (w *world) RotateOIDCRefresh(_ context.Context, id string, before, next []byte) error {
	l := w.logins[id]
	if !bytes.Equal(l.RefreshHash, before) || !l.EndedAt.IsZero() {
		return access.ErrUsed
	}
	l.RefreshHash = next
	w.logins[id] = l
	return w.err
}

func (w *world) EndOIDCLogin(_ context.Context, id, why string, at time.Time, e ...audit.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.logins[id]
	if l.EndedAt.IsZero() {
		l.EndedAt, l.EndedWhy, l.RefreshHash = at, why, nil
		if !l.CodeUsed.IsZero() {
			l.LogoutDue = at
		}
		w.logins[id], w.entries = l, append(w.entries, e...)
	}
	return w.err
}

func (w *world) OverOIDCLogins(_ context.Context, now time.Time, limit int) ([]access.OIDCLogin, error) {
	all := w.find(func(l access.OIDCLogin) bool {
		s, _ := w.Sessions(context.Background(), access.SessionFilter{ID: l.SessionID})
		return l.EndedAt.IsZero() && (len(s) == 0 || !s[0].Live(now))
	})
	return all[:min(len(all), limit)], w.err
}

func (w *world) LiveOIDCLogins(_ context.Context, after string, limit int) ([]access.OIDCLogin, error) {
	all := w.find(func(l access.OIDCLogin) bool { return l.EndedAt.IsZero() && l.ID > after })
	return all[:min(len(all), limit)], w.err
}

func (w *world) DueOIDCLogouts(_ context.Context, now, until time.Time, limit int) ([]access.OIDCLogin, error) {
	all := w.find(func(l access.OIDCLogin) bool { return !l.LogoutDue.IsZero() && !l.LogoutDue.After(now) })
	all = all[:min(len(all), limit)]
	for i := range all {
		all[i].LogoutDue = until
		all[i].LogoutAttempt++
		w.logins[all[i].ID] = all[i]
	}
	return all, w.err
}

func (w *world) SettleOIDCLogout(_ context.Context, l access.OIDCLogin, due time.Time, e ...audit.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.LogoutDue = due
	w.logins[l.ID], w.entries = l, append(w.entries, e...)
	return w.err
}

func (w *world) Turn(_ context.Context, name string, now, next time.Time) (bool, error) {
	if w.turns[name].After(now) {
		return false, w.err
	}
	w.turns[name] = next
	return true, w.err
}

// send makes a request as a browser with this session; "" is one without.
func (w *world) send(session string, r *http.Request) *httptest.ResponseRecorder {
	if session != "" {
		r.AddCookie(&http.Cookie{Name: "test", Value: session})
	}
	answer := httptest.NewRecorder()
	w.mux.ServeHTTP(answer, r)
	return answer
}

// query is a request for a code in order, with changes. A value of "-" takes a
// parameter away.
func query(changes url.Values) url.Values {
	q := url.Values{"client_id": {"erp"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid offline_access"}, "state": {"the state&"},
		"nonce": {"n"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for name, values := range changes {
		if q[name] = values; values[0] == "-" {
			q.Del(name)
		}
	}
	return q
}

func (w *world) authorize(session string, changes url.Values) *httptest.ResponseRecorder {
	return w.send(session, httptest.NewRequest(http.MethodGet, pathAuthorize+"?"+query(changes).Encode(), nil))
}

// back reads what goes back to the program with an answer.
func (w *world) back(answer *httptest.ResponseRecorder) url.Values {
	w.t.Helper()
	u, err := url.Parse(answer.Header().Get("Location"))
	if err != nil || answer.Code != http.StatusSeeOther || !strings.HasPrefix(u.String(), callback+"?") {
		w.t.Fatalf("answered %d, to %q: %s", answer.Code, u, answer.Body)
	}
	if q := u.Query(); q.Get("state") != "the state&" || q.Get("iss") != "https://zhanggui.example.com" || answer.Header().Get("Cache-Control") != "no-store" {
		w.t.Errorf("answered %q", u)
	}
	return u.Query()
}

// code gets a code.
func (w *world) code(session string, changes url.Values) string {
	w.t.Helper()
	code := w.back(w.authorize(session, changes)).Get("code")
	if !strings.HasPrefix(code, codePrefix) {
		w.t.Fatalf("code %q", code)
	}
	return code
}

// token asks the token endpoint as erp, with changes.
func (w *world) token(form url.Values) (int, map[string]any) {
	w.t.Helper()
	all := url.Values{"client_id": {"erp"}, "client_secret": {secretERP}, "grant_type": {grantCode}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for name, values := range form {
		if all[name] = values; values[0] == "-" {
			all.Del(name)
		}
	}
	return w.post(pathToken, all, nil)
}

func (w *world) post(path string, form url.Values, header http.Header) (int, map[string]any) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := w.send("", r)
	var out map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil {
		w.t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	if answer.Header().Get("Cache-Control") != "no-store" {
		w.t.Errorf("the answer may be kept: %v", answer.Header())
	}
	return answer.Code, out
}

// tokens takes somebody all the way in.
func (w *world) tokens(session string) (access, refresh string, id idToken) {
	w.t.Helper()
	status, out := w.token(url.Values{"code": {w.code(session, nil)}})
	if status != http.StatusOK {
		w.t.Fatalf("%d %v", status, out)
	}
	raw, _ := out["id_token"].(string)
	if err := w.Verify(w.t.Context(), raw, "JWT", &id); err != nil {
		w.t.Fatal(err)
	}
	access, _ = out["access_token"].(string)
	refresh, _ = out["refresh_token"].(string)
	return access, refresh, id
}

// userinfo asks with an access token.
func (w *world) userinfo(token string) (int, map[string]any) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, pathUserinfo, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	answer := w.send("", r)
	var out map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil {
		w.t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	if challenged := strings.Contains(answer.Header().Get("WWW-Authenticate"), "invalid_token"); challenged != (answer.Code == http.StatusUnauthorized) {
		w.t.Errorf("%d with %q", answer.Code, answer.Header().Get("WWW-Authenticate"))
	}
	return answer.Code, out
}

// only gives the one login there is.
func (w *world) only() access.OIDCLogin {
	w.t.Helper()
	all := w.find(func(access.OIDCLogin) bool { return true })
	if len(all) != 1 {
		w.t.Fatalf("%d logins", len(all))
	}
	return all[0]
}
