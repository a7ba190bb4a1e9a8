package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// FollowGrants has said read the next entries of the log, at most limit, and
// tells how long the log is.
func (l *Log) FollowGrants(ctx context.Context, said *audit.Grants, limit int) (size int64, err error) {
	page, err := l.AuditEntries(ctx, said.Size()-1, limit)
	if err != nil {
		return 0, err
	}
	for _, r := range page {
		said.Read(r)
	}
	size, _, err = l.AuditHead(ctx)
	return max(size, said.Size()), err
}

// CompareGrants compares at most limit grants that follow the one with the id
// last with the log, after said has read what is new there: rows and log are of
// one state of the database. It gives those that disagree and the id to go on
// from, which is empty after the last grant.
func (s *Store) CompareGrants(ctx context.Context, said *audit.Grants, last string, limit int) (found []audit.Disagreement, next string, err error) {
	err = s.view(ctx, "compare grants", func(q *sqlgen.Queries) error {
		if err := (&Log{q: q, dialect: s.dialect}).followAll(ctx, said); err != nil {
			return err
		}
		rows, err := keptPage(ctx, q, last, limit)
		for _, row := range rows {
			if d, ok := said.Check(row); !ok {
				found = append(found, d)
			}
		}
		if len(rows) == limit {
			next = rows[len(rows)-1].Grant
		}
		return err
	})
	return found, next, err
}

// MissingGrants looks again at grants that no row was found of, and gives those
// that disagree now: some may have come meanwhile.
func (s *Store) MissingGrants(ctx context.Context, said *audit.Grants, ids ...string) (found []audit.Disagreement, err error) {
	err = s.view(ctx, "look for missing grants", func(q *sqlgen.Queries) error {
		if err := (&Log{q: q, dialect: s.dialect}).followAll(ctx, said); err != nil {
			return err
		}
		var rows []audit.Kept
		for _, id := range ids {
			row, err := q.KeptGrant(ctx, id)
			there, err := exists(row, err)
			if err != nil {
				return err
			}
			if there {
				rows = append(rows, keptBy(sqlgen.KeptGrantsRow(row)))
			}
		}
		found = said.CompareOnly(ids, rows)
		return nil
	})
	return found, err
}

// followAll has said read the log to its end.
func (l *Log) followAll(ctx context.Context, said *audit.Grants) error {
	for {
		page, err := l.AuditEntries(ctx, said.Size()-1, auditPage)
		if err != nil {
			return err
		}
		for _, r := range page {
			said.Read(r)
		}
		if len(page) < auditPage {
			return nil
		}
	}
}

// RootAt gives the root that the log had when it was size entries long, computed
// from its stored hashes. [ErrShorter] says that it never was.
func (l *Log) RootAt(ctx context.Context, size int64) (tlog.Hash, error) {
	have, _, err := l.AuditHead(ctx)
	if err != nil {
		return tlog.Hash{}, err
	}
	if have < size {
		return tlog.Hash{}, fmt.Errorf("%w: it has %d entries, %d are asked for", ErrShorter, have, size)
	}
	root, err := audit.Root(size, l.AuditHashes(ctx))
	if err != nil {
		return tlog.Hash{}, l.fail("read audit hashes", err)
	}
	return root, nil
}

// ErrShorter says that the log is shorter than somebody thinks: it belongs to
// another database, or an older one was restored.
var ErrShorter = errors.New("the audit log is shorter")
