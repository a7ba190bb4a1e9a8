package wechattest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/zhanggui/zhanggui/internal/memnet"
)

// pipeURL is a name that nobody can resolve: only the pipe's client gets there.
const pipeURL = "http://wechat.invalid"

// NewPipe starts an emulator that listens in memory. Only its Client reaches
// it, at its URL. Call it inside the bubble when using testing/synctest: time
// stands still there until everybody waits, so a two-hour token costs nothing.
func NewPipe(t testing.TB, o *Options) *Server {
	t.Helper()
	s := open(t, o)
	network := &memnet.Network{}
	l := network.Listen()
	srv := &http.Server{Handler: s.Sim}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) }) // ends with ErrServerClosed
	transport := &http.Transport{DialContext: func(ctx context.Context, kind, _ string) (net.Conn, error) {
		return network.Dial(ctx, kind, l.Addr().String())
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = srv.Close()
		wg.Wait()
	})
	s.URL, s.Client = pipeURL, &http.Client{Transport: transport, CheckRedirect: stay}
	return s
}
