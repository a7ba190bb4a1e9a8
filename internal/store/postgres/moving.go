package postgres

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Accounts reads each table with one statement.
func (dialect) Accounts(ctx context.Context, t sqlstore.Tx, k sqlstore.AccountKeys) (rows sqlstore.AccountRows, err error) {
	rows.Grants, err = queryGrants(ctx, t.SQL, "SELECT "+grantColumns+" FROM grants WHERE kind = 'isv' AND app = $1 AND authorizer = ANY($2)", k.App, k.AppIDs)
	if err != nil {
		return rows, err
	}
	rows.Authorizers, err = queryRows(ctx, t.SQL, func(r *sqlgen.Authorizer) []any {
		return []any{&r.App, &r.AppID, &r.Version, &r.State, &r.Account, &r.Name, &r.ShopID, &r.Sets, &r.EventAt, &r.Code,
			&r.CodeEnds, &r.DueAt, &r.Attempt, &r.Cause, &r.CheckedAt}
	}, `SELECT app, app_id, version, state, account, name, shop_id, sets, event_at, code, code_ends, due_at, attempt, cause, checked_at
		FROM authorizers WHERE app = $1 AND app_id = ANY($2)`, k.App, k.AppIDs)
	if err != nil {
		return rows, err
	}
	rows.Shops, err = queryRows(ctx, t.SQL, func(r *sqlgen.Shop) []any {
		return []any{&r.ID, &r.TenantID, &r.App, &r.Name, &r.RevokeOnWithdraw, &r.AppID}
	}, `SELECT id, tenant_id, app, name, revoke_on_withdraw, app_id FROM shops WHERE app_id = ANY($1) AND app_id <> ''
		UNION SELECT id, tenant_id, app, name, revoke_on_withdraw, app_id FROM shops WHERE id = ANY($2) ORDER BY id`, k.AppIDs, k.ShopIDs)
	if err != nil {
		return rows, err
	}
	tenants := append(each(rows.Shops, func(s sqlgen.Shop) string { return s.TenantID }), k.TenantIDs...)
	rows.Tenants, err = queryRows(ctx, t.SQL, func(r *sqlgen.Tenant) []any { return []any{&r.ID, &r.Name} },
		"SELECT id, name FROM tenants WHERE id = ANY($1)", tenants)
	return rows, err
}

// queryRows scans each row into the fields that into points at.
func queryRows[R any](ctx context.Context, tx *sql.Tx, into func(*R) []any, query string, args ...any) ([]R, error) {
	found, err := tx.QueryContext(ctx, query, append([]any{described}, args...)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var out []R
	for found.Next() {
		var r R
		if err := found.Scan(into(&r)...); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, found.Err()
}

// columns are what is written of rows of one table, each column from an array of
// its own: one statement for any number of rows.
type columns[R any] []struct {
	name, kind string
	of         func([]R) any
}

func columnOf[R, T any](of func(R) T) func([]R) any {
	return func(rows []R) any { return each(rows, of) }
}

// sql inserts rows, or replaces those with the same key.
func (c columns[R]) sql(table string, keys ...string) string {
	var names, arrays, set []string
	for i, column := range c {
		names = append(names, column.name)
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::"+column.kind+"[]")
		set = append(set, column.name+" = excluded."+column.name)
	}
	return "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") SELECT * FROM unnest(" + strings.Join(arrays, ", ") +
		") ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

func (c columns[R]) put(ctx context.Context, tx *sql.Tx, query string, rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	args := []any{described}
	for _, column := range c {
		args = append(args, column.of(rows))
	}
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}

var tenantColumns = columns[sqlgen.Tenant]{
	{"id", "text", columnOf(func(r sqlgen.Tenant) string { return r.ID })},
	{"name", "text", columnOf(func(r sqlgen.Tenant) string { return r.Name })},
}

var shopColumns = columns[sqlgen.Shop]{
	{"id", "text", columnOf(func(r sqlgen.Shop) string { return r.ID })},
	{"tenant_id", "text", columnOf(func(r sqlgen.Shop) string { return r.TenantID })},
	{"app", "text", columnOf(func(r sqlgen.Shop) string { return r.App })},
	{"name", "text", columnOf(func(r sqlgen.Shop) string { return r.Name })},
	{"revoke_on_withdraw", "boolean", columnOf(func(r sqlgen.Shop) bool { return r.RevokeOnWithdraw })},
	{"app_id", "text", columnOf(func(r sqlgen.Shop) string { return r.AppID })},
}

var authorizerColumns = columns[sqlgen.Authorizer]{
	{"app", "text", columnOf(func(r sqlgen.Authorizer) string { return r.App })},
	{"app_id", "text", columnOf(func(r sqlgen.Authorizer) string { return r.AppID })},
	{"version", "bigint", columnOf(func(r sqlgen.Authorizer) int64 { return r.Version })},
	{"state", "text", columnOf(func(r sqlgen.Authorizer) string { return r.State })},
	{"account", "text", columnOf(func(r sqlgen.Authorizer) string { return r.Account })},
	{"name", "text", columnOf(func(r sqlgen.Authorizer) string { return r.Name })},
	{"shop_id", "text", columnOf(func(r sqlgen.Authorizer) string { return r.ShopID })},
	{"sets", "text", columnOf(func(r sqlgen.Authorizer) string { return r.Sets })},
	{"event_at", "bigint", columnOf(func(r sqlgen.Authorizer) int64 { return r.EventAt })},
	{"code", "bytea", columnOf(func(r sqlgen.Authorizer) []byte { return r.Code })},
	{"code_ends", "bigint", columnOf(func(r sqlgen.Authorizer) int64 { return r.CodeEnds })},
	{"due_at", "bigint", columnOf(func(r sqlgen.Authorizer) int64 { return r.DueAt })},
	{"attempt", "bigint", columnOf(func(r sqlgen.Authorizer) int64 { return r.Attempt })},
	{"cause", "text", columnOf(func(r sqlgen.Authorizer) string { return r.Cause })},
	{"checked_at", "bigint", columnOf(func(r sqlgen.Authorizer) int64 { return r.CheckedAt })},
}

// isvColumns are those of settleColumns, and what tells whose a grant is.
var isvColumns = append(columns[sqlgen.Grant]{
	{"id", "text", columnOf(func(g sqlgen.Grant) string { return g.ID })},
	{"kind", "text", columnOf(func(g sqlgen.Grant) string { return g.Kind })},
	{"app", "text", columnOf(func(g sqlgen.Grant) string { return g.App })},
	{"shop_id", "text", columnOf(func(g sqlgen.Grant) string { return g.ShopID })},
	{"person_id", "text", columnOf(func(g sqlgen.Grant) string { return g.PersonID })},
	{"openid", "text", columnOf(func(g sqlgen.Grant) string { return g.Openid })},
	{"scope", "text", columnOf(func(g sqlgen.Grant) string { return g.Scope })},
	{"authorizer", "text", columnOf(func(g sqlgen.Grant) string { return g.Authorizer })},
	{"lease_owner", "text", columnOf(func(g sqlgen.Grant) string { return g.LeaseOwner })},
	{"lease_term", "bigint", columnOf(func(g sqlgen.Grant) int64 { return g.LeaseTerm })},
	{"lease_until", "bigint", columnOf(func(g sqlgen.Grant) int64 { return g.LeaseUntil })},
	{"created_at", "bigint", columnOf(func(g sqlgen.Grant) int64 { return g.CreatedAt })},
}, settleColumns...)

var (
	putTenants     = tenantColumns.sql("tenants", "id")
	putShops       = shopColumns.sql("shops", "id")
	putGrants      = isvColumns.sql("grants", "id")
	putAuthorizers = authorizerColumns.sql("authorizers", "app", "app_id")
)

// planAnew keeps the server from looking for tenants, when shops refer to them, as
// it did when there were none: row by row. Autovacuum would end that, a minute and
// thousands of accounts later.
const planAnew = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"

// PutAccounts writes each table with one statement.
func (dialect) PutAccounts(ctx context.Context, t sqlstore.Tx, rows sqlstore.AccountRows) error {
	if _, err := t.SQL.ExecContext(ctx, planAnew); err != nil {
		return err
	}
	if err := tenantColumns.put(ctx, t.SQL, putTenants, rows.Tenants); err != nil {
		return err
	}
	if err := shopColumns.put(ctx, t.SQL, putShops, rows.Shops); err != nil {
		return err
	}
	if err := isvColumns.put(ctx, t.SQL, putGrants, rows.Grants); err != nil {
		return err
	}
	return authorizerColumns.put(ctx, t.SQL, putAuthorizers, rows.Authorizers)
}
