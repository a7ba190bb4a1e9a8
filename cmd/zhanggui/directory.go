package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// appCmd is about apps. They are made by a manifest: there is much to say of one.
type appCmd struct {
	List   appListCmd   `cmd:"" default:"withargs" help:"List the apps and third-party platforms."`
	Remove appRemoveCmd `cmd:"" help:"Remove an app that nothing needs."`
}

type appListCmd struct{ remote }

// Help shows an example.
func (appListCmd) Help() string { return "Example:\n  zhanggui app list" }

// Run implements the command.
func (a appListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.AppView]
	if err := all.read(ctx, a.remote, "/v1/apps"); err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, v.Kind, v.AppID, dash(v.Name), dash(v.CallbackHost)})
	}
	return c.table("APP KIND APPID NAME CALLBACK-HOST", rows)
}

// removal removes one thing that nothing needs.
type removal struct {
	remote
	ID string `arg:"" help:"Its id."`
}

// run removes it from a list.
func (r removal) run(ctx context.Context, c console, list, kind string) error {
	if err := r.do(ctx, http.MethodDelete, list+"/"+url.PathEscape(r.ID), nil, nil); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(map[string]string{"removed": r.ID})
	}
	fmt.Fprintf(c.out, "removed %s %s\n", kind, r.ID)
	return nil
}

type appRemoveCmd struct{ removal }

// Help shows an example.
func (appRemoveCmd) Help() string {
	return "Refused while a shop or a grant that is not revoked needs it. Sessions that it proved end.\n\nExample:\n  zhanggui app remove old-website"
}

// Run implements the command.
func (a appRemoveCmd) Run(ctx context.Context, c console) error {
	return a.run(ctx, c, "/v1/apps", "app")
}

// tenantCmd is about tenants.
type tenantCmd struct {
	List   tenantListCmd   `cmd:"" default:"withargs" help:"List the tenants."`
	Create tenantCreateCmd `cmd:"" help:"Make a tenant."`
	Change tenantChangeCmd `cmd:"" help:"Give a tenant another name."`
	Remove tenantRemoveCmd `cmd:"" help:"Remove a tenant that has no shops."`
}

type tenantListCmd struct{ remote }

// Help shows an example.
func (tenantListCmd) Help() string { return "Example:\n  zhanggui tenant list --json" }

// Run implements the command.
func (t tenantListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.TenantView]
	if err := all.read(ctx, t.remote, "/v1/tenants"); err != nil {
		return err
	}
	if t.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, v.Name})
	}
	return c.table("TENANT NAME", rows)
}

// tenantNamed is a tenant and the name that it is to have.
type tenantNamed struct {
	remote
	ID   string `arg:"" help:"Id of the tenant: lower-case letters, digits, hyphens."`
	Name string `required:"" help:"Name for people."`
}

func (t tenantNamed) send(ctx context.Context, c console, method, path string, in any) error {
	var v adminapi.TenantView
	if err := t.do(ctx, method, path, in, &v); err != nil {
		return err
	}
	if t.JSON {
		return c.printJSON(v)
	}
	fmt.Fprintf(c.out, "tenant %s is %s\n", v.ID, v.Name)
	return nil
}

type tenantCreateCmd struct{ tenantNamed }

// Help shows an example.
func (tenantCreateCmd) Help() string {
	return "Example:\n  zhanggui tenant create lantian --name 蓝天文具"
}

// Run implements the command.
func (t tenantCreateCmd) Run(ctx context.Context, c console) error {
	return t.send(ctx, c, http.MethodPost, "/v1/tenants", adminapi.ManifestTenant{ID: t.ID, Name: t.Name})
}

type tenantChangeCmd struct{ tenantNamed }

// Help shows an example.
func (tenantChangeCmd) Help() string {
	return "Example:\n  zhanggui tenant change lantian --name 蓝天文具"
}

// Run implements the command.
func (t tenantChangeCmd) Run(ctx context.Context, c console) error {
	return t.send(ctx, c, http.MethodPatch, "/v1/tenants/"+url.PathEscape(t.ID), adminapi.TenantChange{Name: &t.Name})
}

type tenantRemoveCmd struct{ removal }

// Help shows an example.
func (tenantRemoveCmd) Help() string {
	return "Its roles and invitations go with it.\n\nExample:\n  zhanggui tenant remove lantian"
}

// Run implements the command.
func (t tenantRemoveCmd) Run(ctx context.Context, c console) error {
	return t.run(ctx, c, "/v1/tenants", "tenant")
}

type shopCreateCmd struct {
	remote
	ID         string `arg:"" help:"Id of the shop: lower-case letters, digits, hyphens."`
	Tenant     string `required:"" help:"Whose shop it is."`
	Name       string `required:"" help:"Name for people."`
	AppID      string `required:"" name:"appid" help:"WeChat's id of the shop."`
	SecretFile string `help:"File with the shop's AppSecret; - for standard input." placeholder:"FILE"`
	App        string `help:"The third-party platform that it is called through, if it has no AppSecret here." placeholder:"PLATFORM"`
}

// Help shows an example.
func (shopCreateCmd) Help() string {
	return "The AppSecret is sealed on arrival and never shown.\n\nExample:\n  zhanggui shop create lantian --tenant lantian --name 蓝天文具店 --appid wx00000000000000c1 --secret-file secret.txt"
}

// Run implements the command.
func (s shopCreateCmd) Run(ctx context.Context, c console) error {
	in := adminapi.ManifestShop{ID: s.ID, Tenant: s.Tenant, Name: s.Name, AppID: s.AppID, App: s.App}
	var err error
	if in.Secret, err = secretIn(c, s.SecretFile); err != nil {
		return err
	}
	return shopSent(ctx, c, s.remote, http.MethodPost, "/v1/shops", in)
}

type shopChangeCmd struct {
	remote
	Shop       string  `arg:"" help:"The shop."`
	Tenant     *string `help:"Another tenant."`
	Name       *string `help:"Another name for people."`
	SecretFile string  `help:"File with a new AppSecret; - for standard input." placeholder:"FILE"`
}

// Help shows an example.
func (shopChangeCmd) Help() string {
	return "What is not named stays as it is. A new AppSecret gives the shop's grant a new start.\n\nExample:\n  zhanggui shop change lantian --secret-file secret.txt"
}

// Run implements the command.
func (s shopChangeCmd) Run(ctx context.Context, c console) error {
	in := adminapi.ShopChange{Tenant: s.Tenant, Name: s.Name}
	var err error
	if in.Secret, err = secretIn(c, s.SecretFile); err != nil {
		return err
	}
	return shopSent(ctx, c, s.remote, http.MethodPatch, "/v1/shops/"+url.PathEscape(s.Shop), in)
}

// shopSent makes or changes a shop and shows it.
func shopSent(ctx context.Context, c console, r remote, method, path string, in any) error {
	var v adminapi.ShopView
	if err := r.do(ctx, method, path, in, &v); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(v)
	}
	fmt.Fprintf(c.out, "shop %s of %s is %s\n", v.ID, v.Tenant, v.Name)
	return nil
}

// secretIn reads a secret from a file; none for no file.
func secretIn(c console, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	read := func() ([]byte, error) { return os.ReadFile(file) }
	if file == "-" {
		read = func() ([]byte, error) { return io.ReadAll(c.in) }
	}
	b, err := read()
	if err != nil {
		return "", fmt.Errorf("read the AppSecret: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return "", fmt.Errorf("%s is empty; write the AppSecret into it", file)
	}
	return text, nil
}

type shopRemoveCmd struct{ removal }

// Help shows an example.
func (shopRemoveCmd) Help() string {
	return "Refused while a living client may call it. Its tokens are deleted; its key, roles and invitations go with it.\n\nExample:\n  zhanggui shop remove lantian"
}

// Run implements the command.
func (s shopRemoveCmd) Run(ctx context.Context, c console) error {
	return s.run(ctx, c, "/v1/shops", "shop")
}
