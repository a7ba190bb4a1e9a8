package scale

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/keeper"
)

// server is the real server on a world's directory.
type server struct {
	tb      testing.TB
	app     *app.App
	ops     string
	settled atomic.Int64 // settle transactions' items
	stop    context.CancelFunc
	ended   chan error
}

// start opens and runs a server; change may alter its keeper. It is not ready
// yet when start returns.
func (w *world) start(wechat string, change func(*keeper.Options)) *server {
	w.tb.Helper()
	s := &server{tb: w.tb, ended: make(chan error, 1)}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	a, err := app.New(ctx, app.Options{Config: w.config(wechat), Version: "scale", Keeper: func(o *keeper.Options) {
		o.Observer = counting{o.Observer, &s.settled}
		if change != nil {
			change(o)
		}
	}})
	if err != nil {
		w.tb.Fatal(err)
	}
	l, err := a.Listen(ctx)
	if err != nil {
		w.tb.Fatal(errors.Join(err, a.Close()))
	}
	s.app, s.ops = a, "http://"+l.Ops.Addr().String()
	go func() { s.ended <- a.Run(ctx, l) }()
	w.tb.Cleanup(s.end)
	return s
}

func (w *world) config(wechat string) config.Config {
	w.tb.Helper()
	flags := map[string]string{
		"public_url": "http://127.0.0.1:8080", "listen": "127.0.0.1:0", "ops_listen": "127.0.0.1:0", "data": w.dir,
		"wechat.open": wechat, "wechat.api": wechat, "wechat.mp": wechat, "operator.name": "测试",
	}
	if !w.url.IsZero() {
		flags["database"] = w.url.RevealString()
	}
	c, err := config.Load(config.Source{Flags: flags})
	if err != nil {
		w.tb.Fatal(err)
	}
	return *c
}

// end stops the server; a second call does nothing.
func (s *server) end() {
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	if err := <-s.ended; err != nil {
		s.tb.Errorf("the server ended: %v", err)
	}
}

// ready waits until the server says that it can serve.
func (s *server) ready() {
	s.tb.Helper()
	s.await("ready", time.Minute, func() bool {
		resp, err := http.Get(s.ops + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// await waits until something holds.
func (s *server) await(what string, most time.Duration, holds func() bool) {
	s.tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(most)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			s.tb.Fatalf("not %s after %v", what, most)
		case err := <-s.ended:
			s.ended <- err
			s.tb.Fatalf("the server ended: %v", err)
		}
	}
}

// counting counts what is settled.
type counting struct {
	keeper.Observer
	n *atomic.Int64
}

func (c counting) Settled(batch int, took time.Duration, err error) {
	if err == nil {
		c.n.Add(int64(batch))
	}
	c.Observer.Settled(batch, took, err)
}
