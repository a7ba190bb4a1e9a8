package oidc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// standing is who a login is of, as it is now.
type standing struct {
	session access.Session
	person  access.Person // without an id: somebody of the shop
	shop    access.Shop
	role    access.Role
}

// over is why a login does not count any more.
type over string

func (o over) Error() string { return "oidc: the login is over: " + string(o) }

// standing looks whether a login still counts. Its error is an [over], or says that
// the store cannot be asked.
func (p *Provider) standing(ctx context.Context, c access.OIDCClient, l access.OIDCLogin) (standing, error) {
	if !l.EndedAt.IsZero() {
		return standing{}, over("ended")
	}
	sessions, err := p.o.Store.Sessions(ctx, access.SessionFilter{ID: l.SessionID})
	if err != nil {
		return standing{}, err
	}
	now := p.o.Now()
	if len(sessions) == 0 || !sessions[0].Live(now) {
		return standing{}, over("session_over")
	}
	s := standing{session: sessions[0]}
	if s.session.PersonID != l.PersonID || !doorOpens(c, s.session) {
		return standing{}, over("session_changed")
	}
	if l.PersonID != "" {
		if s.person, err = p.o.Store.Person(ctx, l.PersonID); err != nil {
			return standing{}, gone(err, "person_gone")
		}
	}
	if s.shop, err = p.o.Store.Shop(ctx, l.ShopID); err != nil {
		return standing{}, gone(err, "shop_gone")
	}
	var ok bool
	if s.role, ok = opens(c, s.session, s.person, s.shop, now); !ok {
		return standing{}, over("role_gone")
	}
	return s, nil
}

func gone(err error, why over) error {
	if errors.Is(err, access.ErrNotFound) {
		return why
	}
	return err
}

// doorOpens tells whether a client takes sessions that began as this one did. Those
// that name no person are taken only where that is declared.
func doorOpens(c access.OIDCClient, s access.Session) bool {
	if len(c.Doors) == 0 {
		return s.PersonID != ""
	}
	return s.AdminID == "" && slices.Contains(c.Doors, s.Door)
}

// opens tells in which role somebody opens a client for a shop.
func opens(c access.OIDCClient, s access.Session, who access.Person, shop access.Shop, now time.Time) (access.Role, bool) {
	if c.ShopID != "" && shop.ID != c.ShopID || c.ShopID == "" && shop.TenantID != c.TenantID {
		return "", false
	}
	role, ok := access.RoleIn(who.Members, shop, now)
	if s.ShopID != "" {
		role, ok = s.Role, s.ShopID == shop.ID
	}
	return role, ok && role.Covers(c.Role)
}

// shops gives those that somebody may open a client for.
func (p *Provider) shops(ctx context.Context, c access.OIDCClient, s access.Session, who access.Person) ([]access.Shop, error) {
	var all []access.Shop
	var err error
	if c.ShopID != "" {
		all = make([]access.Shop, 1)
		if all[0], err = p.o.Store.Shop(ctx, c.ShopID); errors.Is(err, access.ErrNotFound) {
			return nil, nil
		}
	} else {
		all, err = p.o.Store.ShopsOfTenant(ctx, c.TenantID)
	}
	now := p.o.Now()
	return slices.DeleteFunc(all, func(shop access.Shop) bool {
		_, ok := opens(c, s, who, shop, now)
		return !ok
	}), err
}
