package sqlstore

import (
	"context"
	"crypto/subtle"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// CreateInvitation keeps a new, open invitation. It answers
// [access.ErrNotFound] when the tenant does not exist or the shop is not one of
// its shops.
func (s *Store) CreateInvitation(ctx context.Context, i access.Invitation, e ...audit.Entry) error {
	return s.write(ctx, "create invitation", func(t *tx) error {
		if err := t.placeExists(ctx, i.TenantID, i.ShopID); err != nil {
			return err
		}
		if !i.MemberUntil.IsZero() {
			if err := t.ends(ctx, peopleSchema); err != nil {
				return err
			}
		}
		t.record(e...)
		return t.InsertInvitation(ctx, sqlgen.InsertInvitationParams{
			ID: i.ID, TokenHash: i.TokenHash, TenantID: i.TenantID, ShopID: i.ShopID, Role: string(i.Role),
			InvitedBy: i.InvitedBy, CreatedAt: millis(i.CreatedAt), ExpiresAt: millis(i.ExpiresAt),
			State: string(access.InvitationOpen), MemberUntil: millis(i.MemberUntil),
		})
	})
}

// placeExists checks that a role can be held there.
func (t *tx) placeExists(ctx context.Context, tenantID, shopID string) error {
	if _, err := t.Tenant(ctx, tenantID); err != nil {
		return missing(err, access.ErrNotFound)
	}
	if shopID == "" {
		return nil
	}
	shop, err := t.Shop(ctx, shopID)
	if err == nil && shop.TenantID != tenantID {
		return access.ErrNotFound
	}
	return missing(err, access.ErrNotFound)
}

// Invitation gives the invitation with this id, or [access.ErrNotFound].
func (s *Store) Invitation(ctx context.Context, id string) (access.Invitation, error) {
	row, err := s.q.Invitation(ctx, id)
	return one(s.Log, "read invitation", row, err, toInvitation)
}

// InvitationByToken gives the invitation with this token hash, or
// [access.ErrNotFound].
func (s *Store) InvitationByToken(ctx context.Context, hash []byte) (access.Invitation, error) {
	row, err := s.q.InvitationByToken(ctx, hash)
	return one(s.Log, "read invitation", row, err, toInvitation)
}

// Invitations gives all invitations, the newest first.
func (s *Store) Invitations(ctx context.Context) ([]access.Invitation, error) {
	rows, err := s.q.Invitations(ctx)
	return many(s.Log, "read invitations", rows, err, toInvitation)
}

// take binds an open invitation to a person.
func (t *tx) take(ctx context.Context, k grant.Take, now time.Time) error {
	row, err := t.Queries.Invitation(ctx, k.InvitationID)
	if err != nil {
		return missing(err, access.ErrInvitationGone)
	}
	if !toInvitation(row).Usable(now) {
		return access.ErrInvitationGone
	}
	return t.MoveInvitation(ctx, sqlgen.MoveInvitationParams{
		ID: k.InvitationID, State: string(access.InvitationTaken), PersonID: k.PersonID, Code: k.Code,
	})
}

// ConfirmInvitation makes the person who took an invitation a member, with
// everything that follows from it. A wrong code is counted and answered with
// [access.ErrWrongCode]; the last allowed one kills the invitation. One that
// cannot be confirmed is [access.ErrInvitationGone], and [access.ErrNotFound]
// when there is none. The invitation that comes back is as it is afterwards.
func (s *Store) ConfirmInvitation(ctx context.Context, id, code string, now time.Time, e grant.Effects) (access.Invitation, error) {
	var inv access.Invitation
	var refused error
	err := s.write(ctx, "confirm invitation", func(t *tx) error {
		refused = nil
		row, err := t.Queries.Invitation(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		inv = toInvitation(row)
		if !inv.Confirmable(now) {
			return access.ErrInvitationGone
		}
		if subtle.ConstantTimeCompare([]byte(code), []byte(inv.Code)) != 1 {
			refused = access.ErrWrongCode
			return t.wrongCode(ctx, &inv, now, e)
		}
		return t.confirm(ctx, &inv, now, e)
	})
	if err != nil {
		return access.Invitation{}, err
	}
	if refused != nil {
		return inv, s.fail("confirm invitation", refused)
	}
	return inv, nil
}

// ConfirmClaim makes personID, who took the claim of a shop, its owner without
// anybody's digits, with everything that follows from it. It refuses with
// [access.ErrNotFree] when somebody owns the shop, or when the claim would reach
// further than the shop, both as they are at the commit; the claim then waits for
// [Store.ConfirmInvitation]. One that cannot be confirmed, or that somebody else
// took, is [access.ErrInvitationGone], and [access.ErrNotFound] when there is none.
func (s *Store) ConfirmClaim(ctx context.Context, id, shopID, personID string, now time.Time, e grant.Effects) error {
	return s.write(ctx, "confirm claim", func(t *tx) error {
		row, err := t.Queries.Invitation(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		inv := toInvitation(row)
		if !inv.Claim() || !inv.Confirmable(now) || inv.PersonID != personID {
			return access.ErrInvitationGone
		}
		if err := t.free(ctx, inv, shopID, now); err != nil {
			return err
		}
		return t.confirm(ctx, &inv, now, e)
	})
}

// free refuses a claim of a shop that is owned, and one of more than the shop: a
// tenant may have got a second one since the claim began.
func (t *tx) free(ctx context.Context, inv access.Invitation, shopID string, now time.Time) error {
	row, err := t.Shop(ctx, shopID)
	if err != nil {
		return missing(err, access.ErrNotFound)
	}
	shop := toShop(row)
	shops, err := t.CountShopsOfTenant(ctx, inv.TenantID)
	if err != nil {
		return err
	}
	if shop.TenantID != inv.TenantID || inv.ShopID != shop.ID && (inv.ShopID != "" || shops > 1) {
		return access.ErrNotFree
	}
	rows, err := t.MembersOfTenant(ctx, inv.TenantID)
	if err != nil {
		return err
	}
	members := make([]access.Member, len(rows))
	for i, m := range rows {
		members[i] = toMember(m)
	}
	if access.HasOwner(members, shop, now) {
		return access.ErrNotFree
	}
	return nil
}

func (t *tx) wrongCode(ctx context.Context, inv *access.Invitation, now time.Time, e grant.Effects) error {
	inv.Tries++
	if inv.Tries >= access.MaxCodeTries {
		inv.State, inv.Code = access.InvitationDead, ""
	}
	t.record(audit.Entry{
		At: now, Actor: actor(e.Audit), Action: "invitation.confirm", Subject: "invitation:" + inv.ID,
		Outcome: audit.Refused, Reason: "wrong_code", Details: map[string]string{"tries": strconv.Itoa(inv.Tries)},
	})
	return t.moveInvitation(ctx, *inv)
}

func (t *tx) confirm(ctx context.Context, inv *access.Invitation, now time.Time, e grant.Effects) error {
	inv.State, inv.Code = access.InvitationConfirmed, ""
	if err := t.moveInvitation(ctx, *inv); err != nil {
		return err
	}
	if err := t.join(ctx, *inv, now); err != nil {
		return err
	}
	return t.apply(ctx, e)
}

func (t *tx) moveInvitation(ctx context.Context, inv access.Invitation) error {
	return t.MoveInvitation(ctx, sqlgen.MoveInvitationParams{
		ID: inv.ID, State: string(inv.State), PersonID: inv.PersonID, Code: inv.Code, Tries: int64(inv.Tries),
	})
}

// lasts tells whether a membership ends no earlier than until.
func lasts(m access.Member, until time.Time) bool {
	return m.Until.IsZero() || !until.IsZero() && !m.Until.Before(until)
}

// join makes a member. A role that is held already and allows as much is kept:
// an invitation never takes anything away.
func (t *tx) join(ctx context.Context, inv access.Invitation, now time.Time) error {
	row, err := t.Member(ctx, sqlgen.MemberParams{TenantID: inv.TenantID, ShopID: inv.ShopID, PersonID: inv.PersonID})
	found, err := exists(row, err)
	if err != nil {
		return err
	}
	held := toMember(row)
	wider := held.Role != inv.Role && held.Role.Covers(inv.Role) && held.Active(now)
	if found && (wider || held.Role == inv.Role && lasts(held, inv.MemberUntil)) {
		return nil
	}
	return t.changeMembers(ctx, now, access.Member{
		TenantID: inv.TenantID, ShopID: inv.ShopID, PersonID: inv.PersonID, Role: inv.Role, Since: now, Until: inv.MemberUntil,
	})
}

// WithdrawInvitation kills an invitation that is open or taken. Any other is
// [access.ErrInvitationGone], and [access.ErrNotFound] when there is none.
func (s *Store) WithdrawInvitation(ctx context.Context, id string, now time.Time, e ...audit.Entry) error {
	return s.write(ctx, "withdraw invitation", func(t *tx) error {
		row, err := t.Queries.Invitation(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		inv := toInvitation(row)
		if inv.State != access.InvitationOpen && inv.State != access.InvitationTaken || !now.Before(inv.ExpiresAt) {
			return access.ErrInvitationGone
		}
		inv.State, inv.Code = access.InvitationDead, ""
		t.record(e...)
		return t.moveInvitation(ctx, inv)
	})
}
