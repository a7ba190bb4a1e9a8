package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Directory lists what was declared.
type Directory interface {
	Apps(ctx context.Context) ([]access.App, error)
	Tenants(ctx context.Context) ([]access.Tenant, error)
	Shops(ctx context.Context) ([]access.Shop, error)
	DirectoryPages
	// App, Tenant, Shop and Person give one, or [access.ErrNotFound].
	App(ctx context.Context, id string) (access.App, error)
	Tenant(ctx context.Context, id string) (access.Tenant, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	Person(ctx context.Context, id string) (access.Person, error)
}

// DirectoryPages reads the same in parts, behind an id and in the order of ids.
type DirectoryPages interface {
	AppsAfter(ctx context.Context, id string, limit int) ([]access.App, error)
	TenantsAfter(ctx context.Context, id string, limit int) ([]access.Tenant, error)
	ShopsAfter(ctx context.Context, id string, limit int) ([]access.Shop, error)
	PersonsAfter(ctx context.Context, id string, limit int) ([]string, error)
	// MembersAfter gives roles in after's tenant, behind its shop and its person.
	MembersAfter(ctx context.Context, after access.Member, limit int) ([]access.Member, error)
	EventsOfShop(ctx context.Context, shop string, from, to int64, limit int) ([]grant.Event, error)
}

// Manifest is the body of an apply request. Secrets are in the clear: it
// travels over the admin socket or TLS only.
type Manifest struct {
	Apps    []ManifestApp    `json:"apps,omitempty"`
	Tenants []ManifestTenant `json:"tenants,omitempty"`
	Shops   []ManifestShop   `json:"shops,omitempty"`
	Clients []ManifestClient `json:"clients,omitempty"`
	Members []ManifestMember `json:"members,omitempty"`

	OIDCClients []ManifestOIDCClient `json:"oidc_clients,omitempty" doc:"Programs that people are logged into with OpenID Connect"`
	Channels    []ManifestChannel    `json:"channels,omitempty" doc:"Places that messages go to"`
}

// ManifestApp declares an app that logs people in, or a third-party platform.
type ManifestApp struct {
	ID           string   `json:"id"`
	Kind         string   `json:"kind" enum:"service_account,website,mini_program,component"`
	AppID        string   `json:"appid"`
	Secret       string   `json:"secret,omitempty" doc:"empty keeps the one there is" writeOnly:"true"`
	Name         string   `json:"name,omitempty"`
	CallbackHost string   `json:"callback_host"`
	VerifyName   string   `json:"verify_name,omitempty"`
	VerifyBody   string   `json:"verify_body,omitempty"`
	Scope        string   `json:"scope,omitempty"`
	Egress       string   `json:"egress,omitempty"`
	APIHosts     []string `json:"api_hosts,omitempty"`
	ManifestPush
	Services     []ManifestService     `json:"services,omitempty"`
	OwnerMessage *ManifestOwnerMessage `json:"owner_message,omitempty" doc:"How a service account writes to owners in WeChat"`
}

// ManifestOwnerMessage declares a template that owners are written to by.
type ManifestOwnerMessage struct {
	Template string            `json:"template" doc:"WeChat's template_id; empty for none"`
	Kind     string            `json:"kind,omitempty" enum:"template,subscribe,"`
	Fields   map[string]string `json:"fields,omitempty" doc:"What each field of the template gets: shop, what, when or next"`
}

func (m *ManifestOwnerMessage) made() access.OwnerMessage {
	if m == nil || m.Template == "" {
		return access.OwnerMessage{}
	}
	return access.OwnerMessage{Template: m.Template, Kind: access.MessageKind(m.Kind), Fields: m.Fields}
}

func viewOwnerMessage(m access.OwnerMessage) *ManifestOwnerMessage {
	if m.IsZero() {
		return nil
	}
	return &ManifestOwnerMessage{Template: m.Template, Kind: string(m.Kind), Fields: m.Fields}
}

// ManifestPush is what was entered at WeChat for pushes.
type ManifestPush struct {
	PushToken  string `json:"push_token,omitempty" doc:"empty keeps the one there is" writeOnly:"true"`
	PushAESKey string `json:"push_aes_key,omitempty" doc:"EncodingAESKey; empty keeps the one there is" writeOnly:"true"`
}

func (p ManifestPush) keys() access.PushKeys {
	return access.PushKeys{Token: secret.FromString(p.PushToken), AESKey: secret.FromString(p.PushAESKey)}
}

// ManifestService declares a service of a component in the service market.
type ManifestService struct {
	ID        string `json:"id"`
	ServiceID string `json:"service_id"`
	Name      string `json:"name,omitempty"`
	Role      string `json:"role,omitempty" enum:"operator,viewer" doc:"of who comes from the market; operator when empty"`
}

// ManifestTenant declares a tenant.
type ManifestTenant struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ManifestShop declares a shop, called with its own AppID and AppSecret or
// through a component.
type ManifestShop struct {
	ID               string   `json:"id"`
	Tenant           string   `json:"tenant"`
	Name             string   `json:"name"`
	AppID            string   `json:"appid"`
	App              string   `json:"app,omitempty" doc:"the component that it is called through; empty for its own key"`
	Secret           string   `json:"secret,omitempty" doc:"empty keeps the one there is" writeOnly:"true"`
	RevokeOnWithdraw bool     `json:"revoke_shop_on_withdraw,omitempty"`
	Egress           string   `json:"egress,omitempty"`
	APIHosts         []string `json:"api_hosts,omitempty"`
	ManifestPush
}

// ManifestClient declares a program.
type ManifestClient struct {
	ID      string     `json:"id"`
	Name    string     `json:"name,omitempty"`
	Shops   []string   `json:"shops"`
	Mode    string     `json:"mode" enum:"read,write"`
	Expires *time.Time `json:"expires,omitempty"`
	ClientRights
}

// ManifestMember gives a known person a role.
type ManifestMember struct {
	Person string     `json:"person"`
	Tenant string     `json:"tenant"`
	Shop   string     `json:"shop,omitempty"`
	Role   string     `json:"role" enum:"owner,operator,viewer"`
	Until  *time.Time `json:"until,omitempty"`
}

// Applied is the answer to an apply request.
type Applied struct {
	Changes []setup.Change    `json:"changes"`
	Keys    map[string]string `json:"keys,omitempty" doc:"the key of each new client; shown this once"`
}

func (h handlers) mountSetup(api huma.API) {
	huma.Register(api, op("apply", http.MethodPost, "/v1/apply", "Make the directory as the manifest wishes"), h.apply)
	huma.Register(api, op("get-server", http.MethodGet, "/v1/server", "Tell what a manifest is checked against"), h.server)
}

func (h handlers) apply(ctx context.Context, in *struct {
	Prune      bool `query:"prune" doc:"remove what the manifest does not name"`
	DryRun     bool `query:"dry_run" doc:"say what would change"`
	OldSecrets bool `query:"old_secrets" doc:"take AppSecrets that a rotation replaced"`
	Body       Manifest
}) (*body[Applied], error) {
	res, err := h.Setup.Apply(ctx, in.Body.manifest(), actor(ctx), setup.Options{Prune: in.Prune, DryRun: in.DryRun, OldSecrets: in.OldSecrets})
	if err != nil {
		return nil, fail(err)
	}
	return answer(applied(res)), nil
}

// applied is the one place where new keys are put into an answer.
func applied(res setup.Result) Applied {
	out := Applied{Changes: res.Changes, Keys: map[string]string{}}
	for id, key := range res.Keys {
		out.Keys[id] = key.RevealString()
	}
	return out
}

func (m Manifest) manifest() setup.Manifest {
	var out setup.Manifest
	for _, a := range m.Apps {
		out.Apps = append(out.Apps, setup.App{ID: a.ID, Kind: access.AppKind(a.Kind), AppID: a.AppID, Secret: secret.FromString(a.Secret),
			Name: a.Name, CallbackHost: a.CallbackHost, VerifyName: a.VerifyName, VerifyBody: a.VerifyBody, Scope: a.Scope, Egress: a.Egress, APIHosts: a.APIHosts, Push: a.keys(), Services: services(a.Services), OwnerMessage: a.OwnerMessage.made()})
	}
	for _, t := range m.Tenants {
		out.Tenants = append(out.Tenants, access.Tenant{ID: t.ID, Name: t.Name})
	}
	for _, s := range m.Shops {
		out.Shops = append(out.Shops, setup.Shop{ID: s.ID, Tenant: s.Tenant, Name: s.Name, AppID: s.AppID, App: s.App, Secret: secret.FromString(s.Secret), Push: s.keys(),
			RevokeOnWithdraw: s.RevokeOnWithdraw, Egress: s.Egress, APIHosts: s.APIHosts})
	}
	for _, c := range m.Clients {
		out.Clients = append(out.Clients, setup.Client{ID: c.ID, Name: c.Name, Shops: c.Shops, Mode: access.Mode(c.Mode), Expires: at(c.Expires), Rights: c.rights()})
	}
	for _, c := range m.OIDCClients {
		out.OIDCClients = append(out.OIDCClients, c.declared())
	}
	for _, c := range m.Channels {
		out.Channels = append(out.Channels, c.declared())
	}
	for _, mb := range m.Members {
		out.Members = append(out.Members, access.Member{TenantID: mb.Tenant, ShopID: mb.Shop, PersonID: mb.Person, Role: access.Role(mb.Role), Until: at(mb.Until)})
	}
	return out
}

func services(in []ManifestService) []access.Service {
	var out []access.Service
	for _, s := range in {
		out = append(out, access.Service{ID: s.ID, ServiceID: s.ServiceID, Name: s.Name, Role: access.Role(s.Role)})
	}
	return out
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// ServerView is what a manifest is checked against before it is sent.
type ServerView struct {
	Version    string   `json:"version"`
	PublicHost string   `json:"public_host"`
	Loopback   bool     `json:"loopback"`
	Tenants    []string `json:"tenants"`
	Shops      []string `json:"shops"`
	Components []string `json:"components"`
}

func (h handlers) server(ctx context.Context, _ *struct{}) (*body[ServerView], error) {
	view := ServerView{Version: h.Version, PublicHost: h.PublicHost, Loopback: h.Loopback, Tenants: []string{}, Shops: []string{}, Components: []string{}}
	tenants, err := h.Directory.Tenants(ctx)
	if err != nil {
		return nil, fail(err)
	}
	for _, t := range tenants {
		view.Tenants = append(view.Tenants, t.ID)
	}
	shops, err := h.Directory.Shops(ctx)
	if err != nil {
		return nil, fail(err)
	}
	for _, s := range shops {
		view.Shops = append(view.Shops, s.ID)
	}
	apps, err := h.Directory.Apps(ctx)
	if err != nil {
		return nil, fail(err)
	}
	for _, a := range apps {
		if a.Kind == access.Component {
			view.Components = append(view.Components, a.ID)
		}
	}
	return answer(view), nil
}
