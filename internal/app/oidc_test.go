package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechattest"
)

const (
	partyID       = "grafana"
	partySecret   = "sandbox-secret-grafana-000001"
	partyCallback = "https://grafana.example.com/login/generic_oauth"
	partyGoodbye  = "https://grafana.example.com/logout"
)

// party is a program that logs people in with OpenID Connect: the library that many
// such programs are written with.
type party struct {
	r        *rig
	ctx      context.Context
	provider *oidc.Provider
	oauth    oauth2.Config
	verifier string // PKCE
	told     chan string
}

// newParty declares the program and has it read what the server says of itself.
func newParty(r *rig) *party {
	r.t.Helper()
	p := &party{r: r, verifier: oauth2.GenerateVerifier(), told: make(chan string, 10)}
	channel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		p.told <- req.PostFormValue("logout_token")
		w.WriteHeader(http.StatusNoContent)
	}))
	r.t.Cleanup(channel.Close)
	r.apply(adminapi.Manifest{OIDCClients: []adminapi.ManifestOIDCClient{{Secret: partySecret, OIDCClientBody: adminapi.OIDCClientBody{
		ID: partyID, Name: "Grafana", RedirectURIs: []string{partyCallback}, PostLogoutURIs: []string{partyGoodbye},
		BackchannelURI: channel.URL + "/backchannel", AllowPrivate: true, Tenant: tenantID, Role: "operator", Claims: []string{"openid"},
		EmailDomain: "people.example.com",
	}}}})
	p.ctx = oidc.ClientContext(r.t.Context(), r.http)
	var err error
	if p.provider, err = oidc.NewProvider(p.ctx, r.base); err != nil {
		r.t.Fatal(err)
	}
	p.oauth = oauth2.Config{ClientID: partyID, ClientSecret: partySecret, RedirectURL: partyCallback, Endpoint: p.provider.Endpoint(),
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}}
	return p
}

// begin is the address that the program sends a browser to.
func (p *party) begin(more ...oauth2.AuthCodeOption) string {
	return p.oauth.AuthCodeURL("the-state", append(more, oidc.Nonce("the-nonce"), oauth2.S256ChallengeOption(p.verifier))...)
}

// came reads what a browser brings back to the program.
func (p *party) came(at page) url.Values {
	p.r.t.Helper()
	u, err := url.Parse(at.location)
	if err != nil || !strings.HasPrefix(at.location, partyCallback+"?") {
		p.r.t.Fatalf("%s (%d) leads to %q and not to the program: %s", at.url, at.status, at.location, at.body)
	}
	q := u.Query()
	if q.Get("state") != "the-state" || q.Get("iss") != p.r.base {
		p.r.t.Errorf("the answer has the state %q and the issuer %q", q.Get("state"), q.Get("iss"))
	}
	return q
}

func (p *party) exchange(code string) (*oauth2.Token, error) {
	return p.oauth.Exchange(p.ctx, code, oauth2.VerifierOption(p.verifier))
}

// said is what an ID token says, beside the usual.
type said struct {
	Nonce    string `json:"nonce"`
	AuthTime int64  `json:"auth_time"`
	SID      string `json:"sid"`
	Shop     string `json:"zhanggui_shop"`
	Role     string `json:"zhanggui_role"`
	Door     string `json:"zhanggui_door"`
	OpenID   string `json:"zhanggui_openid"`
	UnionID  string `json:"zhanggui_unionid"`
	Name     string `json:"name"`
	Email    string `json:"email"`
}

// verify has the library verify the ID token of an answer.
func (p *party) verify(token *oauth2.Token) (*oidc.IDToken, said) {
	p.r.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := p.provider.Verifier(&oidc.Config{ClientID: partyID, Now: p.r.clock()}).Verify(p.ctx, raw)
	if err != nil {
		p.r.t.Fatal(err)
	}
	var out said
	if err := id.Claims(&out); err != nil {
		p.r.t.Fatal(err)
	}
	return id, out
}

// login takes a person in, and gives the tokens.
func (p *party) login(b *browser) *oauth2.Token {
	p.r.t.Helper()
	token, err := p.exchange(p.came(b.follow(b.open(p.begin()))).Get("code"))
	if err != nil {
		p.r.t.Fatal(err)
	}
	return token
}

func TestARelyingParty(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]map[string]string{"at the root": nil, "below a prefix": {"prefix": "/zhanggui"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, flags)
			r.declare()
			p := newParty(r)
			r.owner()

			// A stranger's browser goes to WeChat's login and comes back with a code.
			b := r.browser(phone)
			token, err := p.exchange(p.came(b.agree(b.follow(b.open(p.begin())), wechattest.Owner)).Get("code"))
			if err != nil {
				t.Fatal(err)
			}
			id, s := p.verify(token)
			if id.Subject == "" || s.Nonce != "the-nonce" || s.Shop != shopID || s.Role != "owner" || s.Door != "wechat" || s.SID == "" || s.AuthTime == 0 ||
				s.Name == "" || s.OpenID == "" || s.UnionID != "" || !strings.HasSuffix(s.Email, "@people.example.com") {
				t.Errorf("the ID token says %+v of %q", s, id.Subject)
			}
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				t.Error(err)
			}
			info, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token))
			if err != nil || info.Subject != id.Subject || info.Email != s.Email {
				t.Errorf("userinfo: %+v, %v", info, err)
			}
			p.refreshes(token, id.Subject)
			p.silently(b, id.Subject)
		})
	}
}

// refreshes replaces a refresh token, and wants everything to end when the one
// before comes again.
func (p *party) refreshes(token *oauth2.Token, subject string) {
	t := p.r.t
	t.Helper()
	refresh := func(text string) (*oauth2.Token, error) {
		return p.oauth.TokenSource(p.ctx, &oauth2.Token{RefreshToken: text}).Token()
	}
	next, err := refresh(token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := p.verify(next); id.Subject != subject || next.RefreshToken == token.RefreshToken {
		t.Errorf("refreshed: subject %q, refresh token replaced %t", id.Subject, next.RefreshToken != token.RefreshToken)
	}
	for _, text := range []string{token.RefreshToken, next.RefreshToken} { // the first ends the second
		if _, err := refresh(text); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("a refresh token (the newest: %t) after one came twice: %v", text == next.RefreshToken, err)
		}
	}
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(next)); err == nil {
		t.Error("userinfo answers after a refresh token came twice")
	}
	p.logoutToken(subject)
}

// silently takes the person in again without a page.
func (p *party) silently(b *browser, subject string) {
	p.r.t.Helper()
	none := oauth2.SetAuthURLParam("prompt", "none")
	token, err := p.exchange(p.came(b.open(p.begin(none))).Get("code"))
	if err != nil {
		p.r.t.Fatal(err)
	}
	if id, _ := p.verify(token); id.Subject != subject {
		p.r.t.Errorf("another subject: %q", id.Subject)
	}
	if got := p.came(p.r.browser(phone).open(p.begin(none))).Get("error"); got != "login_required" {
		p.r.t.Errorf("without a session: %q", got)
	}
}

// logoutToken waits for the program to be told of the end of a session.
func (p *party) logoutToken(subject string) {
	t := p.r.t
	t.Helper()
	var raw string
	select {
	case raw = <-p.told:
	case <-time.After(time.Minute):
		t.Fatal("the program was not told")
	}
	id, err := p.provider.Verifier(&oidc.Config{ClientID: partyID, Now: p.r.clock()}).Verify(p.ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		SID    string                     `json:"sid"`
		ID     string                     `json:"jti"`
		Nonce  *string                    `json:"nonce"`
		Events map[string]json.RawMessage `json:"events"`
	}
	if err := id.Claims(&out); err != nil {
		t.Fatal(err)
	}
	if string(out.Events["http://schemas.openid.net/event/backchannel-logout"]) != "{}" || out.SID == "" || out.ID == "" || out.Nonce != nil || id.Subject != subject {
		t.Errorf("the logout token says %+v of %q", out, id.Subject)
	}
}

func TestLogoutReachesTheProgram(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	p := newParty(r)
	b := r.owner()
	token := p.login(b)
	id, _ := p.verify(token)
	raw, _ := token.Extra("id_token").(string)
	end := r.base + "/oidc/end-session?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {partyGoodbye}, "state": {"s"}}.Encode()

	// Another browser that brings the token is only asked.
	if at := r.browser(phone).open(end); at.location != partyGoodbye+"?state=s" {
		t.Errorf("nobody is in there: %d, %q", at.status, at.location)
	}
	if at := b.open(r.base + "/oidc/end-session?client_id=" + partyID); at.status != http.StatusOK || !strings.Contains(at.body, "Stay logged in") {
		t.Errorf("without a token: %d: %s", at.status, at.body)
	}
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token)); err != nil {
		t.Errorf("userinfo while the session lives: %v", err)
	}
	if at := b.open(end); at.location != partyGoodbye+"?state=s" {
		t.Errorf("%d, %q: %s", at.status, at.location, at.body)
	}
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("userinfo after the logout: %v", err)
	}
	if _, err := p.oauth.TokenSource(p.ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("refresh after the logout: %v", err)
	}
	p.logoutToken(id.Subject)
	if at := b.open(r.base + "/sessions"); at.status != http.StatusUnauthorized {
		t.Errorf("our own session: %d", at.status)
	}
}

// TestRoleThatIsGone: a person who is removed is out of the programs at once.
func TestRoleThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	p := newParty(r)
	b := r.owner()
	token := p.login(b)
	var clients struct{ Items []adminapi.OIDCClientView }
	r.ask("GET", "/v1/oidc-clients", nil, &clients)
	if len(clients.Items) != 1 || clients.Items[0].ID != partyID || clients.Items[0].Sector != partyID || clients.Items[0].Public {
		t.Errorf("clients %+v", clients.Items)
	}
	declared := adminapi.ManifestOIDCClient{OIDCClientBody: clients.Items[0].OIDCClientBody}
	declared.Doors = []string{"qr"}
	if dry := r.apply(adminapi.Manifest{OIDCClients: []adminapi.ManifestOIDCClient{declared}}); len(dry.Changes) != 1 || dry.Changes[0].Fields[0] != "doors" {
		t.Errorf("changes %+v", dry.Changes)
	}
	if _, err := p.provider.UserInfo(p.ctx, oauth2.StaticTokenSource(token)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("userinfo through a door that does not count any more: %v", err)
	}
	if at := b.open(p.begin()); at.status != http.StatusForbidden || !strings.Contains(at.body, "Switch account") {
		t.Errorf("%d: %s", at.status, at.body)
	}
	pruned := r.manifest()
	status, body := r.say("POST", "/v1/apply?prune=true", pruned)
	if status != http.StatusOK || !strings.Contains(string(body), "oidc_client") {
		t.Errorf("pruned: %d %s", status, body)
	}
	if at := b.open(p.begin()); at.status != http.StatusBadRequest {
		t.Errorf("of a program that is gone: %d", at.status)
	}
}

// TestKeysArePublished: what the discovery document names is there.
func TestKeysArePublished(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	resp, err := r.http.Get(r.base + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(resp.Header.Get("Cache-Control"), "max-age") || strings.Contains(string(body), `"d"`) {
		t.Errorf("%d %v %s, %v", resp.StatusCode, resp.Header, body, err)
	}
}
