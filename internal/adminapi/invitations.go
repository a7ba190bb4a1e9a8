package adminapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Invites makes and ends invitations.
type Invites interface {
	CreateInvitation(ctx context.Context, i access.Invitation, entries ...audit.Entry) error
	Invitation(ctx context.Context, id string) (access.Invitation, error)
	// InvitationsBefore gives a page, the newest first.
	InvitationsBefore(ctx context.Context, m access.Mark, limit int) ([]access.Invitation, error)
	ConfirmInvitation(ctx context.Context, id, code string, now time.Time, e grant.Effects) (access.Invitation, error)
	WithdrawInvitation(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error
}

// InvitationView is an invitation without its link and code.
type InvitationView struct {
	ID      string     `json:"id"`
	Tenant  string     `json:"tenant"`
	Shop    string     `json:"shop,omitempty"`
	Role    string     `json:"role"`
	State   string     `json:"state"`
	Person  string     `json:"person,omitempty" doc:"who took it"`
	Expires *time.Time `json:"expires,omitempty"`
	Until   *time.Time `json:"until,omitempty" doc:"when the role ends that it gives"`
	Link    string     `json:"link,omitempty" doc:"for the person invited; shown this once"`
}

func viewInvitation(i access.Invitation) InvitationView {
	return InvitationView{ID: i.ID, Tenant: i.TenantID, Shop: i.ShopID, Role: string(i.Role), State: string(i.State), Person: i.PersonID, Expires: stamp(i.ExpiresAt), Until: stamp(i.MemberUntil)}
}

func (h handlers) mountInvitations(api huma.API) {
	huma.Register(api, op("list-invitations", http.MethodGet, "/v1/invitations", "List the invitations"), h.invitations)
	huma.Register(api, op("get-invitation", http.MethodGet, "/v1/invitations/{id}", "Show one invitation"), h.invitation)
	huma.Register(api, op("create-invitation", http.MethodPost, "/v1/invitations", "Invite one person; the link is shown this once"), h.invite)
	huma.Register(api, op("confirm-invitation", http.MethodPost, "/v1/invitations/{id}/confirm", "Confirm who took an invitation, by the four digits they were shown"), h.confirm)
	huma.Register(api, op("withdraw-invitation", http.MethodPost, "/v1/invitations/{id}/withdraw", "Withdraw an invitation"), h.withdrawInvitation)
}

func (h handlers) invitations(ctx context.Context, in *Page) (*body[list[InvitationView]], error) {
	m, err := in.mark("invitations")
	if err != nil {
		return nil, err
	}
	all, err := h.Invites.InvitationsBefore(ctx, m, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, viewInvitation, func(i access.Invitation) string { return marked("invitations", i.CreatedAt, i.ID) }), nil
}

func (h handlers) invitation(ctx context.Context, in *idPath) (*body[InvitationView], error) {
	i, err := h.Invites.Invitation(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewInvitation(i)), nil
}

func (h handlers) invite(ctx context.Context, in *struct {
	Body struct {
		Tenant string     `json:"tenant"`
		Shop   string     `json:"shop,omitempty" doc:"empty: every shop of the tenant"`
		Role   string     `json:"role" enum:"owner,operator,viewer"`
		Until  *time.Time `json:"until,omitempty" doc:"when the role ends; left out: never"`
	}
}) (*body[InvitationView], error) {
	if err := h.checkPlace(ctx, in.Body.Tenant, in.Body.Shop); err != nil {
		return nil, err
	}
	now, by := h.Now(), actor(ctx)
	i, token := access.NewInvitation(in.Body.Tenant, in.Body.Shop, access.Role(in.Body.Role), by.Kind+":"+by.ID, now)
	if in.Body.Until != nil {
		if i.MemberUntil = in.Body.Until.UTC(); !i.MemberUntil.After(now) {
			return nil, refuse(http.StatusUnprocessableEntity, "until", "the role would be over already", "send a time to come", "该角色将立即到期", "请填写以后的时间")
		}
	}
	if err := h.Invites.CreateInvitation(ctx, i, grant.InviteEntry(now, by, i)); err != nil {
		return nil, fail(err)
	}
	view := viewInvitation(i)
	view.Link = h.Link("/i/" + token.RevealString())
	return answer(view), nil
}

func (h handlers) checkPlace(ctx context.Context, tenant, shop string) error {
	switch _, err := h.Directory.Tenant(ctx, tenant); {
	case errors.Is(err, access.ErrNotFound):
		return errNoTenant()
	case err != nil:
		return fail(err)
	}
	if shop == "" {
		return nil
	}
	s, err := h.Directory.Shop(ctx, shop)
	if errors.Is(err, access.ErrNotFound) || err == nil && s.TenantID != tenant {
		return errNoShop()
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

func (h handlers) confirm(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body struct {
		Code string `json:"code" pattern:"^[0-9]{4}$" doc:"as read out by the person invited"`
	}
}) (*body[InvitationView], error) {
	now := h.Now()
	i, err := h.Invites.Invitation(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	i, err = h.Invites.ConfirmInvitation(ctx, in.ID, in.Body.Code, now, grant.ConfirmEffects(now, actor(ctx), i))
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewInvitation(i)), nil
}

func (h handlers) withdrawInvitation(ctx context.Context, in *idPath) (*struct{}, error) {
	now := h.Now()
	err := h.Invites.WithdrawInvitation(ctx, in.ID, now, audit.Entry{At: now, Actor: actor(ctx), Action: "invitation.withdraw", Subject: "invitation:" + in.ID, Outcome: audit.Done})
	if err != nil {
		return nil, fail(err)
	}
	return nil, nil
}
