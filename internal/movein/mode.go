package movein

import (
	"context"
	"errors"
	"sync"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Source is the store of the other system, while it can be read.
type Source interface {
	// Follows tells whether it is known where the tokens of a platform are kept.
	// app is our id of it.
	Follows(app string) bool
	// Refresh gives the refresh token that the other system keeps of an account;
	// empty where it tells none.
	Refresh(ctx context.Context, app, authorizer string) (secret.Value, error)
}

// ErrNoSource says that a platform cannot be followed.
var ErrNoSource = errors.New("movein: nothing says where the other system keeps the platform's tokens; name it as moving[].follow in the settings")

// Handed tells what became of grants that were to change hands.
type Handed struct {
	Moved int `json:"moved"` // or were there already
	// Busy are being renewed right now: ask again in a minute.
	Busy []string `json:"busy,omitempty"`
	// Not are no grants of accounts, or were revoked.
	Not []string `json:"not,omitempty"`
	// Unread were followed until now, and the other system did not tell their
	// newest refresh token. They lead with the one that was taken in.
	Unread []string `json:"unread,omitempty"`
	// Next is where to go on, of a whole platform; empty at the end.
	Next string `json:"next,omitempty"`
}

// Hand moves grants of the platform to [grant.Active], [grant.Held] or
// [grant.Followed], at most [MaxBatch] at once. Those that were followed lead with
// the refresh token that the other system keeps now.
func (m *Mover) Hand(ctx context.Context, o Order, to grant.State, grants ...grant.Grant) (Handed, error) {
	var h Handed
	switch {
	case len(grants) > MaxBatch:
		return h, ErrTooMany
	case len(grants) == 0:
		return h, nil
	case to == grant.Followed && !m.o.Source.Follows(o.App):
		return h, ErrNoSource
	case to == grant.Active:
		var err error
		if h.Unread, err = m.newest(ctx, o, grants); err != nil {
			return h, err
		}
	}
	return h, m.hand(ctx, o, to, grants, &h)
}

func (m *Mover) hand(ctx context.Context, o Order, to grant.State, grants []grant.Grant, h *Handed) error {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	errs, err := m.o.Store.HandOver(ctx, grant.Handover{At: m.o.Now(), GrantIDs: ids, To: to, By: o.By})
	if err != nil {
		return err
	}
	var moved []string
	for i, id := range ids {
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
	return nil
}

// readers is how many accounts are asked for at the same time.
const readers = 16

// newest takes in what the other system keeps of the grants that are followed. It
// gives those of which it told nothing.
func (m *Mover) newest(ctx context.Context, o Order, grants []grant.Grant) (unread []string, err error) {
	rows := make([]*Row, len(grants))
	var wg sync.WaitGroup
	for first := range readers {
		wg.Go(func() {
			for i := first; i < len(grants); i += readers {
				rows[i] = m.newestOf(ctx, grants[i])
			}
		})
	}
	wg.Wait()
	var told []Row
	for i, g := range grants {
		switch {
		case g.State != grant.Followed:
		case rows[i] == nil:
			unread = append(unread, g.ID)
		default:
			told = append(told, *rows[i])
		}
	}
	if len(told) == 0 {
		return unread, ctx.Err()
	}
	o.Hold, o.DryRun = true, false
	_, err = m.TakeIn(ctx, o, told)
	return unread, err
}

// newestOf gives a grant's account with the token that the other system keeps, nil
// where there is none.
func (m *Mover) newestOf(ctx context.Context, g grant.Grant) *Row {
	if g.State != grant.Followed {
		return nil
	}
	token, err := m.o.Source.Refresh(ctx, g.App, g.Authorizer)
	r := &Row{AppID: g.Authorizer, Refresh: token, Shop: g.ShopID}
	if err != nil || r.Check() != "" {
		return nil
	}
	return r
}

// HandAll moves the grants of a platform's accounts behind the appid after, as
// many as go at once. It begins with "".
func (m *Mover) HandAll(ctx context.Context, o Order, to grant.State, after string) (Handed, error) {
	if _, err := m.platform(ctx, o.App); err != nil {
		return Handed{}, err
	}
	page, err := m.o.Store.IsvGrantsPage(ctx, o.App, after, MaxBatch)
	if err != nil {
		return Handed{}, err
	}
	var move []grant.Grant
	next := ""
	for _, g := range page {
		if g.State != grant.Revoked {
			move = append(move, g)
		}
		if len(page) == MaxBatch {
			next = g.Authorizer
		}
	}
	h, err := m.Hand(ctx, o, to, move...)
	h.Next = next
	return h, err
}

// nowhere is the source of a Mover that has none.
type nowhere struct{}

func (nowhere) Follows(string) bool { return false }

func (nowhere) Refresh(context.Context, string, string) (secret.Value, error) {
	return secret.Value{}, ErrNoSource
}
