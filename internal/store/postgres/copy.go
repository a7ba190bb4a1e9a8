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
	s, err := copySide(ctx, url, checkOwnerOf, beginReading)
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
	s, err := copySide(ctx, url, migrate, beginWriting)
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

// copySide opens a side. tx and guard may be the same.
func copySide(ctx context.Context, url secret.Value, check func(context.Context, *sql.DB) error, begin func(context.Context, *sql.DB) (tx, guard *sql.Tx, err error)) (*sqlstore.Side, error) {
	db, err := connectAs(url, 2, copier)
	if err != nil {
		return nil, err
	}
	if err = checkServer(ctx, db); err == nil {
		err = check(ctx, db)
	}
	var tx, guard *sql.Tx
	if err == nil {
		tx, guard, err = begin(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	undo := func() error {
		_, _ = tx.Rollback(), guard.Rollback() // they end with the connections at the latest
		return db.Close()
	}
	held := func(ctx context.Context) error {
		if _, err := guard.ExecContext(ctx, "SELECT 1"); err != nil {
			return fmt.Errorf("the connection that kept servers from writing was lost; copy again: %w", explain(err))
		}
		return nil
	}
	return &sqlstore.Side{Tx: tx, Dialect: dialect{}, Undo: undo, Held: held}, nil
}

// beginReading takes the lock of writers in a transaction of its own: one that
// reads a single state sees what was there when it began to wait for the lock.
func beginReading(ctx context.Context, db *sql.DB) (tx, guard *sql.Tx, err error) {
	if guard, err = beginAlone(ctx, db); err != nil {
		return nil, nil, err
	}
	tx, err = db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err == nil {
		err = patient(ctx, tx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, guard.Rollback())
	}
	return tx, guard, nil
}

func beginWriting(ctx context.Context, db *sql.DB) (tx, guard *sql.Tx, err error) {
	tx, err = beginAlone(ctx, db)
	return tx, tx, err
}

// beginAlone begins a transaction that keeps servers from writing.
func beginAlone(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err = patient(ctx, tx); err == nil {
		err = alone(ctx, tx)
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// patient lifts the server's limits on slow and silent transactions, for this one.
func patient(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '0', true)")
	return err
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
