package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// radarCmd shows what WeChat announced of its APIs.
type radarCmd struct {
	remote
	Path string `arg:"" optional:"" help:"Only this path of WeChat's, with what changes."`
}

// Help shows an example.
func (radarCmd) Help() string {
	return "CLIENTS used the path in the 30 days before, and were warned by a notice and an event api.changed.\n\n" +
		"Examples:\n  zhanggui radar\n  zhanggui radar /channels/ec/order/get"
}

// Run implements the command.
func (r radarCmd) Run(ctx context.Context, c console) error {
	path := "/v1/api-changes"
	if r.Path != "" {
		path += "?path=" + url.QueryEscape(r.Path)
	}
	var all items[adminapi.APIChangeView]
	if err := all.read(ctx, r.remote, path); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(all.Items)
	}
	if r.Path != "" && len(all.Items) > 0 {
		r.whole(c, all.Items)
		return nil
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.Changed.In(access.China).Format("2006-01-02"), v.Path, dash(v.Name), dash(strings.Join(v.Clients, ","))})
	}
	return c.table("CHANGED PATH NAME CLIENTS", rows)
}

// whole prints changes with all that WeChat said of them.
func (radarCmd) whole(c console, all []adminapi.APIChangeView) {
	for i, v := range all {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintf(c.out, "%s  %s %s\n", v.Changed.In(access.China).Format("2006-01-02 15:04"), v.Path, v.Name)
		for _, line := range []string{v.Content, v.DocURL, v.LogURL} {
			if line != "" {
				fmt.Fprintln(c.out, "  "+line)
			}
		}
		fmt.Fprintf(c.out, "  clients: %s\n", dash(strings.Join(v.Clients, ", ")))
	}
}

type clientPathsCmd struct {
	remote
	ID   string `arg:"" help:"Id of the client."`
	Days int    `help:"Of so many days, 90 at most." default:"30"`
}

// Help shows an example.
func (clientPathsCmd) Help() string {
	return "Counts the calls that were sent to WeChat. A call counts a quarter of a minute later; what the catalogue does not know counts as other.\n\nExample:\n  zhanggui client paths erp"
}

// Run implements the command.
func (p clientPathsCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.PathTotalView]
	if err := all.read(ctx, p.remote, "/v1/clients/"+url.PathEscape(p.ID)+"/paths?days="+strconv.Itoa(p.Days)); err != nil {
		return err
	}
	if p.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.Path, strconv.FormatInt(v.Calls, 10), strconv.Itoa(v.Shops), v.Last.In(access.China).Format("2006-01-02")})
	}
	return c.table("PATH CALLS SHOPS LAST", rows)
}
