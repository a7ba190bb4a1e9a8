package storecopy

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// table is one table of a store.
type table struct {
	name  string
	where string // rows that count, as SQL; empty: all
}

// tables are all tables, those that others refer to before them.
var tables = []table{
	{name: "apps"}, {name: "tenants"}, {name: "shops"}, {name: "grants"}, {name: "forced_refreshes"}, {name: "strangers"},
	{name: "persons"}, {name: "profiles"}, {name: "identities"}, {name: "members"}, {name: "owner_messages"}, {name: "invitations"}, {name: "transfers"},
	{name: "sessions"}, {name: "callbacks"}, {name: "scans"}, {name: "consents"},
	{name: "clients"}, {name: "client_shops"}, {name: "rotations"}, {name: "uses"}, {name: "path_uses"}, {name: "api_changes"}, {name: "exports"}, {name: "requests"}, {name: "admins"}, {name: "visits"}, {name: "setup_links"}, {name: "signing_keys"}, {name: "oidc_clients"}, {name: "oidc_logins"},
	{name: "tickets"}, {name: "authorizers"}, {name: "purchases"}, {name: "pushes"}, {name: "events"},
	{name: "subscriptions"}, {name: "held_shops"}, {name: "dead_letters"},
	{name: "reviews"}, {name: "renewals"},
	{name: "notices"}, {name: "channels"}, {name: "deliveries"},
	{name: "alerts"}, {name: "alert_subjects"}, {name: "alert_parts"}, {name: "escalations"}, {name: "silences"}, {name: "leases"}, {name: "held_conditions"},
	{name: "audit_entries"}, {name: "audit_hashes"}, {name: "audit_head"}, {name: "audit_checkpoints"},
	{name: "audit_places"}, {name: "audit_witnessed"},
	{name: "meta", where: "name NOT IN ('application', 'schema_compat')"}, // these are the migrations'
}

func (t table) from() string {
	if t.where == "" {
		return "FROM " + t.name
	}
	return "FROM " + t.name + " WHERE " + t.where
}

// count gives the number of rows.
func (t table) count(ctx context.Context, s *sqlstore.Side) (n int64, err error) {
	if err := s.Tx.QueryRowContext(ctx, "SELECT count(*) "+t.from()).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", t.name, s.Explain(err))
	}
	return n, nil
}

// columns gives the names of the columns, by the alphabet, and which hold yes or
// no: SQLite keeps those as numbers.
func (t table) columns(ctx context.Context, s *sqlstore.Side) (names []string, boolean map[string]bool, err error) {
	rows, err := s.Tx.QueryContext(ctx, "SELECT * FROM "+t.name+" LIMIT 0")
	if err != nil {
		return nil, nil, fmt.Errorf("read columns of %s: %w", t.name, s.Explain(err))
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, nil, fmt.Errorf("read columns of %s: %w", t.name, s.Explain(err))
	}
	boolean = map[string]bool{}
	for _, c := range types {
		names = append(names, c.Name())
		boolean[c.Name()] = c.DatabaseTypeName() == "BOOL"
	}
	slices.Sort(names)
	return names, boolean, rows.Err()
}

// each calls f with every row's values of these columns. They are nil, int64,
// string or []byte, on every database, and are f's only until it returns.
func (t table) each(ctx context.Context, s *sqlstore.Side, columns []string, f func(values []any) error) error {
	rows, err := s.Tx.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" "+t.from())
	if err != nil {
		return fmt.Errorf("read %s: %w", t.name, s.Explain(err))
	}
	defer rows.Close()
	values, to := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		to[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return fmt.Errorf("read %s: %w", t.name, s.Explain(err))
		}
		for i, v := range values {
			if values[i], err = plain(v); err != nil {
				return fmt.Errorf("read %s.%s: %w", t.name, columns[i], err)
			}
		}
		if err := f(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", t.name, s.Explain(err))
	}
	return nil
}

// plain gives a value in one of four types.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, int64, string, []byte:
		return v, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	}
	return nil, fmt.Errorf("a value of type %T is in it; somebody changed the table by hand: run zhanggui audit verify", v)
}

// insert adds rows, whose values stand one after another.
func (t table) insert(ctx context.Context, tx *sql.Tx, columns []string, values []any) error {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", t.name, strings.Join(columns, ", "))
	for i := range values {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%len(columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	b.WriteString(")")
	_, err := tx.ExecContext(ctx, b.String(), values...)
	return err
}
