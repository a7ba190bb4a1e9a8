package setup

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// add plans everything that the manifest names.
func (p *plan) add(m Manifest) error {
	for _, a := range m.Apps {
		if err := p.app(a); err != nil {
			return err
		}
	}
	for _, t := range m.Tenants {
		p.tenant(t)
	}
	for _, s := range m.Shops {
		if err := p.shop(s); err != nil {
			return err
		}
	}
	for _, c := range m.Clients {
		p.client(c)
	}
	for _, c := range m.OIDCClients {
		p.oidcClient(c)
	}
	for _, c := range m.Channels {
		if err := p.channel(c); err != nil {
			return err
		}
	}
	for _, mb := range m.Members {
		p.member(mb)
	}
	return nil
}

func (p *plan) member(m access.Member) {
	m.Since = p.now
	p.d.Members = append(p.d.Members, m)
	p.note("member", m.PersonID, false, nil)
	details := map[string]string{"tenant": m.TenantID, "role": string(m.Role)}
	if m.ShopID != "" {
		details["shop"] = m.ShopID
	}
	p.tell(len(p.changes)-1, details)
}

func (p *plan) app(a App) error {
	want := access.App{
		ID: a.ID, Kind: a.Kind, AppID: a.AppID, Name: a.Name, CallbackHost: a.CallbackHost,
		VerifyName: a.VerifyName, VerifyBody: a.VerifyBody, Scope: a.Scope, Egress: a.Egress, APIHosts: a.APIHosts,
		OwnerMessage: a.OwnerMessage,
		Services:     slices.SortedFunc(slices.Values(a.Services), func(a, b access.Service) int { return cmp.Compare(a.ID, b.ID) }),
	}
	_, err := p.putApp(want, a.Secret, a.Push, "app", a.ID)
	return err
}

// putApp plans an app with its secret, and reports whether the app changes.
// The change is told under the name of what was declared.
func (p *plan) putApp(want access.App, plain secret.Value, keys access.PushKeys, kind, id string) (bool, error) {
	was, known := p.kept.apps[want.ID]
	want.Secret, want.SecretVersion, want.Push = was.Secret, was.SecretVersion, was.Push
	var d diff
	fresh, err := p.isNewSecret(was, known, plain)
	if err != nil {
		return false, err
	}
	if fresh {
		d = append(d, "secret")
		want.SecretVersion++
		if want.Secret, err = p.sealer.Seal(plain, vault.AppSecret(want.ID, want.SecretVersion)); err != nil {
			return false, fmt.Errorf("setup: seal the secret of %s %s: %w", kind, id, err)
		}
	}
	if err := p.push(&d, &want, keys); err != nil {
		return false, fmt.Errorf("setup: push keys of %s %s: %w", kind, id, err)
	}
	field(&d, "kind", was.Kind, want.Kind)
	field(&d, "appid", was.AppID, want.AppID)
	field(&d, "name", was.Name, want.Name)
	field(&d, "callback_host", was.CallbackHost, want.CallbackHost)
	field(&d, "verify_file", was.VerifyName+" "+was.VerifyBody, want.VerifyName+" "+want.VerifyBody)
	field(&d, "scope", was.Scope, want.Scope)
	field(&d, "egress", was.Egress, want.Egress)
	list(&d, "api_hosts", was.APIHosts, want.APIHosts)
	list(&d, "services", was.Services, want.Services)
	if !was.OwnerMessage.Equal(want.OwnerMessage) {
		d = append(d, "owner_message")
	}
	told := known
	if _, shop := p.kept.shops[id]; !known && kind == "shop" && shop {
		told, d = true, ownKey(plain, keys) // the shop is there; only its own app is new
	}
	if !p.note(kind, id, told, d) {
		return false, nil
	}
	if known && was.Kind == access.Component && was.AppID != want.AppID {
		p.changes[len(p.changes)-1].Warning = anotherPlatform
	}
	if fresh {
		p.secrets = append(p.secrets, freshSecret{want.ID, plain, len(p.changes) - 1})
	}
	p.d.Apps = append(p.d.Apps, want)
	return true, nil
}

// ownKey names what a shop gets that was called through a platform only.
func ownKey(plain secret.Value, keys access.PushKeys) diff {
	var d diff
	if !plain.IsZero() {
		d = append(d, "secret")
	}
	if !keys.IsZero() {
		d = append(d, "push")
	}
	return d
}

// anotherPlatform warns of another appid of a third-party platform.
const anotherPlatform = "this is another platform at WeChat: all that shops authorised, bought and entered through the one before ends, and they must authorise again"

// isNewSecret compares with the kept secret, so that applying twice does not
// seal twice.
func (p *plan) isNewSecret(was access.App, known bool, plain secret.Value) (bool, error) {
	if plain.IsZero() {
		return false, nil
	}
	if !known {
		return true, nil
	}
	if len(was.Secret) == 0 {
		return true, nil
	}
	old, err := p.sealer.Open(was.Secret, vault.AppSecret(was.ID, was.SecretVersion))
	if errors.Is(err, vault.ErrSealed) {
		return true, nil // somebody changed or moved the row; this mends it
	}
	if err != nil {
		return false, fmt.Errorf("setup: open the kept secret of app %s: %w", was.ID, err)
	}
	return !old.Equal(plain), nil
}

// push seals new push keys and keeps those before: pushes that are on their way
// still use them.
func (p *plan) push(d *diff, app *access.App, keys access.PushKeys) error {
	if keys.IsZero() {
		return nil
	}
	was := app.Push
	if was.Keys != nil {
		old, err := p.sealer.Open(was.Keys, vault.PushKeys(app.ID, was.Version))
		if err != nil && !errors.Is(err, vault.ErrSealed) {
			return err
		}
		if err == nil && old.Equal(keys.Pack()) {
			return nil
		}
		app.Push.Previous, app.Push.PreviousVersion = was.Keys, was.Version
	}
	*d = append(*d, "push")
	app.Push.Version++
	sealed, err := p.sealer.Seal(keys.Pack(), vault.PushKeys(app.ID, app.Push.Version))
	app.Push.Keys = sealed
	return err
}

func (p *plan) tenant(want access.Tenant) {
	was, known := p.kept.tenants[want.ID]
	var d diff
	field(&d, "name", was.Name, want.Name)
	if p.note("tenant", want.ID, known, d) {
		p.d.Tenants = append(p.d.Tenants, want)
	}
}

func (p *plan) shop(s Shop) error {
	changed, err := p.ownApp(s)
	if err != nil {
		return err
	}
	want := access.Shop{ID: s.ID, TenantID: s.Tenant, App: cmp.Or(s.App, shopAppPrefix+s.ID), AppID: s.AppID, Name: s.Name, RevokeOnWithdraw: s.RevokeOnWithdraw}
	was, known := p.kept.shops[s.ID]
	var d diff
	if known {
		field(&d, "app", was.App, want.App)
	}
	field(&d, "appid", was.AppID, want.AppID)
	field(&d, "name", was.Name, want.Name)
	field(&d, "tenant", was.TenantID, want.TenantID)
	field(&d, "revoke_shop_on_withdraw", was.RevokeOnWithdraw, want.RevokeOnWithdraw)
	switch {
	case changed && known:
		p.alsoChanges(d)
	case !changed && !p.note("shop", s.ID, known, d):
		return nil
	}
	p.d.Shops = append(p.d.Shops, want)
	return nil
}

// ownApp plans the shop's own app, if it has one. A shop that is called through a
// component may have one as well.
func (p *plan) ownApp(s Shop) (changed bool, err error) {
	id := shopAppPrefix + s.ID
	if _, known := p.kept.apps[id]; s.App != "" && s.Secret.IsZero() && s.Push.IsZero() && !known {
		return false, nil
	}
	app := access.App{ID: id, Kind: access.ShopApp, AppID: s.AppID, Name: s.Name, Egress: s.Egress, APIHosts: s.APIHosts}
	return p.putApp(app, s.Secret, s.Push, "shop", s.ID)
}

func (p *plan) client(c Client) {
	was, known := p.kept.clients[c.ID]
	want := access.Client{ID: c.ID, Name: c.Name, KeyHash: was.KeyHash, KeyHint: was.KeyHint, Mode: c.Mode,
		Shops: slices.Sorted(slices.Values(c.Shops)), CreatedAt: was.CreatedAt, ExpiresAt: c.Expires, RevokedAt: was.RevokedAt, Rights: c.Rights}
	var d diff
	field(&d, "name", was.Name, want.Name)
	field(&d, "mode", was.Mode, want.Mode)
	list(&d, "shops", was.Shops, want.Shops)
	if !was.ExpiresAt.Equal(want.ExpiresAt) {
		d = append(d, "expires")
	}
	rights(&d, was.Rights, want.Rights)
	if !known {
		key, hash := access.NewKey(access.ClientKeyPrefix)
		p.keys[c.ID] = key
		want.KeyHash, want.KeyHint, want.CreatedAt, want.MadeBy = hash, access.KeyHint(key), p.now, p.by
	}
	if p.note("client", c.ID, known, d) {
		p.d.Clients = append(p.d.Clients, want)
	}
}

// prune plans the removal of what the manifest does not name. Members are
// people's affair and are never pruned, nor are shops that opened themselves by
// authorising a component, with their tenants.
func (p *plan) prune(m Manifest) {
	apps, shops := named(m.Apps, func(a App) string { return a.ID }), named(m.Shops, func(s Shop) string { return s.ID })
	tenants := named(m.Tenants, func(t access.Tenant) string { return t.ID })
	for id, s := range p.kept.shops {
		if p.kept.apps[s.App].Kind == access.Component {
			shops[id], tenants[s.TenantID] = true, true
		}
	}
	for id := range shops {
		apps[shopAppPrefix+id] = true
	}
	p.remove(access.Removal{
		Clients:     missing(p.kept.clients, named(m.Clients, func(c Client) string { return c.ID })),
		OIDCClients: missing(p.kept.oidc, named(m.OIDCClients, func(c OIDCClient) string { return c.ID })),
		Channels:    missing(p.kept.channels, named(m.Channels, func(c Channel) string { return c.Name })),
		Shops:       missing(p.kept.shops, shops),
		Apps:        missing(p.kept.apps, apps),
		Tenants:     missing(p.kept.tenants, tenants),
	})
}

// remove plans removals.
func (p *plan) remove(r access.Removal) {
	p.d.Remove = r
	for _, gone := range []struct {
		kind string
		ids  []string
	}{{"client", r.Clients}, {"oidc_client", r.OIDCClients}, {"channel", r.Channels}, {"shop", r.Shops}, {"app", r.Apps}, {"tenant", r.Tenants}} {
		for _, id := range gone.ids {
			p.changes = append(p.changes, Change{Op: "remove", Kind: gone.kind, ID: id})
		}
	}
}

func named[T any](rows []T, id func(T) string) map[string]bool {
	m := map[string]bool{}
	for _, r := range rows {
		m[id(r)] = true
	}
	return m
}

// missing gives the ids of the kept rows that are not wanted, in order.
func missing[T any](kept table[T], wanted map[string]bool) []string {
	return kept.where(func(id string, _ T) bool { return !wanted[id] })
}
