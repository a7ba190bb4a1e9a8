package wechat

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// WeChat's own hosts. The API has further entrances for disasters, such as
// https://api2.weixin.qq.com and https://sh.api.weixin.qq.com; see
// developers.weixin.qq.com/doc/service/Basic_Information/Interface_field_description.
const (
	DefaultOpen = "https://open.weixin.qq.com"
	DefaultAPI  = "https://api.weixin.qq.com"
	DefaultMP   = "https://mp.weixin.qq.com"
)

// DefaultTimeout is how long a call may take when Config says nothing. WeChat
// answers in well under a second.
const DefaultTimeout = 10 * time.Second

// restPeriod is how long an API host that refused a connection is tried last.
const restPeriod = time.Minute

// Hosts are base URLs: scheme, host and perhaps a path prefix. Empty means
// WeChat's own.
type Hosts struct {
	Open string   // login pages
	API  []string // API servers, in order of preference
	MP   string   // pages of the back office
}

// Config is what a [Client] needs. The zero Config is ready for use against
// WeChat itself.
type Config struct {
	Hosts Hosts
	// Transport sends requests; http.DefaultTransport when nil. TLS versions,
	// proxies and outgoing addresses are its business. It must not follow
	// redirects or repeat requests by itself.
	Transport http.RoundTripper
	// Timeout bounds a typed call as a whole, and a Call until its headers
	// arrive. DefaultTimeout when zero.
	Timeout time.Duration
	// Now tells the time; time.Now when nil. Its monotonic reading is kept.
	Now func() time.Time
	// OldComponentQuery names a platform's token component_access_token in
	// queries, as older pages do, instead of access_token. Both work.
	OldComponentQuery bool
}

// Client calls WeChat. It keeps no tokens. Make one with [New]; several
// goroutines may use it.
type Client struct {
	open, mp  *url.URL
	api       []*apiHost
	transport http.RoundTripper
	timeout   time.Duration
	now       func() time.Time
	component string // query key of a platform's token
}

// apiHost is one entrance to the API.
type apiHost struct {
	base *url.URL
	// restUntil is when the host may be preferred again, in Unix
	// nanoseconds; 0 means it is in use.
	restUntil atomic.Int64
}

// New returns a Client. It fails only for base URLs that cannot work.
func New(cfg Config) (*Client, error) {
	c := &Client{transport: cfg.Transport, timeout: cfg.Timeout, now: cfg.Now, component: "access_token"}
	if c.transport == nil {
		c.transport = http.DefaultTransport
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	if c.now == nil {
		c.now = time.Now
	}
	if cfg.OldComponentQuery {
		c.component = "component_access_token"
	}
	if err := c.setHosts(cfg.Hosts); err != nil {
		return nil, err
	}
	return c, nil
}

// setHosts parses the base URLs.
func (c *Client) setHosts(h Hosts) (err error) {
	if c.open, err = parseBase("open", h.Open, DefaultOpen); err != nil {
		return err
	}
	if c.mp, err = parseBase("mp", h.MP, DefaultMP); err != nil {
		return err
	}
	if len(h.API) == 0 {
		h.API = []string{DefaultAPI}
	}
	for _, raw := range h.API {
		base, err := parseBase("api", raw, DefaultAPI)
		if err != nil {
			return err
		}
		c.api = append(c.api, &apiHost{base: base})
	}
	return nil
}

// parseBase checks one base URL.
func parseBase(name, raw, def string) (*url.URL, error) {
	if raw == "" {
		raw = def
	}
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil {
		return nil, fmt.Errorf("wechat: the %s host is not a URL; write it like %s", name, def)
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("wechat: the %s host needs http or https, a host, and nothing after the path; write it like %s", name, def)
	}
	return u, nil
}

// hostsInOrder returns the API hosts to try: those in use first.
func (c *Client) hostsInOrder() []*apiHost {
	now := c.now().UnixNano()
	order := make([]*apiHost, 0, len(c.api))
	var resting []*apiHost
	for _, h := range c.api {
		if h.restUntil.Load() > now {
			resting = append(resting, h)
			continue
		}
		order = append(order, h)
	}
	return append(order, resting...)
}

// rest makes h the last choice for a while.
func (c *Client) rest(h *apiHost) {
	h.restUntil.Store(c.now().Add(restPeriod).UnixNano())
}

// MPURL returns the URL of a back-office page: path is WeChat's own.
func (c *Client) MPURL(path, query string) string {
	return pageURL(c.mp, path, query)
}

// pageURL joins base, path and an encoded query.
func pageURL(base *url.URL, path, query string) string {
	s := base.String() + path
	if query != "" {
		s += "?" + query
	}
	return s
}

// Meta is what every answer tells besides its content.
type Meta struct {
	// RequestStart is when we began to ask, with its monotonic reading.
	// Lifetimes count from here: WeChat's clock started no earlier.
	RequestStart time.Time
	// ServerDate is WeChat's clock from the Date header, zero if absent.
	ServerDate time.Time
	// HTTPStatus is the status of the answer.
	HTTPStatus int
	// RID is WeChat's request id, mostly present in errors only.
	RID string
}

// Skew returns how far WeChat's clock is ahead of ours, counted at the start
// of the request; 0 when WeChat sent no date. It is as coarse as the Date
// header, a second, plus the time the answer took.
func (m Meta) Skew() time.Duration {
	if m.ServerDate.IsZero() {
		return 0
	}
	return m.ServerDate.Sub(m.RequestStart)
}
