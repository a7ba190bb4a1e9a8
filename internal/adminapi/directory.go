package adminapi

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// AppView is an app as others may see it: without its secret.
type AppView struct {
	ID           string                `json:"id"`
	Kind         string                `json:"kind"`
	AppID        string                `json:"appid"`
	Name         string                `json:"name"`
	CallbackHost string                `json:"callback_host,omitempty"`
	VerifyName   string                `json:"verify_name,omitempty"`
	Scope        string                `json:"scope,omitempty"`
	VerifyBody   string                `json:"verify_body,omitempty"`
	Egress       string                `json:"egress,omitempty"`
	APIHosts     []string              `json:"api_hosts,omitempty"`
	Services     []ManifestService     `json:"services,omitempty"`
	OwnerMessage *ManifestOwnerMessage `json:"owner_message,omitempty"`
	Warning      string                `json:"warning,omitempty" doc:"What the change ended; in the answer to it alone"`
}

// AppPath names an app.
type AppPath struct {
	App string `path:"app" doc:"Our id of the app"`
}

// TenantView is a tenant.
type TenantView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ShopView is a shop with the grant that serves it.
type ShopView struct {
	ID               string     `json:"id"`
	Tenant           string     `json:"tenant"`
	Name             string     `json:"name"`
	App              string     `json:"app" doc:"whose key serves the shop: its own app or a component"`
	AppID            string     `json:"appid"`
	RevokeOnWithdraw bool       `json:"revoke_shop_on_withdraw,omitempty"`
	Grant            *GrantView `json:"grant,omitempty"`
}

// PersonView is a human as others see them. WeChat's ids of them stay with us.
type PersonView struct {
	ID       string       `json:"id"`
	Nickname string       `json:"nickname,omitempty"`
	Roles    []MemberView `json:"roles"`
}

// EventView is what clients may hear of a shop.
type EventView struct {
	ID    string          `json:"id"`
	Type  string          `json:"type"`
	Shop  string          `json:"shop"`
	AppID string          `json:"appid,omitempty"`
	At    *time.Time      `json:"at,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

func (h handlers) mountDirectory(api huma.API) {
	huma.Register(api, op("list-apps", http.MethodGet, "/v1/apps", "List the apps"), h.apps)
	huma.Register(api, op("get-app", http.MethodGet, "/v1/apps/{app}", "Show one app"), h.app)
	huma.Register(api, op("list-tenants", http.MethodGet, "/v1/tenants", "List the tenants"), h.tenants)
	huma.Register(api, op("get-tenant", http.MethodGet, "/v1/tenants/{id}", "Show one tenant"), h.tenant)
	huma.Register(api, op("list-shops", http.MethodGet, "/v1/shops", "List the shops with their grants"), h.shops)
	huma.Register(api, op("get-shop", http.MethodGet, "/v1/shops/{shop}", "Show one shop with its grant"), h.shop)
	huma.Register(api, op("list-shop-events", http.MethodGet, "/v1/shops/{shop}/events", "List what clients may hear of a shop, the oldest first"), h.shopEvents)
	huma.Register(api, op("list-people", http.MethodGet, "/v1/people", "List the people who logged in, with their roles"), h.people)
	huma.Register(api, op("get-person", http.MethodGet, "/v1/people/{id}", "Show one person with their roles"), h.person)
}

func viewApp(a access.App) AppView {
	v := AppView{ID: a.ID, Kind: string(a.Kind), AppID: a.AppID, Name: a.Name, CallbackHost: a.CallbackHost, VerifyName: a.VerifyName, VerifyBody: a.VerifyBody,
		Scope: a.Scope, Egress: a.Egress, APIHosts: a.APIHosts, OwnerMessage: viewOwnerMessage(a.OwnerMessage)}
	for _, s := range a.Services {
		v.Services = append(v.Services, ManifestService{ID: s.ID, ServiceID: s.ServiceID, Name: s.Name, Role: string(s.Role)})
	}
	return v
}

func (h handlers) apps(ctx context.Context, in *Page) (*body[list[AppView]], error) {
	after, err := in.after("apps")
	if err != nil {
		return nil, err
	}
	apps, err := h.Directory.AppsAfter(ctx, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(apps, in.Limit, viewApp, func(a access.App) string { return cursor("apps", a.ID) }), nil
}

func (h handlers) app(ctx context.Context, in *AppPath) (*body[AppView], error) {
	a, err := h.Directory.App(ctx, in.App)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewApp(a)), nil
}

func viewTenant(t access.Tenant) TenantView { return TenantView{ID: t.ID, Name: t.Name} }

func (h handlers) tenants(ctx context.Context, in *Page) (*body[list[TenantView]], error) {
	after, err := in.after("tenants")
	if err != nil {
		return nil, err
	}
	tenants, err := h.Directory.TenantsAfter(ctx, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(tenants, in.Limit, viewTenant, func(t access.Tenant) string { return cursor("tenants", t.ID) }), nil
}

func (h handlers) tenant(ctx context.Context, in *idPath) (*body[TenantView], error) {
	t, err := h.Directory.Tenant(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewTenant(t)), nil
}

// viewShop finds the grant that serves a shop.
func (h handlers) viewShop(ctx context.Context, s access.Shop) (ShopView, error) {
	v := ShopView{ID: s.ID, Tenant: s.TenantID, Name: s.Name, App: s.App, AppID: s.AppID, RevokeOnWithdraw: s.RevokeOnWithdraw}
	grants, err := h.Grants.Grants(ctx, grant.Filter{ShopID: s.ID})
	if err != nil {
		return v, err
	}
	for _, g := range grants {
		if g.App == s.App {
			v.Grant = new(viewGrant(g))
		}
	}
	return v, nil
}

func (h handlers) shops(ctx context.Context, in *Page) (*body[list[ShopView]], error) {
	after, err := in.after("shops")
	if err != nil {
		return nil, err
	}
	shops, err := h.Directory.ShopsAfter(ctx, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	views := make([]ShopView, len(shops))
	for i, s := range shops {
		if views[i], err = h.viewShop(ctx, s); err != nil {
			return nil, fail(err)
		}
	}
	return pageOf(views, in.Limit, func(v ShopView) ShopView { return v }, func(v ShopView) string { return cursor("shops", v.ID) }), nil
}

// ShopPath names a shop.
type ShopPath struct {
	Shop string `path:"shop" doc:"Our id of the shop"`
}

func (h handlers) shop(ctx context.Context, in *ShopPath) (*body[ShopView], error) {
	s, err := h.Directory.Shop(ctx, in.Shop)
	if err != nil {
		return nil, fail(err)
	}
	v, err := h.viewShop(ctx, s)
	if err != nil {
		return nil, fail(err)
	}
	return answer(v), nil
}

// shopEvents takes the number of an event as a cursor: it never changes.
func (h handlers) shopEvents(ctx context.Context, in *struct {
	Page
	ShopPath
}) (*body[list[EventView]], error) {
	after, err := in.number(0)
	if err != nil {
		return nil, err
	}
	if after == math.MaxInt64 {
		return nil, errCursor()
	}
	if _, err := h.Directory.Shop(ctx, in.Shop); err != nil {
		return nil, fail(err)
	}
	events, err := h.Directory.EventsOfShop(ctx, in.Shop, after+1, math.MaxInt64, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(events, in.Limit, func(e grant.Event) EventView {
		return EventView{ID: eventID(e.ID), Type: e.Name, Shop: e.ShopID, AppID: e.AppID, At: stamp(e.At), Data: e.Body}
	}, func(e grant.Event) string { return strconv.FormatInt(e.ID, 10) }), nil
}

func viewPerson(p access.Person) PersonView {
	v := PersonView{ID: p.ID, Nickname: p.Profile.Nickname, Roles: []MemberView{}}
	for _, m := range p.Members {
		v.Roles = append(v.Roles, viewMember(m))
	}
	return v
}

func (h handlers) people(ctx context.Context, in *Page) (*body[list[PersonView]], error) {
	after, err := in.after("people")
	if err != nil {
		return nil, err
	}
	ids, err := h.Directory.PersonsAfter(ctx, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	views := make([]PersonView, len(ids))
	for i, id := range ids {
		p, err := h.Directory.Person(ctx, id)
		if err != nil {
			return nil, fail(err)
		}
		views[i] = viewPerson(p)
	}
	return pageOf(views, in.Limit, func(v PersonView) PersonView { return v }, func(v PersonView) string { return cursor("people", v.ID) }), nil
}

func (h handlers) person(ctx context.Context, in *idPath) (*body[PersonView], error) {
	p, err := h.Directory.Person(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewPerson(p)), nil
}
