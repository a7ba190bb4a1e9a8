package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// ChangeMember gives a member another role or another end, with everything that
// follows from it. from is the membership as whoever decides saw it: another one
// is [access.ErrStale], and one that is not held at now [access.ErrNotFound]. What
// would leave nobody as the owner of the place for good is [access.ErrLastOwner].
func (s *Store) ChangeMember(ctx context.Context, from, to access.Member, now time.Time, e grant.Effects) error {
	return s.write(ctx, "change member", func(t *tx) error {
		held, err := t.held(ctx, from, now)
		if err != nil {
			return err
		}
		if held.Role != from.Role || !held.Until.Equal(from.Until) {
			return access.ErrStale
		}
		if held.Role != to.Role {
			held.Since = now // with another role comes another token: see session.Live.Rotate
		}
		held.Role, held.Until = to.Role, to.Until
		if err := t.changeMembers(ctx, now, held); err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
}

// Departure tells what goes with a member's role, or [access.ErrNotFound] when it
// is not held at now.
func (s *Store) Departure(ctx context.Context, m access.Member, now time.Time) (access.Departure, error) {
	var d access.Departure
	err := s.view(ctx, "read what goes with a role", func(q *sqlgen.Queries) (err error) {
		d, err = departure(ctx, q, m, now)
		return err
	})
	return d, err
}

// RemoveMember ends a role and disables the keys and the invitations that the
// person made there, with everything that follows from it. d must name all of them,
// or it is [access.ErrStale]. It answers [access.ErrNotFound] when the role is not held
// at now, and [access.ErrLastOwner] when nobody would own the place afterwards.
func (s *Store) RemoveMember(ctx context.Context, d access.Departure, now time.Time, e grant.Effects) error {
	return s.write(ctx, "remove member", func(t *tx) error {
		found, err := departure(ctx, t.Queries, d.Member, now)
		if err != nil {
			return err
		}
		if !d.Covers(found) {
			return access.ErrStale
		}
		left := found.Member
		left.Until = now
		if err := t.changeMembers(ctx, now, left); err != nil {
			return err
		}
		if err := t.disable(ctx, found, now); err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
}

// departure reads what goes with a role.
func departure(ctx context.Context, q *sqlgen.Queries, m access.Member, now time.Time) (access.Departure, error) {
	held, err := heldMember(ctx, q, m, now)
	if err != nil {
		return access.Departure{}, err
	}
	d := access.Departure{Member: held}
	by := access.ByPerson + held.PersonID
	clients, err := q.ClientsMadeBy(ctx, sqlgen.ClientsMadeByParams{MadeBy: by, Now: millis(now), TenantID: held.TenantID, ShopID: held.ShopID})
	if err != nil {
		return access.Departure{}, err
	}
	for _, row := range clients {
		c, err := toClient(row)
		if err != nil {
			return access.Departure{}, err
		}
		d.Clients = append(d.Clients, c)
	}
	rows, err := q.InvitationsMadeBy(ctx, sqlgen.InvitationsMadeByParams{InvitedBy: by, Now: millis(now), TenantID: held.TenantID, ShopID: held.ShopID})
	for _, row := range rows {
		d.Invitations = append(d.Invitations, toInvitation(row))
	}
	if err != nil {
		return access.Departure{}, err
	}
	sessions, err := q.SessionsOfPerson(ctx, held.PersonID)
	for _, row := range sessions {
		if row.Parent == "" && toSession(row).Live(now) {
			d.Sessions++
		}
	}
	return d, err
}

// disable ends keys and invitations.
func (t *tx) disable(ctx context.Context, d access.Departure, now time.Time) error {
	for _, c := range d.Clients {
		if err := t.RevokeClient(ctx, sqlgen.RevokeClientParams{ID: c.ID, RevokedAt: millis(now)}); err != nil {
			return err
		}
	}
	for _, i := range d.Invitations {
		i.State, i.Code = access.InvitationDead, ""
		if err := t.moveInvitation(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) held(ctx context.Context, m access.Member, now time.Time) (access.Member, error) {
	return heldMember(ctx, t.Queries, m, now)
}

// heldMember reads a membership that counts at now, or gives [access.ErrNotFound].
func heldMember(ctx context.Context, q *sqlgen.Queries, m access.Member, now time.Time) (access.Member, error) {
	row, err := q.Member(ctx, sqlgen.MemberParams{TenantID: m.TenantID, ShopID: m.ShopID, PersonID: m.PersonID})
	if err != nil {
		return access.Member{}, missing(err, access.ErrNotFound)
	}
	held := toMember(row)
	if !held.Active(now) {
		return access.Member{}, access.ErrNotFound
	}
	return held, nil
}

// changeMembers writes memberships of one tenant, unless that takes its last owner
// from the tenant or from a shop.
func (t *tx) changeMembers(ctx context.Context, now time.Time, changed ...access.Member) error {
	before, err := t.owners(ctx, changed[0].TenantID)
	if err != nil {
		return err
	}
	for _, m := range changed {
		if err := t.putMember(ctx, m); err != nil {
			return err
		}
	}
	after, err := t.owners(ctx, changed[0].TenantID)
	if err == nil && access.Orphans(before, after, now) {
		err = access.ErrLastOwner
	}
	return err
}

// owners gives the owners of a tenant and its shops who can still log in.
func (t *tx) owners(ctx context.Context, tenant string) ([]access.Member, error) {
	rows, err := t.OwnersOfTenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	all := make([]access.Member, len(rows))
	for i, row := range rows {
		all[i] = toMember(row)
	}
	return all, nil
}

func (t *tx) putMember(ctx context.Context, m access.Member) error {
	t.touch("person:"+m.PersonID, m.Since)
	return t.PutMember(ctx, sqlgen.PutMemberParams{
		TenantID: m.TenantID, ShopID: m.ShopID, PersonID: m.PersonID, Role: string(m.Role),
		Since: millis(m.Since), Until: millis(m.Until),
	})
}
