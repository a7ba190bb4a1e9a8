package app

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// store is the store as features get it: what it changes, memory forgets, whoever
// changed it.
type store struct {
	database
	// forget drops what memory holds of grants, and what it believes about
	// clients and shops.
	forget func(grantIDs ...string)
}

// Revoke ends grants in the store, then in memory.
func (s *store) Revoke(ctx context.Context, e grant.Effects) error {
	if err := s.Store.Revoke(ctx, e); err != nil {
		return err
	}
	var ended []string
	for _, r := range e.Revoke {
		ended = append(ended, r.GrantID)
	}
	s.forget(ended...)
	return nil
}

// RevokeClient ends a client's key in the store, then in memory.
func (s *store) RevokeClient(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error {
	if err := s.Store.RevokeClient(ctx, id, now, entries...); err != nil {
		return err
	}
	s.forget()
	return nil
}

// Declare changes the directory in the store, then in memory: a shop that was
// removed or moved to another app has no use for the token that it had.
func (s *store) Declare(ctx context.Context, d access.Declaration, entries ...audit.Entry) error {
	before, err := s.Store.Grants(ctx, grant.Filter{Kind: grant.Self})
	if err != nil {
		return err
	}
	if err := s.Store.Declare(ctx, d, entries...); err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, shop := range d.Shops {
		touched[shop.ID] = true
	}
	for _, id := range d.Remove.Shops {
		touched[id] = true
	}
	var stale []string
	for _, g := range before {
		if touched[g.ShopID] {
			stale = append(stale, g.ID)
		}
	}
	s.forget(stale...)
	return nil
}
