package sqlstore

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// AppsAfter gives at most limit apps behind the id, in the database's order of
// ids, so that a copy can go through all of them. It begins with "".
func (s *Store) AppsAfter(ctx context.Context, id string, limit int) ([]access.App, error) {
	rows, err := s.q.AppsAfter(ctx, sqlgen.AppsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of apps", rows, err, toApp)
}

// ShopsAfter is [Store.AppsAfter] for shops.
func (s *Store) ShopsAfter(ctx context.Context, id string, limit int) ([]access.Shop, error) {
	rows, err := s.q.ShopsAfter(ctx, sqlgen.ShopsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of shops", rows, err, toShop)
}

// GrantsAfter is [Store.AppsAfter] for grants.
func (s *Store) GrantsAfter(ctx context.Context, id string, limit int) ([]grant.Grant, error) {
	rows, err := s.q.GrantsAfter(ctx, sqlgen.GrantsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of grants", rows, err, toGrant)
}
