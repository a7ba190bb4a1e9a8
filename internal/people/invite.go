package people

import (
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// inviteView is the form for an invitation.
type inviteView struct {
	Shop   access.Shop
	Tenant access.Tenant
	Whole  bool // the reader owns the whole tenant, and may invite to it
}

// invitedView is an invitation that was just made. Its link is shown this once.
type invitedView struct {
	Shop  access.Shop
	Role  access.Role
	Until time.Time
	Link  string
}

func (p *People) getInvite(w http.ResponseWriter, r *http.Request) error {
	s, err := p.owner(r)
	if err != nil {
		return err
	}
	v := inviteView{Shop: s.Shop, Whole: owns(s.Person.Members, s.Shop.TenantID, "", p.o.Now())}
	if v.Tenant, err = p.o.Store.Tenant(r.Context(), s.Shop.TenantID); err != nil {
		return err
	}
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "people.invite.title"}, invitePage(v))
}

// postInvite makes an invitation to the shop, or to its tenant.
func (p *People) postInvite(w http.ResponseWriter, r *http.Request) error {
	s, err := p.owner(r)
	if err != nil {
		return err
	}
	now, at := p.o.Now(), s.Shop.ID
	if r.PostFormValue("at") == "tenant" {
		at = ""
	}
	role := access.Role(r.PostFormValue("role"))
	until, err := untilDay(r.PostFormValue("until"), now)
	mine, ok := ownsUntil(s.Person.Members, s.Shop.TenantID, at, now)
	if err != nil || !role.Valid() || !ok {
		return errForm(s.Shop.ID)
	}
	i, token := access.NewInvitation(s.Shop.TenantID, at, role, access.ByPerson+s.Person.ID, now)
	until = earlier(until, mine) // nobody gives what lasts longer than their own
	i.MemberUntil = until
	if err := p.o.Store.CreateInvitation(r.Context(), i, grant.InviteEntry(now, s.by(), i)); err != nil {
		return refusal(err, s.Shop.ID)
	}
	v := invitedView{Shop: s.Shop, Role: role, Until: until, Link: p.o.Link("/i/" + token.RevealString())}
	return p.o.UI.Render(w, r, http.StatusCreated, ui.PageInfo{TitleKey: "people.invited.title"}, invitedPage(v))
}

// invitation gives the owner whose request it is and the invitation that it names,
// which they may confirm or withdraw.
func (p *People) invitation(r *http.Request) (seat, access.Invitation, error) {
	s, err := p.owner(r)
	if err != nil {
		return s, access.Invitation{}, err
	}
	all, err := p.o.Store.Invitations(r.Context())
	if err != nil {
		return s, access.Invitation{}, err
	}
	n := slices.IndexFunc(all, func(i access.Invitation) bool { return i.ID == r.PathValue("id") && p.confirms(s.Person, s.Shop, i) })
	if n < 0 {
		return s, access.Invitation{}, errGone(s.Shop.ID)
	}
	return s, all[n], nil
}

// postConfirm is an owner's yes to whoever took an invitation, with their digits.
func (p *People) postConfirm(w http.ResponseWriter, r *http.Request) error {
	s, i, err := p.invitation(r)
	if err != nil {
		return err
	}
	now := p.o.Now()
	if _, err := p.o.Store.ConfirmInvitation(r.Context(), i.ID, r.PostFormValue("code"), now, grant.ConfirmEffects(now, s.by(), i)); err != nil {
		return refusal(err, s.Shop.ID)
	}
	return back(w, r, s.Shop.ID)
}

func (p *People) postWithdraw(w http.ResponseWriter, r *http.Request) error {
	s, i, err := p.invitation(r)
	if err != nil {
		return err
	}
	now := p.o.Now()
	err = p.o.Store.WithdrawInvitation(r.Context(), i.ID, now, audit.Entry{At: now, Actor: s.by(), Action: "invitation.withdraw",
		Subject: "invitation:" + i.ID, Outcome: audit.Done})
	if err != nil {
		return refusal(err, s.Shop.ID)
	}
	return back(w, r, s.Shop.ID)
}
