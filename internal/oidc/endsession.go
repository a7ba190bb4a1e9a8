package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// farewell is what a program asks of the end of a session (RP-Initiated Logout 1.0).
type farewell struct {
	client access.OIDCClient // zero: it did not say who it is
	hint   hint
	back   string // where the browser goes afterwards; empty: nowhere
}

// hint is what is read of an ID token that was ours, also of an old one.
type hint struct {
	Audience string `json:"aud"`
	Session  string `json:"sid"`
}

// readFarewell reads a request. The address to go to must be declared.
func (p *Provider) readFarewell(r *http.Request, q url.Values) (farewell, error) {
	var out farewell
	if text := q.Get("id_token_hint"); text != "" && len(text) < maxForm {
		if err := p.o.Signer.Verify(r.Context(), text, "JWT", &out.hint); err != nil {
			out.hint = hint{} // of another server, or too old: the person is asked
		}
	}
	id := q.Get("client_id")
	if out.hint.Audience != "" {
		if id != "" && id != out.hint.Audience {
			out.hint = hint{}
		} else {
			id = out.hint.Audience
		}
	}
	var err error
	if out.client, err = p.o.Store.OIDCClient(r.Context(), id); err != nil && !errors.Is(err, access.ErrNotFound) {
		return farewell{}, err
	}
	target := q.Get("post_logout_redirect_uri")
	if target == "" {
		return out, nil
	}
	if !slices.Contains(out.client.PostLogoutURIs, target) {
		return farewell{}, p.page(r, http.StatusBadRequest, "oidc-logout-uri", out.client.ID)
	}
	out.back = withState(target, q.Get("state"))
	return out, nil
}

func withState(target, state string) string {
	u, err := url.Parse(target)
	if err != nil || state == "" {
		return target
	}
	q := u.Query()
	q.Set("state", state)
	u.RawQuery = q.Encode()
	return u.String()
}

// endSession ends the session that an ID token names, if it is this browser's. In any
// other case the person is asked: somebody else's page could have sent the browser.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f, err := p.readFarewell(r, q)
	if err != nil {
		return err
	}
	s, _, err := p.o.Sessions.Who(r)
	if e, ok := errors.AsType[*web.Error](err); ok && e.Status == http.StatusUnauthorized {
		return p.leave(w, r, f, true) // nobody is in
	}
	if err != nil {
		return err
	}
	if f.hint.Session == "" || f.hint.Session != p.sid(access.OIDCLogin{ClientID: f.client.ID, SessionID: s.ID}) {
		w.Header().Set("Cache-Control", "no-store")
		return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "oidc.end.title"}, endPage(endView{
			Client: f.client.Name, ClientID: f.client.ID, Back: q.Get("post_logout_redirect_uri"), State: q.Get("state")}))
	}
	if err := p.o.Sessions.EndCurrent(w, r, "logout by "+f.client.ID); err != nil {
		return err
	}
	return p.leave(w, r, f, true)
}

// endView is what the page that asks shows, and carries on.
type endView struct{ Client, ClientID, Back, State string }

// endHere ends the session after the person said so.
func (p *Provider) endHere(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	f, err := p.readFarewell(r, r.PostForm)
	if err != nil {
		return err
	}
	if err := p.o.Sessions.EndCurrent(w, r, "logout"); err != nil {
		return err
	}
	return p.leave(w, r, f, false)
}

// leave sends the browser back, or says that nobody is logged in any more. After a
// form of ours it is a page with a link: browsers hold what a form leads to against
// the page's policy.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request, f farewell, redirect bool) error {
	if f.back != "" && redirect {
		p.redirect(w, r, f.back)
		return nil
	}
	w.Header().Set("Cache-Control", "no-store")
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "oidc.out.title"}, outPage(f.client.Name, f.back))
}
