package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Platforms knows third-party platforms and who authorised them.
type Platforms interface {
	// Reconcile compares a platform's authorisers with WeChat's list, and has what
	// differs put right unless it is a dry run. [access.ErrNotFound] says that there
	// is no such platform.
	Reconcile(ctx context.Context, app string, by audit.Actor, dry bool) (grant.Reconciliation, error)
	// Tickets gives the tickets that are kept, the newest first.
	Tickets(ctx context.Context, app string) ([]grant.Ticket, error)
	ComponentGrant(ctx context.Context, app string) (grant.Grant, error)
	AuthorizersPage(ctx context.Context, app, after string, limit int) ([]grant.Authorizer, error)
	// LinkAddress gives the address on which the administrator of an account finds
	// l. It fails when no link can be made for the app.
	LinkAddress(app access.App, l grant.Link) (string, error)
	// Purchases gives what is known of what an account bought of a platform.
	Purchases(ctx context.Context, app, appID string) ([]access.Purchase, error)
}

// ReconciliationView is what a comparison with WeChat's list found.
type ReconciliationView struct {
	App      string         `json:"app"`
	At       time.Time      `json:"at"`
	DryRun   bool           `json:"dry_run"`
	Complete bool           `json:"complete" doc:"the whole list was seen; only then does an account that is not on it count as missing"`
	Total    int            `json:"total" doc:"accounts, as WeChat counts them"`
	Listed   int            `json:"listed" doc:"accounts seen on the list"`
	Kept     int            `json:"kept" doc:"accounts kept here"`
	Counts   map[string]int `json:"counts" doc:"differences by kind: unknown, returned, lost, unchanged, revoked, withdrawn, unclear"`
	Found    []FoundView    `json:"found" doc:"the first thousand differences"`
}

// FoundView is one account that is not as WeChat's list says.
type FoundView struct {
	AppID string `json:"appid"`
	Shop  string `json:"shop,omitempty"`
	What  string `json:"what"`
}

func viewReconciliation(r grant.Reconciliation) ReconciliationView {
	v := ReconciliationView{App: r.App, At: r.At.UTC(), DryRun: r.DryRun, Complete: r.Complete, Total: r.Total, Listed: r.Listed,
		Kept: r.Kept, Counts: map[string]int{}, Found: []FoundView{}}
	for what, n := range r.Counts {
		v.Counts[string(what)] = n
	}
	for _, f := range r.Found {
		v.Found = append(v.Found, FoundView{AppID: f.AppID, Shop: f.ShopID, What: string(f.What)})
	}
	return v
}

// PlatformView is a third-party platform and how it stands.
type PlatformView struct {
	App         string         `json:"app"`
	AppID       string         `json:"appid"`
	Name        string         `json:"name"`
	TicketAt    *time.Time     `json:"ticket_at,omitempty" doc:"when the newest ticket arrived"`
	Grant       *GrantView     `json:"grant,omitempty" doc:"the platform's own grant"`
	Authorizers map[string]int `json:"authorizers" doc:"accounts by state: new, kept, foreign, withdrawn"`
}

// PurchaseView is what a shop bought of a service in the service market.
type PurchaseView struct {
	App       string     `json:"app"`
	Service   string     `json:"service"`
	Spec      string     `json:"spec"`
	OrderID   string     `json:"order_id,omitempty"`
	PaidUntil *time.Time `json:"paid_until,omitempty" doc:"left out when WeChat did not tell"`
	SeenAt    *time.Time `json:"seen_at,omitempty" doc:"when WeChat told it"`
}

func viewPurchase(p access.Purchase) PurchaseView {
	return PurchaseView{App: p.App, Service: p.Service, Spec: p.Spec, OrderID: p.OrderID, PaidUntil: stamp(p.PaidUntil), SeenAt: stamp(p.SeenAt)}
}

func (h handlers) mountPlatforms(api huma.API) {
	huma.Register(api, op("list-platforms", http.MethodGet, "/v1/platforms", "List the third-party platforms and how they stand"), h.platforms)
	huma.Register(api, op("get-platform", http.MethodGet, "/v1/platforms/{id}", "Show one third-party platform and how it stands"), h.onePlatform)
	huma.Register(api, op("reconcile", http.MethodPost, "/v1/apps/{app}/reconcile", "Compare a platform's shops with WeChat's list and put right what differs"), h.reconcile)
	huma.Register(api, op("create-account-link", http.MethodPost, "/v1/apps/{app}/links", "Make a link on which the administrator of an account that is no shop authorises a platform; it is shown this once"), h.link)
	huma.Register(api, op("list-purchases", http.MethodGet, "/v1/shops/{shop}/purchases", "List what a shop bought in the service market"), h.purchases)
}

func (h handlers) reconcile(ctx context.Context, in *struct {
	App    string `path:"app" doc:"Our id of the app"`
	DryRun bool   `query:"dry_run" doc:"tell what differs and change nothing"`
}) (*body[ReconciliationView], error) {
	r, err := h.Platforms.Reconcile(ctx, in.App, actor(ctx), in.DryRun)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewReconciliation(r)), nil
}

func (h handlers) platforms(ctx context.Context, in *Page) (*body[list[PlatformView]], error) {
	apps, err := h.components(ctx)
	if err != nil {
		return nil, fail(err)
	}
	shown, err := window(*in, "platforms", apps, func(a access.App) string { return a.ID }, func(a access.App) access.App { return a })
	if err != nil {
		return nil, err
	}
	out := list[PlatformView]{Items: make([]PlatformView, len(shown.Body.Items)), Next: shown.Body.Next}
	for i, app := range shown.Body.Items {
		if out.Items[i], err = h.platform(ctx, app); err != nil {
			return nil, fail(err)
		}
	}
	return answer(out), nil
}

func (h handlers) onePlatform(ctx context.Context, in *idPath) (*body[PlatformView], error) {
	app, err := h.component(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	v, err := h.platform(ctx, app)
	if err != nil {
		return nil, fail(err)
	}
	return answer(v), nil
}

// components are the apps that are third-party platforms.
func (h handlers) components(ctx context.Context) ([]access.App, error) {
	apps, err := h.Directory.Apps(ctx)
	var out []access.App
	for _, app := range apps {
		if app.Kind == access.Component {
			out = append(out, app)
		}
	}
	return out, err
}

func (h handlers) platform(ctx context.Context, app access.App) (PlatformView, error) {
	v := PlatformView{App: app.ID, AppID: app.AppID, Name: app.Name}
	tickets, err := h.Platforms.Tickets(ctx, app.ID)
	if err != nil {
		return v, err
	}
	if len(tickets) > 0 {
		v.TicketAt = stamp(tickets[0].SeenAt)
	}
	g, err := h.Platforms.ComponentGrant(ctx, app.ID)
	if err != nil {
		return v, err
	}
	v.Grant = new(viewGrant(g))
	v.Authorizers, err = h.countAuthorizers(ctx, app.ID)
	return v, err
}

// countPage is how many accounts are read together.
const countPage = 500

func (h handlers) countAuthorizers(ctx context.Context, app string) (map[string]int, error) {
	counts := map[string]int{}
	for after := ""; ; {
		page, err := h.Platforms.AuthorizersPage(ctx, app, after, countPage)
		if err != nil {
			return nil, err
		}
		for _, a := range page {
			counts[string(a.State)]++
			after = a.AppID
		}
		if len(page) < countPage {
			return counts, nil
		}
	}
}

func (h handlers) purchases(ctx context.Context, in *struct {
	Page
	Shop string `path:"shop" doc:"Our id of the shop"`
}) (*body[list[PurchaseView]], error) {
	shop, err := h.Directory.Shop(ctx, in.Shop)
	if err != nil {
		return nil, fail(err)
	}
	apps, err := h.components(ctx)
	if err != nil {
		return nil, fail(err)
	}
	var all []access.Purchase
	for _, app := range apps {
		bought, err := h.Platforms.Purchases(ctx, app.ID, shop.AppID)
		if err != nil {
			return nil, fail(err)
		}
		all = append(all, bought...)
	}
	return window(in.Page, "purchases", all, func(p access.Purchase) string { return p.App + " " + p.Service + " " + p.Spec }, viewPurchase)
}
