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

// UseState records that a state and a code are used. When one of them was used
// before, it changes nothing and answers with the earlier record and
// [access.ErrUsed]; of two earlier ones, with that of the state.
func (s *Store) UseState(ctx context.Context, c grant.Callback, e ...audit.Entry) (*grant.Callback, error) {
	var earlier *grant.Callback
	err := s.write(ctx, "use state", func(t *tx) error {
		earlier = nil
		used, err := t.usedCallback(ctx, c)
		if err != nil {
			return err
		}
		if used != nil {
			earlier = used
			return access.ErrUsed
		}
		t.record(e...)
		return t.InsertCallback(ctx, sqlgen.InsertCallbackParams{
			StateHash: c.StateHash, App: c.App, CodeHash: orNull(c.CodeHash), At: millis(c.At), SessionID: c.SessionID,
		})
	})
	return earlier, err
}

// StateUsed tells whether [Store.UseState] was given this state before.
func (s *Store) StateUsed(ctx context.Context, stateHash []byte) (bool, error) {
	_, err := s.q.CallbackByState(ctx, stateHash)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, s.fail("read a state", err)
	}
	return true, nil
}

// usedCallback finds the record that stands against c, nil when there is none.
func (t *tx) usedCallback(ctx context.Context, c grant.Callback) (*grant.Callback, error) {
	row, err := t.CallbackByState(ctx, c.StateHash)
	if errors.Is(err, sql.ErrNoRows) && len(c.CodeHash) > 0 {
		row, err = t.CallbackByCode(ctx, sqlgen.CallbackByCodeParams{App: c.App, CodeHash: c.CodeHash})
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	used := toCallback(row)
	return &used, nil
}

// orNull keeps an absent value out of a unique index.
func orNull(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// login writes what a successful callback changes besides the grant.
func (t *tx) login(ctx context.Context, l grant.Login, at time.Time) error {
	if l.NewPerson != "" {
		if err := t.InsertPerson(ctx, sqlgen.InsertPersonParams{ID: l.NewPerson, CreatedAt: millis(at)}); err != nil {
			return err
		}
	}
	if l.Identity != (access.Identity{}) { // the service market names no human
		if err := t.identify(ctx, l.Identity); err != nil {
			return err
		}
	}
	if err := t.startSession(ctx, l.Session); err != nil {
		return err
	}
	if l.Consent != nil {
		if err := t.consent(ctx, *l.Consent); err != nil {
			return err
		}
	}
	if l.Take != nil {
		if err := t.take(ctx, *l.Take, at); err != nil {
			return err
		}
	}
	if len(l.StateHash) == 0 {
		return nil
	}
	n, err := t.FinishCallback(ctx, sqlgen.FinishCallbackParams{StateHash: l.StateHash, SessionID: l.Session.ID})
	if err == nil && n == 0 {
		err = access.ErrNotFound
	}
	return err
}

// identify keeps what WeChat said of a person. A unionid that WeChat leaves out
// this time is not forgotten. An identity never changes hands here.
func (t *tx) identify(ctx context.Context, id access.Identity) error {
	if _, err := t.Person(ctx, id.PersonID); err != nil {
		return missing(err, access.ErrStale)
	}
	known, err := t.Identity(ctx, sqlgen.IdentityParams{App: id.App, Openid: id.OpenID})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil && known.PersonID != id.PersonID {
		return access.ErrStale
	}
	if id.UnionID == "" {
		id.UnionID = known.Unionid
	}
	return t.PutIdentity(ctx, sqlgen.PutIdentityParams{
		App: id.App, Openid: id.OpenID, Unionid: id.UnionID, PersonID: id.PersonID, SeenAt: millis(id.SeenAt),
	})
}

func (t *tx) consent(ctx context.Context, c access.Consent) error {
	return t.PutConsent(ctx, sqlgen.PutConsentParams{
		PersonID: c.PersonID, App: c.App, TenantID: c.TenantID, Version: c.Version, At: millis(c.At),
	})
}
