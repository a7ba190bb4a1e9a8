package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// store is the store as features get it: what it changes, memory forgets, whoever
// changed it.
type store struct {
	database
	replica *replica     // nil on SQLite
	unlock  func() error // of the data directory; nil on SQLite, whose file is locked
	// forget drops what memory holds of grants, and what it believes about
	// clients and shops.
	forget func(grantIDs ...string)
	heard  func() // there may be events; nil while nobody relays them
	uses   *keyUses
}

// Revoke ends grants in the store, then in memory.
func (s *store) Revoke(ctx context.Context, e grant.Effects) error {
	if err := s.Store.Revoke(ctx, e); err != nil {
		return err
	}
	s.ended(ctx, e)
	return nil
}

// Authorise applies a decision in the store; what it ended, memory forgets.
func (s *store) Authorise(ctx context.Context, e grant.Effects) error {
	if err := s.Store.Authorise(ctx, e); err != nil {
		return err
	}
	s.ended(ctx, e)
	return nil
}

// ended has memory forget the grants that effects ended.
func (s *store) ended(ctx context.Context, e grant.Effects) {
	if len(e.Revoke) == 0 {
		return
	}
	var ids []string
	for _, r := range e.Revoke {
		ids = append(ids, r.GrantID)
	}
	s.replica.withdraw(ctx, feed.Change{Grants: ids})
	s.forget(ids...)
}

// RevokeClient ends a client's key in the store, then in memory.
func (s *store) RevokeClient(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error {
	if err := s.Store.RevokeClient(ctx, id, now, entries...); err != nil {
		return err
	}
	s.replica.withdraw(ctx, feed.Change{Clients: []string{id}})
	s.forget()
	return nil
}

// Declare changes the directory in the store, then in memory: a shop that was
// removed or moved to another app has no use for the token that it had.
func (s *store) Declare(ctx context.Context, d access.Declaration, entries ...audit.Entry) error {
	stale, err := s.grantsOf(ctx, d)
	if err != nil {
		return err
	}
	if err := s.Store.Declare(ctx, d, entries...); err != nil {
		return err
	}
	clients := slices.Clone(d.Remove.Clients)
	for _, c := range d.Clients {
		clients = append(clients, c.ID)
	}
	for _, k := range d.Keys {
		clients = append(clients, k.Client)
	}
	s.replica.withdraw(ctx, feed.Change{Shops: d.Remove.Shops, Clients: clients})
	s.forget(stale...)
	return nil
}

// grantsOf gives the grants of the shops that a declaration names, as they are
// before it. It asks for each alone: there may be a million others.
func (s *store) grantsOf(ctx context.Context, d access.Declaration) (ids []string, err error) {
	named := slices.Clone(d.Remove.Shops)
	for _, shop := range d.Shops {
		named = append(named, shop.ID)
	}
	for _, id := range named {
		g, err := s.Store.ShopGrant(ctx, id)
		switch {
		case errors.Is(err, grant.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			ids = append(ids, g.ID)
		}
	}
	return ids, nil
}

// Close closes the database and lets go of the data directory.
func (s *store) Close() error {
	err := s.database.Close()
	if s.unlock != nil {
		err = errors.Join(err, s.unlock())
	}
	return err
}

// What serving reads comes from the file that stands by while the database does
// not answer. What only the database can do fails at once then, in words, instead
// of waiting for it.

// ClientByKey gives the client whose key has this hash, or access.ErrNotFound.
func (s *store) ClientByKey(ctx context.Context, hash []byte) (access.Client, error) {
	if s.replica == nil {
		c, err := s.database.ClientByKey(ctx, hash)
		return s.uses.note(c, hash, err)
	}
	c, err := s.replica.reads.ClientByKey(ctx, hash)
	return s.uses.note(c, hash, err)
}

// Shop gives a shop, or access.ErrNotFound.
func (s *store) Shop(ctx context.Context, id string) (access.Shop, error) {
	if s.replica == nil {
		return s.database.Shop(ctx, id)
	}
	return s.replica.reads.Shop(ctx, id)
}

// App gives an app, or access.ErrNotFound.
func (s *store) App(ctx context.Context, id string) (access.App, error) {
	if s.replica == nil {
		return s.database.App(ctx, id)
	}
	return s.replica.reads.App(ctx, id)
}

// Apps gives all apps in the order of their ids.
func (s *store) Apps(ctx context.Context) ([]access.App, error) {
	if s.replica == nil {
		return s.database.Apps(ctx)
	}
	return s.replica.reads.Apps(ctx)
}

// Grant gives a grant, or grant.ErrNotFound.
func (s *store) Grant(ctx context.Context, id string) (grant.Grant, error) {
	if s.replica == nil {
		return s.database.Grant(ctx, id)
	}
	return s.replica.reads.Grant(ctx, id)
}

// ShopGrant gives a shop's own grant, or grant.ErrNotFound.
func (s *store) ShopGrant(ctx context.Context, shopID string) (grant.Grant, error) {
	if s.replica == nil {
		return s.database.ShopGrant(ctx, shopID)
	}
	return s.replica.reads.ShopGrant(ctx, shopID)
}

// ShopByAppID gives the shop with WeChat's appid, or access.ErrNotFound. The file
// that stands by does not know shops by their appids.
func (s *store) ShopByAppID(ctx context.Context, appID string) (access.Shop, error) {
	if err := s.replica.check(); err != nil {
		return access.Shop{}, err
	}
	return s.database.ShopByAppID(ctx, appID)
}

// PlatformShops gives the shops of a client that a platform serves.
func (s *store) PlatformShops(ctx context.Context, client, component string, limit int) ([]access.Shop, error) {
	if err := s.replica.check(); err != nil {
		return nil, err
	}
	return s.database.PlatformShops(ctx, client, component, limit)
}

// ClaimDue leases grants that are due.
func (s *store) ClaimDue(ctx context.Context, r grant.ClaimRequest) ([]grant.Claim, error) {
	if err := s.replica.check(); err != nil {
		return nil, err
	}
	return s.database.ClaimDue(ctx, r)
}

// Claim leases one grant.
func (s *store) Claim(ctx context.Context, grantID string, r grant.ClaimRequest) (grant.Claim, error) {
	if err := s.replica.check(); err != nil {
		return grant.Claim{}, err
	}
	return s.database.Claim(ctx, grantID, r)
}

// SigningKeys gives the keys that sign.
func (s *store) SigningKeys(ctx context.Context) ([]access.SigningKey, error) {
	if err := s.replica.check(); err != nil {
		return nil, err
	}
	return s.database.SigningKeys(ctx)
}

// RecordPush records pushes and has what clients hear of them sent.
func (s *store) RecordPush(ctx context.Context, batch []grant.Push) ([]error, error) {
	results, err := s.database.RecordPush(ctx, batch)
	if err == nil && s.heard != nil {
		s.heard()
	}
	return results, err
}

// RecordExport notes that a client fetched a kept token, before it leaves.
func (s *store) RecordExport(ctx context.Context, x access.Export, e grant.Effects) error {
	if err := s.replica.check(); err != nil {
		return err
	}
	return s.database.RecordExport(ctx, x, e)
}

// Append records entries that come with no change.
func (s *store) Append(ctx context.Context, entries ...audit.Entry) error {
	if err := s.replica.check(); err != nil {
		return err
	}
	return s.database.Append(ctx, entries...)
}
