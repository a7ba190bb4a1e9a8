package adminapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// OIDCClientBody is a program that people are logged into with OpenID Connect, as
// it is declared.
type OIDCClientBody struct {
	ID             string   `json:"id" doc:"Its client_id"`
	Name           string   `json:"name,omitempty"`
	Public         bool     `json:"public,omitempty" doc:"It keeps no secret"`
	RedirectURIs   []string `json:"redirect_uris" doc:"Where codes are sent, compared letter by letter"`
	PostLogoutURIs []string `json:"post_logout_redirect_uris,omitempty" doc:"Where browsers may go after a logout"`
	BackchannelURI string   `json:"backchannel_logout_uri,omitempty" doc:"Where it is told of the end of sessions"`
	AllowPrivate   bool     `json:"allow_private,omitempty" doc:"backchannel_logout_uri may lead to a private address"`
	Shop           string   `json:"shop,omitempty" doc:"The one shop that it is for"`
	Tenant         string   `json:"tenant,omitempty" doc:"The tenant for each of whose shops it is, instead of one shop"`
	Role           string   `json:"role,omitempty" enum:"owner,operator,viewer" doc:"The least that opens it; viewer when empty"`
	Doors          []string `json:"doors,omitempty" doc:"wechat, qr or market; empty: all that name a person"`
	Claims         []string `json:"claims,omitempty" doc:"openid or unionid, beyond the usual ones"`
	Sector         string   `json:"sector,omitempty" doc:"Clients of one sector know a person by one id; the client's own id when empty"`
	EmailDomain    string   `json:"email_domain,omitempty" doc:"Domain of the addresses that are made for people, which take no mail"`
	WithoutPKCE    bool     `json:"without_pkce,omitempty" doc:"It may do without a code challenge"`
}

// ManifestOIDCClient declares such a program.
type ManifestOIDCClient struct {
	OIDCClientBody
	Secret string `json:"secret,omitempty" doc:"empty keeps the one there is" writeOnly:"true"`
}

// OIDCClientView is such a program without its secret.
type OIDCClientView struct {
	OIDCClientBody
	Created *time.Time `json:"created,omitempty"`
}

// OIDCClients lists programs that people are logged into with OpenID Connect.
type OIDCClients interface {
	OIDCClients(ctx context.Context) ([]access.OIDCClient, error)
	OIDCClient(ctx context.Context, id string) (access.OIDCClient, error)
}

func (h handlers) mountOIDC(api huma.API) {
	huma.Register(api, op("list-oidc-clients", http.MethodGet, "/v1/oidc-clients", "List the programs that people are logged into with OpenID Connect"), h.oidcClients)
	huma.Register(api, op("get-oidc-client", http.MethodGet, "/v1/oidc-clients/{id}", "Show a program that people are logged into with OpenID Connect"), h.oidcClient)
}

func (h handlers) oidcClients(ctx context.Context, in *Page) (*body[list[OIDCClientView]], error) {
	after, err := in.after("oidc-clients")
	if err != nil {
		return nil, err
	}
	all, err := h.OIDC.OIDCClients(ctx)
	if err != nil {
		return nil, fail(err)
	}
	all = slices.DeleteFunc(all, func(c access.OIDCClient) bool { return c.ID <= after })
	all = all[:min(len(all), in.Limit+1)]
	return pageOf(all, in.Limit, viewOIDCClient, func(c access.OIDCClient) string { return cursor("oidc-clients", c.ID) }), nil
}

func (h handlers) oidcClient(ctx context.Context, in *idPath) (*body[OIDCClientView], error) {
	c, err := h.OIDC.OIDCClient(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewOIDCClient(c)), nil
}

func viewOIDCClient(c access.OIDCClient) OIDCClientView {
	v := OIDCClientView{Created: stamp(c.CreatedAt), OIDCClientBody: OIDCClientBody{
		ID: c.ID, Name: c.Name, Public: c.Public(), RedirectURIs: c.RedirectURIs, PostLogoutURIs: c.PostLogoutURIs, BackchannelURI: c.BackchannelURI,
		AllowPrivate: c.AllowPrivate, Shop: c.ShopID, Tenant: c.TenantID, Role: string(c.Role), Claims: c.Claims, Sector: c.Sector,
		EmailDomain: c.EmailDomain, WithoutPKCE: c.WithoutPKCE,
	}}
	for _, d := range c.Doors {
		v.Doors = append(v.Doors, string(d))
	}
	return v
}

func (c ManifestOIDCClient) declared() setup.OIDCClient {
	out := setup.OIDCClient{Public: c.Public, Secret: secret.FromString(c.Secret), OIDCClient: access.OIDCClient{
		ID: c.ID, Name: c.Name, RedirectURIs: c.RedirectURIs, PostLogoutURIs: c.PostLogoutURIs, BackchannelURI: c.BackchannelURI,
		AllowPrivate: c.AllowPrivate, ShopID: c.Shop, TenantID: c.Tenant, Role: access.Role(c.Role), Claims: c.Claims, Sector: c.Sector,
		EmailDomain: c.EmailDomain, WithoutPKCE: c.WithoutPKCE,
	}}
	for _, d := range c.Doors {
		out.Doors = append(out.Doors, access.Door(d))
	}
	return out
}
