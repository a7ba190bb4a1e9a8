package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Renewals gives every grant that somebody was ever asked to authorise anew, by id.
func (s *Store) Renewals(ctx context.Context) ([]grant.Renewal, error) {
	rows, err := s.q.Renewals(ctx)
	return many(s.Log, "read renewals", rows, err, toRenewal)
}

// OpenRenewals gives those that somebody is asked for now, the oldest first.
func (s *Store) OpenRenewals(ctx context.Context) ([]grant.Renewal, error) {
	rows, err := s.q.OpenRenewals(ctx)
	return many(s.Log, "read renewals", rows, err, toRenewal)
}

// Renewal gives what is known of a grant's authorisation anew, or [access.ErrNotFound]
// when nobody was ever asked.
func (s *Store) Renewal(ctx context.Context, grantID string) (grant.Renewal, error) {
	row, err := s.q.Renewal(ctx, grantID)
	return one(s.Log, "read renewal", row, err, toRenewal)
}

// OldGrants gives at most limit grants behind an id that serve, rest on what a human
// authorised before a time, and that nobody is asked for.
func (s *Store) OldGrants(ctx context.Context, before time.Time, after string, limit int) ([]grant.Aged, error) {
	rows, err := s.q.OldGrants(ctx, sqlgen.OldGrantsParams{Before: millis(before), After: after, MaxRows: rowLimit(limit)})
	return many(s.Log, "read old grants", rows, err, func(r sqlgen.OldGrantsRow) grant.Aged {
		return grant.Aged{GrantID: r.ID, ShopID: r.ShopID, Kind: grant.Kind(r.Kind),
			AuthorisedAt: fromMillis(max(r.CreatedAt, r.RefreshIssued, r.EventAt, r.RenewedAt))}
	})
}

// AskRenewal keeps that somebody is asked to authorise anew. Where somebody is asked
// already, a human's word gives it another day, and another that comes by itself
// changes nothing: asked is false then, and nothing follows. [grant.ErrNotFound]
// says that there is no such grant.
func (s *Store) AskRenewal(ctx context.Context, r grant.Renewal, e grant.Effects) (asked bool, err error) {
	err = s.write(ctx, "ask for renewal", func(t *tx) error {
		if _, err := t.Grant(ctx, r.GrantID); err != nil {
			return missing(err, grant.ErrNotFound)
		}
		have, found, err := t.renewal(ctx, r.GrantID)
		if err != nil {
			return err
		}
		if found && have.Open() {
			if r.Why == grant.RenewalMaxAge {
				return nil
			}
			r.Why, r.AskedAt, r.Told = have.Why, have.AskedAt, have.Told
		}
		r.RenewedAt, r.ClosedAt, asked = have.RenewedAt, time.Time{}, true
		if err := t.putRenewal(ctx, r); err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
	return asked && err == nil, err
}

// CloseRenewal ends the asking for a grant that ended otherwise, if it goes on.
func (s *Store) CloseRenewal(ctx context.Context, grantID string, now time.Time, reason string) error {
	return s.write(ctx, "close renewal", func(t *tx) error {
		return t.closeRenewal(ctx, grantID, now, reason)
	})
}

func (t *tx) closeRenewal(ctx context.Context, grantID string, now time.Time, reason string) error {
	r, found, err := t.renewal(ctx, grantID)
	if err != nil || !found || !r.Open() {
		return err
	}
	over := grant.RenewedEffects(now, r, reason)
	r.ClosedAt = now
	if err := t.putRenewal(ctx, r); err != nil {
		return err
	}
	return t.apply(ctx, over)
}

// renewed is told of every newer authorisation of a grant that is there.
func (t *tx) renewed(ctx context.Context, grantID string, now time.Time) error {
	r, found, err := t.renewal(ctx, grantID)
	if err != nil || !found {
		return err
	}
	if r.Open() {
		if err := t.closeRenewal(ctx, grantID, now, "renewed"); err != nil {
			return err
		}
		r.ClosedAt = now
	}
	r.RenewedAt = now
	return t.putRenewal(ctx, r)
}

func (t *tx) renewal(ctx context.Context, grantID string) (r grant.Renewal, found bool, err error) {
	row, err := t.Renewal(ctx, grantID)
	if errors.Is(err, sql.ErrNoRows) {
		return grant.Renewal{}, false, nil
	}
	return toRenewal(row), err == nil, err
}

func (t *tx) putRenewal(ctx context.Context, r grant.Renewal) error {
	p := sqlgen.PutRenewalParams{GrantID: r.GrantID, Why: r.Why, MadeBy: r.By, AskedAt: millis(r.AskedAt), DueAt: millis(r.DueAt),
		RenewedAt: millis(r.RenewedAt), ClosedAt: millis(r.ClosedAt)}
	if r.Told {
		p.Told = 1
	}
	return t.PutRenewal(ctx, p)
}

func toRenewal(r sqlgen.Renewal) grant.Renewal {
	return grant.Renewal{GrantID: r.GrantID, Why: r.Why, By: r.MadeBy, AskedAt: fromMillis(r.AskedAt), DueAt: fromMillis(r.DueAt),
		RenewedAt: fromMillis(r.RenewedAt), ClosedAt: fromMillis(r.ClosedAt), Told: r.Told != 0}
}
