package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zhanggui/zhanggui/internal/chaos"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// chaosCmd tries whether replicas keep their promises when everything breaks.
type chaosCmd struct {
	Run     chaosRunCmd     `cmd:"" default:"withargs" help:"Break things for a while and judge what came of it."`
	Replica chaosReplicaCmd `cmd:"" hidden:"" help:"Be one replica; zhanggui chaos starts these."`
}

type chaosRunCmd struct {
	Seed     uint64        `help:"Draws the plan of faults; the same seed gives the same plan. Without one it is drawn and printed."`
	For      time.Duration `help:"How long things go wrong." default:"30s"`
	Total    time.Duration `help:"Run one seed after the other, as many as fit, and print the sum. Every third run on a server of our own fails over."`
	Replicas int           `help:"How many replicas." default:"3"`
	Shops    int           `help:"How many shops." default:"50"`
	Database string        `help:"URL of an empty PostgreSQL database. Without one, a server is started from the installed packages." env:"ZHANGGUI_CHAOS_DATABASE" xor:"database"`
	Sqlite   bool          `help:"One replica on SQLite." xor:"database"`
	Failover bool          `help:"A server with a synchronous standby, which takes over in the middle." xor:"database"`
	NoSkew   bool          `help:"Leave the replicas' clocks right."`
	Plan     bool          `help:"Print the plan of faults and do nothing."`
	Trace    bool          `help:"Print each fault as it happens."`
	Keep     string        `help:"Leave data and logs in this new directory; with SQLite also the database." type:"path"`
	JSON     bool          `help:"Print each report as JSON."`
}

// Help shows examples.
func (chaosRunCmd) Help() string {
	return `Runs replicas of this server as processes against the emulator and one database, on loopback; kills and stops them, moves their clocks, breaks their connections, ends tokens. Then it weighs what the emulator saw against what was needed. It exits with 1 unless the balance holds.

Examples:
  zhanggui chaos
  zhanggui chaos --seed 7 --for 2m --trace
  zhanggui chaos --sqlite --keep /tmp/seven`
}

var errChaos = errors.New("the balance does not hold; the problems are above, and zhanggui chaos --seed with --keep leaves everything to look at")

// Run implements the command.
func (x chaosRunCmd) Run(ctx context.Context, c console) error {
	if x.Database != "" && x.Total > 0 {
		return &usageError{"--total wants a new database for each run, so it does not go with --database"}
	}
	s := x.settings(c)
	if x.Plan {
		s.PrintPlan(c.out)
		return nil
	}
	if x.Total == 0 {
		r, err := x.once(ctx, c, s)
		if err == nil && !r.Balance.OK() {
			err = errChaos
		}
		return err
	}
	return x.total(ctx, c, s)
}

func (x chaosRunCmd) settings(c console) chaos.Settings {
	s := chaos.Settings{Seed: x.Seed, For: x.For, Replicas: x.Replicas, Shops: x.Shops, SQLite: x.Sqlite, Failover: x.Failover, Keep: x.Keep, NoSkew: x.NoSkew}
	if s.Seed == 0 {
		s.Seed = rand.Uint64N(1 << 32)
	}
	if x.Database != "" {
		s.Database = secret.FromString(x.Database)
	}
	if x.Trace {
		s.Trace = c.err
	}
	return s
}

// once makes one run and prints it.
func (x chaosRunCmd) once(ctx context.Context, c console, s chaos.Settings) (*chaos.Report, error) {
	r, err := chaos.Run(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", s.Seed, err)
	}
	if x.JSON {
		return r, json.NewEncoder(c.out).Encode(r)
	}
	r.Print(c.out)
	return r, nil
}

// total runs seed after seed while another run like the last one fits.
func (x chaosRunCmd) total(ctx context.Context, c console, s chaos.Settings) error {
	var sum chaos.Sum
	begin, keep := time.Now(), s.Keep
	for longest := time.Duration(0); sum.Runs == 0 || time.Since(begin)+longest < x.Total; s.Seed++ {
		from := time.Now()
		if s.Failover = x.Failover || !x.Sqlite && sum.Runs%3 == 2; keep != "" {
			s.Keep = fmt.Sprintf("%s-%d", keep, s.Seed)
		}
		r, err := x.once(ctx, c, s)
		if err != nil {
			return err
		}
		sum.Add(r)
		longest = max(longest, time.Since(from))
	}
	if x.JSON {
		if err := json.NewEncoder(c.out).Encode(sum); err != nil {
			return err
		}
	} else {
		sum.Print(c.out)
	}
	if len(sum.Broken) > 0 {
		return errChaos
	}
	return nil
}

type chaosReplicaCmd struct{}

// Help says that there is nothing to be done with it.
func (chaosReplicaCmd) Help() string {
	return "It is told what to be on its input, and ends when that does.\n\nExample:\n  zhanggui chaos --help"
}

// Run implements the command.
func (chaosReplicaCmd) Run(ctx context.Context, c console) error {
	return chaos.Replica(ctx, c.in, c.out, c.err)
}
