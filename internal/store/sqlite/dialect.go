package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"syscall"

	"golang.org/x/mod/sumdb/tlog"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// dialect is what SQLite says in words of its own.
type dialect struct{}

// Begin waits for nobody: the writing pool has one connection, and its
// transactions take the write lock when they begin.
func (dialect) Begin(context.Context, sqlstore.Tx, bool) error { return nil }

// Snapshot is how every transaction of SQLite reads.
func (dialect) Snapshot() sql.IsolationLevel { return sql.LevelDefault }

// ClaimDue needs no row locks: a write transaction is alone.
func (dialect) ClaimDue(ctx context.Context, t sqlstore.Tx, r grant.ClaimRequest) ([]sqlgen.Grant, error) {
	return t.ClaimDue(ctx, sqlgen.ClaimDueParams{
		LeaseOwner: r.Owner, LeaseUntil: r.Now.Add(r.For).UnixMilli(), Now: r.Now.UnixMilli(),
		MaxRows: int32(max(0, min(r.Limit, math.MaxInt32))),
	})
}

// Claim claims by the caller's time: one process has one clock.
func (dialect) Claim(ctx context.Context, t sqlstore.Tx, id string, r grant.ClaimRequest) (sqlgen.Grant, error) {
	return t.ClaimGrant(ctx, sqlgen.ClaimGrantParams{
		ID: id, LeaseOwner: r.Owner, LeaseUntil: r.Now.Add(r.For).UnixMilli(), Now: r.Now.UnixMilli(),
	})
}

// Lock only reads: nobody else writes.
func (dialect) Lock(ctx context.Context, t sqlstore.Tx, ids []string) ([]sqlgen.Grant, error) {
	return present(ctx, ids, t.Grant)
}

// Apps reads row by row.
func (dialect) Apps(ctx context.Context, t sqlstore.Tx, ids []string) ([]sqlgen.App, error) {
	return present(ctx, ids, t.App)
}

// present reads the rows of ids, one by one; those that are not there are left out.
func present[R any](ctx context.Context, ids []string, read func(context.Context, string) (R, error)) ([]R, error) {
	rows := make([]R, 0, len(ids))
	for _, id := range ids {
		row, err := read(ctx, id)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Settle writes row by row: a statement is a function call away.
func (dialect) Settle(ctx context.Context, t sqlstore.Tx, rows []sqlgen.Grant) error {
	for _, r := range rows {
		err := t.SettleGrant(ctx, sqlgen.SettleGrantParams{
			ID: r.ID, Generation: r.Generation, Access: r.Access, AccessExpires: r.AccessExpires,
			Refresh: r.Refresh, RefreshIssued: r.RefreshIssued, RefreshExpires: r.RefreshExpires, Digest: r.Digest,
			State: r.State, Cause: r.Cause, ErrCode: r.ErrCode, DueAt: r.DueAt, Attempt: r.Attempt,
			ProvedAt: r.ProvedAt, Doubts: r.Doubts, Kills: r.Kills, SettledTerm: r.SettledTerm, UpdatedAt: r.UpdatedAt, SettledAt: r.SettledAt,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LockHead has nobody to keep away.
func (dialect) LockHead(context.Context, sqlstore.Tx) error { return nil }

// AppendLog writes row by row.
func (dialect) AppendLog(ctx context.Context, t sqlstore.Tx, p sqlstore.LogPart) error {
	for i, data := range p.Leaves {
		leaf := tlog.RecordHash(data)
		if err := t.InsertAuditEntry(ctx, sqlgen.InsertAuditEntryParams{Seq: p.Size + int64(i), Data: data, Leaf: leaf[:]}); err != nil {
			return err
		}
	}
	first := tlog.StoredHashIndex(0, p.Size)
	for i, h := range p.Hashes {
		if err := t.InsertAuditHash(ctx, sqlgen.InsertAuditHashParams{Idx: first + int64(i), Hash: h[:]}); err != nil {
			return err
		}
	}
	return t.PutAuditHead(ctx, sqlgen.PutAuditHeadParams{Size: p.Size + int64(len(p.Leaves)), Root: p.Root[:]})
}

// RolledBack never happens to a transaction that is alone.
func (dialect) RolledBack(error) bool { return false }

// Explain adds what to do to errors of SQLite, and says which are outages.
func (dialect) Explain(err error) error { return explain(err) }

// remedies by SQLite's primary result code.
var remedies = map[int]string{
	sqlite3.SQLITE_FULL:     "the disk is full and nothing was written; free some space",
	sqlite3.SQLITE_IOERR:    "the disk failed; check it and the system log, and restore a backup if the file is damaged",
	sqlite3.SQLITE_READONLY: "the file or its directory cannot be written; make both writable for the user that runs the server",
	sqlite3.SQLITE_CANTOPEN: "the file or its directory cannot be opened; make both writable for the user that runs the server",
	sqlite3.SQLITE_NOTADB:   "the file is not a SQLite database, or its beginning is overwritten; restore a backup, or name another file",
	sqlite3.SQLITE_CORRUPT:  "the database is damaged or cut short; keep the file aside and restore a backup",
	sqlite3.SQLITE_BUSY:     "another program holds the database; close it",
	sqlite3.SQLITE_PERM:     "the file may not be opened; let the user that runs the server read and write it",
}

// kinds by SQLite's primary result code. What has a remedy and no kind of its own is
// broken.
var kinds = map[int]outage.Kind{
	sqlite3.SQLITE_FULL:     outage.Full,
	sqlite3.SQLITE_BUSY:     outage.Busy,
	sqlite3.SQLITE_LOCKED:   outage.Busy,
	sqlite3.SQLITE_PROTOCOL: outage.Busy, // the race for the lock was lost too often
	sqlite3.SQLITE_NOMEM:    outage.Busy,
}

// explain adds to an error what to do about it, and says whether it is an outage.
func explain(err error) error {
	kind, said := remedied(err)
	if kind == "" {
		return said
	}
	return &outage.Error{Kind: kind, Err: said}
}

func remedied(err error) (kind outage.Kind, said error) {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		code := e.Code() & 0xff
		kind = kinds[code]
		if remedy, ok := remedies[code]; ok {
			return cmp.Or(kind, outage.Broken), fmt.Errorf("%s: %w", remedy, err)
		}
		return kind, err
	}
	switch {
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return outage.Broken, fmt.Errorf("%s: %w", remedies[sqlite3.SQLITE_READONLY], err)
	case errors.Is(err, syscall.ENOSPC):
		return outage.Full, fmt.Errorf("%s: %w", remedies[sqlite3.SQLITE_FULL], err)
	case errors.Is(err, context.DeadlineExceeded):
		return outage.Busy, err
	}
	return "", err
}
