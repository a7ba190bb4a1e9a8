package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// EgressOptions are what all ways out have in common. The zero value is for
// use.
type EgressOptions struct {
	RootCAs *x509.CertPool // nil: the system's
	// HeaderTimeout bounds the wait for an answer's headers once the request
	// is sent; 0: DefaultAnswerTimeout.
	HeaderTimeout time.Duration
	DialTimeout   time.Duration // 0: five seconds
	// Dial makes the connections; nil: over the network. A way out with an egress
	// setting does not use it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Limits of a way out.
const (
	defaultDial = 5 * time.Second
	// idleTime is shorter than what servers usually wait, so that we close
	// first and seldom write into a connection that is just being closed.
	idleTime      = 45 * time.Second
	idlePerHost   = 256
	idleTotal     = 1024
	maxAnswerHead = 64 << 10
	// readSize lets the beginning of an answer be passed on in one piece with
	// what is there of the rest.
	readSize = 16 << 10
)

var errEgress = errors.New("gateway: egress is neither an IP address nor an http://, https:// or socks5:// proxy; correct the app's egress setting")

// NewTransport makes a way out to WeChat. egress is empty for the default
// route, an IP address of this machine to send from, or the URL of a proxy:
// http:// or https:// for CONNECT, socks5:// for SOCKS, with user and password
// if need be. The environment's proxy settings are not looked at.
//
// Answers are not decompressed, TLS is 1.2 or newer, HTTP is 1.1. Plain http is
// for an emulator on this machine and never goes through a proxy, since a proxy
// would read the token.
//
// Errors never show egress: it may carry a password.
func NewTransport(egress string, o EgressOptions) (http.RoundTripper, error) {
	dialer := &net.Dialer{Timeout: orDefault(o.DialTimeout, defaultDial), KeepAlive: 15 * time.Second}
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    orDefault(o.DialTimeout, defaultDial),
		ResponseHeaderTimeout:  orDefault(o.HeaderTimeout, DefaultAnswerTimeout),
		ExpectContinueTimeout:  time.Second,
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: maxAnswerHead,
		ReadBufferSize:         readSize,
		DisableCompression:     true,
	}
	if egress == "" {
		if o.Dial != nil {
			t.DialContext = o.Dial
		}
		return t, nil
	}
	if addr, err := netip.ParseAddr(egress); err == nil {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0))
		return t, nil
	}
	proxy, err := parseProxy(egress)
	if err != nil {
		return nil, err
	}
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "https" {
			return nil, nil
		}
		return proxy, nil
	}
	return t, nil
}

func parseProxy(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, errEgress
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, errEgress
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Transports keeps one way out for each egress setting, so that connections
// are shared by everything that leaves the same way. It may be used by many
// goroutines.
type Transports struct {
	options EgressOptions
	mu      sync.Mutex
	ways    map[string]http.RoundTripper
}

// NewTransports makes an empty set.
func NewTransports(o EgressOptions) *Transports {
	return &Transports{options: o, ways: make(map[string]http.RoundTripper)}
}

// For gives the way out for an egress setting; see [NewTransport].
func (t *Transports) For(egress string) (http.RoundTripper, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if way, ok := t.ways[egress]; ok {
		return way, nil
	}
	way, err := NewTransport(egress, t.options)
	if err != nil {
		return nil, err
	}
	t.ways[egress] = way
	return way, nil
}

// CloseIdle closes connections that nobody uses.
func (t *Transports) CloseIdle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, way := range t.ways {
		if c, ok := way.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}
