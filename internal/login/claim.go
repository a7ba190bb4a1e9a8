package login

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

const (
	claimLife = 10 * time.Minute
	proofLife = 10 * time.Minute
)

// claimNote says that an invitation is the claim of this browser's market
// session. It lives in a sealed cookie.
type claimNote struct {
	Invitation string `json:"i"`
	Session    string `json:"s"`
	Shop       string `json:"p"`
	Until      int64  `json:"u"` // Unix milliseconds
}

// claim is a claim that was proved: WeChat named the shop to this browser, and
// now it names the person.
type claim struct {
	session string
	shop    access.Shop
	inv     access.Invitation
	owned   bool // the shop has an owner, who must confirm
}

// invitation is the claim's invitation once the person took it.
func (c claim) invitation(person string) access.Invitation {
	i := c.inv
	i.PersonID = person
	return i
}

// getClaim says what claiming a shop (认领店铺) means.
func (l *Login) getClaim(w http.ResponseWriter, r *http.Request) error {
	_, shop, err := l.whoOfShop(r)
	if err != nil {
		return err
	}
	owned, err := l.owned(r.Context(), shop)
	if err != nil {
		return err
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.claim.title"}, claimPage(shop.Name, owned))
}

// postClaim makes an invitation to own the shop that only this browser can take
// without anybody's confirmation, and goes on like every invitation: what we ask
// and why, then WeChat.
func (l *Login) postClaim(w http.ResponseWriter, r *http.Request) error {
	s, shop, err := l.whoOfShop(r)
	if err != nil {
		return err
	}
	if err := l.takeTry(r, "market.claim"); err != nil {
		return err
	}
	place, err := l.claimedPlace(r.Context(), shop)
	if err != nil {
		return err
	}
	now := l.o.Now()
	i, token := access.NewInvitation(shop.TenantID, place, access.Owner, access.ByMarket+s.ID, now)
	value, err := l.sealCookie(claimCookie, claimNote{Invitation: i.ID, Session: s.ID, Shop: shop.ID, Until: now.Add(claimLife).UnixMilli()})
	if err != nil {
		return err
	}
	if err := l.o.Store.CreateInvitation(r.Context(), i, grant.InviteEntry(now, actorOf(s), i)); err != nil {
		return err
	}
	l.jar.Set(w, claimCookie, value, claimLife)
	return redirect(w, r, l.path("/i/"+token.RevealString(), nil))
}

// claimedPlace says how far the ownership reaches: the whole tenant if the shop
// is all of it, else the shop alone. WeChat named no other.
func (l *Login) claimedPlace(ctx context.Context, shop access.Shop) (string, error) {
	all, err := l.o.Store.Shops(ctx)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(all, func(o access.Shop) bool { return o.TenantID == shop.TenantID && o.ID != shop.ID }) {
		return shop.ID, nil
	}
	return "", nil
}

// whoOfShop is Who for somebody whom the market sent into a shop.
func (l *Login) whoOfShop(r *http.Request) (access.Session, access.Shop, error) {
	s, _, err := l.Who(r)
	if err != nil {
		return access.Session{}, access.Shop{}, err
	}
	if s.ShopID == "" {
		return access.Session{}, access.Shop{}, withLink(page(http.StatusForbidden, "claim-session"), "home", "/")
	}
	shop, err := l.o.Store.Shop(r.Context(), s.ShopID)
	return s, shop, err
}

// owned tells whether the shop has an owner.
func (l *Login) owned(ctx context.Context, shop access.Shop) (bool, error) {
	members, err := l.o.Store.Members(ctx, shop.TenantID)
	return access.HasOwner(members, shop, l.o.Now()), err
}

// claimOf finds the claim that a login finishes. It needs the very browser and
// the live market session that began it; without them the invitation is like
// any other and waits for a confirmation.
func (l *Login) claimOf(ctx context.Context, r *http.Request, p pending) *claim {
	value, ok := l.jar.Get(r, claimCookie)
	if !ok || p.Invitation == "" {
		return nil
	}
	var n claimNote
	if l.openCookie(claimCookie, value, &n) != nil || n.Invitation != p.Invitation || !l.o.Now().Before(time.UnixMilli(n.Until)) {
		return nil
	}
	s, shop, err := l.whoOfShop(r)
	if err != nil || s.ID != n.Session || s.ShopID != n.Shop {
		return nil
	}
	owned, err := l.owned(ctx, shop)
	if err != nil {
		l.o.Log.WarnContext(ctx, "who owns a claimed shop is not known; the claim waits for a confirmation", "shop", shop.ID, "error", err)
		return nil
	}
	i, err := l.o.Store.Invitation(ctx, n.Invitation)
	if err != nil || i.InvitedBy != access.ByMarket+s.ID {
		return nil
	}
	return &claim{session: s.ID, shop: shop, inv: i, owned: owned}
}

// settleClaim makes the person the owner of a shop that has none. Otherwise, and
// if it fails or the shop is not what it was when the claim began, the claim waits
// for an owner or an administrator.
func (l *Login) settleClaim(ctx context.Context, w http.ResponseWriter, a arrival, d done) {
	if a.claim == nil || d.taken == "" {
		return
	}
	l.jar.Drop(w, claimCookie)
	if a.claim.owned {
		return
	}
	if err := l.confirmClaim(ctx, *a.claim, d); err != nil {
		l.o.Log.WarnContext(ctx, "a claim was not confirmed; an administrator can do it with the digits", "invitation", d.taken, "error", err)
	}
}

// confirmClaim leaves it to the store whether the shop is still free: another claim
// may end at the same time.
func (l *Login) confirmClaim(ctx context.Context, c claim, d done) error {
	now := l.o.Now()
	e := grant.ClaimEffects(now, c.session, c.invitation(d.session.PersonID))
	return l.o.Store.ConfirmClaim(ctx, d.taken, c.shop.ID, d.session.PersonID, now, e)
}

// RequireProved is [Login.Require] for what matters most: it takes a person whom
// WeChat named within the last ten minutes, and no session of the market. Its
// pages lead to a login that comes back to the shop.
func (l *Login) RequireProved(r *http.Request, role access.Role, shopID string) (access.Session, access.Person, error) {
	s, p, err := l.Require(r, role, shopID)
	switch {
	case err == nil && s.PersonID == "":
		err = l.needsPerson(shopID)
	case err == nil:
		err = l.provedLately(s, shopID, backTo(r, "/shops/"+shopID))
	}
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	return s, p, nil
}

// backTo is where a new login comes back to: the page that was asked for, or path
// when something was sent.
func backTo(r *http.Request, path string) string {
	if r.Method == http.MethodGet {
		return r.URL.RequestURI()
	}
	return path
}

// RequirePerson gives a person whom WeChat named within the last ten minutes,
// whatever their roles are. Its pages lead to a login that comes back.
func (l *Login) RequirePerson(r *http.Request) (access.Session, access.Person, error) {
	return l.whoPerson(r, backTo(r, "/me"))
}

// provedLately refuses a session whose person WeChat named too long ago. path is
// where a new login comes back to.
func (l *Login) provedLately(s access.Session, shopID, path string) error {
	if l.o.Now().Sub(s.ProvedAt) < proofLife {
		return nil
	}
	return withLink(page(http.StatusForbidden, "proof-old"), "prove", l.proveLink(shopID, path))
}

// needsPerson is the page of somebody of a shop who would do what needs a name.
func (l *Login) needsPerson(shopID string) *web.Error {
	return withLink(page(http.StatusForbidden, "needs-person"), "prove", l.proveLink(shopID, "/shops/"+shopID))
}

// proveLink asks WeChat who is there and comes back to path.
func (l *Login) proveLink(shopID, path string) string {
	in := intent{shop: shopID}
	if back, err := l.o.Redirects.Check(l.base + path); err == nil {
		in.back = back
	}
	q := in.query()
	q.Set("prove", "1")
	return "/login?" + q.Encode()
}
