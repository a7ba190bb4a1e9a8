package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// sandboxCmd runs the emulator alone.
type sandboxCmd struct {
	Listen string `help:"Address to listen on." default:"127.0.0.1:8090"`
	World  string `help:"World file (JSON); without one, a small world with one shop." type:"existingfile"`
}

// Help shows examples.
func (sandboxCmd) Help() string {
	return `An emulated WeChat, as strict as the real one where that is known. Give its URL to a program as WeChat's base URL. Its home page and its control API under /sim/ move the clock, let people withdraw, send events to the program's push URL, and arm faults.

Examples:
  zhanggui sandbox
  zhanggui sandbox --listen 127.0.0.1:8090 --world examples/world.json`
}

// Run implements the command.
func (s sandboxCmd) Run(ctx context.Context, c console) error {
	sim, err := s.open()
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	fmt.Fprintf(c.out, "the emulated WeChat listens on http://%s\n", l.Addr())
	go sim.RunPushes(ctx)
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() }) // nothing in an emulator is worth waiting for
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s sandboxCmd) open() (*wechatsim.Sim, error) {
	if s.World == "" {
		world := wechatsim.DefaultWorld()
		world.Loopback = true
		return wechatsim.Load(world)
	}
	f, err := os.Open(s.World)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	world, err := wechatsim.LoadWorld(f)
	if err != nil {
		return nil, err
	}
	return wechatsim.Load(world)
}
