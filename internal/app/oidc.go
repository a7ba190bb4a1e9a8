package app

import (
	"github.com/zhanggui/zhanggui/internal/oidc"
	"github.com/zhanggui/zhanggui/internal/signer"
)

// connectOIDC makes the provider of OpenID Connect, which hangs on our own login.
func (a *App) connectOIDC() (err error) {
	a.oidc, err = oidc.New(oidc.Options{
		Store: a.store, Sessions: a.login, Signer: a.signer, MAC: a.vault.MAC, UI: a.ui, Page: a.page,
		PublicURL: a.o.Config.PublicURL.URL(), JWKS: signer.JWKSPath, Send: a.hook, Now: a.o.Now, Tally: a.refused, Log: a.o.Log,
	})
	return err
}
