package app

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/trace"
	"github.com/zhanggui/zhanggui/wechat"
)

// clients gives the WeChat client for an app. Apps that leave the same way and
// ask the same hosts share one, and with it their connections.
type clients struct {
	hosts      wechat.Hosts
	now        func() time.Time
	transports *gateway.Transports
	skew       *clock.Skew // measured by the answers
	egress     string      // for apps without their own
	tracer     *trace.Tracer
	names      pathNames // in spans

	mu   sync.Mutex
	made map[string]*wechat.Client
}

// For gives the client for an app. It is safe for concurrent use.
func (c *clients) For(app access.App) (*wechat.Client, error) {
	key := app.Egress + "\n" + strings.Join(app.APIHosts, "\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.made[key]; ok {
		return client, nil
	}
	transport, err := c.way(app.Egress)
	if err != nil {
		return nil, fmt.Errorf("way out of app %s: %w", app.ID, err)
	}
	hosts := c.hosts
	if len(app.APIHosts) > 0 {
		hosts.API = app.APIHosts
	}
	client, err := wechat.New(wechat.Config{Hosts: hosts, Transport: transport, Now: c.now})
	if err != nil {
		return nil, fmt.Errorf("WeChat client of app %s: %w", app.ID, err)
	}
	c.made[key] = client
	return client, nil
}

// way is an app's way out, by its egress setting.
func (c *clients) way(egress string) (http.RoundTripper, error) {
	t, err := c.transports.For(c.route(egress))
	if err != nil {
		return nil, err
	}
	return c.tracer.Transport(c.skew.Watch(t), c.names), nil
}

// route is an app's own way out, or the configured one.
func (c *clients) route(own string) string {
	if own != "" {
		return own
	}
	return c.egress
}
