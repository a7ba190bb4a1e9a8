package sqlstore

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
)

// App gives the app with this id, or [access.ErrNotFound].
func (s *Store) App(ctx context.Context, id string) (access.App, error) {
	row, err := s.q.App(ctx, id)
	return one(s.Log, "read app", row, err, toApp)
}

// Apps gives all apps in the order of their ids.
func (s *Store) Apps(ctx context.Context) ([]access.App, error) {
	rows, err := s.q.Apps(ctx)
	return many(s.Log, "read apps", rows, err, toApp)
}

// Tenant gives the tenant with this id, or [access.ErrNotFound].
func (s *Store) Tenant(ctx context.Context, id string) (access.Tenant, error) {
	row, err := s.q.Tenant(ctx, id)
	return one(s.Log, "read tenant", row, err, toTenant)
}

// Tenants gives all tenants in the order of their ids.
func (s *Store) Tenants(ctx context.Context) ([]access.Tenant, error) {
	rows, err := s.q.Tenants(ctx)
	return many(s.Log, "read tenants", rows, err, toTenant)
}

// Shop gives the shop with this id, or [access.ErrNotFound].
func (s *Store) Shop(ctx context.Context, id string) (access.Shop, error) {
	row, err := s.q.Shop(ctx, id)
	return one(s.Log, "read shop", row, err, toShop)
}

// Shops gives all shops in the order of their ids.
func (s *Store) Shops(ctx context.Context) ([]access.Shop, error) {
	rows, err := s.q.Shops(ctx)
	return many(s.Log, "read shops", rows, err, toShop)
}
