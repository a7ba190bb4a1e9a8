package chaos

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/balance"
)

// witness stands in the database beside the program and writes down every
// change of a grant's row, in the transaction that makes it, with the time of
// the database's own clock. It knows columns and nothing of their meaning.
type witness struct{ db *sql.DB }

// seenColumns are what the witness writes down, in the order in which
// changes reads it.
const seenColumns = "id, kind, lease_owner, lease_term, settled_term, lease_until, generation, digest, state, cause"

// sqliteWitness and postgresWitness make the witness.
var (
	sqliteWitness = []string{
		`CREATE TABLE chaos_changes (n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, began INTEGER, id TEXT, kind TEXT, lease_owner TEXT, lease_term INTEGER,
			settled_term INTEGER, lease_until INTEGER, generation INTEGER, digest TEXT, state TEXT, cause TEXT)`,
		sqliteTrigger("INSERT"), sqliteTrigger("UPDATE"),
	}
	postgresWitness = []string{
		`CREATE TABLE chaos_changes (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT, began BIGINT, id TEXT, kind TEXT, lease_owner TEXT,
			lease_term BIGINT, settled_term BIGINT, lease_until BIGINT, generation BIGINT, digest TEXT, state TEXT, cause TEXT)`,
		`CREATE FUNCTION chaos_witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO chaos_changes (at, began, ` + seenColumns + `) VALUES ((extract(epoch FROM clock_timestamp()) * 1000)::bigint,
				(extract(epoch FROM statement_timestamp()) * 1000)::bigint, ` + newColumns() + `);
			RETURN NULL; END $$`,
		`CREATE TRIGGER chaos_witness AFTER INSERT OR UPDATE ON grants FOR EACH ROW EXECUTE FUNCTION chaos_witness()`,
	}
)

// sqliteNow is the moment of a statement: SQLite's clock stands still in it.
const sqliteNow = "CAST(unixepoch('subsec') * 1000 AS INTEGER)"

func sqliteTrigger(on string) string {
	return `CREATE TRIGGER chaos_witness_` + strings.ToLower(on) + ` AFTER ` + on + ` ON grants BEGIN
		INSERT INTO chaos_changes (at, began, ` + seenColumns + `) VALUES (` + sqliteNow + `, ` + sqliteNow + `, ` + newColumns() + `); END`
}

func newColumns() string { return "NEW." + strings.ReplaceAll(seenColumns, ", ", ", NEW.") }

// install makes the witness in a database that the program has migrated.
func (w witness) install(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if _, err := w.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("install the witness: %w", err)
		}
	}
	return nil
}

// changes gives everything that the witness saw.
func (w witness) changes(ctx context.Context) ([]balance.Change, error) {
	return query(ctx, w.db, "SELECT at, began, "+seenColumns+" FROM chaos_changes ORDER BY n", func(scan func(...any) error) (c balance.Change, err error) {
		var at, began, until int64
		var kind, owner string
		err = scan(&at, &began, &c.Grant, &kind, &owner, &c.Term, &c.Settled, &until, &c.Generation, &c.Tokens, &c.State, &c.Cause)
		c.At, c.Began, c.Until = time.UnixMilli(at), time.UnixMilli(began), time.UnixMilli(until)
		c.User, c.Replica = kind == "user", replicaOf(owner)
		return c, err
	})
}

// unknown gives the terms of which the audit log says that nobody knows what
// came of them.
func (w witness) unknown(ctx context.Context) ([]balance.Unknown, error) {
	entries, err := query(ctx, w.db, "SELECT data FROM audit_entries ORDER BY seq", func(scan func(...any) error) (data []byte, err error) {
		return data, scan(&data)
	})
	if err != nil {
		return nil, err
	}
	var all []balance.Unknown
	for _, data := range entries {
		var e struct {
			Action, Subject, Outcome string
			Details                  map[string]string
		}
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		grant, of := strings.CutPrefix(e.Subject, "grant:")
		if !of || e.Outcome != "unknown" {
			continue
		}
		term, err := strconv.ParseInt(e.Details["term"], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the audit log: an unknown outcome of %s names no term", e.Subject)
		}
		all = append(all, balance.Unknown{Grant: grant, Term: term})
	}
	return all, nil
}

// row is a grant as it stands in the database.
type row struct {
	ID, Kind, State, Cause, AppID, OpenID string
	Generation, Term, Settled, Attempt    int64
	Access, Refresh                       []byte
}

// rows gives every grant.
func (w witness) rows(ctx context.Context) ([]row, error) {
	const q = `SELECT g.id, g.kind, g.state, g.cause, a.app_id, g.openid, g.generation, g.lease_term, g.settled_term, g.attempt, g.access, g.refresh
		FROM grants g JOIN apps a ON a.id = g.app ORDER BY g.id`
	return query(ctx, w.db, q, func(scan func(...any) error) (r row, err error) {
		err = scan(&r.ID, &r.Kind, &r.State, &r.Cause, &r.AppID, &r.OpenID, &r.Generation, &r.Term, &r.Settled, &r.Attempt, &r.Access, &r.Refresh)
		return r, err
	})
}

// keyset gives the wrapped keyset.
func (w witness) keyset(ctx context.Context) (wrapped []byte, err error) {
	err = w.db.QueryRowContext(ctx, "SELECT body FROM meta WHERE name = 'keyset'").Scan(&wrapped)
	return wrapped, err
}

// query reads all rows of a query.
func query[T any](ctx context.Context, db *sql.DB, q string, read func(scan func(...any) error) (T, error)) ([]T, error) {
	rows, err := db.QueryContext(ctx, q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		x, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, rows.Err()
}
