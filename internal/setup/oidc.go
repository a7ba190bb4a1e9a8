package setup

import (
	"cmp"
	"crypto/hmac"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// OIDCClient is a program that people are logged into with OpenID Connect. What is
// kept of its secret is made of Secret.
type OIDCClient struct {
	access.OIDCClient
	Secret secret.Value // zero: keep the one there is
	Public bool         // it keeps none
}

// minSecret is how long a program's secret must be.
const minSecret = 16

// oidcSecrets wants a secret for what is new, unless it keeps none, and looks at what
// references led to.
func (m Manifest) oidcSecrets(kept kept) []string {
	var found []string
	for _, c := range m.OIDCClients {
		what := fmt.Sprintf("oidc client %q", c.ID)
		was, known := kept.oidc[c.ID]
		switch {
		case c.Public && !c.Secret.IsZero():
			found = append(found, what+" has a secret and is public; remove one of the two")
		case c.Public:
		case c.Secret.IsZero() && (!known || was.Public()):
			found = append(found, what+" needs its secret; write it as file: or env: reference, or public: true if it keeps none")
		case !c.Secret.IsZero() && c.Secret.Len() < minSecret:
			found = append(found, fmt.Sprintf("%s: secret is short; make one of at least %d characters, such as with openssl rand -hex 24", what, minSecret))
		}
	}
	return found
}

func (p *plan) oidcClient(c OIDCClient) {
	was, known := p.kept.oidc[c.ID]
	want := c.OIDCClient
	want.CreatedAt, want.SecretHash = was.CreatedAt, was.SecretHash
	if !known {
		want.CreatedAt = p.now
	}
	switch {
	case c.Public:
		want.SecretHash = nil
	case !c.Secret.IsZero():
		want.SecretHash = access.OIDCSecretHash(p.sealer.MAC, c.ID, c.Secret.RevealString())
	}
	var d diff
	field(&d, "name", was.Name, want.Name)
	field(&d, "public", was.Public(), want.Public())
	if !want.Public() && !hmac.Equal(was.SecretHash, want.SecretHash) {
		d = append(d, "secret")
	}
	list(&d, "redirect_uris", was.RedirectURIs, want.RedirectURIs)
	list(&d, "post_logout_redirect_uris", was.PostLogoutURIs, want.PostLogoutURIs)
	field(&d, "backchannel_logout_uri", was.BackchannelURI, want.BackchannelURI)
	field(&d, "allow_private", was.AllowPrivate, want.AllowPrivate)
	field(&d, "shop", was.ShopID, want.ShopID)
	field(&d, "tenant", was.TenantID, want.TenantID)
	field(&d, "role", was.Role, want.Role)
	list(&d, "doors", was.Doors, want.Doors)
	list(&d, "claims", was.Claims, want.Claims)
	field(&d, "sector", was.Sector, want.Sector)
	field(&d, "email_domain", was.EmailDomain, want.EmailDomain)
	field(&d, "without_pkce", was.WithoutPKCE, want.WithoutPKCE)
	if !p.note("oidc_client", c.ID, known, d) {
		return
	}
	if known && was.Sector != want.Sector {
		p.changes[len(p.changes)-1].Warning = "the program will know everybody by another id, as if they were new"
	}
	p.d.OIDCClients = append(p.d.OIDCClients, want)
}

// writtenOIDC is a client as an operator would write it, without the secret.
func writtenOIDC(c OIDCClient) config.OIDCClient {
	return config.OIDCClient{ID: c.ID, Name: c.Name, Public: c.Public, RedirectURIs: c.RedirectURIs, PostLogoutURIs: c.PostLogoutURIs,
		BackchannelURI: c.BackchannelURI, AllowPrivate: c.AllowPrivate, Shop: c.ShopID, Tenant: c.TenantID, Role: c.Role, Doors: c.Doors,
		Claims: c.Claims, Sector: c.Sector, EmailDomain: c.EmailDomain, WithoutPKCE: c.WithoutPKCE}
}

// fillOIDC takes over what the rules filled in.
func (c *OIDCClient) fillOIDC(written config.OIDCClient) {
	c.Role, c.Sector = written.Role, cmp.Or(written.Sector, c.ID)
}
