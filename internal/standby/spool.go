package standby

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
)

var errNothingToSpool = errors.New("standby: only settles that bring tokens can be spooled")

// Spool keeps a settle that did not reach the database. When it returns nil the
// credential is on the disk and may be used. The file's own row of the grant, if
// there is one, is brought up to it, so that it is served after a restart.
func (f *File) Spool(ctx context.Context, e grant.Effects) error {
	if e.Settle == nil || e.Settle.Tokens == nil {
		return errNothingToSpool
	}
	sealed, err := f.sealJSON(e, vault.Spooled(e.Settle.GrantID, e.Settle.Tokens.Generation))
	if err != nil {
		return fmt.Errorf("standby: spool grant %s: %w", e.Settle.GrantID, err)
	}
	return f.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO spool (grant_id, generation, body) VALUES (?, ?, ?)",
			e.Settle.GrantID, e.Settle.Tokens.Generation, sealed)
		if err != nil {
			return err
		}
		return f.overlay(ctx, tx, *e.Settle)
	})
}

// overlay brings the copied row of a grant up to a spooled settle.
func (f *File) overlay(ctx context.Context, tx *sql.Tx, s grant.Settlement) error {
	var body []byte
	err := tx.QueryRowContext(ctx, "SELECT body FROM rows WHERE kind = ? AND id = ?", kindGrant, s.GrantID).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	var k kept
	if err == nil {
		err = f.openJSON(body, vault.Standby(kindGrant, s.GrantID), &k)
	}
	if err != nil || k.Generation != s.From {
		return err
	}
	g := k.grant()
	g.Tokens, g.State, g.Cause, g.ErrCode, g.Attempt, g.DueAt = *s.Tokens, s.State, s.Cause, s.ErrCode, s.Attempt, s.DueAt
	return f.put(ctx, tx, grantRow(g))
}

// putUnspooled is put, except for grants that have something in the spool: the
// database does not know their newest tokens yet.
func (f *File) putUnspooled(ctx context.Context, tx *sql.Tx, rows ...row) error {
	waiting, err := spooled(ctx, tx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.kind == kindGrant && waiting[r.id] {
			continue
		}
		if err := f.put(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// spooled gives the grants that have something in the spool.
func spooled(ctx context.Context, q queryer) (map[string]bool, error) {
	found, err := q.QueryContext(ctx, "SELECT grant_id FROM spool")
	if err != nil {
		return nil, err
	}
	defer found.Close()
	ids := map[string]bool{}
	for found.Next() {
		var id string
		if err := found.Scan(&id); err != nil {
			return nil, err
		}
		ids[id] = true
	}
	return ids, found.Err()
}

// item is one spooled settle.
type item struct {
	grantID    string
	generation int64
	effects    grant.Effects
	damaged    error // it does not open
}

// items gives what is in the spool, the oldest generation first.
func (f *File) items(ctx context.Context) ([]item, error) {
	found, err := f.reader.QueryContext(ctx, "SELECT grant_id, generation, body FROM spool ORDER BY generation, grant_id")
	if err != nil {
		return nil, fmt.Errorf("standby: read the spool: %w", err)
	}
	defer found.Close()
	var all []item
	for found.Next() {
		var i item
		var body []byte
		if err := found.Scan(&i.grantID, &i.generation, &body); err != nil {
			return nil, fmt.Errorf("standby: read the spool: %w", err)
		}
		i.damaged = f.openJSON(body, vault.Spooled(i.grantID, i.generation), &i.effects)
		all = append(all, i)
	}
	return all, found.Err()
}

// Spooled tells how many credentials wait for the database.
func (f *File) Spooled(ctx context.Context) (n int, err error) {
	if err := f.reader.QueryRowContext(ctx, "SELECT count(*) FROM spool").Scan(&n); err != nil {
		return 0, fmt.Errorf("standby: read the spool: %w", err)
	}
	return n, nil
}

// unspool forgets an item.
func (f *File) unspool(ctx context.Context, i item) error {
	return f.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM spool WHERE grant_id = ? AND generation = ?", i.grantID, i.generation)
		return err
	})
}
