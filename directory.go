package zhanggui

import (
	"context"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Secrets are what WeChat gave to an app or a shop. They are sent, and never come
// back. A zero one keeps what the server has.
type Secrets struct {
	Secret     secret.Value `json:"secret"`       // AppSecret
	PushToken  secret.Value `json:"push_token"`   // 消息校验Token
	PushAESKey secret.Value `json:"push_aes_key"` // EncodingAESKey
}

// revealed are [Secrets] as they are sent. It stands beside them in what is encoded,
// where it hides them: a secret.Value shows nothing of itself.
type revealed struct {
	Secret     string `json:"secret,omitempty"`
	PushToken  string `json:"push_token,omitempty"`
	PushAESKey string `json:"push_aes_key,omitempty"`
}

func (s Secrets) reveal() revealed {
	return revealed{s.Secret.RevealString(), s.PushToken.RevealString(), s.PushAESKey.RevealString()}
}

// Service is a service of a third-party platform in the service market.
type Service struct {
	ID        string `json:"id"`
	ServiceID string `json:"service_id"` // WeChat's
	Name      string `json:"name,omitempty"`
	Role      string `json:"role,omitempty"` // of who comes from the market: operator or viewer
}

// NewApp is an app that is to log people in, or a third-party platform.
type NewApp struct {
	ID           string        `json:"id"`
	Kind         string        `json:"kind"` // service_account, website or component
	AppID        string        `json:"appid"`
	Name         string        `json:"name,omitempty"`
	CallbackHost string        `json:"callback_host"`
	VerifyName   string        `json:"verify_name,omitempty"` // of the domain proof
	VerifyBody   string        `json:"verify_body,omitempty"`
	Scope        string        `json:"scope,omitempty"`         // empty for the usual one
	Egress       string        `json:"egress,omitempty"`        // the way out to WeChat; empty for the default one
	APIHosts     []string      `json:"api_hosts,omitempty"`     // of WeChat's API, in order; none for the usual one
	Services     []Service     `json:"services,omitempty"`      // of a platform
	OwnerMessage *OwnerMessage `json:"owner_message,omitempty"` // of a service account; nil for none
	Secrets
}

// AppChange is what is to become of an app. What is nil stays as it is.
type AppChange struct {
	AppID        *string       `json:"appid,omitempty"`
	Name         *string       `json:"name,omitempty"`
	CallbackHost *string       `json:"callback_host,omitempty"`
	VerifyName   *string       `json:"verify_name,omitempty"`
	VerifyBody   *string       `json:"verify_body,omitempty"`
	Scope        *string       `json:"scope,omitempty"`
	Egress       *string       `json:"egress,omitempty"`
	APIHosts     []string      `json:"api_hosts,omitzero"`      // empty and not nil: none any more
	Services     []Service     `json:"services,omitzero"`       // likewise
	OwnerMessage *OwnerMessage `json:"owner_message,omitempty"` // with an empty template: none any more
	Secrets
}

// TenantChange is what is to become of a tenant. What is nil stays as it is.
type TenantChange struct {
	Name *string `json:"name,omitempty"`
}

// NewShop is a shop that is to be called with its own AppSecret, or through a
// third-party platform.
type NewShop struct {
	ID               string   `json:"id"`
	Tenant           string   `json:"tenant"`
	Name             string   `json:"name"`
	AppID            string   `json:"appid"`
	App              string   `json:"app,omitempty"` // the platform; empty for the shop's own key
	RevokeOnWithdraw bool     `json:"revoke_shop_on_withdraw,omitempty"`
	Egress           string   `json:"egress,omitempty"`
	APIHosts         []string `json:"api_hosts,omitempty"`
	Secrets
}

// ShopChange is what is to become of a shop. What is nil stays as it is.
type ShopChange struct {
	Tenant           *string  `json:"tenant,omitempty"`
	Name             *string  `json:"name,omitempty"`
	AppID            *string  `json:"appid,omitempty"`
	RevokeOnWithdraw *bool    `json:"revoke_shop_on_withdraw,omitempty"`
	Egress           *string  `json:"egress,omitempty"`
	APIHosts         []string `json:"api_hosts,omitzero"` // empty and not nil: none any more
	Secrets
}

// NewMember is a role that somebody who logged in before is to have.
type NewMember struct {
	Person string     `json:"person"`
	Shop   string     `json:"shop,omitempty"`  // empty: the whole tenant
	Role   string     `json:"role"`            // owner, operator or viewer
	Until  *time.Time `json:"until,omitempty"` // nil: no end
}

// The lists that things are made in.
const (
	pathApps    = "/v1/apps"
	pathTenants = "/v1/tenants"
	pathShops   = "/v1/shops"
)

// App reads one app.
func (a *Admin) App(ctx context.Context, id string) (App, error) {
	return ask[App](ctx, &a.caller, http.MethodGet, one(pathApps, id, ""), nil, nil)
}

// CreateApp makes an app, or a third-party platform.
func (a *Admin) CreateApp(ctx context.Context, n NewApp) (App, error) {
	return create[App](ctx, &a.caller, pathApps, nil, struct {
		NewApp
		revealed
	}{n, n.reveal()})
}

// ChangeApp changes an app. Its Warning tells what the change ended.
func (a *Admin) ChangeApp(ctx context.Context, id string, c AppChange) (App, error) {
	return ask[App](ctx, &a.caller, http.MethodPatch, one(pathApps, id, ""), nil, struct {
		AppChange
		revealed
	}{c, c.reveal()})
}

// RemoveApp removes an app. The error has the code in-use while something needs it, and
// its Problems name that.
func (a *Admin) RemoveApp(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodDelete, one(pathApps, id, ""), nil, nil, nil)
}

// Tenant reads one tenant.
func (a *Admin) Tenant(ctx context.Context, id string) (Tenant, error) {
	return ask[Tenant](ctx, &a.caller, http.MethodGet, one(pathTenants, id, ""), nil, nil)
}

// CreateTenant makes a tenant.
func (a *Admin) CreateTenant(ctx context.Context, n Tenant) (Tenant, error) {
	return create[Tenant](ctx, &a.caller, pathTenants, nil, n)
}

// ChangeTenant changes a tenant.
func (a *Admin) ChangeTenant(ctx context.Context, id string, c TenantChange) (Tenant, error) {
	return ask[Tenant](ctx, &a.caller, http.MethodPatch, one(pathTenants, id, ""), nil, c)
}

// RemoveTenant removes a tenant without shops, with its roles and invitations. It fails
// as [Admin.RemoveApp] does.
func (a *Admin) RemoveTenant(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodDelete, one(pathTenants, id, ""), nil, nil, nil)
}

// Shop reads one shop with the grant that serves it.
func (a *Admin) Shop(ctx context.Context, id string) (ShopInfo, error) {
	return ask[ShopInfo](ctx, &a.caller, http.MethodGet, one(pathShops, id, ""), nil, nil)
}

// CreateShop makes a shop.
func (a *Admin) CreateShop(ctx context.Context, n NewShop) (ShopInfo, error) {
	return create[ShopInfo](ctx, &a.caller, pathShops, nil, struct {
		NewShop
		revealed
	}{n, n.reveal()})
}

// ChangeShop changes a shop.
func (a *Admin) ChangeShop(ctx context.Context, id string, c ShopChange) (ShopInfo, error) {
	return ask[ShopInfo](ctx, &a.caller, http.MethodPatch, one(pathShops, id, ""), nil, struct {
		ShopChange
		revealed
	}{c, c.reveal()})
}

// RemoveShop removes a shop that no living client may call. Its tokens are deleted, and
// its own key, roles and invitations go with it. It fails as [Admin.RemoveApp] does.
func (a *Admin) RemoveShop(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodDelete, one(pathShops, id, ""), nil, nil, nil)
}

// members is the path of a tenant's members, or of one.
func members(tenant, person string) string {
	if person == "" {
		return one(pathTenants, tenant, "members")
	}
	return one(one(pathTenants, tenant, "members"), person, "")
}

// CreateMember gives somebody a role, in place of the one that they have there.
func (a *Admin) CreateMember(ctx context.Context, tenant string, n NewMember) (Member, error) {
	return create[Member](ctx, &a.caller, members(tenant, ""), nil, n)
}

// Member reads the role of a person in a tenant, or in one shop of it.
func (a *Admin) Member(ctx context.Context, tenant, shop, person string) (Member, error) {
	return ask[Member](ctx, &a.caller, http.MethodGet, members(tenant, person), pairs("shop", shop), nil)
}

// RemoveMember ends the role of a person in a tenant, or in one shop of it, at once.
func (a *Admin) RemoveMember(ctx context.Context, tenant, shop, person string) error {
	return a.do(ctx, http.MethodDelete, members(tenant, person), pairs("shop", shop), nil, nil)
}
