package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// minServer is the oldest server that the tests run on, as server_version_num
// counts.
const minServer = 140000

var (
	errForeign = errors.New("the database holds tables of another program; name a database of its own: CREATE DATABASE zhanggui")
	errFresh   = errors.New("the database holds no audit log; name the database of a server")
	errSchema  = errors.New("there is no schema that this user may use; run GRANT USAGE, CREATE ON SCHEMA public TO the user, or set its search_path")
)

// checkServer refuses a server that lacks what the statements here need.
func checkServer(ctx context.Context, db *sql.DB) error {
	var number, name, encoding string
	row := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num'), current_setting('server_version'), current_setting('server_encoding')")
	if err := row.Scan(&number, &name, &encoding); err != nil {
		return err
	}
	if n, err := strconv.Atoi(number); err != nil || n < minServer {
		return fmt.Errorf("the server is PostgreSQL %s; 14 or newer is needed: upgrade it, or name another server", name)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database keeps text as %s, which cannot hold every shop's name; make one with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// relations counts what is in the schema, without what extensions put there.
const relations = `
	SELECT count(*) FROM pg_class c
	WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

// empty tells whether the schema holds nothing at all.
func empty(ctx context.Context, db querier) (bool, error) {
	var schema sql.NullString
	if err := db.QueryRowContext(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return false, err
	}
	if !schema.Valid {
		return false, errSchema
	}
	var n int
	err := db.QueryRowContext(ctx, relations).Scan(&n)
	return n == 0, err
}

// querier is a pool or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// applicationID marks a database as ours, as it does in the header of a SQLite
// file: "zgui".
const applicationID = 0x7a677569

// checkOwner refuses a database that was not made by us.
func checkOwner(ctx context.Context, db querier) error {
	none, err := empty(ctx, db)
	if err != nil {
		return err
	}
	if none {
		return errFresh
	}
	var meta bool
	err = db.QueryRowContext(ctx, `
		SELECT count(*) = 2 FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = 'meta' AND column_name IN ('name', 'number')`).Scan(&meta)
	if err != nil {
		return err
	}
	if !meta {
		return errForeign
	}
	var id string
	err = db.QueryRowContext(ctx, "SELECT number::text FROM meta WHERE name::text = 'application'").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && id != strconv.Itoa(applicationID) {
		return errForeign
	}
	return err
}
