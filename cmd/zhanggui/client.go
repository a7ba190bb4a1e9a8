package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// clientCmd is about programs with keys.
type clientCmd struct {
	List        clientListCmd        `cmd:"" default:"withargs" help:"List the clients."`
	Create      clientCreateCmd      `cmd:"" help:"Make a client and print its key."`
	Show        clientShowCmd        `cmd:"" help:"Show what a client may do."`
	Paths       clientPathsCmd       `cmd:"" help:"Show which paths of WeChat's a client called."`
	Grant       clientGrantCmd       `cmd:"" help:"Give a client more rights."`
	RevokeRight clientRevokeRightCmd `cmd:"" name:"revoke-right" help:"Take rights from a client."`
	Revoke      clientRevokeCmd      `cmd:"" help:"End a client's key at once."`
}

type clientListCmd struct{ remote }

// Help shows an example.
func (clientListCmd) Help() string { return "Example:\n  zhanggui client list" }

// Run implements the command.
func (l clientListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.ClientView]
	if err := all.read(ctx, l.remote, "/v1/clients"); err != nil {
		return err
	}
	if l.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, dash(v.Name), v.KeyHint, v.Mode, strings.Join(v.Shops, ","), fmt.Sprint(v.Live), when(v.Expires)})
	}
	return c.table("CLIENT NAME KEY MODE SHOPS LIVE UNTIL", rows)
}

type clientCreateCmd struct {
	remote
	ID   string   `arg:"" help:"Id of the client: lower-case letters, digits, hyphens."`
	Shop []string `help:"A shop that it may use; may be repeated." required:""`
	Mode string   `help:"read or write." default:"read" enum:"read,write"`
	Days int      `help:"End after so many days; 0 for no end." default:"365"`
	Name string   `help:"Name for people."`
	rightsFlags
}

// Help shows an example.
func (clientCreateCmd) Help() string {
	return "Prints the client's key, this once.\n\nExample:\n  zhanggui client create erp --shop lantian --mode read\n  zhanggui client create dispatch --shop lantian --mode write --group order --group delivery --from 192.0.2.7"
}

// Run implements the command.
func (cc clientCreateCmd) Run(ctx context.Context, c console) error {
	rights, err := cc.rights()
	if err != nil {
		return err
	}
	in := adminapi.ManifestClient{ID: cc.ID, Name: cc.Name, Shops: cc.Shop, Mode: cc.Mode, ClientRights: rights}
	if cc.Days > 0 {
		in.Expires = new(time.Now().UTC().AddDate(0, 0, cc.Days).Truncate(time.Second))
	}
	var made adminapi.Applied
	if err := cc.do(ctx, http.MethodPost, "/v1/clients", in, &made); err != nil {
		return err
	}
	if cc.JSON {
		return c.printJSON(made)
	}
	fmt.Fprintf(c.out, "client  %s\nkey     %s\n", cc.ID, made.Keys[cc.ID])
	return nil
}

type clientRevokeCmd struct {
	remote
	ID string `arg:"" help:"Id of the client."`
}

// Help shows an example.
func (clientRevokeCmd) Help() string {
	return "Lists the access tokens that the client fetched and that go on living at WeChat.\n\nExample:\n  zhanggui client revoke erp"
}

// Run implements the command.
func (r clientRevokeCmd) Run(ctx context.Context, c console) error {
	var out adminapi.RevokedClient
	if err := r.do(ctx, http.MethodPost, "/v1/clients/"+url.PathEscape(r.ID)+"/revoke", nil, &out); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(out)
	}
	for _, x := range out.Exported {
		fmt.Fprintf(c.out, "shop %s: the client has its access token, good at WeChat until %s; 'zhanggui grant revoke --kill' ends it sooner, and the shop's grant with it\n", x.Shop, when(&x.Ends))
	}
	return nil
}
