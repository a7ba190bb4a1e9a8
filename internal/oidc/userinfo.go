package oidc

import (
	"errors"
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
)

// errToken is the answer to access tokens that do not count.
var errToken = refuse("invalid_token", "it does not count, or not any more")

// userinfo tells a program what it may know (OIDC Core 1.0, section 5.3), as it is
// now: a role that was taken away is not told any more, and ends the login.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) error {
	id, ok := p.readAccess(bearer(r))
	if !ok {
		p.refused(r, "oidc.userinfo", "", "invalid_token")
		return errToken
	}
	ctx := r.Context()
	l, err := p.o.Store.OIDCLogin(ctx, id)
	if errors.Is(err, access.ErrNotFound) {
		return errToken
	}
	if err != nil {
		return err
	}
	c, err := p.o.Store.OIDCClient(ctx, l.ClientID)
	if errors.Is(err, access.ErrNotFound) {
		return errToken
	}
	if err != nil {
		return err
	}
	s, err := p.standing(ctx, c, l)
	if err != nil {
		if err = p.endIfOver(ctx, l, err); isRefusal(err) {
			return errToken
		}
		return err
	}
	out, err := p.claims(ctx, c, l, s)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}

// bearer gives the token of a request: from the header, or from a form (RFC 6750).
// It never stands in an address.
func bearer(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return token
	}
	if r.Method == http.MethodPost && r.ParseForm() == nil {
		return r.PostForm.Get("access_token")
	}
	return ""
}
