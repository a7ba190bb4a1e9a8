package follow

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The keys of WxJava, which many platforms are built with, without the prefix that
// a program may put before them.
const (
	wxJavaAccess  = "wechat_authorizer_access_token:{platform}:{appid}"
	wxJavaRefresh = "wechat_authorizer_refresh_token:{platform}:{appid}"
)

// redis reads keys of a Redis. How long a token lives is how long its key does; a
// key without an end is believed for a minute.
type redis struct {
	address string // host:port
	tls     *tls.Config
	hello   []command
	access  string
	refresh string
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	idle    chan *conn
}

// mostIdle is how many connections wait for the next question.
const mostIdle = 4

func newRedis(p Place, u *url.URL) (*redis, error) {
	r := &redis{
		address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "6379")),
		access:  cmp.Or(p.AccessKey, wxJavaAccess), refresh: cmp.Or(p.RefreshKey, wxJavaRefresh),
		dial: egress.NewDialer(egress.Options{AllowPrivate: p.AllowPrivate}).DialContext,
		idle: make(chan *conn, mostIdle),
	}
	if u.Scheme == "rediss" {
		r.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	}
	if !p.Secret.IsZero() {
		r.hello = append(r.hello, authCommand(u.User.Username(), p.Secret))
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		r.hello = append(r.hello, command{"SELECT", db})
	}
	return r, nil
}

func authCommand(user string, password secret.Value) command {
	if user == "" {
		return command{"AUTH", password.RevealString()}
	}
	return command{"AUTH", user, password.RevealString()}
}

// close ends the connections that wait.
func (r *redis) close() {
	for {
		select {
		case c := <-r.idle:
			c.end()
		default:
			return
		}
	}
}

// Read implements [Source].
func (r *redis) Read(ctx context.Context, platform, account string) (Kept, error) {
	access := fill(r.access, platform, account)
	replies, err := r.ask(ctx, command{"GET", access}, command{"PTTL", access}, command{"GET", fill(r.refresh, platform, account)})
	if err != nil {
		return Kept{}, fmt.Errorf("follow: ask the other system's Redis: %w", err)
	}
	if replies[0].none {
		return Kept{}, ErrNone
	}
	left := unknown
	if ms := replies[1].number; ms >= 0 {
		left = time.Duration(min(ms, int64(maxLeft/time.Millisecond))) * time.Millisecond
	}
	return keptAs(replies[0].text, replies[2].text, left)
}

// ask sends commands over a connection that waits, or else over a new one. A
// connection that waited may have been ended by the other side meanwhile: reading is
// harmless, so it is done again over a new one.
func (r *redis) ask(ctx context.Context, commands ...command) ([]reply, error) {
	select {
	case c := <-r.idle:
		if replies, err := r.over(ctx, c, commands); err == nil || ctx.Err() != nil {
			return replies, err
		}
	default:
	}
	c, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	return r.over(ctx, c, commands)
}

// over asks over one connection and keeps it for the next if it is well.
func (r *redis) over(ctx context.Context, c *conn, commands []command) ([]reply, error) {
	replies, err := c.do(ctx, commands...)
	if err != nil {
		c.end()
		return nil, err
	}
	select {
	case r.idle <- c:
	default:
		c.end()
	}
	return replies, nil
}

// connect makes a connection and shows it who asks.
func (r *redis) connect(ctx context.Context) (*conn, error) {
	n, err := r.dial(ctx, "tcp", r.address)
	if err != nil {
		return nil, unreached(err)
	}
	if r.tls != nil {
		over := tls.Client(n, r.tls)
		if err := over.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS: %w; look at its certificate, or write redis:// in a private network", err), n.Close())
		}
		n = over
	}
	c := newConn(n)
	if _, err := c.do(ctx, r.hello...); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// unreached keeps why a connection was not made, without the address.
func unreached(err error) error {
	if errors.Is(err, egress.ErrRefused) {
		return egress.ErrRefused
	}
	return fmt.Errorf("cannot connect: %w; look whether it runs and lets this machine in", bare(err))
}
