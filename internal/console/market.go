package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Purchases tells what a shop bought in the service market. app is our id of the
// platform, appID WeChat's id of the shop.
type Purchases interface {
	Purchases(ctx context.Context, app, appID string) ([]access.Purchase, error)
}

// bought is a purchase as a page shows it. One that ended is shown and shuts
// nobody out: an empty or late answer of WeChat looks the same.
type bought struct {
	Service, Spec string
	PaidUntil     time.Time // zero: WeChat did not tell
	Ended         bool
}

// purchasesOf gives what a shop bought of every platform here.
func (c *Console) purchasesOf(ctx context.Context, shop access.Shop) ([]bought, error) {
	if c.Purchases == nil || shop.AppID == "" {
		return nil, nil
	}
	apps, err := c.Directory.Apps(ctx)
	if err != nil {
		return nil, err
	}
	var all []bought
	for _, app := range apps {
		if app.Kind != access.Component {
			continue
		}
		kept, err := c.Purchases.Purchases(ctx, app.ID, shop.AppID)
		if err != nil {
			return nil, err
		}
		for _, p := range kept {
			all = append(all, c.shownPurchase(app, p))
		}
	}
	return all, nil
}

func (c *Console) shownPurchase(app access.App, p access.Purchase) bought {
	b := bought{Service: p.Service, Spec: p.Spec, PaidUntil: p.PaidUntil}
	if i := slices.IndexFunc(app.Services, func(s access.Service) bool { return s.ID == p.Service }); i >= 0 {
		b.Service = cmp.Or(app.Services[i].Name, p.Service)
	}
	b.Ended = !p.PaidUntil.IsZero() && !c.Now().Before(p.PaidUntil)
	return b
}

// claimsFor gives the claims of a shop that a person may confirm: those that
// reach no further than their own ownership.
func (c *Console) claimsFor(ctx context.Context, p access.Person, shop access.Shop) ([]access.Invitation, error) {
	if role, _ := access.RoleIn(p.Members, shop, c.Now()); p.ID == "" || role != access.Owner {
		return nil, nil
	}
	all, err := c.Invites.Invitations(ctx)
	if err != nil {
		return nil, err
	}
	now := c.Now()
	return slices.DeleteFunc(all, func(i access.Invitation) bool {
		return !i.Claim() || i.State != access.InvitationTaken || !now.Before(i.ExpiresAt) ||
			i.ShopID != "" && i.ShopID != shop.ID || !ownsPlace(p, i, now)
	}), nil
}

// ownsPlace tells whether a person owns all that a claim asks for.
func ownsPlace(p access.Person, i access.Invitation, now time.Time) bool {
	return slices.ContainsFunc(p.Members, func(m access.Member) bool {
		return m.Active(now) && m.Role == access.Owner && m.TenantID == i.TenantID && (m.ShopID == "" || m.ShopID == i.ShopID)
	})
}

// confirmClaim is an owner's yes to somebody who claims the shop as well.
func (c *Console) confirmClaim(w http.ResponseWriter, r *http.Request) error {
	session, person, err := c.Login.RequireProved(r, access.Owner, r.PathValue("shop"))
	if err != nil {
		return err
	}
	shop, err := c.Directory.Shop(r.Context(), r.PathValue("shop"))
	if err != nil {
		return err
	}
	claims, err := c.claimsFor(r.Context(), person, shop)
	if err != nil {
		return err
	}
	n := slices.IndexFunc(claims, func(i access.Invitation) bool { return i.ID == r.PathValue("id") })
	if n < 0 {
		return confirmRefused(access.ErrInvitationGone)
	}
	now, by := c.Now(), audit.Actor{Kind: audit.ActorPerson, ID: session.PersonID}
	_, err = c.Invites.ConfirmInvitation(r.Context(), claims[n].ID, r.PostFormValue("code"), now, grant.ConfirmEffects(now, by, claims[n]))
	if err != nil {
		return confirmRefused(err)
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/shops/"+shop.ID), http.StatusSeeOther)
	return nil
}

// isGone tells whether an invitation cannot be confirmed any more.
func isGone(err error) bool {
	return errors.Is(err, access.ErrInvitationGone) || errors.Is(err, access.ErrNotFound)
}
