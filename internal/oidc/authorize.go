package oidc

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// authorize answers a program that sent a browser (OIDC Core 1.0, section 3.1.2).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	in, err := p.addressed(r, q)
	if err != nil {
		return err
	}
	if e := p.parse(q, &in); e != nil {
		p.refused(r, "oidc.authorize", in.client.ID, e.code)
		return p.sendBack(w, r, in, e)
	}
	s, who, err := p.o.Sessions.Who(r)
	if err != nil {
		return p.notIn(w, r, in, err)
	}
	if !doorOpens(in.client, s) {
		return p.wrongDoor(w, r, in, s)
	}
	if !p.fresh(in, s) {
		return p.proveAgain(w, r, in)
	}
	shop, answered, err := p.chooseShop(w, r, in, s, who)
	if err != nil || answered {
		return err
	}
	return p.begin(w, r, in, s, who, shop)
}

// notIn sends somebody without a session to the login, from where they come back by
// themselves.
func (p *Provider) notIn(w http.ResponseWriter, r *http.Request, in request, err error) error {
	if e, ok := errors.AsType[*web.Error](err); !ok || e.Status != http.StatusUnauthorized {
		return err
	}
	if in.none {
		return p.sendBack(w, r, in, refuse("login_required", "nobody is logged in"))
	}
	again := r.URL.Query()
	again.Set(markParameter, p.mark(in.client.ID, p.o.Now())) // logging in now is proof enough
	p.redirect(w, r, p.login(again, nil))
	return nil
}

// login is the address of the login that comes back to this request.
func (p *Provider) login(again, with url.Values) string {
	q := url.Values{"rd": {p.base + pathAuthorize + "?" + again.Encode()}}
	maps.Copy(q, with)
	return p.base + "/login?" + q.Encode()
}

func (p *Provider) wrongDoor(w http.ResponseWriter, r *http.Request, in request, s access.Session) error {
	if in.none {
		return p.sendBack(w, r, in, refuse("login_required", "whoever is logged in cannot be taken for a person"))
	}
	code := "oidc-door"
	if s.PersonID == "" {
		code = "oidc-no-person"
	}
	return p.page(r, http.StatusForbidden, code, in.client.ID)
}

// fresh tells whether WeChat named the person lately enough for the request. With a
// mark, it is enough that it did so after that.
func (p *Provider) fresh(in request, s access.Session) bool {
	old := in.login || in.maxAge >= 0 && p.o.Now().Sub(s.ProvedAt) > in.maxAge
	if !old {
		return true
	}
	since, ok := p.readMark(in.client.ID, in.mark)
	return ok && !s.ProvedAt.Before(since)
}

// proveAgain asks WeChat who it is, once.
func (p *Provider) proveAgain(w http.ResponseWriter, r *http.Request, in request) error {
	if _, again := p.readMark(in.client.ID, in.mark); in.none || again {
		return p.sendBack(w, r, in, refuse("login_required", "WeChat did not name the person lately enough"))
	}
	again := r.URL.Query()
	again.Set(markParameter, p.mark(in.client.ID, p.o.Now()))
	p.redirect(w, r, p.login(again, url.Values{"prove": {"1"}}))
	return nil
}

// chooseShop gives the shop that a login is for. answered says that the browser has
// its answer already.
func (p *Provider) chooseShop(w http.ResponseWriter, r *http.Request, in request, s access.Session, who access.Person) (shop access.Shop, answered bool, err error) {
	shops, err := p.shops(r.Context(), in.client, s, who)
	if err != nil {
		return access.Shop{}, false, err
	}
	is := func(id string) int { return slices.IndexFunc(shops, func(s access.Shop) bool { return s.ID == id }) }
	switch i := is(in.shop); {
	case len(shops) == 0 && in.none:
		return access.Shop{}, true, p.sendBack(w, r, in, refuse("access_denied", "the person has no role that opens this program"))
	case len(shops) == 0:
		return access.Shop{}, true, p.page(r, http.StatusForbidden, "oidc-no-role", in.client.ID)
	case i >= 0:
		return shops[i], false, nil
	case in.choose:
		return access.Shop{}, true, p.choicePage(w, r, in, shops, who)
	case len(shops) == 1:
		return shops[0], false, nil
	}
	last, err := p.o.Store.LastOIDCLogin(r.Context(), s.ID, in.client.ID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return access.Shop{}, false, err
	}
	if i := is(last.ShopID); i >= 0 {
		return shops[i], false, nil
	}
	if in.none {
		return access.Shop{}, true, p.sendBack(w, r, in, refuse("interaction_required", "the person has several shops and must choose one"))
	}
	return access.Shop{}, true, p.choicePage(w, r, in, shops, who)
}

// choicePage shows the shops, each with the way on.
func (p *Provider) choicePage(w http.ResponseWriter, r *http.Request, in request, shops []access.Shop, who access.Person) error {
	v := choiceView{Client: in.client.Name, Nickname: who.Profile.Nickname}
	for _, shop := range shops {
		q := r.URL.Query()
		q.Set(shopParameter, shop.ID)
		v.Shops = append(v.Shops, choice{Name: shop.Name, Path: pathAuthorize + "?" + q.Encode()})
	}
	q := r.URL.Query()
	q.Del("prompt")
	v.Switch = "/login?" + url.Values{"switch": {"1"}, "rd": {p.base + pathAuthorize + "?" + q.Encode()}}.Encode()
	w.Header().Set("Cache-Control", "no-store")
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "oidc.choose.title"}, choicePage(v))
}

// choiceView is what the page with several shops shows.
type choiceView struct {
	Client, Nickname string
	Shops            []choice
	Switch           string
}

type choice struct{ Name, Path string }

// begin makes a code and sends the browser back with it.
func (p *Provider) begin(w http.ResponseWriter, r *http.Request, in request, s access.Session, who access.Person, shop access.Shop) error {
	code, hash := access.NewKey(codePrefix)
	now := p.o.Now()
	l := access.OIDCLogin{
		ID: access.NewID("o"), ClientID: in.client.ID, SessionID: s.ID, PersonID: who.ID, ShopID: shop.ID, Scope: in.scope, Nonce: in.nonce,
		RedirectURI: in.redirect, Challenge: in.challenge, CodeHash: hash, CodeEnds: now.Add(codeLife), CreatedAt: now,
	}
	if err := p.o.Store.BeginOIDCLogin(r.Context(), l, begun(l, now)); err != nil {
		return err
	}
	p.redirect(w, r, p.answer(in, url.Values{"code": {code.RevealString()}}))
	return nil
}

func begun(l access.OIDCLogin, now time.Time) audit.Entry {
	e := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorPerson, ID: l.PersonID}, Action: "oidc.login", Subject: subjectOf(l.ClientID),
		Outcome: audit.Done, Details: map[string]string{"login": l.ID, "shop": l.ShopID, "session": l.SessionID}}
	if l.PersonID == "" {
		e.Actor = audit.Actor{Kind: audit.ActorShop, ID: l.ShopID}
	}
	return e
}
