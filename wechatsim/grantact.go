package wechatsim

import (
	"fmt"
	"slices"
	"time"
)

// States of an account, as api_get_authorizer_info shows them.
const (
	accountNormal    = 1
	accountCancelled = 14
	accountBanned    = 16
	accountWarned    = 18
	accountFrozen    = 19
)

func (a *app) status() int {
	if a.AccountStatus == 0 {
		return accountNormal
	}
	return a.AccountStatus
}

// Grant is an account's authorisation of a component, as the emulator knows it.
type Grant struct {
	// AppID is the account's.
	AppID string `json:"appid"`
	// Sets are the permission sets it granted.
	Sets []int `json:"permission_sets"`
	// Since is when it authorised last.
	Since time.Time `json:"since"`
	// RefreshToken is the newest authorizer_refresh_token.
	RefreshToken string `json:"refresh_token"`
	// AccessToken is the newest authorizer_access_token, "" if none was asked for.
	AccessToken string `json:"access_token,omitempty"`
}

func (s *Sim) shownGrant(g *grant) Grant {
	out := Grant{AppID: g.account, Sets: slices.Clone(g.sets), Since: g.since, RefreshToken: s.refreshToken(g, g.serial)}
	if g.access != nil {
		out.AccessToken = g.access.value
	}
	return out
}

// withGrant runs f under the lock with a component and an account's grant.
func (s *Sim) withGrant(component, account string, f func(p *app, g *grant) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.component(component)
	if err != nil {
		return err
	}
	g := p.platform.grants[account]
	if g == nil {
		return fmt.Errorf("account %q: %w", account, ErrNotGranted)
	}
	return f(p, g)
}

// Grant returns an account's authorisation of a component.
func (s *Sim) Grant(component, account string) (Grant, error) {
	var out Grant
	err := s.withGrant(component, account, func(_ *app, g *grant) error {
		out = s.shownGrant(g)
		return nil
	})
	return out, err
}

// Grants returns at most limit of a component's authorisations from offset on,
// in the order in which they were given, and how many there are.
func (s *Sim) Grants(component string, offset, limit int) ([]Grant, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.component(component)
	if err != nil {
		return nil, 0, err
	}
	out := []Grant{}
	for _, g := range window(p.platform.list, offset, limit) {
		out = append(out, s.shownGrant(g))
	}
	return out, len(p.platform.list), nil
}

// window is list[offset:offset+limit] as far as there is one.
func window[T any](list []T, offset, limit int) []T {
	from := min(max(0, offset), len(list))
	return list[from : from+min(max(0, limit), len(list)-from)]
}

// WithdrawGrant takes an account's authorisation back at the account's side.
// Its tokens end at once, and the component is sent unauthorized.
func (s *Sim) WithdrawGrant(component, account string) error {
	return s.withGrant(component, account, func(p *app, g *grant) error {
		s.endGrant(p, g)
		s.emitAuth(p, "unauthorized", map[string]string{"AuthorizerAppid": account})
		return nil
	})
}

func (s *Sim) endGrant(p *app, g *grant) {
	if g.access != nil {
		g.access.kill(s.Now())
	}
	delete(p.platform.grants, g.account)
	p.platform.list = slices.DeleteFunc(p.platform.list, func(other *grant) bool { return other == g })
	for _, k := range s.platformCodes {
		if k.kind == codeAuth && k.component == p.AppID && k.account == g.account {
			k.used = true
		}
	}
}

// Reauthorize lets an account confirm its authorisation again with these
// permission sets; nil keeps those it has. The refresh token changes and the
// old tokens end at once. The component is sent updateauthorized only if the
// sets changed.
func (s *Sim) Reauthorize(component, account string, sets []int) error {
	return s.withGrant(component, account, func(p *app, g *grant) error {
		if sets == nil {
			sets = g.sets
		}
		for _, id := range sets {
			if !slices.Contains(p.PermissionSets, id) && !slices.Contains(g.sets, id) {
				return fmt.Errorf("permission set %d is not one of component %s: add it to permission_sets first", id, component)
			}
		}
		a := s.account(account)
		if err := s.mayAuthorise(p, a); err != nil {
			return err
		}
		s.authorise(p, a, sets, "")
		return nil
	})
}

// ChangeAccountPassword ends all tokens of an account with all components:
// its refresh tokens answer 42007 from then on, until it authorises again. No
// event tells of it.
func (s *Sim) ChangeAccountPassword(account string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account(account) == nil {
		return fmt.Errorf("account %q: %w", account, ErrNoApp)
	}
	s.someGrant(account, func(g *grant) bool {
		g.dead = 42007
		if g.access != nil {
			g.access.kill(s.Now())
		}
		return false
	})
	return nil
}

// SetAccountStatus makes an account normal (1), cancelled (14), banned (16),
// warned (18) or frozen (19). Banned and frozen accounts answer 50002 to
// api_authorizer_token, cancelled ones 61003. A shop that is cancelled closes.
func (s *Sim) SetAccountStatus(account string, status int) error {
	if status == 0 {
		return fmt.Errorf("account status 0 of %q is none: use 1, 14, 16, 18 or 19", account)
	}
	if err := s.SetApp(account, func(a *App) { a.AccountStatus = status }); err != nil {
		return err
	}
	if status != accountCancelled {
		return nil
	}
	s.mu.Lock()
	shop := s.shops[account] != nil
	s.mu.Unlock()
	if shop {
		return s.SetShopStatus(account, "close_finished")
	}
	return nil
}

// SetShopStatus opens or closes a shop: opening, open_finished, closing or
// close_finished. Only open_finished ↔ closing and closing → close_finished are
// told by an event; the end of the opening is not.
func (s *Sim) SetShopStatus(account, status string) error {
	var ps problems
	oneOf(&ps, "$.status", status, shopStatuses...)
	if err := ps.err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(account)
	sh := s.shops[account]
	if sh == nil {
		return fmt.Errorf("shop %q: %w", account, ErrNoApp)
	}
	old := sh.Status
	sh.Status = status
	s.tellShopStatus(account, old, status)
	return nil
}

var shopStatuses = []string{"opening", "open_finished", "closing", "close_finished"}

func (s *Sim) tellShopStatus(account, old, status string) {
	now := s.Now().Unix()
	switch {
	case old == status:
	case status == "close_finished":
		s.emitShop(account, "channels_ec_close_store", map[string]any{"appid": account, "close_timestamp": now})
	case old == "open_finished" && status == "closing", old == "closing" && status == "open_finished":
		s.emitShop(account, "channels_ec_change_status", map[string]any{"appid": account, "change_timestamp": now,
			"old_status": old, "new_status": status})
	}
}

// endRefreshTokens gives every grant of a component a new refresh token and
// takes the old one at once.
func (p *platform) endRefreshTokens() {
	for _, g := range p.list {
		g.serial, g.oldEnds = g.serial+1, time.Time{}
	}
}
