package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// shopCmd is about shops.
type shopCmd struct {
	List   shopListCmd   `cmd:"" default:"withargs" help:"List the shops with their grants."`
	Create shopCreateCmd `cmd:"" help:"Make a shop."`
	Change shopChangeCmd `cmd:"" help:"Change a shop's name, tenant or AppSecret."`
	Remove shopRemoveCmd `cmd:"" help:"Remove a shop that no client may call."`
	Move   shopMoveCmd   `cmd:"" help:"Have a shop served by its own key or by a platform's, without a gap."`
}

// shopMoveCmd changes the key that serves a shop.
type shopMoveCmd struct {
	remote
	Shop string `arg:"" help:"The shop."`
	To   string `required:"" enum:"isv,self" help:"isv: a third-party platform that it authorised; self: its own AppID and AppSecret."`
	App  string `help:"The platform, if the shop authorised several." placeholder:"PLATFORM"`
}

// Help shows examples.
func (shopMoveCmd) Help() string {
	return `The other key must have a living token first; it is fetched, and only then the shop changes hands. Programs notice nothing, and the way back stays open.

Examples:
  zhanggui shop move lantian --to isv
  zhanggui shop move lantian --to self`
}

// Run implements the command.
func (s shopMoveCmd) Run(ctx context.Context, c console) error {
	var shop adminapi.ShopView
	err := s.do(ctx, http.MethodPost, "/v1/shops/"+url.PathEscape(s.Shop)+"/move", map[string]string{"to": s.To, "app": s.App}, &shop)
	if err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(shop)
	}
	fmt.Fprintf(c.out, "shop %s is served by app %s\n", shop.ID, shop.App)
	return nil
}

type shopListCmd struct{ remote }

// Help shows an example.
func (shopListCmd) Help() string { return "Example:\n  zhanggui shop list --json" }

// Run implements the command.
func (s shopListCmd) Run(ctx context.Context, c console) error {
	var shops items[adminapi.ShopView]
	if err := shops.read(ctx, s.remote, "/v1/shops"); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(shops.Items)
	}
	var rows [][]string
	for _, shop := range shops.Items {
		state, ends := "-", "-"
		if shop.Grant != nil {
			state, ends = stateWords(*shop.Grant), when(shop.Grant.AccessExpires)
		}
		rows = append(rows, []string{shop.ID, shop.Tenant, shop.Name, state, ends})
	}
	return c.table("SHOP TENANT NAME GRANT TOKEN-ENDS", rows)
}

// stateWords is a grant's state with its cause.
func stateWords(g adminapi.GrantView) string {
	words := g.State
	if g.Cause != "" {
		words += " (" + g.Cause + ")"
	}
	if g.Killing > 0 {
		words += ", killing"
	}
	return words
}

// grantCmd is about grants.
type grantCmd struct {
	List   grantListCmd   `cmd:"" default:"withargs" help:"List the grants."`
	Revoke grantRevokeCmd `cmd:"" help:"End a grant: tokens are deleted, calls refused, sessions ended."`
	Mode   grantModeCmd   `cmd:"" help:"Say who renews the grants of a platform's accounts: another system, or we."`
	Renew  grantRenewCmd  `cmd:"" help:"Ask whoever authorised to do so anew, before WeChat wants it."`
	Start  grantStartCmd  `cmd:"" help:"Give a shop's revoked or stopped grant a new start."`
}

type grantListCmd struct {
	remote
	Shop  string `help:"Only the grants of this shop."`
	State string `help:"Only grants in this state: active, stopped, needs_owner, revoked, held, followed."`
}

// Help shows an example.
func (grantListCmd) Help() string { return "Example:\n  zhanggui grant list --state needs_owner" }

// Run implements the command.
func (g grantListCmd) Run(ctx context.Context, c console) error {
	q := url.Values{"shop": {g.Shop}, "state": {g.State}}
	var grants items[adminapi.GrantView]
	if err := grants.read(ctx, g.remote, "/v1/grants?"+q.Encode()); err != nil {
		return err
	}
	if g.JSON {
		return c.printJSON(grants.Items)
	}
	var rows [][]string
	for _, v := range grants.Items {
		rows = append(rows, []string{v.ID, v.Kind, dash(cmp.Or(v.Shop, v.Person, v.Account)), stateWords(v), fmt.Sprint(v.Generation), when(v.AccessExpires)})
	}
	return c.table("GRANT KIND FOR STATE GENERATION TOKEN-ENDS", rows)
}

type grantRevokeCmd struct {
	remote
	Grant string `arg:"" help:"Id of the grant, as listed."`
	Cause string `help:"A few words for the audit log."`
	Kill  bool   `help:"End the shop's tokens at WeChat too, for all its programs: after a leak."`
}

// Help shows an example.
func (grantRevokeCmd) Help() string {
	return "With --kill the keeper also spends two forced refreshes, half a minute apart; grant list shows the grant as killing until the second is done.\n\n" +
		"Example:\n  zhanggui grant revoke g_example --cause 'shop was sold'"
}

// Run implements the command.
func (g grantRevokeCmd) Run(ctx context.Context, c console) error {
	var after adminapi.GrantView
	if err := g.do(ctx, http.MethodPost, "/v1/grants/"+url.PathEscape(g.Grant)+"/revoke", map[string]any{"cause": g.Cause, "kill": g.Kill}, &after); err != nil {
		return err
	}
	if g.JSON {
		return c.printJSON(after)
	}
	fmt.Fprintf(c.out, "grant %s is %s\n", after.ID, stateWords(after))
	return nil
}

type grantStartCmd struct {
	remote
	Grant string `arg:"" help:"Id of the grant, or of the shop that it serves."`
	Spare bool   `help:"Start it although its tokens are still being ended at WeChat."`
}

// Help shows an example.
func (grantStartCmd) Help() string {
	return "The keeper fetches a new token at once. A person's grant starts by their next login instead.\n\nExample:\n  zhanggui grant start lantian"
}

// Run implements the command.
func (g grantStartCmd) Run(ctx context.Context, c console) error {
	id, err := g.grantOf(ctx, g.Grant)
	if err != nil {
		return err
	}
	var after adminapi.GrantView
	path := "/v1/grants/" + url.PathEscape(id) + "/start"
	if g.Spare {
		path += "?spare=true"
	}
	if err := g.do(ctx, http.MethodPost, path, nil, &after); err != nil {
		return err
	}
	if g.JSON {
		return c.printJSON(after)
	}
	fmt.Fprintf(c.out, "grant %s is %s\n", after.ID, after.State)
	return nil
}

// grantOf gives the grant that is meant: by its id, or what serves a shop.
func (r remote) grantOf(ctx context.Context, id string) (string, error) {
	if strings.HasPrefix(id, "g_") {
		return id, nil
	}
	g, err := r.shopGrant(ctx, id)
	return g.ID, err
}

// shopGrant gives what serves a shop now, of those that it has.
func (r remote) shopGrant(ctx context.Context, shop string) (adminapi.GrantView, error) {
	var v adminapi.ShopView
	if err := r.do(ctx, http.MethodGet, "/v1/shops/"+url.PathEscape(shop), nil, &v); err != nil {
		return adminapi.GrantView{}, err
	}
	if v.Grant == nil {
		return adminapi.GrantView{}, fmt.Errorf("no grant is kept for shop %q; have its owner authorise, or enter its AppSecret with `zhanggui shop change`", shop)
	}
	return *v.Grant, nil
}

// tokenShowCmd tells about a shop's token. It never prints it.
type tokenShowCmd struct {
	remote
	Shop string `arg:"" help:"Id of the shop."`
}

// Help shows an example.
func (tokenShowCmd) Help() string {
	return "Tells the state, generation and end of the kept token. The token itself stays where it is: use the gateway.\n\nExample:\n  zhanggui token lantian"
}

// Run implements the command.
func (t tokenShowCmd) Run(ctx context.Context, c console) error {
	g, err := t.shopGrant(ctx, t.Shop)
	if err != nil {
		return err
	}
	if t.JSON {
		return c.printJSON(g)
	}
	return c.table("GRANT STATE GENERATION TOKEN-ENDS NEXT-LOOK", [][]string{{g.ID, stateWords(g), fmt.Sprint(g.Generation), when(g.AccessExpires), when(g.DueAt)}})
}
