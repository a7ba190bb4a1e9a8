package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/web"
)

// Listeners are where an App listens. Make them with [App.Listen].
type Listeners struct {
	Public, Ops, Admin net.Listener
}

// Close stops listening. Run does it by itself.
func (l Listeners) Close() error {
	var errs []error
	for _, x := range []net.Listener{l.Public, l.Ops, l.Admin} {
		if x != nil {
			errs = append(errs, x.Close())
		}
	}
	return errors.Join(errs...)
}

// Listen opens the listeners of the configuration. Requests wait until
// [App.Run].
func (a *App) Listen(ctx context.Context) (Listeners, error) {
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", a.o.Config.Listen)
	if err != nil {
		return Listeners{}, fmt.Errorf("public listener: %w; choose another address with --listen", err)
	}
	return a.ListenOn(ctx, public)
}

// ListenOn is [App.Listen] with a public listener that is open already. It is
// closed if ListenOn fails.
//
// The public listener takes a bounded number of connections, so that strangers
// leave file descriptors for the others.
func (a *App) ListenOn(ctx context.Context, public net.Listener) (l Listeners, err error) {
	l.Public = web.Limit(public, web.MaxConns())
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	config, err := a.tlsConfig(ctx)
	if err != nil {
		return l, err
	}
	if config != nil {
		l.Public = tls.NewListener(l.Public, config) // outside of Limit: net/http must see it
	}
	if l.Ops, err = new(net.ListenConfig).Listen(ctx, "tcp", a.o.Config.OpsListen); err != nil {
		return l, fmt.Errorf("ops listener: %w; choose another address with --ops-listen", err)
	}
	l.Admin, err = listenAdmin(ctx, filepath.Join(a.o.Config.Data, SocketFile))
	return l, err
}

// listenAdmin opens the admin socket. One that is left of a process that was
// killed is removed: the store's lock says that no other process is alive here.
// The directory is its owner's only, so there is no moment in which others could
// open the socket before its mode is set.
func listenAdmin(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w; the data directory's path may be too long for a socket, choose a shorter one with --data", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("admin socket: %w", err), l.Close())
	}
	return l, nil
}

// stopGrace is how long requests may go on after the App was told to stop.
const stopGrace = 10 * time.Second

// purgeEvery is how often rows that nobody needs any more are deleted.
const purgeEvery = time.Hour

// Run serves on l until ctx ends or a listener fails, stops in good order, and
// closes the App.
func (a *App) Run(ctx context.Context, l Listeners) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var wg sync.WaitGroup
	wg.Go(func() { a.refused.run(work, a.store.Append) })
	wg.Go(func() { a.runTracing(work) })
	wg.Go(func() { a.watchStore().Run(work) })
	wg.Go(func() {
		if a.replica.becomeWhole(work) {
			a.work(work, &wg)
		}
	})

	err := a.serve(ctx, []server{{l.Public, a.Public()}, {l.Ops, a.Ops()}, {l.Admin, a.Admin()}})
	stopWork()
	wg.Wait()
	return errors.Join(err, a.finish(context.WithoutCancel(ctx)), a.Close())
}

// finish signs what was written last. A database that is away has nothing new, and
// the next server signs what it has.
func (a *App) finish(ctx context.Context) error {
	if a.replica.check() != nil {
		return nil
	}
	a.grants.Save(ctx)
	err := a.heads.sign(ctx)
	if a.replica != nil && postgres.Unreachable(err) {
		a.o.Log.Warn("the audit log's head was not signed: the database is away", "error", err)
		return nil
	}
	return err
}

// work is what goes on beside the requests until ctx ends. It needs the database,
// if only now and then.
func (a *App) work(ctx context.Context, wg *sync.WaitGroup) {
	wg.Go(func() { _ = a.keeper.Run(ctx) }) // its error is the end of ctx
	wg.Go(func() { _ = a.provider.Run(ctx) })
	wg.Go(func() { a.heads.run(ctx) })
	wg.Go(func() { a.purge(ctx) })
	wg.Go(func() { a.grants.Run(ctx) })
	wg.Go(func() { a.shared.run(ctx) })
	wg.Go(func() { a.clock.Run(ctx) })
	wg.Go(func() { a.signer.Run(ctx) })
	wg.Go(func() { a.oidc.Run(ctx) })
	wg.Go(func() { a.outbox.Run(ctx) })
	wg.Go(func() { a.alerts.Run(ctx) })
	wg.Go(func() { a.watch().Run(ctx) })
	wg.Go(func() { a.relay.Run(ctx) })
	wg.Go(func() { a.quotas.run(ctx) })
	wg.Go(func() { a.radar.Run(ctx) })
	wg.Go(func() { a.strangers.Run(ctx) })
	wg.Go(func() { a.sessions.Run(ctx) })
	wg.Go(func() { a.people.Run(ctx) })
	wg.Go(func() { a.rotate.Run(ctx) })
	wg.Go(func() { a.keyUses.run(ctx, a.store, a.o.Log) })
	a.keepLog(ctx, wg)
	wg.Go(func() { a.reviews.Run(ctx) })
	wg.Go(func() { a.renewals.Run(ctx) })
	wg.Go(func() { a.owners.Run(ctx) })
	a.replica.run(ctx, wg)
}

// server is a listener with what it serves.
type server struct {
	listener net.Listener
	handler  http.Handler
}

// serve runs servers until ctx ends or one fails, then lets requests finish.
func (a *App) serve(ctx context.Context, servers []server) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	var running []*http.Server
	for _, s := range servers {
		srv := web.Server(s.handler, a.o.Log)
		running = append(running, srv)
		wg.Go(func() {
			if err := srv.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("listener %s: %w", s.listener.Addr(), err))
			}
		})
	}
	<-ctx.Done()
	a.relay.End() // streams never end by themselves
	a.upstreams.End()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	for _, srv := range running {
		wg.Go(func() {
			if srv.Shutdown(grace) != nil {
				_ = srv.Close() // what did not finish in time is cut
			}
		})
	}
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// purge deletes what nobody needs any more, at the start and every hour.
func (a *App) purge(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		if err := a.store.Purge(ctx, a.o.Now()); err != nil && ctx.Err() == nil {
			a.o.Log.Error("old rows were not deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
