package sqlstore

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// Authorise applies a decision: it makes a grant, or gives an existing one new
// tokens or a new start, with all else that follows. A refresh of the grant that is
// running loses. [grant.ErrLost] says that the grant, or an authoriser among the
// effects, changed since it was read. An app that is not there is
// [access.ErrNotFound].
func (s *Store) Authorise(ctx context.Context, e grant.Effects) error {
	return s.write(ctx, "authorise", func(t *tx) error { return t.apply(ctx, e) })
}

// Revoke ends grants and deletes their tokens; a refresh that is running loses.
// A grant that is revoked already stays as it is. An unknown one is
// [grant.ErrNotFound], and then nothing is revoked.
func (s *Store) Revoke(ctx context.Context, e grant.Effects) error {
	return s.write(ctx, "revoke", func(t *tx) error { return t.apply(ctx, e) })
}

// Login applies a successful callback: person, identity, grant, session,
// consent and invitation. It refuses with [access.ErrStale] when the identity
// belongs to somebody else by now, with [grant.ErrLost] when the grant changed
// since it was read, and with [access.ErrInvitationGone].
func (s *Store) Login(ctx context.Context, e grant.Effects) error {
	return s.write(ctx, "log in", func(t *tx) error { return t.apply(ctx, e) })
}

// apply writes everything that follows from one decision. Sessions end first,
// so that a session that starts with the same decision lives.
func (t *tx) apply(ctx context.Context, e grant.Effects) error {
	for _, f := range e.EndSessions {
		if _, err := t.endSessions(ctx, f, e.At); err != nil {
			return err
		}
	}
	if e.Login != nil {
		if err := t.login(ctx, *e.Login, e.At); err != nil {
			return err
		}
	}
	if e.Open != nil {
		if err := t.open(ctx, *e.Open, e); err != nil {
			return err
		}
	}
	if err := t.applyGrants(ctx, e); err != nil {
		return err
	}
	if err := t.applyPlatform(ctx, e); err != nil {
		return err
	}
	t.hear(e)
	for _, n := range e.Notices {
		if err := t.notify(ctx, n); err != nil {
			return err
		}
	}
	t.record(e.Audit...)
	return nil
}

// applyPlatform writes what a third-party platform was told.
func (t *tx) applyPlatform(ctx context.Context, e grant.Effects) error {
	for _, a := range e.Authorizers {
		if err := t.authorizer(ctx, a); err != nil {
			return err
		}
	}
	if e.Ticket != nil {
		if err := t.ticket(ctx, *e.Ticket, e.At); err != nil {
			return err
		}
	}
	for _, p := range e.Purchases {
		if err := t.purchase(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) applyGrants(ctx context.Context, e grant.Effects) error {
	if e.Authorise != nil {
		if err := t.authorise(ctx, *e.Authorise, e); err != nil {
			return err
		}
	}
	if e.Settle != nil {
		k, err := t.settle(ctx, e)
		if err != nil {
			return err
		}
		t.recordTokens(e, e.Settle.GrantID, k)
	}
	for _, r := range e.Revoke {
		if err := t.revoke(ctx, r, e); err != nil {
			return err
		}
	}
	for _, f := range e.Forget {
		if err := t.forget(ctx, f, e); err != nil {
			return err
		}
	}
	return nil
}
