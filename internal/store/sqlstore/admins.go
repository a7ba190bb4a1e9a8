package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Admin gives the administrator with this id, or [access.ErrNotFound].
func (s *Store) Admin(ctx context.Context, id string) (access.Administrator, error) {
	row, err := s.q.Admin(ctx, id)
	return one(s.Log, "read administrator", row, err, toAdmin)
}

// AdminByKey gives the administrator with this key hash, live or not, or
// [access.ErrNotFound].
func (s *Store) AdminByKey(ctx context.Context, hash []byte) (access.Administrator, error) {
	row, err := s.q.AdminByKey(ctx, hash)
	return one(s.Log, "read administrator", row, err, toAdmin)
}

// Admins gives all administrators, the oldest first.
func (s *Store) Admins(ctx context.Context) ([]access.Administrator, error) {
	rows, err := s.q.Admins(ctx)
	return many(s.Log, "read administrators", rows, err, toAdmin)
}

// CreateAdmin makes an administrator. setupHash names the set-up link that is
// used up by it; nil uses none. A link that was used, or that somebody became
// administrator without, is [access.ErrUsed]; one that is unknown or expired is
// [access.ErrNotFound].
func (s *Store) CreateAdmin(ctx context.Context, a access.Administrator, setupHash []byte, e ...audit.Entry) error {
	return s.write(ctx, "create administrator", func(t *tx) error {
		if setupHash != nil {
			if err := t.useSetupLink(ctx, setupHash, a.CreatedAt); err != nil {
				return err
			}
		}
		if !a.May(access.StaffAdmin) {
			if err := t.ends(ctx, peopleSchema); err != nil {
				return err
			}
		}
		t.record(e...)
		return t.InsertAdmin(ctx, sqlgen.InsertAdminParams{
			ID: a.ID, Name: a.Name, KeyHash: a.KeyHash, CreatedAt: millis(a.CreatedAt), ExpiresAt: millis(a.ExpiresAt),
			Kind: string(a.Kind), Subject: a.Subject,
		})
	})
}

// AdminBySubject gives the administrator whom the company's server calls so, live
// or not, or [access.ErrNotFound].
func (s *Store) AdminBySubject(ctx context.Context, subject string) (access.Administrator, error) {
	row, err := s.q.AdminBySubject(ctx, subject)
	return one(s.Log, "read administrator", row, err, toAdmin)
}

// SetStaff gives an administrator another name and kind, as the company's server
// tells them at a login. Their sessions end when the kind changes.
func (s *Store) SetStaff(ctx context.Context, id, name string, kind access.StaffKind, now time.Time, e ...audit.Entry) error {
	return s.write(ctx, "change staff", func(t *tx) error {
		row, err := t.Admin(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		if row.Name == name && row.Kind == string(kind) {
			return nil
		}
		if err := t.ends(ctx, peopleSchema); err != nil {
			return err
		}
		t.record(e...)
		if row.Kind != string(kind) {
			if _, err := t.endSessions(ctx, access.SessionFilter{AdminID: id, Why: "staff_changed"}, now); err != nil {
				return err
			}
		}
		return t.Queries.SetStaff(ctx, sqlgen.SetStaffParams{ID: id, Name: name, Kind: string(kind)})
	})
}

func (t *tx) useSetupLink(ctx context.Context, hash []byte, now time.Time) error {
	link, err := t.SetupLink(ctx, hash)
	if err != nil {
		return missing(err, access.ErrNotFound)
	}
	if link.UsedAt != 0 {
		return access.ErrUsed
	}
	if link.ExpiresAt <= millis(now) {
		return access.ErrNotFound
	}
	if err := t.noLiveAdmin(ctx, now); err != nil {
		return err
	}
	return t.UseSetupLink(ctx, sqlgen.UseSetupLinkParams{Hash: hash, UsedAt: millis(now)})
}

func (t *tx) noLiveAdmin(ctx context.Context, now time.Time) error {
	n, err := t.CountLiveAdmins(ctx, millis(now))
	if err == nil && n > 0 {
		return access.ErrUsed
	}
	return err
}

// RevokeAdmin ends an administrator and their sessions; one that is revoked
// already stays as it is. An unknown one is [access.ErrNotFound].
func (s *Store) RevokeAdmin(ctx context.Context, id string, now time.Time, e ...audit.Entry) error {
	return s.write(ctx, "revoke administrator", func(t *tx) error {
		row, err := t.Admin(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		if row.RevokedAt != 0 {
			return nil
		}
		t.record(e...)
		if _, err := t.endSessions(ctx, access.SessionFilter{AdminID: id, Why: "admin_revoked"}, now); err != nil {
			return err
		}
		return t.RevokeAdmin(ctx, sqlgen.RevokeAdminParams{ID: id, RevokedAt: millis(now)})
	})
}

// CreateSetupLink keeps the hash of a link with which the first administrator is
// made, in place of one that was not used. It refuses with [access.ErrUsed] when
// an administrator lives.
func (s *Store) CreateSetupLink(ctx context.Context, hash []byte, created, expires time.Time) error {
	return s.write(ctx, "create set-up link", func(t *tx) error {
		if err := t.noLiveAdmin(ctx, created); err != nil {
			return err
		}
		if err := t.DeleteUnusedSetupLinks(ctx); err != nil {
			return err
		}
		t.record(audit.Entry{
			At: created, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "setup.link", Outcome: audit.Done,
		})
		return t.InsertSetupLink(ctx, sqlgen.InsertSetupLinkParams{
			Hash: hash, CreatedAt: millis(created), ExpiresAt: millis(expires),
		})
	})
}
