package movein

import (
	"context"
	"errors"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Handed tells what became of grants that were to change hands.
type Handed struct {
	Moved int `json:"moved"` // or were there already
	// Busy are being renewed right now: ask again in a minute.
	Busy []string `json:"busy,omitempty"`
	// Not are no grants of accounts, or were revoked.
	Not []string `json:"not,omitempty"`
	// Next is where to go on, of a whole platform; empty at the end.
	Next string `json:"next,omitempty"`
}

// Hand moves grants between held and leading, at most [MaxBatch] at once.
func (m *Mover) Hand(ctx context.Context, by audit.Actor, hold bool, grantIDs []string) (Handed, error) {
	var h Handed
	switch {
	case len(grantIDs) > MaxBatch:
		return h, ErrTooMany
	case len(grantIDs) == 0:
		return h, nil
	}
	errs, err := m.o.Store.HandOver(ctx, grant.Handover{At: m.o.Now(), GrantIDs: grantIDs, Hold: hold, By: by})
	if err != nil {
		return h, err
	}
	var moved []string
	for i, id := range grantIDs {
		switch {
		case errs[i] == nil:
			moved = append(moved, id)
		case errors.Is(errs[i], grant.ErrLeased):
			h.Busy = append(h.Busy, id)
		default:
			h.Not = append(h.Not, id)
		}
	}
	h.Moved = len(moved)
	m.o.Moved(moved)
	return h, nil
}

// HandAll moves the grants of a platform's accounts behind the appid after, as
// many as go at once. It begins with "".
func (m *Mover) HandAll(ctx context.Context, o Order, after string) (Handed, error) {
	if _, err := m.platform(ctx, o.App); err != nil {
		return Handed{}, err
	}
	page, err := m.o.Store.IsvGrantsPage(ctx, o.App, after, MaxBatch)
	if err != nil {
		return Handed{}, err
	}
	var ids []string
	next := ""
	for _, g := range page {
		if g.State != grant.Revoked {
			ids = append(ids, g.ID)
		}
		if len(page) == MaxBatch {
			next = g.Authorizer
		}
	}
	h, err := m.Hand(ctx, o.By, o.Hold, ids)
	h.Next = next
	return h, err
}
