package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// Options are how the demo is played.
type Options struct {
	Out     io.Writer
	JSON    bool   // Once: one JSON object a line
	Keep    string // a new directory that keeps database, logs, steps and the emulator's ledger; empty keeps nothing
	Version string
	// Switches replaces the emulator's, to play against its other side; nil
	// leaves the strict ones.
	Switches *wechatsim.Switches

	world    *wechatsim.World             // nil: the default one
	settings func(server *url.URL) string // further ones, as in a file; may be nil
}

// Names of what is left in the kept directory.
const (
	dataDir    = "data"
	serverLog  = "server.log"
	ledgerFile = "ledger.json"
	worldFile  = "world.json"
	stepsFile  = "steps.json"
)

// stage is everything that plays: emulator, server, and the way to both.
type stage struct {
	sim     *wechatsim.Sim
	simURL  *url.URL
	app     *app.App
	url     *url.URL
	ops     *url.URL
	dir     string
	log     *os.File
	admin   *http.Client
	serving sync.WaitGroup
	stop    context.CancelFunc
	failed  chan error
}

// open builds the stage on ports that public and sandbox name.
func open(ctx context.Context, o Options, public, sandbox string) (_ *stage, err error) {
	s := &stage{failed: make(chan error, 2)}
	ctx, s.stop = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(o))
		}
	}()
	if s.dir, err = makeDir(o.Keep); err != nil {
		return nil, err
	}
	if err := s.startSim(ctx, o, sandbox); err != nil {
		return nil, err
	}
	return s, s.startServer(ctx, o, public)
}

// makeDir makes the directory that everything goes to. One that is to be kept
// must be new, so that nothing is mistaken for this run's.
func makeDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "zhanggui-demo-")
	}
	if err := os.Mkdir(keep, 0o700); err != nil {
		return "", fmt.Errorf("%w; --keep makes a new directory", err)
	}
	return keep, nil
}

func (s *stage) startSim(ctx context.Context, o Options, address string) error {
	sim, err := wechatsim.Open(wechatsim.Options{World: o.world, Switches: o.Switches, KeepRaw: true})
	if err != nil {
		return err
	}
	l, err := listen(ctx, address)
	if err != nil {
		return err
	}
	s.sim, s.simURL = sim, &url.URL{Scheme: "http", Host: l.Addr().String()}
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() }) // nothing in an emulator is worth waiting for
	s.serving.Go(func() { sim.RunPushes(ctx) })
	s.serving.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	return nil
}

// listen prefers an address and takes a free port where it is in use.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	return l, nil
}

func (s *stage) startServer(ctx context.Context, o Options, address string) (err error) {
	public, err := listen(ctx, address)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, public.Close())
		}
	}()
	if s.log, err = os.OpenFile(filepath.Join(s.dir, serverLog), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	s.url = &url.URL{Scheme: "http", Host: public.Addr().String()}
	cfg, err := s.config(o)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.app, err = app.New(ctx, app.Options{Config: *cfg, Version: o.Version, Now: s.sim.Now, Log: log}); err != nil {
		return err
	}
	l, err := s.app.ListenOn(ctx, public)
	if err != nil {
		return errors.Join(err, s.app.Close())
	}
	s.ops = &url.URL{Scheme: "http", Host: l.Ops.Addr().String()}
	s.admin = app.SocketClient(cfg.Data)
	s.serving.Go(func() {
		if err := s.app.Run(ctx, l); err != nil {
			s.failed <- err
		}
	})
	return nil
}

// config is what an operator would write to use the emulator: base URLs, and
// nothing else that is out of the ordinary but o.settings.
func (s *stage) config(o Options) (*config.Config, error) {
	var more []byte
	if o.settings != nil {
		more = []byte(o.settings(s.url))
	}
	return config.Load(config.Source{Data: more, Flags: map[string]string{
		"public_url":  s.url.String(),
		"listen":      s.url.Host,
		"ops_listen":  "127.0.0.1:0",
		"data":        filepath.Join(s.dir, dataDir),
		"wechat.open": s.simURL.String(), "wechat.api": s.simURL.String(), "wechat.mp": s.simURL.String(),
		"operator.name": "掌柜演示", "operator.contact": "demo@zhanggui.example",
		"log.format": "json",
	}})
}

// ask sends a request to the admin socket, as the command line does.
func (s *stage) ask(ctx context.Context, method, path string, in, out any) error {
	return app.Ask(ctx, s.admin, method, path, in, out)
}

// close stops everything, keeps what is to be kept, and removes the rest.
func (s *stage) close(o Options) error {
	s.stop()
	s.serving.Wait()
	var errs []error
	select {
	case err := <-s.failed:
		errs = append(errs, err)
	default:
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	switch {
	case s.dir == "":
	case o.Keep == "":
		errs = append(errs, os.RemoveAll(s.dir))
	case s.sim != nil:
		errs = append(errs, s.keepWorld())
	}
	return errors.Join(errs...)
}

// keepWorld writes what the emulator saw, for others to check the story with.
func (s *stage) keepWorld() error {
	ledger, err := json.MarshalIndent(s.sim.Ledger(), "", " ")
	if err != nil {
		return err
	}
	world, err := json.MarshalIndent(wechatsim.DefaultWorld(), "", " ")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(s.dir, ledgerFile), ledger, 0o600),
		os.WriteFile(filepath.Join(s.dir, worldFile), world, 0o600))
}
