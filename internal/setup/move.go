package setup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Grants is what a move needs of the store besides the directory.
type Grants interface {
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	Authorise(ctx context.Context, e grant.Effects) error
}

// Tokens tells whether a grant serves.
type Tokens interface {
	// Ready fetches the grant's token if it is not here, and fails if there is
	// none to be had now.
	Ready(ctx context.Context, grantID string) error
	// Moved says that another grant serves the shop from now on.
	Moved(shopID string)
}

// MoveError says why a shop stays where it is.
type MoveError struct{ What, Remedy string }

// Error joins both.
func (e *MoveError) Error() string { return "the shop stays as it is: " + e.What + "; " + e.Remedy }

// moveWait is the longest wait for the first token of the other key.
const moveWait = 15 * time.Second

// Move has a shop served by the key of another app from now on: its own
// ([access.ShopApp]) or a third-party platform's that it authorised. The other key
// has a living token before the shop changes hands, and the first one's goes on
// living, so no call in between fails. platform names the component; it may be
// empty if the shop authorised one only.
//
// Errors are [*MoveError] when nothing was changed and somebody must do
// something first, and [access.ErrNotFound] for an unknown shop.
func (s *Setup) Move(ctx context.Context, g Grants, t Tokens, shopID string, to grant.Kind, platform string, by audit.Actor) (access.Shop, error) {
	k, err := s.read(ctx)
	if err != nil {
		return access.Shop{}, err
	}
	shop, known := k.shops[shopID]
	if !known {
		return access.Shop{}, access.ErrNotFound
	}
	target, err := s.target(ctx, g, k, shop, to, platform)
	if err != nil || target.App == shop.App {
		return shop, err
	}
	if err := ready(ctx, t, target); err != nil {
		return shop, err
	}
	from := shop.App
	shop.App = target.App
	entry := audit.Entry{At: s.now(), Actor: by, Action: "shop.move", Subject: "shop:" + shop.ID, Outcome: audit.Done,
		Details: map[string]string{"from": from, "to": shop.App}}
	if err := s.dir.Declare(ctx, access.Declaration{Revision: k.revision, At: s.now(), Shops: []access.Shop{shop}}, entry); err != nil {
		return shop, err
	}
	t.Moved(shop.ID)
	return shop, nil
}

// target finds the grant that is to serve the shop. The grant of its own key is
// made if there is none.
func (s *Setup) target(ctx context.Context, g Grants, k kept, shop access.Shop, to grant.Kind, platform string) (grant.Grant, error) {
	all, err := g.Grants(ctx, grant.Filter{ShopID: shop.ID, Kind: to})
	if err != nil {
		return grant.Grant{}, fmt.Errorf("setup: read the shop's grants: %w", err)
	}
	var fit []grant.Grant
	for _, x := range all {
		if platform == "" || x.App == platform {
			fit = append(fit, x)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return grant.Grant{}, &MoveError{"it authorised several platforms", "name one of them with --app"}
	case to == grant.ISV:
		return grant.Grant{}, &MoveError{"it has not authorised that platform", "have its owner buy the platform's service in the service market, or run `zhanggui reconcile` if they have"}
	}
	return s.ownGrant(ctx, g, k, shop)
}

func (s *Setup) ownGrant(ctx context.Context, g Grants, k kept, shop access.Shop) (grant.Grant, error) {
	own := shopAppPrefix + shop.ID
	if len(k.apps[own].Secret) == 0 {
		return grant.Grant{}, &MoveError{"its own AppSecret is not here", "apply a manifest that names the shop with its secret, then move it"}
	}
	now := s.now()
	a := grant.Authorisation{GrantID: access.NewID("g"), Kind: grant.Self, App: own, ShopID: shop.ID, DueAt: now}
	if err := g.Authorise(ctx, grant.Effects{At: now, Authorise: &a}); err != nil {
		return grant.Grant{}, fmt.Errorf("setup: make the grant of the shop's own key: %w", err)
	}
	return grant.Grant{ID: a.GrantID, Kind: a.Kind, App: own, ShopID: shop.ID, State: grant.Active}, nil
}

func ready(ctx context.Context, t Tokens, g grant.Grant) error {
	if g.State != grant.Active {
		return &MoveError{fmt.Sprintf("its other key is %s (%s)", g.State, g.Cause), "mend that first; see `zhanggui grant list --shop " + g.ShopID + "`"}
	}
	ctx, cancel := context.WithTimeout(ctx, moveWait)
	defer cancel()
	if err := t.Ready(ctx, g.ID); err != nil {
		return errors.Join(&MoveError{"its other key has no token", "look at the cause, mend it and move the shop again"}, err)
	}
	return nil
}
