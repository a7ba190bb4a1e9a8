package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// platformCmd is about third-party platforms.
type platformCmd struct {
	List platformListCmd `cmd:"" default:"withargs" help:"List third-party platforms and how they stand."`
	Link platformLinkCmd `cmd:"" help:"Make a link on which an account that is no shop authorises a platform."`
}

type platformLinkCmd struct {
	remote
	App      string  `arg:"" help:"Id of the third-party platform."`
	Kind     string  `help:"Accounts that WeChat's page offers: official, mini, official_mini, promoter, channels, talent or all." enum:",official,mini,official_mini,promoter,channels,talent,all" default:""`
	BizAppID string  `name:"biz-appid" help:"The one account that may authorise, instead of a kind." placeholder:"APPID"`
	Set      []int64 `help:"Ask for this permission set only; may be given several times." placeholder:"ID"`
}

// Help shows an example.
func (platformLinkCmd) Help() string {
	return "Prints a link that works once, for 30 minutes. The administrator of a 公众号, 小程序, 视频号 or 带货助手 opens it, in WeChat or on a PC, and authorises the platform on WeChat's page. " +
		"A 微信小店 has no such link: its owner buys the service in the service market.\n\nExample:\n  zhanggui platform link platform --kind mini"
}

// Run implements the command.
func (p platformLinkCmd) Run(ctx context.Context, c console) error {
	var made adminapi.LinkView
	in := map[string]any{}
	if p.Kind != "" {
		in["kind"] = p.Kind
	}
	if p.BizAppID != "" {
		in["appid"] = p.BizAppID
	}
	if len(p.Set) > 0 {
		in["sets"] = p.Set
	}
	if err := p.do(ctx, http.MethodPost, "/v1/apps/"+url.PathEscape(p.App)+"/links", in, &made); err != nil {
		return err
	}
	if p.JSON {
		return c.printJSON(made)
	}
	fmt.Fprintf(c.out, "id     %s\nlink   %s\nuntil  %s\n", made.ID, made.Link, when(&made.Expires))
	return nil
}

// platformListCmd lists the third-party platforms.
type platformListCmd struct{ remote }

// Help shows an example.
func (platformListCmd) Help() string {
	return "TICKET is when WeChat's newest ticket arrived: one comes every ten minutes. SHOPS counts the accounts that authorised the platform, by state.\n\nExample:\n  zhanggui platform"
}

// Run implements the command.
func (p platformListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.PlatformView]
	if err := all.read(ctx, p.remote, "/v1/platforms"); err != nil {
		return err
	}
	if p.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		state, ends := "-", "-"
		if v.Grant != nil {
			state, ends = stateWords(*v.Grant), when(v.Grant.AccessExpires)
		}
		rows = append(rows, []string{v.App, v.AppID, when(v.TicketAt), state, ends, dash(counted(v.Authorizers))})
	}
	return c.table("APP APPID TICKET STATE TOKEN-ENDS SHOPS", rows)
}

// counted writes counts as "kept 3, withdrawn 1".
func counted(counts map[string]int) string {
	var parts []string
	for what, n := range counts {
		parts = append(parts, what+" "+strconv.Itoa(n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// reconcileCmd compares platforms with WeChat's lists.
type reconcileCmd struct {
	remote
	App    string `arg:"" optional:"" help:"Id of one third-party platform; all of them if left out."`
	DryRun bool   `help:"Tell what differs and change nothing."`
}

// Help shows an example.
func (reconcileCmd) Help() string {
	return "Reads WeChat's list of the shops that authorised a platform and compares it with what is kept. A shop whose event was lost is adopted, a lost refresh token is restored, " +
		"and a shop that withdrew is ended if WeChat confirms it. The server does this every hour by itself.\n\nExample:\n  zhanggui reconcile --dry-run"
}

// Run implements the command.
func (r reconcileCmd) Run(ctx context.Context, c console) error {
	apps, err := r.apps(ctx)
	if err != nil {
		return err
	}
	reports := make([]adminapi.ReconciliationView, len(apps))
	for i, app := range apps {
		path := "/v1/apps/" + url.PathEscape(app) + "/reconcile"
		if r.DryRun {
			path += "?dry_run=true"
		}
		if err := r.do(ctx, http.MethodPost, path, nil, &reports[i]); err != nil {
			return err
		}
	}
	if r.JSON {
		return c.printJSON(reports)
	}
	for _, v := range reports {
		if err := c.tellReconciliation(v); err != nil {
			return err
		}
	}
	return nil
}

// apps are the platforms to compare.
func (r reconcileCmd) apps(ctx context.Context) ([]string, error) {
	if r.App != "" {
		return []string{r.App}, nil
	}
	var all items[adminapi.PlatformView]
	if err := all.read(ctx, r.remote, "/v1/platforms"); err != nil {
		return nil, err
	}
	var apps []string
	for _, v := range all.Items {
		apps = append(apps, v.App)
	}
	if len(apps) == 0 {
		return nil, fmt.Errorf("no third-party platform is declared; declare one with `zhanggui apply`")
	}
	return apps, nil
}

// tellReconciliation prints one report.
func (c console) tellReconciliation(v adminapi.ReconciliationView) error {
	fmt.Fprintf(c.out, "%s: %d of %d accounts listed, %d kept; %s\n", v.App, v.Listed, v.Total, v.Kept, cmp.Or(counted(v.Counts), "nothing differs"))
	switch {
	case v.Complete:
	case v.Total == 0:
		fmt.Fprintln(c.out, "WeChat lists no account; an empty list proves nothing, so nobody counts as missing")
	default:
		fmt.Fprintln(c.out, "the list was not seen whole, so nobody counts as missing")
	}
	if len(v.Found) == 0 {
		return nil
	}
	var rows [][]string
	for _, f := range v.Found {
		rows = append(rows, []string{f.AppID, dash(f.Shop), f.What})
	}
	return c.table("APPID SHOP FOUND", rows)
}
