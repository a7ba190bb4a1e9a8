package review

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Scope is what a report is about. The zero Scope is the whole house.
type Scope struct {
	TenantID string
	ShopID   string // one shop of the tenant; empty: all of it
}

// House tells whether the scope is everything.
func (s Scope) House() bool { return s.TenantID == "" }

// String names the scope: "house", "tenant:lantian" or "shop:lantian".
func (s Scope) String() string {
	switch {
	case s.House():
		return "house"
	case s.ShopID == "":
		return "tenant:" + s.TenantID
	}
	return "shop:" + s.ShopID
}

// covers tells whether a role or a program of a place is seen. What holds in a whole
// tenant is seen in each of its shops.
func (s Scope) covers(tenant, shop string) bool {
	return s.House() || tenant == s.TenantID && (s.ShopID == "" || shop == "" || shop == s.ShopID)
}

// Host is a protected host of the settings, with what is open there.
type Host struct {
	Name   string
	Tenant string // one of Tenant and Shop is set
	Shop   string
	Role   string   // the least that opens it; empty: only routes open something
	Public []string // paths that are open to strangers
	Cross  string   // what becomes of changes that another site's page sends: refuse, observe or off
}

// SealingKey is a key of the keyset.
type SealingKey struct {
	ID      string
	Primary bool // it seals; the others only open
	MadeAt  time.Time
}

// Snapshot is all that a report is made from.
type Snapshot struct {
	At    time.Time
	Begin time.Time // when the audit log begins: the first start

	Tenants []access.Tenant
	Shops   []access.Shop
	Apps    []access.App

	Staff       []access.Administrator
	StaffSeen   []access.Seen
	Members     []access.Member
	People      []access.Seen // everybody who is a member
	Invitations []access.Invitation
	Sessions    []access.Session

	Clients []access.Client
	Uses    []access.PathUse // since Counted, with the last day of each path
	Counted time.Time        // zero: no call was counted yet
	Paths   *catalogue.Catalogue

	Grants   []grant.Grant
	Accounts []grant.Authorizer
	Renewals []grant.Renewal

	Programs     []access.OIDCClient
	ProgramsSeen []access.Seen
	Signing      []access.SigningKey
	Sealing      []SealingKey
	Hosts        []Host
}

// Directory is what there is.
type Directory interface {
	Tenants(ctx context.Context) ([]access.Tenant, error)
	Shops(ctx context.Context) ([]access.Shop, error)
	Apps(ctx context.Context) ([]access.App, error)
	Members(ctx context.Context, tenantID string) ([]access.Member, error)
	Clients(ctx context.Context) ([]access.Client, error)
	OIDCClients(ctx context.Context) ([]access.OIDCClient, error)
}

// Logins is who came, and when.
type Logins interface {
	Admins(ctx context.Context) ([]access.Administrator, error)
	AdminsSeen(ctx context.Context) ([]access.Seen, error)
	MembersSeen(ctx context.Context) ([]access.Seen, error)
	OIDCClientsSeen(ctx context.Context) ([]access.Seen, error)
	OpenSessions(ctx context.Context, now time.Time) ([]access.Session, error)
	Invitations(ctx context.Context) ([]access.Invitation, error)
}

// Grants is what serves the shops.
type Grants interface {
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	KeptAuthorizers(ctx context.Context) ([]grant.Authorizer, error)
	Renewals(ctx context.Context) ([]grant.Renewal, error)
	SigningKeys(ctx context.Context) ([]access.SigningKey, error)
}

// Uses is what clients called.
type Uses interface {
	// UsesSince gives how often clients called which paths from a day on, and from
	// when on calls are counted; zero: none was.
	UsesSince(ctx context.Context, since time.Time) (uses []access.PathUse, first time.Time, err error)
}

// Snapshot reads what there is now.
func (r *Reviews) Snapshot(ctx context.Context) (Snapshot, error) {
	o := r.o
	s := Snapshot{At: o.Now(), Hosts: o.Hosts, Paths: o.Catalogue}
	var err error
	if s.Begin, err = r.begin(ctx); err != nil {
		return s, err
	}
	s.Sealing = o.Sealing(s.Begin)
	var errs [15]error
	s.Tenants, errs[0] = o.Store.Tenants(ctx)
	s.Shops, errs[1] = o.Store.Shops(ctx)
	s.Apps, errs[2] = o.Store.Apps(ctx)
	s.Clients, errs[3] = o.Store.Clients(ctx)
	s.Programs, errs[4] = o.Store.OIDCClients(ctx)
	s.Staff, errs[5] = o.Store.Admins(ctx)
	s.StaffSeen, errs[6] = o.Store.AdminsSeen(ctx)
	s.People, errs[7] = o.Store.MembersSeen(ctx)
	s.ProgramsSeen, errs[8] = o.Store.OIDCClientsSeen(ctx)
	s.Sessions, errs[9] = o.Store.OpenSessions(ctx, s.At)
	s.Invitations, errs[10] = o.Store.Invitations(ctx)
	s.Grants, errs[11] = o.Store.Grants(ctx, grant.Filter{})
	s.Accounts, errs[12] = o.Store.KeptAuthorizers(ctx)
	s.Renewals, errs[13] = o.Store.Renewals(ctx)
	s.Signing, errs[14] = o.Store.SigningKeys(ctx)
	if err := errors.Join(errs[:]...); err != nil {
		return s, fmt.Errorf("review: read what there is: %w", err)
	}
	from := s.At.Add(-unusedAfter)
	if s.Uses, s.Counted, err = o.Store.UsesSince(ctx, from); err != nil {
		return s, fmt.Errorf("review: read what was called: %w", err)
	}
	if !s.Counted.IsZero() {
		s.Counted = later(s.Counted, from)
	}
	for _, t := range s.Tenants {
		of, err := o.Store.Members(ctx, t.ID)
		if err != nil {
			return s, fmt.Errorf("review: read the members of %s: %w", t.ID, err)
		}
		s.Members = append(s.Members, of...)
	}
	return s, nil
}
