package upstream_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/zhanggui/zhanggui/internal/upstream"
	"github.com/zhanggui/zhanggui/internal/web"
)

// quiet is for servers whose complaints are part of a test.
var quiet = log.New(io.Discard, "", 0)

// pipes are a proxy and a back office over pipes in memory, for virtual time.
type pipes struct {
	t     *testing.T
	front chan net.Conn
}

func newPipes(t *testing.T, h http.HandlerFunc) *pipes {
	back := listener{make(chan net.Conn), make(chan struct{})}
	front := listener{make(chan net.Conn), make(chan struct{})}
	page := func(h web.Handler) http.Handler { return web.Machine(h) }
	proxy, err := upstream.New(upstream.Options{Page: page, Hosts: []upstream.Host{{Name: "erp.example.com", To: &url.URL{Scheme: "http", Host: "erp.internal"}}}})
	if err != nil {
		t.Fatal(err)
	}
	upstream.DialWith(proxy, func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		back.conns <- far
		return near, nil
	})
	servers := []*http.Server{{Handler: h}, web.Server(web.Wrap(web.AnswerWithin(web.AnswerTimeout, proxy), web.Options{}), nil)}
	for i, l := range []listener{back, front} {
		go servers[i].Serve(l) //nolint:errcheck // it ends with the test
	}
	t.Cleanup(func() {
		proxy.Close()
		for _, s := range servers {
			_ = s.Close()
		}
		synctest.Wait()
	})
	return &pipes{t, front.conns}
}

// visit opens a visitor's connection.
func (p *pipes) visit() net.Conn {
	near, far := net.Pipe()
	p.t.Cleanup(func() { _ = near.Close() })
	p.front <- far
	return near
}

// listener is a net.Listener over pipes.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error   { close(l.done); return nil }
func (l listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
