package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Log reads the audit log. It needs no store around it, so that the log of a
// database file can be verified while no server runs.
type Log struct {
	db      *sql.DB
	from    sqlgen.DBTX // db, or the one transaction of a snapshot
	q       *sqlgen.Queries
	dialect Dialect
	end     func() error // of a snapshot; nil otherwise
}

// NewSnapshot makes a reader that sees the log as it is now, whatever is
// written later: entries and hashes that a running server adds between two
// reads would look like damage.
func NewSnapshot(ctx context.Context, db *sql.DB, d Dialect) (*Log, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: d.Snapshot()})
	if err != nil {
		return nil, err
	}
	l := &Log{db: db, from: tx, q: sqlgen.New(tx), dialect: d, end: tx.Rollback}
	// A transaction sees what is committed at its first read.
	if _, err := l.q.LastAuditEntry(ctx); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, errors.Join(err, tx.Rollback())
	}
	return l, nil
}

// Close closes the database that the log reads from.
func (l *Log) Close() error {
	if l.end != nil {
		return errors.Join(l.end(), l.db.Close())
	}
	return l.db.Close()
}

func (l *Log) fail(op string, err error) error {
	return fmt.Errorf("store: %s: %w", op, l.dialect.Explain(err))
}

// AuditHead gives the size of the audit log and the root of its tree.
func (l *Log) AuditHead(ctx context.Context) (size int64, root [32]byte, err error) {
	size, h, err := readHead(ctx, l.q)
	if err != nil {
		return 0, root, l.fail("read audit head", err)
	}
	return size, h, nil
}

// AuditEntries gives at most limit entries that follow the one at after, in
// order. The first entry is at 0, so that reading begins with -1.
func (l *Log) AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error) {
	rows, err := l.q.AuditEntries(ctx, sqlgen.AuditEntriesParams{After: after, MaxRows: rowLimit(limit)})
	if err != nil {
		return nil, l.fail("read audit entries", err)
	}
	out := make([]audit.Record, len(rows))
	for i, r := range rows {
		leaf, err := toHash(r.Leaf)
		if err != nil {
			return nil, l.fail(fmt.Sprintf("read audit entry %d", r.Seq), err)
		}
		out[i] = audit.Record{Seq: r.Seq, Data: r.Data, Leaf: leaf}
	}
	return out, nil
}

// AuditHashes reads the stored hashes of the tree, for proofs.
func (l *Log) AuditHashes(ctx context.Context) tlog.HashReader { return hashReader(ctx, l.from) }

// auditPage is how many rows are read at once when the whole log is.
const auditPage = 1000

// AuditRecords yields the whole log in order. No connection is held while it
// yields.
func (l *Log) AuditRecords(ctx context.Context) iter.Seq2[audit.Record, error] {
	return l.AuditRecordsFrom(ctx, 0)
}

// AuditRecordsFrom is [Log.AuditRecords] from the entry with the number first on.
func (l *Log) AuditRecordsFrom(ctx context.Context, first int64) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		after := first - 1
		for {
			page, err := l.AuditEntries(ctx, after, auditPage)
			if err != nil {
				yield(audit.Record{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
				after = r.Seq
			}
			if len(page) < auditPage {
				return
			}
		}
	}
}

// StoredHash gives a function that looks up one stored hash, false when there is
// none. It reads pages ahead, for callers that ask in increasing order; it is
// for one goroutine.
func (l *Log) StoredHash(ctx context.Context) func(idx int64) (tlog.Hash, bool, error) {
	var page map[int64]tlog.Hash
	from, end := int64(0), int64(0)
	return func(idx int64) (tlog.Hash, bool, error) {
		if idx < from || idx >= end {
			var err error
			if page, err = l.hashPage(ctx, idx); err != nil {
				return tlog.Hash{}, false, err
			}
			from, end = idx, idx+auditPage
		}
		h, ok := page[idx]
		return h, ok, nil
	}
}

func (l *Log) hashPage(ctx context.Context, from int64) (map[int64]tlog.Hash, error) {
	rows, err := l.q.AuditHashes(ctx, sqlgen.AuditHashesParams{FirstIdx: from, EndIdx: from + auditPage})
	if err != nil {
		return nil, l.fail("read audit hashes", err)
	}
	page := make(map[int64]tlog.Hash, len(rows))
	for _, r := range rows {
		if page[r.Idx], err = toHash(r.Hash); err != nil {
			return nil, l.fail(fmt.Sprintf("read audit hash %d", r.Idx), err)
		}
	}
	return page, nil
}

// Checkpoints gives the signed heads, the oldest first.
func (l *Log) Checkpoints(ctx context.Context) ([]audit.Checkpoint, error) {
	rows, err := l.q.Checkpoints(ctx)
	return l.toCheckpoints(rows, err)
}

// CheckpointsAfter gives at most limit signed heads of a log that is longer than
// size, the oldest first.
func (l *Log) CheckpointsAfter(ctx context.Context, size int64, limit int) ([]audit.Checkpoint, error) {
	rows, err := l.q.CheckpointsAfter(ctx, sqlgen.CheckpointsAfterParams{Size: size, MaxRows: rowLimit(limit)})
	return l.toCheckpoints(rows, err)
}

func (l *Log) toCheckpoints(rows []sqlgen.AuditCheckpoint, err error) ([]audit.Checkpoint, error) {
	if err != nil {
		return nil, l.fail("read checkpoints", err)
	}
	out := make([]audit.Checkpoint, len(rows))
	for i, r := range rows {
		root, err := toHash(r.Root)
		if err != nil {
			return nil, l.fail(fmt.Sprintf("read checkpoint of size %d", r.Size), err)
		}
		out[i] = audit.Checkpoint{Size: r.Size, Root: root, SignedNote: r.Note, At: fromMillis(r.At)}
	}
	return out, nil
}

// Append records entries that come with no change, refusals above all.
func (s *Store) Append(ctx context.Context, entries ...audit.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	return s.write(ctx, "append audit entries", func(t *tx) error {
		t.record(entries...)
		return nil
	})
}

// SaveCheckpoint keeps a signed head. known is the size of the longest log of which
// the signer knows a head: while the store has one of a longer log, it refuses with
// [access.ErrStale]. So heads are kept in the order of their sizes, and whoever signs
// has seen all before his own. Keeping the same head again does nothing.
func (s *Store) SaveCheckpoint(ctx context.Context, c audit.Checkpoint, known int64) error {
	return s.write(ctx, "save checkpoint", func(t *tx) error {
		newer, err := t.CheckpointsAfter(ctx, sqlgen.CheckpointsAfterParams{Size: min(known, c.Size-1), MaxRows: 1})
		switch {
		case err != nil:
			return err
		case len(newer) > 0 && bytes.Equal(newer[0].Note, c.SignedNote):
			return nil
		case len(newer) > 0:
			return access.ErrStale
		}
		return t.InsertCheckpoint(ctx, sqlgen.InsertCheckpointParams{
			Size: c.Size, At: millis(c.At), Root: c.Root[:], Note: c.SignedNote,
		})
	})
}

// appendAudit adds what the transaction recorded to the tree.
func (t *tx) appendAudit(ctx context.Context) error {
	if len(t.entries) == 0 {
		return nil
	}
	leaves := make([][]byte, len(t.entries))
	for i, e := range t.entries {
		b, err := e.Encode()
		if err != nil {
			return err
		}
		leaves[i] = b
	}
	if err := t.dialect.LockHead(ctx, t.Tx); err != nil {
		return err
	}
	size, _, err := goOnFrom(ctx, t.Queries)
	if err != nil {
		return err
	}
	hashes, root, err := audit.Append(size, hashReader(ctx, t.SQL), leaves)
	if err != nil {
		return err
	}
	return t.dialect.AppendLog(ctx, t.Tx, LogPart{Size: size, Leaves: leaves, Hashes: hashes, Root: root})
}

func readHead(ctx context.Context, q *sqlgen.Queries) (int64, tlog.Hash, error) {
	row, err := q.AuditHead(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		root, err := tlog.TreeHash(0, nil) // an empty tree reads nothing
		return 0, root, err
	}
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	root, err := toHash(row.Root)
	return row.Size, root, err
}

// ErrTip says that the log's head row is not that of its entries, so that nothing
// can be added: it would lie over entries that are there, or leave a gap.
var ErrTip = errors.New("the audit log's head row does not fit its entries: somebody changed the database by hand, or restored a part of it; " +
	"nothing is written; run zhanggui audit verify, then restore the whole database from a backup")

// goOnFrom gives the size of the log by its head row, which must count what is
// there.
func goOnFrom(ctx context.Context, q *sqlgen.Queries) (int64, tlog.Hash, error) {
	size, root, err := readHead(ctx, q)
	if err != nil {
		return 0, root, err
	}
	last, err := q.LastAuditEntry(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		last, err = -1, nil
	}
	if err == nil && size != last+1 {
		err = fmt.Errorf("the row counts %d entries, the last entry is number %d: %w", size, last, ErrTip)
	}
	return size, root, err
}

// checkTip compares the head row with the last entry and with the edge of the
// tree. A root that is changed later does no harm: the next write computes it
// from the edge.
func checkTip(ctx context.Context, q *sqlgen.Queries, db sqlgen.DBTX) error {
	size, root, err := goOnFrom(ctx, q)
	if err != nil {
		return err
	}
	given, err := audit.Root(size, hashReader(ctx, db))
	if err == nil && given != root {
		err = fmt.Errorf("the row has another root than the %d entries it counts: %w", size, ErrTip)
	}
	return err
}

var errHashSize = errors.New("a hash has not 32 bytes; the audit log was changed by hand: run zhanggui audit verify")

func toHash(b []byte) (h tlog.Hash, err error) {
	if len(b) != len(h) {
		return h, errHashSize
	}
	copy(h[:], b)
	return h, nil
}

// hashReader reads stored hashes with one query for each call. The indexes are
// numbers of ours, so they can stand in the text of the query: a list of
// parameters differs between databases.
func hashReader(ctx context.Context, db sqlgen.DBTX) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		if len(indexes) == 0 {
			return nil, nil
		}
		found, err := readHashes(ctx, db, indexes)
		if err != nil {
			return nil, err
		}
		out := make([]tlog.Hash, len(indexes))
		for i, idx := range indexes {
			h, ok := found[idx]
			if !ok {
				return nil, fmt.Errorf("audit hash %d is missing; run zhanggui audit verify", idx)
			}
			out[i] = h
		}
		return out, nil
	})
}

func readHashes(ctx context.Context, db sqlgen.DBTX, indexes []int64) (map[int64]tlog.Hash, error) {
	list := make([]string, len(indexes))
	for i, idx := range indexes {
		list[i] = strconv.FormatInt(idx, 10)
	}
	rows, err := db.QueryContext(ctx, "SELECT idx, hash FROM audit_hashes WHERE idx IN ("+strings.Join(list, ", ")+")")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[int64]tlog.Hash, len(indexes))
	for rows.Next() {
		var idx int64
		var b []byte
		if err := rows.Scan(&idx, &b); err != nil {
			return nil, err
		}
		if found[idx], err = toHash(b); err != nil {
			return nil, err
		}
	}
	return found, rows.Err()
}

// rowLimit bounds a limit to what the queries take.
func rowLimit(n int) int32 { return int32(max(0, min(n, math.MaxInt32))) }
