package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Accounts reads row by row.
func (dialect) Accounts(ctx context.Context, t sqlstore.Tx, k sqlstore.AccountKeys) (rows sqlstore.AccountRows, err error) {
	for _, id := range k.AppIDs {
		shops, err := t.ShopsByAppID(ctx, id)
		if err != nil {
			return rows, err
		}
		rows.Shops = append(rows.Shops, shops...)
		g, err := t.IsvGrant(ctx, sqlgen.IsvGrantParams{App: k.App, Authorizer: id})
		if err := add(&rows.Grants, g, err); err != nil {
			return rows, err
		}
		a, err := t.Authorizer(ctx, sqlgen.AuthorizerParams{App: k.App, AppID: id})
		if err := add(&rows.Authorizers, a, err); err != nil {
			return rows, err
		}
	}
	for _, id := range k.ShopIDs {
		s, err := t.Shop(ctx, id)
		if err := add(&rows.Shops, s, err); err != nil {
			return rows, err
		}
	}
	for _, s := range rows.Shops {
		k.TenantIDs = append(k.TenantIDs, s.TenantID)
	}
	for _, id := range k.TenantIDs {
		tenant, err := t.Tenant(ctx, id)
		if err := add(&rows.Tenants, tenant, err); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// add keeps a row if there is one.
func add[R any](rows *[]R, row R, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		*rows = append(*rows, row)
	}
	return err
}

// PutAccounts writes row by row.
func (dialect) PutAccounts(ctx context.Context, t sqlstore.Tx, rows sqlstore.AccountRows) error {
	var errs []error
	for _, r := range rows.Tenants {
		errs = append(errs, t.PutTenant(ctx, sqlgen.PutTenantParams(r)))
	}
	for _, r := range rows.Shops {
		errs = append(errs, t.PutShop(ctx, sqlgen.PutShopParams(r)))
	}
	for _, r := range rows.Grants {
		errs = append(errs, t.PutGrant(ctx, sqlgen.PutGrantParams(r)))
	}
	for _, r := range rows.Authorizers {
		errs = append(errs, t.PutAuthorizer(ctx, sqlgen.PutAuthorizerParams(r)))
	}
	return errors.Join(errs...)
}
