package adminapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// AppChange is what is to become of an app. What is left out stays as it is.
type AppChange struct {
	AppID        *string  `json:"appid,omitempty"`
	Secret       string   `json:"secret,omitempty" doc:"left out keeps the one there is" writeOnly:"true"`
	Name         *string  `json:"name,omitempty"`
	CallbackHost *string  `json:"callback_host,omitempty"`
	VerifyName   *string  `json:"verify_name,omitempty"`
	VerifyBody   *string  `json:"verify_body,omitempty"`
	Scope        *string  `json:"scope,omitempty" doc:"empty for the usual one"`
	Egress       *string  `json:"egress,omitempty"`
	APIHosts     []string `json:"api_hosts,omitempty"`
	ManifestPush
	Services     []ManifestService     `json:"services,omitempty" doc:"of a third-party platform; all of them"`
	OwnerMessage *ManifestOwnerMessage `json:"owner_message,omitempty" doc:"with an empty template for none"`
}

// TenantChange is what is to become of a tenant.
type TenantChange struct {
	Name *string `json:"name,omitempty"`
}

// ShopChange is what is to become of a shop. What is left out stays as it is. Whose
// key serves it is changed by moving it.
type ShopChange struct {
	Tenant           *string  `json:"tenant,omitempty"`
	Name             *string  `json:"name,omitempty"`
	AppID            *string  `json:"appid,omitempty"`
	Secret           string   `json:"secret,omitempty" doc:"of the shop's own key; left out keeps the one there is" writeOnly:"true"`
	RevokeOnWithdraw *bool    `json:"revoke_shop_on_withdraw,omitempty"`
	Egress           *string  `json:"egress,omitempty"`
	APIHosts         []string `json:"api_hosts,omitempty"`
	ManifestPush
}

func (h handlers) mountMaking(api huma.API) {
	huma.Register(api, making("create-app", "/v1/apps", "Make an app, or a third-party platform"), h.createApp)
	huma.Register(api, op("change-app", http.MethodPatch, "/v1/apps/{app}", "Change an app"), h.changeApp)
	huma.Register(api, op("remove-app", http.MethodDelete, "/v1/apps/{app}", "Remove an app that nothing needs, with the sessions and openids that rest on it"), h.removeApp)
	huma.Register(api, making("create-tenant", "/v1/tenants", "Make a tenant"), h.createTenant)
	huma.Register(api, op("change-tenant", http.MethodPatch, "/v1/tenants/{id}", "Change a tenant"), h.changeTenant)
	huma.Register(api, op("remove-tenant", http.MethodDelete, "/v1/tenants/{id}", "Remove a tenant that has no shops, with its roles and invitations"), h.removeTenant)
	huma.Register(api, making("create-shop", "/v1/shops", "Make a shop with its own key, or one of a third-party platform"), h.createShop)
	huma.Register(api, op("change-shop", http.MethodPatch, "/v1/shops/{shop}", "Change a shop"), h.changeShop)
	huma.Register(api, op("remove-shop", http.MethodDelete, "/v1/shops/{shop}", "Remove a shop that no client may call, with its key, roles and invitations"), h.removeShop)
}

// making is an operation that makes something.
func making(id, path, summary string) huma.Operation {
	o := op(id, http.MethodPost, path, summary)
	o.DefaultStatus = http.StatusCreated
	return o
}

// create makes what a manifest of one thing names.
func (h handlers) create(ctx context.Context, m Manifest) error {
	_, err := h.Setup.Create(ctx, m.manifest(), actor(ctx))
	return err
}

func (h handlers) createApp(ctx context.Context, in *struct{ Body ManifestApp }) (*body[AppView], error) {
	if err := h.create(ctx, Manifest{Apps: []ManifestApp{in.Body}}); err != nil {
		return nil, fail(err)
	}
	return h.app(ctx, &AppPath{App: in.Body.ID})
}

func (h handlers) changeApp(ctx context.Context, in *struct {
	AppPath
	Body AppChange
}) (*body[AppView], error) {
	res, err := h.Setup.ChangeApp(ctx, in.App, in.Body.change, actor(ctx))
	if err != nil {
		return nil, fail(err)
	}
	out, err := h.app(ctx, &in.AppPath)
	if err == nil {
		for _, c := range res.Changes {
			out.Body.Warning = c.Warning
		}
	}
	return out, err
}

func (c AppChange) change(a *setup.App) error {
	put(&a.AppID, c.AppID)
	put(&a.Name, c.Name)
	put(&a.CallbackHost, c.CallbackHost)
	put(&a.VerifyName, c.VerifyName)
	put(&a.VerifyBody, c.VerifyBody)
	put(&a.Scope, c.Scope)
	put(&a.Egress, c.Egress)
	if c.APIHosts != nil {
		a.APIHosts = c.APIHosts
	}
	if c.Services != nil {
		a.Services = services(c.Services)
	}
	if c.OwnerMessage != nil {
		a.OwnerMessage = c.OwnerMessage.made()
	}
	a.Secret, a.Push = secret.FromString(c.Secret), c.keys()
	return nil
}

// put sets what was said.
func put[T any](is *T, want *T) {
	if want != nil {
		*is = *want
	}
}

func (h handlers) removeApp(ctx context.Context, in *AppPath) (*struct{}, error) {
	_, err := h.Setup.RemoveApp(ctx, in.App, actor(ctx))
	return nil, failed(err)
}

// failed is fail that leaves no error alone.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return fail(err)
}

func (h handlers) createTenant(ctx context.Context, in *struct{ Body ManifestTenant }) (*body[TenantView], error) {
	if err := h.create(ctx, Manifest{Tenants: []ManifestTenant{in.Body}}); err != nil {
		return nil, fail(err)
	}
	return h.tenant(ctx, &idPath{ID: in.Body.ID})
}

func (h handlers) changeTenant(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body TenantChange
}) (*body[TenantView], error) {
	change := func(t *access.Tenant) error {
		put(&t.Name, in.Body.Name)
		return nil
	}
	if _, err := h.Setup.ChangeTenant(ctx, in.ID, change, actor(ctx)); err != nil {
		return nil, fail(err)
	}
	return h.tenant(ctx, &idPath{ID: in.ID})
}

func (h handlers) removeTenant(ctx context.Context, in *idPath) (*struct{}, error) {
	_, err := h.Setup.RemoveTenant(ctx, in.ID, actor(ctx))
	return nil, failed(err)
}

func (h handlers) createShop(ctx context.Context, in *struct{ Body ManifestShop }) (*body[ShopView], error) {
	if err := h.create(ctx, Manifest{Shops: []ManifestShop{in.Body}}); err != nil {
		return nil, fail(err)
	}
	return h.shop(ctx, &ShopPath{Shop: in.Body.ID})
}

func (h handlers) changeShop(ctx context.Context, in *struct {
	ShopPath
	Body ShopChange
}) (*body[ShopView], error) {
	if _, err := h.Setup.ChangeShop(ctx, in.Shop, in.Body.change, actor(ctx)); err != nil {
		return nil, fail(err)
	}
	return h.shop(ctx, &in.ShopPath)
}

func (c ShopChange) change(s *setup.Shop) error {
	put(&s.Tenant, c.Tenant)
	put(&s.Name, c.Name)
	put(&s.AppID, c.AppID)
	put(&s.RevokeOnWithdraw, c.RevokeOnWithdraw)
	put(&s.Egress, c.Egress)
	if c.APIHosts != nil {
		s.APIHosts = c.APIHosts
	}
	s.Secret, s.Push = secret.FromString(c.Secret), c.keys()
	return nil
}

func (h handlers) removeShop(ctx context.Context, in *ShopPath) (*struct{}, error) {
	_, err := h.Setup.RemoveShop(ctx, in.Shop, actor(ctx))
	return nil, failed(err)
}
