package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/keeper"
)

// Times are the keeper's numbers in a run: short, so that a pause of seconds
// outlives a lease.
type Times struct {
	Tick, Lease, Margin, Ask time.Duration
}

// DefaultTimes leave room for one request and one settle in a lease.
var DefaultTimes = Times{Tick: 100 * time.Millisecond, Lease: 3 * time.Second, Margin: 500 * time.Millisecond, Ask: 800 * time.Millisecond}

// spec is what a replica is told on its first line of input. The lines after
// it are orders. The end of input ends the replica: its parent is gone.
type spec struct {
	Index    int // of the replica
	Start    int // how often it was started before
	Data     string
	Listen   string
	WeChat   string // base URL of its way to the emulator
	Settings map[string]string
	Offset   time.Duration // of its clock
	Times    Times
}

// owner names a replica's keeper in leases, so that the witness can tell whose
// a term is.
func (s spec) owner() string { return fmt.Sprintf("replica-%d-%d", s.Index, s.Start) }

// replicaOf reads what owner wrote; -1 if it is of nobody.
func replicaOf(owner string) int {
	var index, start int
	if n, err := fmt.Sscanf(owner, "replica-%d-%d", &index, &start); n != 2 || err != nil {
		return -1
	}
	return index
}

// order is one line of input after the first.
type order struct{ Offset time.Duration }

// hello is the only line that a replica prints.
type hello struct{ Public, Ops string }

// spoil takes something away from a replica's keeper. Tests set it in processes
// of their own, to see that the judgement finds out; the program never does.
var spoil func(*keeper.Options)

// Replica is the process of one replica: the server as zhanggui serve runs it,
// with the numbers that the parent gives on in. It ends with ctx, and at once
// when in ends.
func Replica(ctx context.Context, in io.Reader, out, logs io.Writer) error {
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return errors.New("a replica is started by zhanggui chaos, which tells it what to be; run that")
	}
	var s spec
	if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
		return fmt.Errorf("what a replica is told: %w", err)
	}
	var clock wallClock
	clock.set(s.Offset)
	go obey(lines, &clock)
	return s.serve(ctx, &clock, out, logs)
}

// obey follows orders until the parent is gone.
func obey(lines *bufio.Scanner, clock *wallClock) {
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err == nil {
			clock.set(o.Offset)
		}
	}
	os.Exit(1)
}

func (s spec) serve(ctx context.Context, clock *wallClock, out, logs io.Writer) error {
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(logs, nil))
	a, err := s.open(ctx, clock, public.Addr().String(), log)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	l, err := a.ListenOn(ctx, public)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	if err := json.NewEncoder(out).Encode(hello{public.Addr().String(), l.Ops.Addr().String()}); err != nil {
		return errors.Join(err, l.Close(), a.Close())
	}
	return a.Run(ctx, l)
}

func (s spec) open(ctx context.Context, clock *wallClock, address string, log *slog.Logger) (*app.App, error) {
	flags := map[string]string{
		"public_url": "http://" + address, "listen": address, "ops_listen": "127.0.0.1:0", "data": s.Data,
		"wechat.open": s.WeChat, "wechat.api": s.WeChat, "wechat.mp": s.WeChat, "operator.name": "掌柜混沌",
	}
	maps.Copy(flags, s.Settings)
	cfg, err := config.Load(config.Source{Flags: flags})
	if err != nil {
		return nil, err
	}
	return app.New(ctx, app.Options{Config: *cfg, Version: "chaos", Machine: clock.now, Log: log, Keeper: func(o *keeper.Options) {
		o.Owner = s.owner()
		o.Tick, o.Lease, o.Margin, o.Ask = s.Times.Tick, s.Times.Lease, s.Times.Margin, s.Times.Ask
		if spoil != nil {
			spoil(o)
		}
	}})
}
