package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/config"
)

// applyCmd makes the directory as a file declares it.
type applyCmd struct {
	remote
	File   string `short:"f" required:"" help:"The manifest (YAML)." type:"existingfile"`
	DryRun bool   `help:"Show what would change, change nothing."`
	Prune  bool   `help:"Also remove what the file does not name; see it first with --dry-run."`

	OldSecrets bool `help:"Take AppSecrets that a rotation replaced."`
}

// Help shows examples.
func (applyCmd) Help() string {
	return `Applying the same file twice changes nothing the second time. What it does not name stays. The key of a new client is printed, this once.

Examples:
  zhanggui apply -f examples/shop.yaml --dry-run
  zhanggui apply -f examples/shop.yaml`
}

// Run implements the command.
func (a applyCmd) Run(ctx context.Context, c console) error {
	manifest, err := a.load(ctx)
	if err != nil {
		return err
	}
	q := url.Values{"dry_run": {fmt.Sprint(a.DryRun)}, "prune": {fmt.Sprint(a.Prune)}, "old_secrets": {fmt.Sprint(a.OldSecrets)}}
	var done adminapi.Applied
	if err := a.do(ctx, http.MethodPost, "/v1/apply?"+q.Encode(), manifest, &done); err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(done)
	}
	a.print(c, done)
	return nil
}

func (a applyCmd) print(c console, done adminapi.Applied) {
	verb := map[bool]string{true: "would ", false: ""}[a.DryRun]
	for _, ch := range done.Changes {
		fmt.Fprintf(c.out, "%s%s %s %s %s\n", verb, ch.Op, ch.Kind, ch.ID, strings.Join(ch.Fields, ","))
		if ch.Warning != "" {
			fmt.Fprintln(c.out, "  note:", ch.Warning)
		}
	}
	if len(done.Changes) == 0 {
		fmt.Fprintln(c.out, "nothing to change")
	}
	for id, key := range done.Keys {
		fmt.Fprintf(c.out, "key of client %s, shown this once: %s\n", id, key)
	}
}

// load reads the file, checks it against itself and what the server knows, and
// fetches the secrets that it refers to.
func (a applyCmd) load(ctx context.Context) (adminapi.Manifest, error) {
	rules, err := a.rules(ctx)
	if err != nil {
		return adminapi.Manifest{}, err
	}
	m, err := config.LoadManifest(a.File, rules)
	if err != nil {
		return adminapi.Manifest{}, err
	}
	if err := m.Resolve(filepath.Dir(a.File), os.LookupEnv); err != nil {
		return adminapi.Manifest{}, err
	}
	return wireManifest(m), nil
}

// rules asks the server what it knows, so that a file may refer to it.
func (a applyCmd) rules(ctx context.Context) (config.Rules, error) {
	var server adminapi.ServerView
	if err := a.do(ctx, http.MethodGet, "/v1/server", nil, &server); err != nil {
		return config.Rules{}, err
	}
	known := map[string][]string{"tenant": server.Tenants, "shop": server.Shops, "component": server.Components}
	return config.Rules{PublicHost: server.PublicHost, Loopback: server.Loopback,
		Exists: func(kind, id string) bool { return slices.Contains(known[kind], id) }}, nil
}

func wireManifest(m *config.Manifest) adminapi.Manifest {
	var out adminapi.Manifest
	for _, a := range m.Apps {
		out.Apps = append(out.Apps, adminapi.ManifestApp{ID: a.ID, Kind: string(a.Kind), AppID: a.AppID, Secret: a.Secret.Value().RevealString(), Name: a.Name,
			CallbackHost: a.CallbackHost, VerifyName: a.VerifyFile.Name, VerifyBody: a.VerifyFile.Content, Scope: a.Scope, Egress: a.Egress, APIHosts: a.APIHosts, ManifestPush: wirePush(a.Push), Services: wireServices(a.Services),
			OwnerMessage: wireOwnerMessage(a.OwnerMessage)})
	}
	for _, t := range m.Tenants {
		out.Tenants = append(out.Tenants, adminapi.ManifestTenant{ID: t.ID, Name: t.Name})
	}
	for _, s := range m.Shops {
		out.Shops = append(out.Shops, adminapi.ManifestShop{ID: s.ID, Tenant: s.Tenant, Name: s.Name, AppID: s.AppID, App: s.App, ManifestPush: wirePush(s.Push), Secret: s.Secret.Value().RevealString(),
			RevokeOnWithdraw: s.RevokeShopOnWithdraw, Egress: s.Egress, APIHosts: s.APIHosts})
	}
	for _, c := range m.Clients {
		out.Clients = append(out.Clients, adminapi.ManifestClient{ID: c.ID, Name: c.Name, Shops: c.Shops, Mode: string(c.Mode), Expires: optional(c.Expires),
			ClientRights: adminapi.RightsOf(c.Granted())})
	}
	for _, c := range m.OIDCClients {
		out.OIDCClients = append(out.OIDCClients, wireOIDCClient(c))
	}
	for _, c := range m.Channels {
		out.Channels = append(out.Channels, wireChannel(c))
	}
	for _, mb := range m.Members {
		out.Members = append(out.Members, adminapi.ManifestMember{Person: mb.Person, Tenant: mb.Tenant, Shop: mb.Shop, Role: string(mb.Role), Until: optional(mb.Until)})
	}
	return out
}

func wireOIDCClient(c config.OIDCClient) adminapi.ManifestOIDCClient {
	out := adminapi.ManifestOIDCClient{Secret: c.Secret.Value().RevealString(), OIDCClientBody: adminapi.OIDCClientBody{
		ID: c.ID, Name: c.Name, Public: c.Public, RedirectURIs: c.RedirectURIs, PostLogoutURIs: c.PostLogoutURIs, BackchannelURI: c.BackchannelURI,
		AllowPrivate: c.AllowPrivate, Shop: c.Shop, Tenant: c.Tenant, Role: string(c.Role), Claims: c.Claims, Sector: c.Sector,
		EmailDomain: c.EmailDomain, WithoutPKCE: c.WithoutPKCE,
	}}
	for _, d := range c.Doors {
		out.Doors = append(out.Doors, string(d))
	}
	return out
}

func wireChannel(c config.Channel) adminapi.ManifestChannel {
	return adminapi.ManifestChannel{URL: c.URL.Value().RevealString(), Secret: c.Secret.Value().RevealString(), ChannelBody: adminapi.ChannelBody{
		Name: c.Name, Kind: c.Kind, Tenant: c.Tenant, Severity: c.Severity, Kinds: c.Kinds, Language: c.Language, AllowPrivate: c.AllowPrivate,
		Host: c.Host, Port: c.Port, TLS: c.TLS, User: c.User, From: c.From, To: c.To,
	}}
}

func wirePush(p config.Push) adminapi.ManifestPush {
	return adminapi.ManifestPush{PushToken: p.Token.Value().RevealString(), PushAESKey: p.AESKey.Value().RevealString()}
}

func wireOwnerMessage(m config.OwnerMessage) *adminapi.ManifestOwnerMessage {
	if m.Template == "" {
		return nil
	}
	return &adminapi.ManifestOwnerMessage{Template: m.Template, Kind: string(m.Kind), Fields: m.Fields}
}

func wireServices(in []config.Service) []adminapi.ManifestService {
	var out []adminapi.ManifestService
	for _, s := range in {
		out = append(out, adminapi.ManifestService{ID: s.ID, ServiceID: s.ServiceID, Name: s.Name, Role: string(s.Role)})
	}
	return out
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
