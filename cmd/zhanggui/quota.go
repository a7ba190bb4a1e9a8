package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"

	"github.com/zhanggui/zhanggui/internal/access"
)

// quotaCmd shows what is left of a shop's daily quotas.
type quotaCmd struct {
	remote
	Shop string `arg:"" help:"Id of the shop, from shop list."`
	Path string `arg:"" optional:"" help:"Only this path of WeChat's, with who calls it."`
}

// Help shows an example.
func (quotaCmd) Help() string {
	return "LEFT and LIMIT are WeChat's, TODAY and RATE are what programs call through this server. DRY is when the path runs dry at the rate of the last hour, in China's time; SHARE is what a client may call until midnight there.\n\n" +
		"Examples:\n  zhanggui quota lantian\n  zhanggui quota lantian /channels/ec/order/get"
}

// Run implements the command.
func (q quotaCmd) Run(ctx context.Context, c console) error {
	path := "/v1/shops/" + url.PathEscape(q.Shop) + "/quota"
	if q.Path != "" {
		path += "?path=" + url.QueryEscape(q.Path)
	}
	var v adminapi.QuotaView
	if err := q.do(ctx, http.MethodGet, path, nil, &v); err != nil {
		return err
	}
	if q.JSON {
		return c.printJSON(v)
	}
	rows := make([][]string, 0, len(v.Paths))
	for _, p := range v.Paths {
		rows = append(rows, []string{p.Path, number(p.Left), number(p.Limit), strconv.FormatInt(p.Today, 10), perHour(p.PerHour), dryAt(p.Dry), when(p.Heard)})
	}
	if err := c.table("PATH LEFT LIMIT TODAY RATE DRY HEARD", rows); err != nil || q.Path == "" || len(v.Paths) == 0 {
		return err
	}
	fmt.Fprintln(c.out)
	rows = nil
	for _, x := range v.Paths[0].Clients {
		priority := "normal"
		if x.Low {
			priority = "low"
		}
		rows = append(rows, []string{x.ID, priority, strconv.FormatInt(x.Today, 10), perHour(x.PerHour), number(x.Share)})
	}
	return c.table("CLIENT PRIORITY TODAY RATE SHARE", rows)
}

func number(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

func perHour(rate float64) string { return strconv.FormatFloat(rate, 'f', 0, 64) + "/h" }

func dryAt(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.In(access.China).Format("15:04")
}
