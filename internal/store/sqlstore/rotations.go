package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Rotation gives a rotation, or [access.ErrNotFound].
func (s *Store) Rotation(ctx context.Context, id string) (access.Rotation, error) {
	row, err := s.q.Rotation(ctx, id)
	if err != nil {
		return access.Rotation{}, s.fail("read rotation", missing(err, access.ErrNotFound))
	}
	return toRotation(row), nil
}

// LiveRotations gives the rotations that are under way, the oldest first.
func (s *Store) LiveRotations(ctx context.Context) ([]access.Rotation, error) {
	rows, err := s.q.LiveRotations(ctx)
	return many(s.Log, "read live rotations", rows, err, toRotation)
}

// Rotations gives at most limit rotations, the newest first, that are older than the
// mark; the zero mark stands for the end.
func (s *Store) Rotations(ctx context.Context, m access.Mark, limit int) ([]access.Rotation, error) {
	before := millis(m.At)
	if m.At.IsZero() {
		before = 1<<63 - 1
	}
	rows, err := s.q.RotationsBefore(ctx, sqlgen.RotationsBeforeParams{BegunAt: before, ID: m.ID, MaxRows: rowLimit(limit)})
	return many(s.Log, "read rotations", rows, err, toRotation)
}

// RotationThatReplaced gives the newest rotation of an app that replaced a secret with
// this digest, or [access.ErrNotFound].
func (s *Store) RotationThatReplaced(ctx context.Context, app string, digest []byte) (access.Rotation, error) {
	row, err := s.q.RotationThatReplaced(ctx, sqlgen.RotationThatReplacedParams{Subject: app, Replaced: digest})
	if err != nil {
		return access.Rotation{}, s.fail("look for a replaced secret", missing(err, access.ErrNotFound))
	}
	return toRotation(row), nil
}

// SeeRotation writes down when the new and the old one were used last, unless later
// uses are known. It changes nothing of a rotation that does not overlap.
func (s *Store) SeeRotation(ctx context.Context, id string, newSeen, oldSeen time.Time) error {
	return s.write(ctx, "see rotation", func(t *tx) error {
		return t.SeeRotation(ctx, sqlgen.SeeRotationParams{ID: id, NewSeen: millis(newSeen), OldSeen: millis(oldSeen)})
	})
}

// TouchKeys writes down when keys of clients were used last, by their hashes.
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	return s.write(ctx, "touch keys", func(t *tx) error {
		for hash, at := range used {
			if err := t.TouchKey(ctx, sqlgen.TouchKeyParams{Hash: []byte(hash), UsedAt: millis(at)}); err != nil {
				return err
			}
			if err := t.TouchNextKey(ctx, sqlgen.TouchNextKeyParams{Hash: []byte(hash), UsedAt: millis(at)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// rotationSchema is the oldest schema whose program knows second keys: an older one
// refuses what comes with one.
const rotationSchema = 19

func (d *declaring) keys(ctx context.Context) error {
	for _, k := range d.d.Keys {
		if len(k.Next.Hash) > 0 {
			if err := d.ends(ctx, rotationSchema); err != nil {
				return err
			}
		}
		n, err := d.SetClientKeys(ctx, sqlgen.SetClientKeysParams{
			ID: k.Client, KeyHash: k.Hash, KeyHint: k.Hint, CreatedAt: millis(k.CreatedAt), MadeBy: k.MadeBy, KeyUsedAt: millis(k.UsedAt),
			NextHash: orNull(k.Next.Hash), NextHint: k.Next.Hint, NextAt: millis(k.Next.MadeAt), NextUsedAt: millis(k.Next.UsedAt),
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("client %q: %w", k.Client, access.ErrNotFound)
		}
	}
	return nil
}

func (d *declaring) rotations(ctx context.Context) error {
	for _, r := range d.d.Rotations {
		err := d.PutRotation(ctx, sqlgen.PutRotationParams{
			ID: r.ID, Kind: string(r.Kind), Subject: r.Subject, State: string(r.State), ByWhom: r.By,
			BegunAt: millis(r.BegunAt), ChangedAt: millis(r.ChangedAt), DueAt: millis(r.DueAt), Version: r.Version,
			Next: orNull(r.Next), Previous: orNull(r.Previous), NewSeen: millis(r.NewSeen), OldSeen: millis(r.OldSeen), Why: r.Why,
			Replaced: orNull(r.Replaced),
		})
		if err != nil {
			return fmt.Errorf("rotation %q: %w", r.ID, err)
		}
	}
	return nil
}

func toRotation(r sqlgen.Rotation) access.Rotation {
	return access.Rotation{
		ID: r.ID, Kind: access.RotationKind(r.Kind), Subject: r.Subject, State: access.RotationState(r.State), By: r.ByWhom,
		BegunAt: fromMillis(r.BegunAt), ChangedAt: fromMillis(r.ChangedAt), DueAt: fromMillis(r.DueAt), Version: r.Version,
		Next: r.Next, Previous: r.Previous, NewSeen: fromMillis(r.NewSeen), OldSeen: fromMillis(r.OldSeen), Why: r.Why,
		Replaced: r.Replaced,
	}
}

// toNextKey gives the second key of a client, the zero one when there is none.
func toNextKey(r sqlgen.Client) access.NextKey {
	if len(r.NextHash) == 0 {
		return access.NextKey{}
	}
	return access.NextKey{Hash: r.NextHash, Hint: r.NextHint, MadeAt: fromMillis(r.NextAt), UsedAt: fromMillis(r.NextUsedAt)}
}
