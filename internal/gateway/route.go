package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
)

// route is the way to WeChat for one shop.
type route struct {
	transport http.RoundTripper
	bases     []*url.URL
	// sets are the permission sets that the shop granted to the platform that
	// serves it. Nil: not known, or served with its own key.
	sets []int64
	via  string // for metrics
}

// loadRoute reads the settings of the shop's own app.
func (g *Gateway) loadRoute(ctx context.Context, shopID string) (route, error) {
	shop, err := g.Directory.Shop(ctx, shopID)
	if err != nil {
		return route{}, fmt.Errorf("gateway: shop %s: %w", shopID, err)
	}
	app, err := g.Directory.App(ctx, shop.App)
	if errors.Is(err, access.ErrNotFound) {
		// The shop is there, so this is no answer to "is there such a shop".
		return route{}, fmt.Errorf("gateway: app %q of shop %s is not declared; declare it", shop.App, shopID)
	}
	if err != nil {
		return route{}, fmt.Errorf("gateway: app %s of shop %s: %w", shop.App, shopID, err)
	}
	r := route{bases: g.bases, via: ViaOwn}
	if app.Kind == access.Component {
		r.via = ViaPlatform
	}
	if len(app.APIHosts) > 0 {
		if r.bases, err = parseBases(app.APIHosts); err != nil {
			return route{}, fmt.Errorf("gateway: app %s: %w", app.ID, err)
		}
	}
	if r.transport, err = g.Transports(app.Egress); err != nil {
		return route{}, fmt.Errorf("gateway: egress of app %s: %w", app.ID, err)
	}
	r.sets = g.granted(ctx, app, shop)
	return r, nil
}

var errBase = errors.New("gateway: an API host is not a base URL; write https://host, or http:// on loopback, without path and query")

// parseBases reads base URLs. They are not quoted in errors: they may carry a
// password by mistake.
func parseBases(raw []string) ([]*url.URL, error) {
	bases := make([]*url.URL, 0, len(raw))
	for _, s := range raw {
		u, err := url.Parse(s)
		if err != nil || !validBase(u) {
			return nil, errBase
		}
		bases = append(bases, &url.URL{Scheme: u.Scheme, Host: u.Host})
	}
	return bases, nil
}

func validBase(u *url.URL) bool {
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
