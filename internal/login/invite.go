package login

import (
	"errors"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// askAgain is how often, in seconds, the page with the four digits looks whether
// the inviter has confirmed.
const askAgain = 3

// getInvitation is the landing of an invitation and the consent page (授权说明).
// It changes nothing: link previews open it too.
func (l *Login) getInvitation(w http.ResponseWriter, r *http.Request) error {
	inv, err := l.openInvitation(r)
	if err != nil {
		return err
	}
	app, err := l.chooseApp(r)
	if err != nil {
		return err
	}
	v := consentView{
		Operator: l.o.Operator, Role: inv.Role, Version: l.consent, Scope: app.Scope,
		Post: "/i/" + r.PathValue("token"), Until: inv.ExpiresAt, Now: l.o.Now(), Claim: inv.Claim(),
	}
	if v.Claim {
		v.Until = inv.CreatedAt.Add(claimLife)
	}
	if err := l.nameParties(r, inv, &v); err != nil {
		return err
	}
	title := "login.invite.title"
	if v.Claim {
		title = "login.claim.title"
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: title}, consentPage(v))
}

// nameParties fills in what the invitation is for.
func (l *Login) nameParties(r *http.Request, inv access.Invitation, v *consentView) error {
	tenant, err := l.o.Store.Tenant(r.Context(), inv.TenantID)
	if err != nil {
		return err
	}
	v.Tenant = tenant.Name
	if inv.ShopID == "" {
		return nil
	}
	shop, err := l.o.Store.Shop(r.Context(), inv.ShopID)
	v.Shop = shop.Name
	return err
}

// postInvitation is the tap on "agree": the login begins, and the text that was
// shown travels with it. A text that changed in between is shown again.
func (l *Login) postInvitation(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	inv, err := l.openInvitation(r)
	if err != nil {
		return err
	}
	if r.PostForm.Get("version") != l.consent {
		return redirect(w, r, l.path("/i/"+r.PathValue("token"), nil))
	}
	home, err := l.o.Redirects.Check("")
	if err != nil {
		return err
	}
	return l.begin(w, r, intent{
		shop: inv.ShopID, back: home, invitation: inv.ID, tenant: inv.TenantID, consent: l.consent,
	})
}

// openInvitation finds the invitation of the address if it can still be taken.
func (l *Login) openInvitation(r *http.Request) (access.Invitation, error) {
	token := r.PathValue("token")
	gone := page(http.StatusNotFound, "invitation-unknown")
	if !validKey(token, access.InvitePrefix) {
		return access.Invitation{}, l.refuse(r, "invitation.open", "", gone)
	}
	inv, err := l.o.Store.InvitationByToken(r.Context(), access.HashKey(token))
	if errors.Is(err, access.ErrNotFound) {
		return access.Invitation{}, l.refuse(r, "invitation.open", "", gone)
	}
	if err == nil && !inv.Usable(l.o.Now()) {
		err = l.goneInvitation(r, inv)
	}
	return inv, err
}

// goneInvitation is the page of an invitation that is over. Whoever took it
// finds the way to their digits again.
func (l *Login) goneInvitation(r *http.Request, inv access.Invitation) *web.Error {
	e := page(http.StatusGone, "invitation-gone")
	if s, err := l.session(r); err == nil && s.PersonID != "" && s.PersonID == inv.PersonID {
		withLink(e, "invited", "/invited/"+inv.ID)
	}
	return e
}

// getInvited shows the person who took an invitation the four digits to tell
// the inviter, and waits for the inviter.
func (l *Login) getInvited(w http.ResponseWriter, r *http.Request) error {
	s, _, err := l.Who(r)
	if err != nil {
		return err
	}
	inv, err := l.o.Store.Invitation(r.Context(), r.PathValue("id"))
	mine := err == nil && inv.PersonID != "" && inv.PersonID == s.PersonID
	switch {
	case err != nil && !errors.Is(err, access.ErrNotFound):
		return err
	case mine && inv.State == access.InvitationConfirmed:
		return redirect(w, r, l.path("/", nil))
	case !mine, inv.State != access.InvitationTaken, !l.o.Now().Before(inv.ExpiresAt):
		// One answer for "not yours" and "over": ids tell nothing.
		return withLink(page(http.StatusGone, "invitation-gone"), "home", "/")
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.invited.title", RefreshSeconds: askAgain},
		invitedPage(inv, l.o.Now()))
}

// consentView is what the consent page shows.
type consentView struct {
	Operator     Operator
	Tenant, Shop string // names
	Role         access.Role
	Scope        string // what the app asks WeChat for
	Version      string
	Post         string // path of the form
	Until, Now   time.Time
	Claim        bool // nobody invited: the reader claims the shop
}
