package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// passage is an entry with what it leads to, as it is stored now.
type passage struct {
	entry
	service access.Service
	shop    access.Shop
}

// role is what the session may do.
func (p passage) role() access.Role { return roleOf(p.service) }

// roleOf is what a service opens: never an owner's role, whatever is declared.
// WeChat named the shop and not the human.
func roleOf(s access.Service) access.Role {
	if !s.Role.Valid() || s.Role == access.Owner {
		return access.Operator
	}
	return s.Role
}

// getEnter names the shop and asks whether to open it: WeChat's jump has no
// state, so it may be somebody else's link. It changes nothing.
func (l *Login) getEnter(w http.ResponseWriter, r *http.Request) error {
	p, err := l.passageOf(r)
	if errors.Is(err, ErrSettingUp) {
		return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.enter.wait_title", RefreshSeconds: askAgain}, waitPage())
	}
	if err != nil {
		return err
	}
	s, who, err := l.who(r)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	if began(s, p) {
		return redirect(w, r, l.shopPath(p.shop))
	}
	v := enterView{Shop: cmp.Or(p.shop.Name, p.AppID), AppID: p.AppID, Service: cmp.Or(p.service.Name, p.service.ID), Role: p.role(), Tag: p.tag()}
	if err == nil {
		if err := l.nameSession(r.Context(), s, who, p.shop, &v); err != nil {
			return err
		}
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.enter.title"}, enterPage(v))
}

// began tells whether s is what this entry led to already.
func began(s access.Session, p passage) bool {
	return s.Door == access.DoorMarket && s.ShopID == p.shop.ID && s.App == p.App && !s.CreatedAt.Before(p.at())
}

// nameSession says on the page who the browser is now, and what would end.
func (l *Login) nameSession(ctx context.Context, s access.Session, who access.Person, shop access.Shop, v *enterView) error {
	v.In = true
	switch {
	case s.AdminID != "":
		v.ByKey = true
	case s.ShopID != "":
		now, err := l.o.Store.Shop(ctx, s.ShopID)
		if err != nil {
			return err
		}
		v.InShop = cmp.Or(now.Name, now.ID)
	default:
		v.Nickname = who.Profile.Nickname
		if _, ok := access.RoleIn(who.Members, shop, l.o.Now()); ok {
			v.Own = "/shops/" + shop.ID
		}
	}
	return nil
}

// passageOf finds where this browser's entry leads.
func (l *Login) passageOf(r *http.Request) (passage, error) {
	e, err := l.entryOf(r)
	if err != nil {
		return passage{}, marketPage(http.StatusGone, "market-over", nil)
	}
	return l.passage(r.Context(), e)
}

func (l *Login) passage(ctx context.Context, e entry) (passage, error) {
	app, err := l.o.Store.App(ctx, e.App)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return passage{}, err
	}
	service, ok := serviceOf(app, e.Service)
	if !ok {
		return passage{}, withLink(page(http.StatusNotFound, "no-service"), "home", "/")
	}
	shop, err := l.o.Shops.Enter(ctx, e.App, e.AppID)
	switch {
	case errors.Is(err, ErrSettingUp):
		return passage{}, err
	case errors.Is(err, ErrNoShop):
		return passage{}, marketPage(http.StatusForbidden, "market-no-shop", err)
	case errors.Is(err, ErrWithdrawn):
		return passage{}, marketPage(http.StatusForbidden, "market-withdrawn", err)
	case errors.Is(err, ErrEnded):
		return passage{}, marketPage(http.StatusForbidden, "market-ended", err)
	case err != nil:
		return passage{}, marketPage(http.StatusServiceUnavailable, "market-shop", err)
	}
	in, err := l.authorised(ctx, e.App, e.AppID)
	if err == nil && !in {
		err = marketPage(http.StatusForbidden, "market-withdrawn", nil)
	}
	return passage{e, service, shop}, err
}

// authorised tells whether the shop still lets the platform in. Only an end that
// somebody wanted counts: a grant in trouble locks nobody out.
func (l *Login) authorised(ctx context.Context, app, appID string) (bool, error) {
	g, err := l.o.Shops.AuthorizerGrant(ctx, app, appID)
	if errors.Is(err, grant.ErrNotFound) {
		return true, nil
	}
	ended := g.State == grant.Revoked || g.State == grant.NeedsOwner && g.Cause == grant.CauseUnauthorized
	return err == nil && !ended, err
}

// postEnter does what the reader of the page answered.
func (l *Login) postEnter(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	e, err := l.entryOf(r)
	if err != nil {
		return marketPage(http.StatusGone, "market-over", nil)
	}
	switch r.PostForm.Get("go") {
	case "no":
		l.jar.Drop(w, entryCookie)
		return redirect(w, r, l.path("/", nil))
	case "yes":
	default:
		return badForm(nil)
	}
	if r.PostForm.Get("entry") != e.tag() {
		return redirect(w, r, l.path("/market/enter", nil))
	}
	return l.straightOn(w, r, e)
}

// straightOn opens the shop, or leads to the page that says why not yet.
func (l *Login) straightOn(w http.ResponseWriter, r *http.Request, e entry) error {
	p, err := l.passage(r.Context(), e)
	if errors.Is(err, ErrSettingUp) {
		return redirect(w, r, l.path("/market/enter", nil))
	}
	if err != nil {
		return err
	}
	return l.enter(w, r, p)
}

// enter uses the entry up and starts its session.
func (l *Login) enter(w http.ResponseWriter, r *http.Request, p passage) error {
	now := l.o.Now()
	if err := l.checkClock(r.Context(), now); err != nil {
		return err
	}
	_, err := l.o.Store.UseState(r.Context(), grant.Callback{App: p.App, StateHash: p.useHash(), At: now})
	if errors.Is(err, access.ErrUsed) {
		return l.enteredBefore(w, r, p)
	}
	if err != nil {
		return marketPage(http.StatusServiceUnavailable, "market-not-kept", err)
	}
	e, token, err := l.entryEffects(r, p)
	if err == nil {
		err = l.o.Store.Login(r.Context(), e)
	}
	if err != nil {
		return marketPage(http.StatusServiceUnavailable, "market-not-kept", err)
	}
	l.remember(w, r, p.entry)
	l.loggedIn(w, token, e.Login.Session, now)
	return redirect(w, r, l.shopPath(p.shop))
}

// enteredBefore answers a second yes. The browser that is in goes on; nobody
// gets a second session.
func (l *Login) enteredBefore(w http.ResponseWriter, r *http.Request, p passage) error {
	if s, err := l.session(r); err == nil && began(s, p) {
		return redirect(w, r, l.shopPath(p.shop))
	}
	return l.refuse(r, "market.enter", "shop:"+p.shop.ID, marketPage(http.StatusConflict, "market-used", nil))
}

// entryEffects decides what an entry changes: a session of nobody in particular,
// and what the shop bought.
func (l *Login) entryEffects(r *http.Request, p passage) (grant.Effects, secret.Value, error) {
	now := l.o.Now()
	token, hash := access.NewKey(access.SessionPrefix)
	s := l.newSession(r, now, hash)
	s.ShopID, s.Role, s.App, s.Door = p.shop.ID, p.role(), p.App, access.DoorMarket
	e := grant.Effects{
		At: now, Login: &grant.Login{StateHash: p.useHash(), Session: s}, Purchases: l.bought(r.Context(), p),
		Audit: []audit.Entry{{
			At: now, Actor: actorOf(s), Action: "login", Subject: "session:" + s.ID, Outcome: audit.Done,
			Details: map[string]string{"app": p.App, "door": string(s.Door), "service": p.service.ID, "role": string(s.Role)},
		}},
	}
	var err error
	e.EndSessions, err = l.replaced(r)
	return e, token, err
}

// bought is what the jump told of the purchase. It tells no end, so the known
// one stays. Not knowing what is kept is no reason to keep somebody out.
func (l *Login) bought(ctx context.Context, p passage) []access.Purchase {
	if p.Spec == "" && p.Order == "" {
		return nil
	}
	kept, err := l.o.Shops.Purchases(ctx, p.App, p.AppID)
	if err != nil {
		l.o.Log.WarnContext(ctx, "what a shop bought was not noted; it is asked again within a day", "shop", p.shop.ID, "error", err)
		return nil
	}
	b := access.Purchase{App: p.App, Service: p.service.ID, AppID: p.AppID, Spec: p.Spec, OrderID: p.Order, SeenAt: p.at()}
	for _, k := range kept {
		if k.Service == b.Service && k.Spec == b.Spec {
			b.PaidUntil = k.PaidUntil
		}
	}
	return []access.Purchase{b}
}

func (l *Login) shopPath(s access.Shop) string { return l.path("/shops/"+url.PathEscape(s.ID), nil) }

// Somebody gives the holder of a session from the market: nobody by name, with the
// session's role in its one shop. [access.ErrNotFound] says that nobody may come in
// from there any more.
func (l *Login) Somebody(ctx context.Context, s access.Session) (access.Person, error) {
	if !l.marketOpen() {
		return access.Person{}, access.ErrNotFound
	}
	shop, err := l.o.Store.Shop(ctx, s.ShopID)
	if err != nil {
		return access.Person{}, err
	}
	in, err := l.authorised(ctx, s.App, shop.AppID)
	if err == nil && !in {
		err = access.ErrNotFound
	}
	if err != nil {
		return access.Person{}, err
	}
	role, err := l.roleNow(ctx, s)
	if err != nil {
		return access.Person{}, err
	}
	return access.Person{Members: []access.Member{{TenantID: shop.TenantID, ShopID: shop.ID, Role: role, Since: s.CreatedAt}}}, nil
}

// roleNow gives the role of a market session, no more than the services of its
// platform give now: roles of persons are looked up anew each time, too.
func (l *Login) roleNow(ctx context.Context, s access.Session) (access.Role, error) {
	app, err := l.o.Store.App(ctx, s.App)
	if err == nil && len(app.Services) == 0 {
		err = access.ErrNotFound
	}
	if err != nil {
		return "", err
	}
	most := access.Viewer
	for _, service := range app.Services {
		if role := roleOf(service); role.Covers(most) {
			most = role
		}
	}
	if s.Role.Covers(most) {
		return most, nil
	}
	return s.Role, nil
}

// enterView is what the question before a shop is opened shows.
type enterView struct {
	Shop, AppID string
	Service     string
	Role        access.Role
	Tag         string
	In          bool   // the browser is logged in
	ByKey       bool   // with an administrator's key
	InShop      string // from the market into this shop
	Nickname    string // as this person
	Own         string // path of the shop for this person, who has a role there
}
