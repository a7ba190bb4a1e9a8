package staff_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/staff"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// epoch is when every test begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const clientSecret = "sandbox-secret-company-0000000001"

// op is a company's provider, with the faults that a test asks for.
type op struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	now    func() time.Time
	asked  url.Values     // of the last authorisation request
	claims map[string]any // beside those that it needs
	bend   func(c map[string]any)
	refuse bool // the code
	codes  map[string]bool
}

func newOP(t *testing.T) *op {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &op{key: key, claims: map[string]any{}, codes: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token",
			"jwks_uri": o.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: o.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", o.token)
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// token exchanges a code once, for whoever knows the secret and the verifier.
func (o *op) token(w http.ResponseWriter, r *http.Request) {
	id, password, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	code := r.PostFormValue("code")
	if o.refuse || id != "zhanggui" || password != clientSecret || o.codes[code] || o.asked.Get("code_challenge_method") != "S256" ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != o.asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != o.asked.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]string{"error": "invalid_grant", "error_description": "CANARY " + password})
		return
	}
	o.codes[code] = true
	c := map[string]any{"iss": o.URL, "aud": "zhanggui", "sub": "17", "iat": o.now().Unix(), "exp": o.now().Add(time.Minute).Unix(), "nonce": o.asked.Get("nonce")}
	maps.Copy(c, o.claims)
	key := o.key
	if o.bend != nil {
		o.bend(c)
	}
	if c["forged"] != nil {
		key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		panic(err)
	}
	payload, _ := json.Marshal(c)
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	raw, _ := signed.CompactSerialize()
	answer(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": raw})
}

// rig is the feature on an OP of its own; it stands for store and login.
type rig struct {
	t       *testing.T
	op      *op
	handler http.Handler
	now     time.Time
	cookies []*http.Cookie
	admins  map[string]access.Administrator // by subject
	started []access.Administrator
	life    time.Duration
	failure error // of the last page, in words of the log
}

func newRig(t *testing.T, rules ...staff.Rule) *rig {
	t.Helper()
	r := &rig{t: t, op: newOP(t), now: epoch, admins: map[string]access.Administrator{}}
	r.op.now = func() time.Time { return r.now }
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := vault.Create(t.Context(), kek)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	staff.New(staff.Options{
		Page: func(h web.Handler) http.Handler {
			return web.Machine(func(w http.ResponseWriter, req *http.Request) error {
				r.failure = h(w, req)
				return r.failure
			})
		},
		Now: r.op.now, Store: r, Login: r, Vault: v, PublicURL: &url.URL{Scheme: "https", Host: "zhanggui.example.com", Path: "/keys"},
		Client: r.op.Client(), Issuer: r.op.URL, ClientID: "zhanggui", Secret: secret.FromString(clientSecret), Rules: rules,
	}).Mount(mux)
	r.handler = mux
	return r
}

// AdminBySubject implements staff.Store.
func (r *rig) AdminBySubject(_ context.Context, subject string) (access.Administrator, error) {
	a, ok := r.admins[subject]
	if !ok {
		return a, access.ErrNotFound
	}
	return a, nil
}

// CreateAdmin implements staff.Store.
func (r *rig) CreateAdmin(_ context.Context, a access.Administrator, _ []byte, _ ...audit.Entry) error {
	r.admins[a.Subject] = a
	return nil
}

// SetStaff implements staff.Store.
func (r *rig) SetStaff(_ context.Context, id, name string, kind access.StaffKind, _ time.Time, _ ...audit.Entry) error {
	for subject, a := range r.admins {
		if a.ID == id {
			a.Name, a.Kind = name, kind
			r.admins[subject] = a
		}
	}
	return nil
}

// StartStaff implements staff.Login.
func (r *rig) StartStaff(_ http.ResponseWriter, _ *http.Request, a access.Administrator, life time.Duration) error {
	r.started, r.life = append(r.started, a), life
	return nil
}

func (r *rig) get(path string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("GET", "https://zhanggui.example.com"+path, nil)
	for _, c := range r.cookies {
		req.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	for _, c := range rec.Result().Cookies() {
		r.cookies = nil
		if c.MaxAge >= 0 {
			r.cookies = []*http.Cookie{c}
		}
	}
	return rec
}

// begin sends the browser to the OP, which remembers what it was asked.
func (r *rig) begin() url.Values {
	r.t.Helper()
	rec := r.get("/admin/company")
	to, err := url.Parse(rec.Header().Get("Location"))
	if rec.Code != http.StatusSeeOther || err != nil || to.Host != strings.TrimPrefix(r.op.URL, "http://") {
		r.t.Fatalf("%d to %q (%v)", rec.Code, rec.Header().Get("Location"), err)
	}
	r.op.asked = to.Query()
	return r.op.asked
}

// back is the callback with a code.
func (r *rig) back(code string) *httptest.ResponseRecorder {
	return r.get("/admin/company/callback?" + url.Values{"code": {code}, "state": {r.op.asked.Get("state")}, "iss": {r.op.URL}}.Encode())
}

var support = staff.Rule{Group: "helpdesk", Kind: access.StaffSupport}

func TestLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t, staff.Rule{Group: "ops", Kind: access.StaffAdmin}, support)
	r.op.claims = map[string]any{"name": "李  娜", "groups": []string{"all", "helpdesk"}}
	q := r.begin()
	if q.Get("redirect_uri") != "https://zhanggui.example.com/keys/admin/company/callback" || q.Get("nonce") == "" || q.Get("code_challenge_method") != "S256" {
		t.Errorf("asked %v", q)
	}
	if c := r.cookies[0]; !strings.HasPrefix(c.Name, "__Host-") || !c.HttpOnly || !c.Secure || strings.Contains(c.Value, q.Get("state")) {
		t.Errorf("cookie %+v", c)
	}
	rec := r.back("c1")
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/keys/" || len(r.started) != 1 || r.life != staff.Life {
		t.Fatalf("%d %v, %+v (%v)", rec.Code, rec.Header(), r.started, r.failure)
	}
	if a := r.started[0]; a.Kind != access.StaffSupport || a.Name != "李 娜" || a.Subject != r.op.URL+" 17" || len(a.KeyHash) == 0 {
		t.Errorf("started %+v", a)
	}
	// The next time they are the same, and what the company changed is changed.
	r.op.claims["groups"] = []string{"ops"}
	r.begin()
	r.back("c2")
	if len(r.started) != 2 || r.started[1].ID != r.started[0].ID || r.started[1].Kind != access.StaffAdmin {
		t.Errorf("started %+v", r.started)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims map[string]any
		want   access.StaffKind
	}{
		"the first rule counts":    {map[string]any{"groups": []string{"helpdesk", "ops"}}, access.StaffAdmin},
		"a domain":                 {map[string]any{"email": "na@Example.com", "email_verified": true}, access.StaffAuditor},
		"a domain, not confirmed":  {map[string]any{"email": "na@example.com"}, ""},
		"a domain that ends alike": {map[string]any{"email": "na@evil-example.com", "email_verified": true}, ""},
		"a domain inside":          {map[string]any{"email": "na@example.com@evil.example", "email_verified": true}, ""},
		"no group of ours":         {map[string]any{"groups": []string{"OPS", "sales"}}, ""},
		"nothing":                  {nil, ""},
	} {
		r := newRig(t, staff.Rule{Group: "ops", Kind: access.StaffAdmin}, support, staff.Rule{Domain: "example.com", Kind: access.StaffAuditor})
		maps.Copy(r.op.claims, c.claims)
		r.begin()
		rec := r.back("c1")
		if c.want == "" {
			if rec.Code != http.StatusForbidden || len(r.started)+len(r.admins) != 0 {
				t.Errorf("%s: %d, %+v", name, rec.Code, r.started)
			}
			continue
		}
		if len(r.started) != 1 || r.started[0].Kind != c.want {
			t.Errorf("%s: %d, %+v (%v)", name, rec.Code, r.started, r.failure)
		}
	}
}

// Whoever is revoked here stays out, whatever the company says.
func TestRevokedStaysOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, support)
	r.op.claims["groups"] = []string{"helpdesk"}
	subject := r.op.URL + " 17"
	r.admins[subject] = access.Administrator{ID: "a_1", Subject: subject, RevokedAt: epoch}
	r.begin()
	if rec := r.back("c1"); rec.Code != http.StatusForbidden || len(r.started) != 0 {
		t.Errorf("%d, %+v", rec.Code, r.started)
	}
}

// What does not belong to a login that this browser began gets nobody in.
func TestNobodyGetsIn(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(r *rig) *httptest.ResponseRecorder{
		"without a cookie": func(r *rig) *httptest.ResponseRecorder { r.cookies = nil; return r.back("c1") },
		"another's cookie": func(r *rig) *httptest.ResponseRecorder { r.cookies[0].Value = "AAAA"; return r.back("c1") },
		"an overlong cookie": func(r *rig) *httptest.ResponseRecorder {
			r.cookies[0].Value = strings.Repeat("A", 5000)
			return r.back("c1")
		},
		"two cookies": func(r *rig) *httptest.ResponseRecorder {
			r.cookies = append(r.cookies, r.cookies[0])
			return r.back("c1")
		},
		"another state": func(r *rig) *httptest.ResponseRecorder { return r.get("/admin/company/callback?code=c1&state=x") },
		"no state":      func(r *rig) *httptest.ResponseRecorder { return r.get("/admin/company/callback?code=c1") },
		"too late":      func(r *rig) *httptest.ResponseRecorder { r.now = r.now.Add(10 * time.Minute); return r.back("c1") },
		"of another issuer": func(r *rig) *httptest.ResponseRecorder {
			return r.get("/admin/company/callback?code=c1&iss=https://evil.example&state=" + r.op.asked.Get("state"))
		},
		"refused by the OP": func(r *rig) *httptest.ResponseRecorder {
			return r.get("/admin/company/callback?error=access_denied&state=" + r.op.asked.Get("state"))
		},
		"a code that is no good": func(r *rig) *httptest.ResponseRecorder { r.op.refuse = true; return r.back("c1") },
		"another's signature":    bent(func(c map[string]any) { c["forged"] = true }),
		"another nonce":          bent(func(c map[string]any) { c["nonce"] = "x" }),
		"no nonce":               bent(func(c map[string]any) { delete(c, "nonce") }),
		"for somebody else":      bent(func(c map[string]any) { c["aud"] = "other" }),
		"by somebody else":       bent(func(c map[string]any) { c["iss"] = "https://evil.example" }),
		"over":                   bent(func(c map[string]any) { c["exp"] = epoch.Add(-time.Hour).Unix() }),
		"odd groups":             bent(func(c map[string]any) { c["groups"] = "helpdesk" }),
		"no subject":             bent(func(c map[string]any) { c["sub"] = "" }),
	} {
		r := newRig(t, support)
		r.op.claims["groups"] = []string{"helpdesk"}
		r.begin()
		if rec := do(r); rec.Code != http.StatusForbidden || len(r.started)+len(r.admins) != 0 {
			t.Errorf("%s: %d, started %+v", name, rec.Code, r.started)
		}
		if r.failure != nil && strings.Contains(r.failure.Error(), clientSecret) {
			t.Errorf("%s: the log says the secret", name)
		}
	}
}

func bent(bend func(map[string]any)) func(*rig) *httptest.ResponseRecorder {
	return func(r *rig) *httptest.ResponseRecorder {
		r.op.bend = bend
		return r.back("c1")
	}
}

// A callback that comes twice finds its cookie gone; the code was exchanged once.
func TestCallbackTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t, support)
	r.op.claims["groups"] = []string{"helpdesk"}
	r.begin()
	kept := r.cookies
	r.back("c1")
	if rec := r.back("c1"); rec.Code != http.StatusForbidden {
		t.Errorf("again: %d", rec.Code)
	}
	r.cookies = kept // somebody kept the cookie: the OP takes the code once
	if rec := r.back("c1"); rec.Code != http.StatusForbidden || len(r.started) != 1 {
		t.Errorf("with the cookie: %d, %d started", rec.Code, len(r.started))
	}
}

// Without the OP nobody gets in, and it is asked again the next time.
func TestProviderAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, support)
	down := r.op.Config.Handler
	r.op.Config.Handler = http.NotFoundHandler()
	if rec := r.get("/admin/company"); rec.Code != http.StatusBadGateway {
		t.Errorf("away: %d", rec.Code)
	}
	if e, ok := errors.AsType[*web.Error](r.failure); !ok || e.Link == "" {
		t.Error("the page leads nowhere")
	}
	r.op.Config.Handler = down
	r.begin()
}
