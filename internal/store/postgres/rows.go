package postgres

import (
	"context"
	"database/sql"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// grantColumns are the columns of grants in the order in which scanGrant reads
// them. They are written out because a newer program may have added others.
const grantColumns = `id, kind, app, shop_id, person_id, openid, scope, state, cause, err_code,
	generation, access, access_expires, refresh, refresh_issued, refresh_expires, digest, due_at, attempt,
	lease_owner, lease_term, lease_until, settled_term, created_at, updated_at, proved_at, doubts, used_at, kills, authorizer,
	settled_at`

func scanGrant(rows *sql.Rows) (g sqlgen.Grant, err error) {
	err = rows.Scan(&g.ID, &g.Kind, &g.App, &g.ShopID, &g.PersonID, &g.Openid, &g.Scope, &g.State, &g.Cause, &g.ErrCode,
		&g.Generation, &g.Access, &g.AccessExpires, &g.Refresh, &g.RefreshIssued, &g.RefreshExpires, &g.Digest, &g.DueAt, &g.Attempt,
		&g.LeaseOwner, &g.LeaseTerm, &g.LeaseUntil, &g.SettledTerm, &g.CreatedAt, &g.UpdatedAt, &g.ProvedAt, &g.Doubts, &g.UsedAt, &g.Kills, &g.Authorizer,
		&g.SettledAt)
	return g, err
}

// Apps reads all with one statement. The columns are written out for the same
// reason.
func (dialect) Apps(ctx context.Context, t sqlstore.Tx, ids []string) ([]sqlgen.App, error) {
	rows, err := t.SQL.QueryContext(ctx, `
		SELECT id, kind, app_id, name, secret, secret_version, callback_host, verify_name, verify_body, scope, egress, api_hosts,
			push, push_version, push_previous, push_previous_version, services, owner_message
		FROM apps WHERE id = ANY($1)`, described, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []sqlgen.App
	for rows.Next() {
		var a sqlgen.App
		err := rows.Scan(&a.ID, &a.Kind, &a.AppID, &a.Name, &a.Secret, &a.SecretVersion,
			&a.CallbackHost, &a.VerifyName, &a.VerifyBody, &a.Scope, &a.Egress, &a.ApiHosts,
			&a.Push, &a.PushVersion, &a.PushPrevious, &a.PushPreviousVersion, &a.Services, &a.OwnerMessage)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

func queryGrants(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]sqlgen.Grant, error) {
	rows, err := tx.QueryContext(ctx, query, append([]any{described}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []sqlgen.Grant
	for rows.Next() {
		g, err := scanGrant(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}
