package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// SessionByToken gives the session with this token hash, ended or not, or
// [access.ErrNotFound]. Also the hash of the token before the last rotation finds
// it: compare the two.
func (s *Store) SessionByToken(ctx context.Context, hash []byte) (access.Session, error) {
	row, err := s.q.SessionByToken(ctx, hash)
	if errors.Is(err, sql.ErrNoRows) {
		row, err = s.q.SessionByPrevious(ctx, hash)
	}
	return one(s.Log, "read session", row, err, toSession)
}

// Sessions gives the sessions that f picks, the newest first: live ones and
// those that ended lately. The zero filter picks all.
func (s *Store) Sessions(ctx context.Context, f access.SessionFilter) ([]access.Session, error) {
	rows, err := sessionRows(ctx, s.q, f)
	if err != nil {
		return nil, s.fail("read sessions", err)
	}
	var out []access.Session
	for _, r := range rows {
		if matches(f, r) {
			out = append(out, toSession(r))
		}
	}
	return out, nil
}

// TouchSessions records that sessions were used, in one transaction. Ended ones
// stay as they are, and unknown ones are passed over.
func (s *Store) TouchSessions(ctx context.Context, uses []access.SessionUse) error {
	return s.write(ctx, "touch sessions", func(t *tx) error {
		for _, u := range uses {
			if _, err := t.TouchSession(ctx, sqlgen.TouchSessionParams{ID: u.Session, SeenAt: millis(u.At), Address: u.Address}); err != nil {
				return err
			}
			if len(u.Token) == 0 {
				continue
			}
			if err := t.ReplaceToken(ctx, sqlgen.ReplaceTokenParams{ID: u.Session, TokenHash: u.Token, ReplacedAt: millis(u.At)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// RotateSession gives a session another token. It refuses with [access.ErrStale]
// when the session has another one by now, or ended.
func (s *Store) RotateSession(ctx context.Context, r access.SessionRotation, e ...audit.Entry) error {
	return s.write(ctx, "rotate session", func(t *tx) error {
		row, err := t.Session(ctx, r.Session)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		n, err := t.RotateSession(ctx, sqlgen.RotateSessionParams{
			ID: r.Session, Current: r.Current, Previous: r.Used, TokenHash: r.Token, RotatedAt: millis(r.At),
		})
		if err == nil && n == 0 {
			err = access.ErrStale
		}
		if err != nil {
			return err
		}
		t.touchSession(row, r.At)
		t.record(e...)
		return nil
	})
}

// StartSession begins a session outside a login: an administrator's, or one that
// hangs on another. That one holds what its parent does, whatever n says: person,
// administrator or shop, role, door, proof, and the times at which it ends. It answers
// [access.ErrNotFound] when the person, the administrator or the shop does not
// exist, and when the parent does not live or hangs on another one itself.
func (s *Store) StartSession(ctx context.Context, n access.Session, e ...audit.Entry) error {
	return s.write(ctx, "start session", func(t *tx) error {
		t.record(e...)
		return t.startSession(ctx, n)
	})
}

// EndSessions ends sessions with everything that follows from it, and tells how
// many were live until then. When none was, nobody did anything, so the effects'
// audit entries and notices are not written.
func (s *Store) EndSessions(ctx context.Context, e grant.Effects) (int, error) {
	var ended int
	err := s.write(ctx, "end sessions", func(t *tx) error {
		ended = 0
		for _, f := range e.EndSessions {
			n, err := t.endSessions(ctx, f, e.At)
			if err != nil {
				return err
			}
			ended += n
		}
		rest := e
		rest.EndSessions = nil
		if ended == 0 {
			rest.Audit, rest.Notices = nil, nil
		}
		return t.apply(ctx, rest)
	})
	if err != nil {
		return 0, err
	}
	return ended, nil
}

func (t *tx) startSession(ctx context.Context, n access.Session) error {
	if err := t.hang(ctx, &n); err != nil {
		return err
	}
	if err := t.holderExists(ctx, n); err != nil {
		return err
	}
	return t.InsertSession(ctx, sqlgen.InsertSessionParams{
		ID: n.ID, TokenHash: n.TokenHash, PersonID: n.PersonID, AdminID: n.AdminID, App: n.App, Door: string(n.Door),
		CreatedAt: millis(n.CreatedAt), SeenAt: millis(n.SeenAt), ProvedAt: millis(n.ProvedAt),
		ExpiresAt: millis(n.ExpiresAt), IdleMs: n.IdleLimit.Milliseconds(), Device: n.Device,
		ShopID: n.ShopID, Role: string(n.Role),
		Parent: n.Parent, Host: n.Host, Address: n.Address, System: n.System,
		ToldAt: millis(n.ToldAt),
	})
}

// hang gives a session what its parent holds.
func (t *tx) hang(ctx context.Context, n *access.Session) error {
	if n.Parent == "" {
		return nil
	}
	row, err := t.Session(ctx, n.Parent)
	if err != nil {
		return missing(err, access.ErrNotFound)
	}
	p := toSession(row)
	if p.Parent != "" || !p.Live(n.CreatedAt) {
		return access.ErrNotFound
	}
	n.PersonID, n.AdminID, n.ShopID, n.Role = p.PersonID, p.AdminID, p.ShopID, p.Role
	n.App, n.Door, n.ProvedAt = p.App, p.Door, p.ProvedAt
	n.ExpiresAt, n.IdleLimit = p.ExpiresAt, p.IdleLimit
	n.System = cmp.Or(n.System, p.System)
	return nil
}

func (t *tx) holderExists(ctx context.Context, n access.Session) error {
	var err error
	switch {
	case n.AdminID != "":
		_, err = t.Admin(ctx, n.AdminID)
	case n.ShopID != "":
		_, err = t.Shop(ctx, n.ShopID)
	default:
		_, err = t.Person(ctx, n.PersonID)
	}
	return missing(err, access.ErrNotFound)
}

// endSessions ends what f picks, with what hangs on it, and counts those that were
// live. A filter with no field set ends nothing.
func (t *tx) endSessions(ctx context.Context, f access.SessionFilter, at time.Time) (int, error) {
	if f.ID == "" && f.PersonID == "" && f.AdminID == "" && f.ShopID == "" && f.Parent == "" {
		return 0, nil
	}
	rows, err := sessionRows(ctx, t.Queries, f)
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, r := range rows {
		if !matches(f, r) || r.EndedAt != 0 {
			continue
		}
		n, err := t.endTree(ctx, r, at, f.Why)
		if err != nil {
			return 0, err
		}
		ended += n
	}
	return ended, nil
}

// endTree ends a session and those that hang on it, and counts those that were live
// and did not end with another one that the same filter picked.
func (t *tx) endTree(ctx context.Context, r sqlgen.Session, at time.Time, why string) (ended int, err error) {
	tree := []sqlgen.Session{r}
	if r.Parent == "" {
		children, err := t.SessionsOfParent(ctx, r.ID)
		if err != nil {
			return 0, err
		}
		tree = append(tree, children...)
	}
	for _, r := range tree {
		t.touchSession(r, at)
		n, err := t.EndSession(ctx, sqlgen.EndSessionParams{ID: r.ID, EndedAt: millis(at), EndedWhy: why})
		if err != nil {
			return 0, err
		}
		if n > 0 && toSession(r).Live(at) {
			ended++
		}
	}
	return ended, nil
}

// sessionRows reads by the narrowest index that f allows.
func sessionRows(ctx context.Context, q *sqlgen.Queries, f access.SessionFilter) ([]sqlgen.Session, error) {
	switch {
	case f.ID != "":
		row, err := q.Session(ctx, f.ID)
		if found, err := exists(row, err); !found {
			return nil, err
		}
		return []sqlgen.Session{row}, nil
	case f.Parent != "":
		return q.SessionsOfParent(ctx, f.Parent)
	case f.PersonID != "":
		return q.SessionsOfPerson(ctx, f.PersonID)
	case f.AdminID != "":
		return q.SessionsOfAdmin(ctx, f.AdminID)
	case f.ShopID != "":
		return q.SessionsOfShop(ctx, f.ShopID)
	}
	return q.Sessions(ctx)
}

func matches(f access.SessionFilter, r sqlgen.Session) bool {
	return (f.ID == "" || f.ID == r.ID) &&
		(f.PersonID == "" || f.PersonID == r.PersonID) &&
		(f.AdminID == "" || f.AdminID == r.AdminID) &&
		(f.ShopID == "" || f.ShopID == r.ShopID) &&
		(f.Parent == "" || f.Parent == r.Parent) &&
		(f.NotID == "" || f.NotID != r.ID && f.NotID != r.Parent)
}
