package oidc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	w.make("https://zhanggui.example.com/base/")
	answer := w.send("", httptest.NewRequest(http.MethodGet, pathDiscovery, nil))
	var out map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"issuer": "https://zhanggui.example.com/base", "token_endpoint": "https://zhanggui.example.com/base/oidc/token",
		"jwks_uri": "https://zhanggui.example.com/base/.well-known/jwks.json", "authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported": true, "request_uri_parameter_supported": false,
	} {
		if out[name] != want {
			t.Errorf("%s is %v, want %v", name, out[name], want)
		}
	}
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	c := w.clients["erp"]
	c.Claims, c.EmailDomain = []string{"openid", "unionid"}, "people.example.com"
	w.clients["erp"] = c
	code := w.code("owner", url.Values{"scope": {"openid profile email phone"}})
	basic := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("erp:"+url.QueryEscape(secretERP)))}}
	status, out := w.post(pathToken, url.Values{"code": {code}, "grant_type": {grantCode}, "redirect_uri": {callback}, "code_verifier": {verifier}}, basic)
	if status != http.StatusOK || out["scope"] != "openid profile email" || out["token_type"] != "Bearer" || out["expires_in"] != 3600.0 || out["refresh_token"] != nil {
		t.Fatalf("%d %v", status, out)
	}
	var id idToken
	raw, _ := out["id_token"].(string)
	if err := w.Verify(t.Context(), raw, "JWT", &id); err != nil || !strings.HasPrefix(raw, "JWT.RS256.") {
		t.Fatal(raw, err)
	}
	s := w.sessions["owner"]
	if id.Issuer != "https://zhanggui.example.com" || id.Audience != "erp" || id.Nonce != "n" || id.AuthTime != s.ProvedAt.Unix() || id.Issued != start.Unix() ||
		id.Expires != start.Add(time.Hour).Unix() || id.Tenant != "lantian" || id.Shop != "tea" || id.Role != "owner" || id.Door != "wechat" || id.Name != "掌柜" ||
		id.Picture == "" || id.OpenID == "" || id.UnionID == "" || !strings.HasSuffix(id.Email, "@people.example.com") || *id.EmailVerified {
		t.Errorf("%+v", id)
	}
	token, _ := out["access_token"].(string)
	if status, info := w.userinfo(token); status != http.StatusOK || info["sub"] != id.Subject || info["email"] != id.Email || info["zhanggui_role"] != "owner" {
		t.Errorf("%d %v", status, info)
	}
	if status, info := w.post(pathUserinfo, url.Values{"access_token": {token}}, nil); status != http.StatusOK || info["sub"] != id.Subject {
		t.Errorf("by form: %d %v", status, info)
	}
}

func TestProgramsCannotCompareWhomTheyKnow(t *testing.T) {
	w := newWorld(t)
	l := access.OIDCLogin{PersonID: "p_owner", ShopID: "tea"}
	of := func(sector string, l access.OIDCLogin) string {
		return w.p.subject(access.OIDCClient{Sector: sector}, l)
	}
	other := access.OIDCLogin{PersonID: "p_both", ShopID: "tea"}
	market := access.OIDCLogin{ShopID: "tea"}
	if a := of("erp", l); a == of("crm", l) || a == of("erp", other) || a == of("erp", market) || a != of("erp", access.OIDCLogin{PersonID: "p_owner", ShopID: "rice"}) || strings.Contains(a, "owner") {
		t.Errorf("subject %q", a)
	}
	if w.p.sid(access.OIDCLogin{ClientID: "a", SessionID: "s"}) == w.p.sid(access.OIDCLogin{ClientID: "b", SessionID: "s"}) {
		t.Error("two programs know a session by one id")
	}
}

// TestTheSameRequestAgain: a request that is replayed gives another code, which only
// its own verifier opens and whose nonce is its own.
func TestTheSameRequestAgain(t *testing.T) {
	w := newWorld(t)
	first, second := w.code("owner", nil), w.code("owner", url.Values{"nonce": {"of the victim"}, "code_challenge": {strings.Repeat("A", 43)}})
	if status, out := w.token(url.Values{"code": {second}}); first == second || status != http.StatusBadRequest || out["error"] != "invalid_grant" {
		t.Errorf("a code in the place of another: %d %v", status, out)
	}
	status, out := w.token(url.Values{"code": {first}})
	var id idToken
	raw, _ := out["id_token"].(string)
	if err := w.Verify(t.Context(), raw, "JWT", &id); err != nil || status != http.StatusOK || id.Nonce != "n" {
		t.Errorf("%d %v, nonce %q, %v", status, out, id.Nonce, err)
	}
}

// TestACodeCountsOnce: whoever brings a code wrongly, or once more, ends what it gave.
func TestACodeCountsOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(w *world, form url.Values)
		why    string
	}{
		"again":               {func(w *world, form url.Values) { w.token(form) }, "code_again"},
		"another program's":   {func(_ *world, form url.Values) { form["client_id"] = []string{"old"} }, "code_of_another"},
		"late":                {func(w *world, _ url.Values) { w.now = w.now.Add(codeLife) }, "code_late"},
		"another address":     {func(_ *world, form url.Values) { form["redirect_uri"] = []string{"http://127.0.0.1/cb"} }, "redirect_uri"},
		"no address":          {func(_ *world, form url.Values) { form["redirect_uri"] = []string{"-"} }, "redirect_uri"},
		"another verifier":    {func(_ *world, form url.Values) { form["code_verifier"] = []string{strings.Repeat("a", 43)} }, "code_verifier"},
		"no verifier":         {func(_ *world, form url.Values) { form["code_verifier"] = []string{"-"} }, "code_verifier"},
		"challenge as itself": {func(_ *world, form url.Values) { form["code_verifier"] = []string{challenge} }, "code_verifier"},
		"session over":        {func(w *world, _ url.Values) { w.endSession("owner", "logout") }, "session_over"},
		"role gone":           {func(w *world, _ url.Values) { w.persons["p_owner"] = access.Person{ID: "p_owner"} }, "role_gone"},
		"person gone":         {func(w *world, _ url.Values) { delete(w.persons, "p_owner") }, "person_gone"},
		"shop gone":           {func(w *world, _ url.Values) { delete(w.shops, "tea") }, "shop_gone"},
	} {
		w := newWorld(t)
		form := url.Values{"code": {w.code("owner", nil)}}
		tt.change(w, form)
		status, out := w.token(form)
		if status != http.StatusBadRequest || out["error"] != "invalid_grant" {
			t.Errorf("%s: %d %v", name, status, out)
		}
		if l := w.only(); l.EndedWhy != tt.why || len(l.RefreshHash) > 0 {
			t.Errorf("%s: login %+v", name, l)
		}
		if last := w.entries[len(w.entries)-1]; last.Action != "oidc.end" || last.Reason != tt.why || last.Subject != "oidc_client:erp" {
			t.Errorf("%s: entry %+v", name, last)
		}
		delete(form, "client_id")
		if status, out := w.token(form); status != http.StatusBadRequest || out["error"] != "invalid_grant" {
			t.Errorf("%s, in order afterwards: %d %v", name, status, out)
		}
	}
}

func TestWhatAReusedCodeGaveEnds(t *testing.T) {
	w := newWorld(t)
	code := w.code("owner", nil)
	_, out := w.token(url.Values{"code": {code}})
	token, _ := out["access_token"].(string)
	if status, _ := w.userinfo(token); status != http.StatusOK {
		t.Fatalf("userinfo: %d", status)
	}
	w.token(url.Values{"code": {code}})
	if status, _ := w.userinfo(token); status != http.StatusUnauthorized {
		t.Errorf("userinfo after the code came again: %d", status)
	}
	refresh, _ := out["refresh_token"].(string)
	if status, out := w.token(url.Values{"grant_type": {grantRefresh}, "refresh_token": {refresh}}); status != http.StatusBadRequest || out["error"] != "invalid_grant" {
		t.Errorf("refresh after the code came again: %d %v", status, out)
	}
	if l := w.only(); l.LogoutDue.IsZero() {
		t.Error("the program is not told")
	}
}

// TestAVerifierWithoutAChallenge: somebody took the challenge out of the request.
func TestAVerifierWithoutAChallenge(t *testing.T) {
	w := newWorld(t)
	without := url.Values{"client_id": {"old"}, "code_challenge": {"-"}, "code_challenge_method": {"-"}}
	code := w.code("owner", without)
	if status, out := w.token(url.Values{"client_id": {"old"}, "code": {code}}); status != http.StatusBadRequest || out["error"] != "invalid_grant" {
		t.Errorf("%d %v", status, out)
	}
	code = w.code("owner", without)
	if status, out := w.token(url.Values{"client_id": {"old"}, "code": {code}, "code_verifier": {"-"}}); status != http.StatusOK {
		t.Errorf("without both: %d %v", status, out)
	}
}

func TestRefresh(t *testing.T) {
	w := newWorld(t)
	_, first, id := w.tokens("owner")
	refresh := func(token string) (int, map[string]any) {
		return w.token(url.Values{"grant_type": {grantRefresh}, "refresh_token": {token}})
	}
	w.now = start.Add(50 * time.Minute)
	status, out := refresh(first)
	second, _ := out["refresh_token"].(string)
	var again idToken
	raw, _ := out["id_token"].(string)
	if err := w.Verify(t.Context(), raw, "JWT", &again); err != nil || status != http.StatusOK || again.Subject != id.Subject || again.AuthTime != id.AuthTime || again.Nonce != "" || second == first {
		t.Fatalf("%d %v, %v", status, out, err)
	}
	if l := w.only(); strings.Contains(string(l.RefreshHash), second) || len(l.RefreshHash) != 32 {
		t.Error("a refresh token is kept as it is")
	}
	for _, forged := range []string{"", "zgr_x", second + "x", strings.Replace(second, refreshPrefix, accessPrefix, 1), strings.Repeat("z", 200)} {
		if status, out := refresh(forged); status != http.StatusBadRequest || out["error"] != "invalid_grant" {
			t.Errorf("forged: %d %v", status, out)
		}
	}
	if l := w.only(); !l.EndedAt.IsZero() {
		t.Fatalf("a forged token ended the login: %+v", l)
	}
	if status, out := refresh(first); status != http.StatusBadRequest || out["error"] != "invalid_grant" {
		t.Errorf("the one before: %d %v", status, out)
	}
	if l := w.only(); l.EndedWhy != "refresh_again" || l.LogoutDue.IsZero() {
		t.Errorf("login %+v", l)
	}
	if status, _ := refresh(second); status != http.StatusBadRequest {
		t.Errorf("the newest after that: %d", status)
	}
	if !strings.Contains(w.log.String(), "refresh_again") || strings.Contains(w.log.String(), second) {
		t.Errorf("log: %s", &w.log)
	}
}

func TestARefreshTokenOfAnotherProgram(t *testing.T) {
	w := newWorld(t)
	_, refresh, _ := w.tokens("owner")
	status, out := w.token(url.Values{"client_id": {"old"}, "grant_type": {grantRefresh}, "refresh_token": {refresh}})
	if l := w.only(); status != http.StatusBadRequest || out["error"] != "invalid_grant" || l.EndedWhy != "refresh_of_another" {
		t.Errorf("%d %v, login %+v", status, out, l)
	}
}

func TestTokensEndWithTheSession(t *testing.T) {
	w := newWorld(t)
	s := w.sessions["owner"]
	s.ExpiresAt = start.Add(10 * time.Minute)
	w.sessions["owner"] = s
	token, _, id := w.tokens("owner")
	if id.Expires != s.ExpiresAt.Unix() {
		t.Errorf("the ID token ends at %d, the session at %d", id.Expires, s.ExpiresAt.Unix())
	}
	w.now = s.ExpiresAt
	if status, _ := w.userinfo(token); status != http.StatusUnauthorized {
		t.Errorf("userinfo after the end: %d", status)
	}
}

func TestClientsProveThemselves(t *testing.T) {
	w := newWorld(t)
	code := w.code("owner", nil)
	basic := func(id, secret string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))}}
	}
	base := url.Values{"grant_type": {grantCode}, "redirect_uri": {callback}, "code_verifier": {verifier}, "code": {code}}
	with := func(more url.Values) url.Values {
		all := url.Values{}
		for _, from := range []url.Values{base, more} {
			maps.Copy(all, from)
		}
		return all
	}
	for name, tt := range map[string]struct {
		form   url.Values
		header http.Header
		status int
		code   string
	}{
		"nobody":            {base, nil, 401, "invalid_client"},
		"no secret":         {with(url.Values{"client_id": {"erp"}}), nil, 401, "invalid_client"},
		"another secret":    {with(url.Values{"client_id": {"erp"}, "client_secret": {"another-secret-0001"}}), nil, 401, "invalid_client"},
		"unknown":           {with(url.Values{"client_id": {"nobody"}, "client_secret": {secretERP}}), nil, 401, "invalid_client"},
		"secret of another": {base, basic("app", secretERP), 401, "invalid_client"},
		"basic, wrong":      {base, basic("erp", "x"), 401, "invalid_client"},
		"two ways":          {with(url.Values{"client_secret": {secretERP}}), basic("erp", secretERP), 400, "invalid_request"},
		"two names":         {with(url.Values{"client_id": {"old"}}), basic("erp", secretERP), 400, "invalid_request"},
		"not encoded":       {base, basic("erp", "%zz"), 400, "invalid_request"},
		"twice":             {with(url.Values{"code": {code, code}}), basic("erp", secretERP), 400, "invalid_request"},
		"another grant":     {with(url.Values{"grant_type": {"password"}}), basic("erp", secretERP), 400, "unsupported_grant_type"},
		"unknown code":      {with(url.Values{"code": {"zgk_x"}}), basic("erp", secretERP), 400, "invalid_grant"},
	} {
		if status, out := w.post(pathToken, tt.form, tt.header); status != tt.status || out["error"] != tt.code {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if l := w.only(); !l.EndedAt.IsZero() || !l.CodeUsed.IsZero() {
		t.Errorf("login %+v", l)
	}
	public := w.code("owner", url.Values{"client_id": {"app"}})
	if status, out := w.post(pathToken, with(url.Values{"client_id": {"app"}, "code": {public}}), nil); status != http.StatusOK {
		t.Errorf("a public client: %d %v", status, out)
	}
}

func TestAccessTokensThatDoNotCount(t *testing.T) {
	w := newWorld(t)
	token, refresh, _ := w.tokens("owner")
	for name, text := range map[string]string{
		"none": "", "another kind": refresh, "cut": token[:len(token)-1], "longer": token + "A", "of no login": w.p.newAccess("o_nobody", start.Add(time.Hour)),
		"over": w.p.newAccess(w.only().ID, start),
	} {
		if status, out := w.userinfo(text); status != http.StatusUnauthorized || out["error"] != "invalid_token" {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	r := httptest.NewRequest(http.MethodGet, pathUserinfo+"?access_token="+token, nil)
	if answer := w.send("", r); answer.Code != http.StatusUnauthorized {
		t.Errorf("in the address: %d", answer.Code)
	}
	c := w.clients["erp"]
	c.Role = access.Owner
	w.clients["erp"] = c
	if status, _ := w.userinfo(token); status != http.StatusOK {
		t.Errorf("an owner where owners are wanted: %d", status)
	}
	w.persons["p_owner"] = access.Person{ID: "p_owner", Members: []access.Member{{TenantID: "lantian", PersonID: "p_owner", Role: access.Viewer}}}
	if status, _ := w.userinfo(token); status != http.StatusUnauthorized {
		t.Errorf("after the role was taken away: %d", status)
	}
	if l := w.only(); l.EndedWhy != "role_gone" {
		t.Errorf("login %+v", l)
	}
}

func TestTokensWithoutADatabase(t *testing.T) {
	w := newWorld(t)
	token, refresh, _ := w.tokens("owner")
	w.err = errors.New("away")
	for _, answer := range []func() (int, map[string]any){
		func() (int, map[string]any) { return w.userinfo(token) },
		func() (int, map[string]any) {
			return w.token(url.Values{"grant_type": {grantRefresh}, "refresh_token": {refresh}})
		},
	} {
		if status, out := answer(); status != http.StatusInternalServerError || out["error"] != nil {
			t.Errorf("%d %v", status, out)
		}
	}
	if l := w.only(); !l.EndedAt.IsZero() {
		t.Errorf("not to know ended the login: %+v", l)
	}
}

// FuzzRead: nothing but what we made is taken for ours.
func FuzzRead(f *testing.F) {
	f.Add("zgr_o_1.x.AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("zgo_o_1.0.")
	f.Add("zgr_...")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, prefix := range []string{accessPrefix, refreshPrefix} {
			if login, rest, ok := w.p.read(prefix, text); ok && w.p.text(prefix, login, rest) != text {
				t.Errorf("%q was taken for login %q, %q", text, login, rest)
			}
		}
		login, _ := w.p.newRefresh(text)
		if len(text) < 40 && !strings.Contains(text, ".") {
			if got, _, ok := w.p.read(refreshPrefix, login); !ok || got != text {
				t.Errorf("%q reads as %q", login, got)
			}
		}
	})
}
