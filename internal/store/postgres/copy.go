package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// CopyFrom opens the database that url names to be copied from. Nothing is
// changed. Servers are kept from writing for that time; if one works on the
// database, it is refused with [sqlstore.ErrInUse].
func CopyFrom(ctx context.Context, url secret.Value) (*sqlstore.Side, error) {
	s, err := copySide(ctx, url, checkOwnerOf, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return nil, fmt.Errorf("postgres: copy from: %w", explain(err))
	}
	s.Done = func(context.Context) error { return s.Undo() }
	return s, nil
}

// CopyTo opens the database that url names to be copied into, and makes its tables
// when there are none. What is written is there when Done returns, or not at all.
func CopyTo(ctx context.Context, url secret.Value) (*sqlstore.Side, error) {
	migrate := func(ctx context.Context, db *sql.DB) error {
		guard, err := connectAs(url, 1, copier)
		if err != nil {
			return err
		}
		defer guard.Close()
		return prepare(ctx, guard, db, Options{})
	}
	s, err := copySide(ctx, url, migrate, nil)
	if err != nil {
		return nil, fmt.Errorf("postgres: copy to: %w", explain(err))
	}
	s.Done = func(ctx context.Context) error {
		if err := goOnCounting(ctx, s.Tx); err != nil {
			return errors.Join(explain(err), s.Undo())
		}
		if err := s.Tx.Commit(); err != nil {
			return errors.Join(fmt.Errorf("commit: %w", explain(err)), s.Undo())
		}
		return s.Undo() // closes what is left
	}
	return s, nil
}

func checkOwnerOf(ctx context.Context, db *sql.DB) error { return checkOwner(ctx, db) }

// copySide opens a side. A transaction of its own holds the lock of writers, so
// that the one which copies begins, and sees, when all who had it are gone.
func copySide(ctx context.Context, url secret.Value, check func(context.Context, *sql.DB) error, o *sql.TxOptions) (_ *sqlstore.Side, err error) {
	db, err := connectAs(url, 2, copier)
	if err != nil {
		return nil, err
	}
	var guard *sql.Tx
	defer func() {
		if err == nil {
			return
		}
		if guard != nil {
			_ = guard.Rollback() // it only locks
		}
		err = errors.Join(err, db.Close())
	}()
	if err := checkServer(ctx, db); err != nil {
		return nil, err
	}
	if err := check(ctx, db); err != nil {
		return nil, err
	}
	if guard, err = db.BeginTx(ctx, nil); err != nil {
		return nil, err
	}
	if err := alone(ctx, guard); err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	undo := func() error {
		_, _ = tx.Rollback(), guard.Rollback() // they end with the connections at the latest
		return db.Close()
	}
	return &sqlstore.Side{Tx: tx, Dialect: dialect{}, Undo: undo}, nil
}

// copier names our own connections.
const copier = "zhanggui-copy"

// busySessions counts servers of ours that did anything in the last seconds, as
// each does all the time. Sessions that a pooler keeps open do not count.
const busySessions = `
	SELECT count(*) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'zhanggui'
		AND state_change > clock_timestamp() - interval '5 seconds'`

// liveLeases counts grants that somebody is refreshing.
const liveLeases = "SELECT count(*) FROM grants WHERE lease_term > settled_term AND lease_until > " + databaseClock

// alone takes the lock of writers and refuses if servers work on the database. A
// server holds the lock for moments only, so it is waited for.
func alone(ctx context.Context, guard *sql.Tx) error {
	if _, err := guard.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(writeLock)); err != nil {
		return err
	}
	for what, query := range map[string]string{"connections of a server were busy just now": busySessions, "grants are leased": liveLeases} {
		var n int
		if err := guard.QueryRowContext(ctx, query).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%d %s: %w", n, what, sqlstore.ErrInUse)
		}
	}
	return nil
}

// goOnCounting has new rows numbered after those that were copied.
func goOnCounting(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `
		SELECT setval(pg_get_serial_sequence('notices', 'id'), max(id)) FROM notices HAVING max(id) > 0`)
	return err
}
