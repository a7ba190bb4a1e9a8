package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Identities gives how apps know a person.
func (s *Store) Identities(ctx context.Context, personID string) ([]access.Identity, error) {
	rows, err := s.q.IdentitiesOfPerson(ctx, personID)
	return many(s.Log, "read identities", rows, err, toIdentity)
}

// PersonData gives everything that rows hold of a person, as of one moment, or
// [access.ErrNotFound]. Entries of the audit log that name them come beside it.
func (s *Store) PersonData(ctx context.Context, id string) (access.PersonData, error) {
	var d access.PersonData
	person, err := s.Person(ctx, id)
	if err != nil {
		return d, err
	}
	d.Person = person
	err = s.view(ctx, "read a person's data", func(q *sqlgen.Queries) error {
		row, err := q.Person(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		d.Since = fromMillis(row.CreatedAt)
		return readPerson(ctx, q, id, &d)
	})
	return d, err
}

func readPerson(ctx context.Context, q *sqlgen.Queries, id string, d *access.PersonData) error {
	identities, err := q.IdentitiesOfPerson(ctx, id)
	if err != nil {
		return err
	}
	sessions, err := q.SessionsOfPerson(ctx, id)
	if err != nil {
		return err
	}
	consents, err := q.Consents(ctx, id)
	if err != nil {
		return err
	}
	invitations, err := q.InvitationsOfPerson(ctx, sqlgen.InvitationsOfPersonParams{PersonID: id, InvitedBy: access.ByPerson + id})
	if err != nil {
		return err
	}
	transfers, err := q.TransfersOfPerson(ctx, id)
	d.Identities, d.Sessions, d.Consents = each(identities, toIdentity), each(sessions, toSession), each(consents, toConsent)
	d.Invitations, d.Transfers = each(invitations, toInvitation), each(transfers, toTransfer)
	return err
}

// each converts rows.
func each[R, T any](rows []R, to func(R) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = to(r)
	}
	return out
}

// ForgetPerson deletes what is kept of a person, with everything that follows from
// it: openids with grants, sessions and consents, name and face. Their roles,
// transfers and open invitations end, and keys that they made. What stays is our
// random id: in the audit log, in roles that are over, and where they are the last
// owner of a tenant or a shop. keep must name those memberships, or it is
// [access.ErrLastOwner]. Somebody who is forgotten already stays so, and one who was
// never known is [access.ErrNotFound].
func (s *Store) ForgetPerson(ctx context.Context, id string, keep []access.Member, e grant.Effects) error {
	return s.write(ctx, "forget person", func(t *tx) error {
		if _, err := t.Person(ctx, id); err != nil {
			return missing(err, access.ErrNotFound)
		}
		known, err := t.IdentitiesOfPerson(ctx, id)
		if err != nil {
			return err
		}
		left, err := t.leaveAll(ctx, id, keep, e.At)
		if err != nil || left == 0 && len(known) == 0 {
			return err
		}
		if err := t.stopTransfers(ctx, id, e.At); err != nil {
			return err
		}
		e.Forget = nil
		for _, i := range known {
			e.Forget = append(e.Forget, grant.Forgetting{App: i.App, OpenID: i.Openid})
		}
		return t.apply(ctx, e)
	})
}

// stopTransfers ends the transfers that wait and name a person.
func (t *tx) stopTransfers(ctx context.Context, person string, now time.Time) error {
	rows, err := t.TransfersOfPerson(ctx, person)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.EndedAt != 0 {
			continue
		}
		if err := t.endTransfer(ctx, row.ID, access.TransferStopped, now); err != nil {
			return err
		}
	}
	return nil
}

// leaveAll ends a person's roles, but for those to keep, with the keys and the
// invitations that they made there. It counts the roles that ended.
func (t *tx) leaveAll(ctx context.Context, id string, keep []access.Member, now time.Time) (ended int, err error) {
	rows, err := t.MembersOfPerson(ctx, id)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		m := toMember(row)
		if !m.Active(now) {
			continue
		}
		d, err := departure(ctx, t.Queries, m, now)
		if err != nil {
			return 0, err
		}
		if err := t.disable(ctx, d, now); err != nil {
			return 0, err
		}
		if slices.ContainsFunc(keep, m.SamePlace) {
			continue
		}
		m.Until = now
		if err := t.changeMembers(ctx, now, m); err != nil {
			return 0, err
		}
		ended++
	}
	return ended, nil
}

// PlanRemap tells what [Store.Remap] would do.
func (s *Store) PlanRemap(ctx context.Context, app string, batch []access.Remap) (access.Remapped, error) {
	var out access.Remapped
	err := s.view(ctx, "plan a move of openids", func(q *sqlgen.Queries) error {
		plan, err := planRemap(ctx, q, app, batch)
		out = plan.out
		return err
	})
	return out, err
}

// Remap gives persons the openids that WeChat calls them by from now on, because
// their app moved to another account. Grants with an old openid are deleted: the new
// account does not know their tokens. All of the batch is written or nothing: a new
// openid of somebody else's is [access.ErrUsed], and what comes back names it. An
// unknown app is [access.ErrNotFound].
func (s *Store) Remap(ctx context.Context, app string, batch []access.Remap, e grant.Effects) (access.Remapped, error) {
	var out access.Remapped
	err := s.write(ctx, "move openids", func(t *tx) error {
		plan, err := planRemap(ctx, t.Queries, app, batch)
		if err != nil {
			return err
		}
		if out = plan.out; len(out.Collisions) > 0 {
			return access.ErrUsed
		}
		for i, old := range plan.moves {
			if err := t.remap(ctx, old, plan.to[i], e); err != nil {
				return err
			}
		}
		if out.Moved == 0 {
			return nil
		}
		return t.apply(ctx, e)
	})
	return out, err
}

// remapPlan is a batch against what is stored.
type remapPlan struct {
	moves []access.Identity
	to    []string // the new openid of each
	out   access.Remapped
}

func planRemap(ctx context.Context, q *sqlgen.Queries, app string, batch []access.Remap) (remapPlan, error) {
	var p remapPlan
	if _, err := q.App(ctx, app); err != nil {
		return p, missing(err, access.ErrNotFound)
	}
	seen := map[string]bool{}
	for _, r := range batch {
		if seen[r.Old] || seen[r.New] {
			p.out.Collisions = append(p.out.Collisions, r.New)
			continue
		}
		seen[r.Old], seen[r.New] = true, true
		if err := p.add(ctx, q, app, r); err != nil {
			return p, err
		}
	}
	p.out.Moved = len(p.moves)
	return p, nil
}

func (p *remapPlan) add(ctx context.Context, q *sqlgen.Queries, app string, r access.Remap) error {
	old, err := q.Identity(ctx, sqlgen.IdentityParams{App: app, Openid: r.Old})
	hasOld, err := exists(old, err)
	if err != nil {
		return err
	}
	has, err := q.Identity(ctx, sqlgen.IdentityParams{App: app, Openid: r.New})
	hasNew, err := exists(has, err)
	switch {
	case err != nil:
		return err
	case hasNew && hasOld:
		p.out.Collisions = append(p.out.Collisions, r.New)
	case hasNew:
		p.out.Already++
	case !hasOld:
		p.out.Unknown = append(p.out.Unknown, r.Old)
	default:
		p.moves, p.to = append(p.moves, toIdentity(old)), append(p.to, r.New)
	}
	return nil
}

func (t *tx) remap(ctx context.Context, old access.Identity, to string, e grant.Effects) error {
	if err := t.dropIdentity(ctx, old.App, old.OpenID, e); err != nil {
		return err
	}
	return t.PutIdentity(ctx, sqlgen.PutIdentityParams{
		App: old.App, Openid: to, Unionid: old.UnionID, PersonID: old.PersonID, SeenAt: millis(old.SeenAt),
	})
}
