package zhanggui

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The beginnings of keys.
const (
	clientPrefix = "zgc_"
	adminPrefix  = "zga_"
)

// DefaultTimeout bounds the wait for an answer when nothing else is said. The
// server may use some of it to replace a dead token.
const DefaultTimeout = time.Minute

// Client is a program that uses shops through a server. Make it with [New]. It may
// be used by many goroutines.
type Client struct{ caller }

// Option changes how a client reaches the server.
type Option func(*caller)

// WithTransport has requests sent by rt, http.DefaultTransport otherwise. It sees
// the key in the Authorization header.
func WithTransport(rt http.RoundTripper) Option { return func(c *caller) { c.rt = rt } }

// WithTimeout bounds the wait for an answer to begin, and the whole of one that
// is no stream; [DefaultTimeout] when zero or less.
func WithTimeout(d time.Duration) Option {
	return func(c *caller) {
		if d > 0 {
			c.timeout = d
		}
	}
}

// WithPlainHTTP lets the key go over plain HTTP to another machine. Whoever is on
// the way can read it then; it is for networks that are encrypted below.
func WithPlainHTTP() Option { return func(c *caller) { c.plain = true } }

// New returns a client of the server at an address such as
// https://zhanggui.example.com, with the client key zgc_… that its operator gave
// you. It fails for what cannot work, and sends nothing.
func New(server string, key secret.Value, options ...Option) (*Client, error) {
	if !strings.HasPrefix(key.RevealString(), clientPrefix) || !printable(key) {
		return nil, errors.New("zhanggui: that is no client key (zgc_…); the operator makes one with: zhanggui client create")
	}
	c, err := newCaller(server, key, options)
	return &Client{c}, err
}

func newCaller(server string, key secret.Value, options []Option) (caller, error) {
	c := caller{key: key, rt: http.DefaultTransport, timeout: DefaultTimeout}
	for _, o := range options {
		o(&c)
	}
	if c.rt == nil {
		c.rt = http.DefaultTransport
	}
	u, err := url.Parse(strings.TrimRight(server, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return caller{}, errors.New("zhanggui: the server's address must be like https://zhanggui.example.com, without user and query")
	}
	if u.Scheme == "http" && !c.plain && !here(u.Hostname()) {
		return caller{}, errors.New("zhanggui: the key would go to another machine over plain HTTP; write https, or say WithPlainHTTP")
	}
	c.base = u
	return c, nil
}

// here tells whether a host is this machine.
func here(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// printable tells whether a key can stand in a header.
func printable(key secret.Value) bool {
	return !strings.ContainsFunc(key.RevealString(), func(r rune) bool { return r <= ' ' || r > '~' })
}

// isDialError reports whether err is about getting a connection: nothing was sent.
func isDialError(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}
