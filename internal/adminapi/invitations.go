package adminapi

import (
	"context"
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
	Invitations(ctx context.Context) ([]access.Invitation, error)
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
	Link    string     `json:"link,omitempty" doc:"for the person invited; shown this once"`
}

func viewInvitation(i access.Invitation) InvitationView {
	return InvitationView{ID: i.ID, Tenant: i.TenantID, Shop: i.ShopID, Role: string(i.Role), State: string(i.State), Person: i.PersonID, Expires: stamp(i.ExpiresAt)}
}

func (h handlers) mountInvitations(api huma.API) {
	huma.Register(api, op("list-invitations", http.MethodGet, "/v1/invitations", "List the invitations"), h.invitations)
	huma.Register(api, op("create-invitation", http.MethodPost, "/v1/invitations", "Invite one person; the link is shown this once"), h.invite)
	huma.Register(api, op("confirm-invitation", http.MethodPost, "/v1/invitations/{id}/confirm", "Confirm who took an invitation, by the four digits they were shown"), h.confirm)
	huma.Register(api, op("withdraw-invitation", http.MethodPost, "/v1/invitations/{id}/withdraw", "Withdraw an invitation"), h.withdrawInvitation)
}

func (h handlers) invitations(ctx context.Context, _ *struct{}) (*body[list[InvitationView]], error) {
	all, err := h.Invites.Invitations(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return listOf(all, viewInvitation), nil
}

func (h handlers) invite(ctx context.Context, in *struct {
	Body struct {
		Tenant string `json:"tenant"`
		Shop   string `json:"shop,omitempty" doc:"empty: every shop of the tenant"`
		Role   string `json:"role" enum:"owner,operator,viewer"`
	}
}) (*body[InvitationView], error) {
	if err := h.checkPlace(ctx, in.Body.Tenant, in.Body.Shop); err != nil {
		return nil, err
	}
	now, by := h.Now(), actor(ctx)
	i, token := access.NewInvitation(in.Body.Tenant, in.Body.Shop, access.Role(in.Body.Role), by.Kind+":"+by.ID, now)
	if err := h.Invites.CreateInvitation(ctx, i, grant.InviteEntry(now, by, i)); err != nil {
		return nil, fail(err)
	}
	view := viewInvitation(i)
	view.Link = h.Link("/i/" + token.RevealString())
	return answer(view), nil
}

func (h handlers) checkPlace(ctx context.Context, tenant, shop string) error {
	tenants, err := h.Directory.Tenants(ctx)
	if err != nil {
		return fail(err)
	}
	known := map[string]bool{}
	for _, t := range tenants {
		known[t.ID] = true
	}
	if !known[tenant] {
		return huma.Error422UnprocessableEntity("there is no such tenant; list the tenants, or declare it first")
	}
	if shop == "" {
		return nil
	}
	shops, err := h.Directory.Shops(ctx)
	if err != nil {
		return fail(err)
	}
	for _, s := range shops {
		if s.ID == shop && s.TenantID == tenant {
			return nil
		}
	}
	return huma.Error422UnprocessableEntity("the tenant has no such shop; list the shops, or declare it first")
}

func (h handlers) confirm(ctx context.Context, in *struct {
	ID   string `path:"id"`
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

func (h handlers) withdrawInvitation(ctx context.Context, in *struct {
	ID string `path:"id"`
}) (*struct{}, error) {
	now := h.Now()
	err := h.Invites.WithdrawInvitation(ctx, in.ID, now, audit.Entry{At: now, Actor: actor(ctx), Action: "invitation.withdraw", Subject: "invitation:" + in.ID, Outcome: audit.Done})
	if err != nil {
		return nil, fail(err)
	}
	return nil, nil
}
