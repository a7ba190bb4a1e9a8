package adminapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Members ends roles. They are given by way of the directory.
type Members interface {
	// Departure tells what goes with a role, or [access.ErrNotFound] when it is not
	// held.
	Departure(ctx context.Context, m access.Member, now time.Time) (access.Departure, error)
	// RemoveMember ends a role from now on, with all that goes with it. The last owner
	// stays: [access.ErrLastOwner].
	RemoveMember(ctx context.Context, d access.Departure, now time.Time, e grant.Effects) error
}

// MemberView is a role of a person in a tenant or one of its shops.
type MemberView struct {
	Person string     `json:"person"`
	Tenant string     `json:"tenant"`
	Shop   string     `json:"shop,omitempty"`
	Role   string     `json:"role"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
}

// NewMember is a role that a person is to have.
type NewMember struct {
	Person string     `json:"person"`
	Shop   string     `json:"shop,omitempty" doc:"One shop of the tenant; left out: all of them"`
	Role   string     `json:"role" enum:"owner,operator,viewer"`
	Until  *time.Time `json:"until,omitempty"`
}

// memberPath names a role: a person has one in a tenant, and one in each shop of it.
type memberPath struct {
	ID     string `path:"id" doc:"The tenant's id"`
	Person string `path:"person" doc:"Our id of the person"`
	Shop   string `query:"shop" doc:"The role in this shop; left out: the one in the whole tenant"`
}

func (h handlers) mountMembers(api huma.API) {
	const all, one = "/v1/tenants/{id}/members", "/v1/tenants/{id}/members/{person}"
	huma.Register(api, op("list-members", http.MethodGet, all, "List who has which role in a tenant and its shops"), h.members)
	huma.Register(api, making("create-member", all, "Give a known person a role, in place of the one that they have there"), h.createMember)
	huma.Register(api, op("get-member", http.MethodGet, one, "Show the role of a person"), h.member)
	huma.Register(api, op("remove-member", http.MethodDelete, one, "End the role of a person at once, with their sessions, and keys and invitations that they made"), h.removeMember)
}

func viewMember(m access.Member) MemberView {
	return MemberView{Person: m.PersonID, Tenant: m.TenantID, Shop: m.ShopID, Role: string(m.Role), Since: stamp(m.Since), Until: stamp(m.Until)}
}

// members lists roles. Those in one shop stand together, so that a page of them is a
// part of the whole list.
func (h handlers) members(ctx context.Context, in *struct {
	Page
	ID   string `path:"id" doc:"The tenant's id"`
	Shop string `query:"shop" doc:"Only roles in this shop alone"`
}) (*body[list[MemberView]], error) {
	at, err := in.place("members", 2)
	if err != nil {
		return nil, err
	}
	if _, err := h.Directory.Tenant(ctx, in.ID); err != nil {
		return nil, fail(err)
	}
	if in.Shop != "" && in.After == "" {
		at[0] = in.Shop
	}
	rows, err := h.Directory.MembersAfter(ctx, access.Member{TenantID: in.ID, ShopID: at[0], PersonID: at[1]}, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	for i, m := range rows {
		if in.Shop != "" && m.ShopID != in.Shop {
			rows = rows[:i]
			break
		}
	}
	return pageOf(rows, in.Limit, viewMember, func(m access.Member) string { return cursor("members", m.ShopID, m.PersonID) }), nil
}

// role finds a role, also one that ended, or gives [access.ErrNotFound].
func (h handlers) role(ctx context.Context, p memberPath) (access.Member, error) {
	person, err := h.Directory.Person(ctx, p.Person)
	if err != nil {
		return access.Member{}, err
	}
	for _, m := range person.Members {
		if m.TenantID == p.ID && m.ShopID == p.Shop {
			return m, nil
		}
	}
	return access.Member{}, access.ErrNotFound
}

func (h handlers) member(ctx context.Context, in *memberPath) (*body[MemberView], error) {
	m, err := h.role(ctx, *in)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewMember(m)), nil
}

func (h handlers) createMember(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"The tenant's id"`
	Body NewMember
}) (*body[MemberView], error) {
	if err := h.placeOf(ctx, in.ID, in.Body); err != nil {
		return nil, fail(err)
	}
	err := h.create(ctx, Manifest{Members: []ManifestMember{{Person: in.Body.Person, Tenant: in.ID, Shop: in.Body.Shop, Role: in.Body.Role, Until: in.Body.Until}}})
	if err != nil {
		return nil, fail(err)
	}
	return h.member(ctx, &memberPath{ID: in.ID, Person: in.Body.Person, Shop: in.Body.Shop})
}

// placeOf wants the tenant, a shop of it and the person to be there.
func (h handlers) placeOf(ctx context.Context, tenant string, n NewMember) error {
	if _, err := h.Directory.Tenant(ctx, tenant); err != nil {
		return err
	}
	if n.Shop != "" {
		shop, err := h.Directory.Shop(ctx, n.Shop)
		if errors.Is(err, access.ErrNotFound) || err == nil && shop.TenantID != tenant {
			return errNoShop()
		}
		if err != nil {
			return err
		}
	}
	_, err := h.Directory.Person(ctx, n.Person)
	if errors.Is(err, access.ErrNotFound) {
		return errNoPerson()
	}
	return err
}

func (h handlers) removeMember(ctx context.Context, in *memberPath) (*struct{}, error) {
	now := h.Now()
	m, err := h.role(ctx, *in)
	if err == nil && !m.Active(now) {
		err = access.ErrNotFound
	}
	if err != nil { // an id that names nobody must not reach the audit log
		return nil, fail(err)
	}
	d, err := h.Members.Departure(ctx, m, now)
	if err != nil {
		return nil, fail(err)
	}
	return nil, failed(h.Members.RemoveMember(ctx, d, now, grant.RemoveEffects(now, actor(ctx), d)))
}
