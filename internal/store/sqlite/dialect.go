package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is what SQLite says in words of its own.
type dialect struct{}

// Due needs no row locks: a write transaction is alone.
func (dialect) Due(ctx context.Context, tx *sql.Tx, now int64, limit int) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT id FROM grants
		WHERE due_at > 0 AND (state IN ('active', 'stopped') OR kills > 0) AND due_at <= $1
			AND (lease_term = settled_term OR lease_until <= $1)
		ORDER BY due_at LIMIT $2`, now, max(0, limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Explain adds what to do to errors of SQLite.
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
}

func explain(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		if remedy, ok := remedies[e.Code()&0xff]; ok {
			return fmt.Errorf("%s: %w", remedy, err)
		}
	}
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w", remedies[sqlite3.SQLITE_READONLY], err)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s: %w", remedies[sqlite3.SQLITE_FULL], err)
	}
	return err
}
