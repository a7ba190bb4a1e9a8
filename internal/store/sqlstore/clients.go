package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Client gives the client with this id, or [access.ErrNotFound].
func (s *Store) Client(ctx context.Context, id string) (access.Client, error) {
	return s.oneClient(ctx, func(q *sqlgen.Queries) (sqlgen.Client, error) { return q.Client(ctx, id) })
}

// ClientByKey gives the client with this key hash, live or not, or
// [access.ErrNotFound].
func (s *Store) ClientByKey(ctx context.Context, hash []byte) (access.Client, error) {
	return s.oneClient(ctx, func(q *sqlgen.Queries) (sqlgen.Client, error) { return q.ClientByKey(ctx, hash) })
}

// PlatformShops gives at most limit shops of a client that the platform with
// WeChat's appid serves, in the order of their ids. None is no error: there may be no
// such client or platform.
func (s *Store) PlatformShops(ctx context.Context, client, component string, limit int) ([]access.Shop, error) {
	rows, err := s.q.ClientPlatformShops(ctx, sqlgen.ClientPlatformShopsParams{ClientID: client, AppID: component, MaxRows: rowLimit(limit)})
	return many(s.Log, "read the shops of a platform", rows, err, toShop)
}

func (s *Store) oneClient(ctx context.Context, find func(*sqlgen.Queries) (sqlgen.Client, error)) (access.Client, error) {
	var c access.Client
	err := s.view(ctx, "read client", func(q *sqlgen.Queries) error {
		row, err := find(q)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		if c, err = toClient(row); err != nil {
			return err
		}
		c.Shops, err = q.ClientShops(ctx, row.ID)
		return err
	})
	if err != nil {
		return access.Client{}, err
	}
	return c, nil
}

// Clients gives all clients in the order of their ids.
func (s *Store) Clients(ctx context.Context) ([]access.Client, error) {
	var clients []access.Client
	err := s.view(ctx, "read clients", func(q *sqlgen.Queries) error {
		pairs, err := q.AllClientShops(ctx)
		if err != nil {
			return err
		}
		rows, err := q.Clients(ctx)
		if err != nil {
			return err
		}
		clients, err = withShops(rows, pairs)
		return err
	})
	return clients, err
}

// withShops gives clients with the shops that they hold.
func withShops(rows []sqlgen.Client, pairs []sqlgen.ClientShop) ([]access.Client, error) {
	shops := make(map[string][]string, len(rows))
	for _, p := range pairs {
		shops[p.ClientID] = append(shops[p.ClientID], p.ShopID)
	}
	var clients []access.Client
	for _, r := range rows {
		c, err := toClient(r)
		if err != nil {
			return nil, err
		}
		c.Shops = shops[r.ID]
		clients = append(clients, c)
	}
	return clients, nil
}

// RevokeClient ends a client's key from now on; one that is revoked already
// stays as it is. An unknown one is [access.ErrNotFound].
func (s *Store) RevokeClient(ctx context.Context, id string, now time.Time, e ...audit.Entry) error {
	return s.write(ctx, "revoke client", func(t *tx) error {
		row, err := t.Client(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		if row.RevokedAt != 0 {
			return nil
		}
		t.record(e...)
		return t.RevokeClient(ctx, sqlgen.RevokeClientParams{ID: id, RevokedAt: millis(now)})
	})
}
