package wechattest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// pipeURL is a name that nobody can resolve: only the pipe's client gets there.
const pipeURL = "http://wechat.invalid"

// NewPipe starts an emulator that listens in memory. Only its Client reaches
// it, at its URL. Call it inside the bubble when using testing/synctest: time
// stands still there until everybody waits, so a two-hour token costs nothing.
func NewPipe(t testing.TB, o *Options) *Server {
	t.Helper()
	s := open(t, o)
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: s.Sim}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) }) // ends with ErrServerClosed
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = srv.Close()
		wg.Wait()
	})
	s.URL, s.Client = pipeURL, &http.Client{Transport: transport, CheckRedirect: stay}
	return s
}

// pipeListener hands one end of a net.Pipe to whoever dials and the other to
// the server.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the next connection.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close makes dialling and accepting fail.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr names the listener.
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
