package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Identity tells who an openid of an app is, or [access.ErrNotFound].
func (s *Store) Identity(ctx context.Context, app, openid string) (access.Identity, error) {
	row, err := s.q.Identity(ctx, sqlgen.IdentityParams{App: app, Openid: openid})
	return one(s.Log, "read identity", row, err, toIdentity)
}

// IdentitiesByUnionID gives every identity that WeChat last named with this
// unionid; none for an empty one.
func (s *Store) IdentitiesByUnionID(ctx context.Context, unionid string) ([]access.Identity, error) {
	rows, err := s.q.IdentitiesByUnionID(ctx, unionid)
	return many(s.Log, "read identities of unionid", rows, err, toIdentity)
}

// LinkIdentity moves an identity to another person, with its user grants and
// the session that asked for it; session may be empty. It refuses with
// [access.ErrStale] when the session is not of the person that the identity was
// of.
func (s *Store) LinkIdentity(ctx context.Context, app, openid, toPerson, session string, e ...audit.Entry) error {
	return s.write(ctx, "link identity", func(t *tx) error {
		t.record(e...)
		return t.link(ctx, app, openid, toPerson, session, e)
	})
}

func (t *tx) link(ctx context.Context, app, openid, toPerson, session string, e []audit.Entry) error {
	id, err := t.Identity(ctx, sqlgen.IdentityParams{App: app, Openid: openid})
	if err != nil {
		return missing(err, access.ErrNotFound)
	}
	if _, err := t.Person(ctx, toPerson); err != nil {
		return missing(err, access.ErrNotFound)
	}
	if err := t.moveSession(ctx, session, id.PersonID, toPerson); err != nil {
		return err
	}
	err = t.MoveGrants(ctx, sqlgen.MoveGrantsParams{
		App: app, Openid: openid, PersonID: toPerson, UpdatedAt: millis(entryTime(e, fromMillis(id.SeenAt))),
	})
	if err != nil {
		return err
	}
	return t.PutIdentity(ctx, sqlgen.PutIdentityParams{
		App: app, Openid: openid, Unionid: id.Unionid, PersonID: toPerson, SeenAt: id.SeenAt,
	})
}

func (t *tx) moveSession(ctx context.Context, session, from, to string) error {
	if session == "" {
		return nil
	}
	row, err := t.Session(ctx, session)
	if err != nil {
		return missing(err, access.ErrNotFound)
	}
	if row.PersonID != from {
		return access.ErrStale
	}
	if from == to {
		return nil // done before
	}
	t.touchSession(row, time.Time{})
	return t.MoveSession(ctx, sqlgen.MoveSessionParams{ID: session, PersonID: to})
}

// entryTime is when a change was made whose only word of time is its entries.
func entryTime(e []audit.Entry, otherwise time.Time) time.Time {
	if len(e) == 0 {
		return otherwise
	}
	return e[0].At
}

// SaveProfile keeps what WeChat tells of a person's name and face, or
// [access.ErrNotFound] when there is no such person.
func (s *Store) SaveProfile(ctx context.Context, p access.Profile) error {
	return s.write(ctx, "save profile", func(t *tx) error {
		if _, err := t.Person(ctx, p.PersonID); err != nil {
			return missing(err, access.ErrNotFound)
		}
		t.touched = append(t.touched, touch{name: "person:" + p.PersonID, quiet: true})
		return t.PutProfile(ctx, sqlgen.PutProfileParams{
			PersonID: p.PersonID, Nickname: p.Nickname, AvatarUrl: p.AvatarURL, UpdatedAt: millis(p.UpdatedAt),
		})
	})
}

// Person gives a person with profile and roles, ended roles included, or
// [access.ErrNotFound].
func (s *Store) Person(ctx context.Context, id string) (access.Person, error) {
	p := access.Person{ID: id, Profile: access.Profile{PersonID: id}}
	err := s.view(ctx, "read person", func(q *sqlgen.Queries) error {
		if _, err := q.Person(ctx, id); err != nil {
			return missing(err, access.ErrNotFound)
		}
		profile, err := q.Profile(ctx, id)
		if err == nil {
			p.Profile = toProfile(profile)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		rows, err := q.MembersOfPerson(ctx, id)
		for _, m := range rows {
			p.Members = append(p.Members, toMember(m))
		}
		return err
	})
	if err != nil {
		return access.Person{}, err
	}
	return p, nil
}

// Consents gives what a person accepted, the oldest first.
func (s *Store) Consents(ctx context.Context, personID string) ([]access.Consent, error) {
	rows, err := s.q.Consents(ctx, personID)
	return many(s.Log, "read consents", rows, err, toConsent)
}

// Members gives the roles in a tenant and its shops, ended ones included.
func (s *Store) Members(ctx context.Context, tenantID string) ([]access.Member, error) {
	rows, err := s.q.MembersOfTenant(ctx, tenantID)
	return many(s.Log, "read members", rows, err, toMember)
}

// forget deletes the person's name and face, and an openid wherever it stands, with the
// sessions and consents that rest on it. The log says that the grants are removed: it
// names them by our ids.
func (t *tx) forget(ctx context.Context, f grant.Forgetting, e grant.Effects) error {
	id, err := t.Identity(ctx, sqlgen.IdentityParams{App: f.App, Openid: f.OpenID})
	known, err := exists(id, err)
	if err != nil {
		return err
	}
	if known {
		t.touch("person:"+id.PersonID, e.At)
		if err := t.DeleteProfile(ctx, id.PersonID); err != nil {
			return err
		}
	}
	if f.FaceOnly {
		return nil
	}
	if err := t.dropIdentity(ctx, f.App, f.OpenID, e); err != nil || !known {
		return err
	}
	if err := t.ForgetSessions(ctx, sqlgen.ForgetSessionsParams{App: f.App, PersonID: id.PersonID}); err != nil {
		return err
	}
	return t.ForgetConsents(ctx, sqlgen.ForgetConsentsParams{App: f.App, PersonID: id.PersonID})
}

// dropIdentity deletes what an app calls a person, and the grants that they gave under
// that name. The log says that the grants are removed.
func (t *tx) dropIdentity(ctx context.Context, app, openID string, e grant.Effects) error {
	rows, err := t.UserGrantsOf(ctx, sqlgen.UserGrantsOfParams{App: app, Openid: openID})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := t.DeleteGrant(ctx, row.ID); err != nil {
			return err
		}
		t.recordReason(e, row.ID, toTokens(row), audit.GrantRemoved)
	}
	return t.DeleteIdentity(ctx, sqlgen.DeleteIdentityParams{App: app, Openid: openID})
}
