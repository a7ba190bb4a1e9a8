package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web"
)

// The grants there are.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// answers writes refusals as programs read them (RFC 6749, section 5.2; RFC 6750,
// section 3). Everything else that goes wrong is a problem document.
func answers(h web.Handler) http.Handler {
	return web.Machine(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Pragma", "no-cache")
		err := h(w, r)
		e, ok := errors.AsType[*refusal](err)
		if !ok {
			return err
		}
		status := http.StatusBadRequest
		switch e.code {
		case "invalid_client":
			w.Header().Set("WWW-Authenticate", `Basic realm="zhanggui"`)
			status = http.StatusUnauthorized
		case "invalid_token":
			w.Header().Set("WWW-Authenticate", `Bearer realm="zhanggui", error="invalid_token", error_description="`+e.text+`"`)
			status = http.StatusUnauthorized
		}
		return writeJSON(w, status, map[string]string{"error": e.code, "error_description": e.text})
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// tokens is the answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"` // seconds
	Refresh string `json:"refresh_token,omitempty"`
	Scope   string `json:"scope"`
	ID      string `json:"id_token"`
}

// token exchanges codes and refresh tokens.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return refuse("invalid_request", "the body is no form")
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return refuse("invalid_request", "a parameter is there twice")
		}
	}
	client, err := p.authenticate(r)
	if err != nil {
		return err
	}
	var out tokens
	switch r.PostForm.Get("grant_type") {
	case grantCode:
		out, err = p.redeem(r, client)
	case grantRefresh:
		out, err = p.refresh(r, client)
	default:
		err = refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// authenticate tells which client asks.
func (p *Provider) authenticate(r *http.Request) (access.OIDCClient, error) {
	id, secret, basic := r.BasicAuth()
	if basic { // both are form-encoded in there: RFC 6749, section 2.3.1
		var bad error
		if id, bad = url.QueryUnescape(id); bad == nil {
			secret, bad = url.QueryUnescape(secret)
		}
		if bad != nil || r.PostForm.Has("client_secret") || r.PostForm.Has("client_id") && r.PostForm.Get("client_id") != id {
			return access.OIDCClient{}, refuse("invalid_request", "send one client_id and one secret, in one way")
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	c, err := p.o.Store.OIDCClient(r.Context(), id)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return access.OIDCClient{}, err
	}
	known := err == nil
	same := hmac.Equal(c.SecretHash, access.OIDCSecretHash(p.o.MAC, id, secret))
	if !known || !c.Public() && !same || c.Public() && secret != "" {
		p.refused(r, "oidc.token", c.ID, "invalid_client")
		return access.OIDCClient{}, refuse("invalid_client", "no such client, or another secret")
	}
	return c, nil
}

// errGrant is the one answer to codes and refresh tokens that do not count: whoever
// tries them learns nothing.
func errGrant(why error) *refusal {
	return &refusal{code: "invalid_grant", text: "it does not count, or not any more; begin a new login", why: why}
}

// redeem exchanges a code. A code is used up by whoever brings it: one that was
// brought wrongly, or a second time, was in other hands, so what it gave ends.
func (p *Provider) redeem(r *http.Request, c access.OIDCClient) (tokens, error) {
	ctx, form := r.Context(), r.PostForm
	l, err := p.o.Store.OIDCLoginByCode(ctx, access.HashKey(form.Get("code")))
	if errors.Is(err, access.ErrNotFound) {
		p.refused(r, "oidc.token", c.ID, "unknown_code")
		return tokens{}, errGrant(err)
	}
	if err != nil {
		return tokens{}, err
	}
	if why := p.wrongCode(c, l, form); why != "" {
		return tokens{}, p.burn(r, c, l, why)
	}
	s, err := p.standing(ctx, c, l)
	if err != nil {
		return tokens{}, p.endIfOver(ctx, l, err)
	}
	var refresh string
	var hash []byte
	if slices.Contains(strings.Fields(l.Scope), scopeOffline) {
		refresh, hash = p.newRefresh(l.ID)
	}
	err = p.o.Store.RedeemOIDCCode(ctx, l.ID, hash, p.o.Now())
	if errors.Is(err, access.ErrUsed) { // somebody was faster
		return tokens{}, p.burn(r, c, l, "code_again")
	}
	if err != nil {
		return tokens{}, err
	}
	return p.give(ctx, c, l, s, refresh, l.Nonce)
}

// wrongCode says what is wrong with a code as it was brought; empty: nothing.
func (p *Provider) wrongCode(c access.OIDCClient, l access.OIDCLogin, form url.Values) string {
	switch {
	case !l.CodeUsed.IsZero():
		return "code_again"
	case l.ClientID != c.ID:
		return "code_of_another"
	case !p.o.Now().Before(l.CodeEnds):
		return "code_late"
	case form.Get("redirect_uri") != l.RedirectURI:
		return "redirect_uri"
	case !verifies(l.Challenge, form.Get("code_verifier")):
		return "code_verifier"
	}
	return ""
}

// verifies checks PKCE. A verifier to a code that was asked for without a challenge
// is wrong, too: somebody took the challenge away on the way (RFC 9700, section
// 4.8.2).
func verifies(challenge, verifier string) bool {
	if challenge == "" || verifier == "" {
		return challenge == verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	return hmac.Equal([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge))
}

// burn ends a login because something of it was brought by who should not have it.
func (p *Provider) burn(r *http.Request, c access.OIDCClient, l access.OIDCLogin, why string) error {
	p.refused(r, "oidc.token", c.ID, why)
	if err := p.end(r.Context(), l, why); err != nil {
		return err
	}
	p.o.Log.WarnContext(r.Context(), "a login into a program was ended: something that counts once was brought wrongly", "client", l.ClientID, "login", l.ID, "why", why)
	return errGrant(over(why))
}

func (p *Provider) end(ctx context.Context, l access.OIDCLogin, why string) error {
	now := p.o.Now()
	return p.o.Store.EndOIDCLogin(ctx, l.ID, why, now, audit.Entry{
		At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "oidc.end", Subject: subjectOf(l.ClientID), Outcome: audit.Done, Reason: why,
		Details: map[string]string{"login": l.ID, "session": l.SessionID},
	})
}

// endIfOver ends a login that does not count any more, and answers for it.
func (p *Provider) endIfOver(ctx context.Context, l access.OIDCLogin, err error) error {
	why, ok := errors.AsType[over](err)
	if !ok {
		return err
	}
	if l.EndedAt.IsZero() {
		if err := p.end(ctx, l, string(why)); err != nil {
			return err
		}
	}
	return errGrant(err)
}

// refresh exchanges a refresh token for the next one.
func (p *Provider) refresh(r *http.Request, c access.OIDCClient) (tokens, error) {
	ctx, text := r.Context(), r.PostForm.Get("refresh_token")
	id, _, ok := p.read(refreshPrefix, text)
	if !ok {
		p.refused(r, "oidc.token", c.ID, "unknown_refresh")
		return tokens{}, errGrant(nil)
	}
	l, err := p.o.Store.OIDCLogin(ctx, id)
	if errors.Is(err, access.ErrNotFound) {
		return tokens{}, errGrant(err)
	}
	if err != nil {
		return tokens{}, err
	}
	if l.ClientID != c.ID {
		return tokens{}, p.burn(r, c, l, "refresh_of_another")
	}
	s, err := p.standing(ctx, c, l)
	if err != nil {
		return tokens{}, p.endIfOver(ctx, l, err)
	}
	next, hash := p.newRefresh(l.ID)
	err = p.o.Store.RotateOIDCRefresh(ctx, l.ID, access.HashKey(text), hash)
	if errors.Is(err, access.ErrUsed) { // it is ours, and was replaced
		return tokens{}, p.burn(r, c, l, "refresh_again")
	}
	if err != nil {
		return tokens{}, err
	}
	return p.give(ctx, c, l, s, next, "")
}

// give makes the tokens of a login.
func (p *Provider) give(ctx context.Context, c access.OIDCClient, l access.OIDCLogin, s standing, refresh, nonce string) (tokens, error) {
	now := p.o.Now()
	known, err := p.claims(ctx, c, l, s)
	if err != nil {
		return tokens{}, err
	}
	ends := p.ends(s, now)
	out := tokens{Access: p.newAccess(l.ID, ends), Type: "Bearer", Expires: int64(ends.Sub(now) / time.Second), Refresh: refresh, Scope: l.Scope}
	id := p.idToken(known, l, s, out.Access, now)
	id.Nonce = nonce
	out.ID, err = p.o.Signer.Sign(ctx, algorithm, id)
	return out, err
}
