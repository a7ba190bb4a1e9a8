package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/balance"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Settings are what a run is made of. The zero value is ready for use, apart
// from the seed.
type Settings struct {
	Seed     uint64
	For      time.Duration // how long things go wrong; 0: 30 s
	Replicas int           // 0: three, or one with SQLite
	Shops    int           // 0: 50
	People   int           // 0: three
	Life     time.Duration // of tokens; 0: 14 s
	Times    Times         // zero: DefaultTimes

	SQLite   bool         // one replica on a file
	Database secret.Value // URL of an empty PostgreSQL database; zero: a server of our own
	Failover bool         // a server of our own with a standby that takes over in the middle
	NoSkew   bool         // the replicas' clocks are right

	Keep    string    // a new directory for data, logs and database; empty keeps nothing
	Trace   io.Writer // one line for each fault; nil: none
	Command []string  // starts a replica; nil: this binary

	quiet bool // nothing goes wrong, in tests of the judgement
}

func (s *Settings) fill() (err error) {
	set := func(n *int, standard int) {
		if *n <= 0 {
			*n = standard
		}
	}
	if s.SQLite {
		s.Replicas = 1
	}
	set(&s.Replicas, 3)
	set(&s.Shops, 50)
	set(&s.People, 3)
	if s.For <= 0 {
		s.For = 30 * time.Second
	}
	if s.Life <= 0 {
		s.Life = 14 * time.Second
	}
	if s.Times == (Times{}) {
		s.Times = DefaultTimes
	}
	if s.Command == nil {
		s.Command, err = self()
	}
	return err
}

// Plan draws what goes wrong in a run with these settings.
func (s *Settings) Plan() Plan {
	if s.fill() != nil {
		s.Command = nil // a plan needs nothing to start
	}
	if s.quiet {
		return Plan{Seed: s.Seed, Offsets: make([]time.Duration, s.Replicas)}
	}
	return NewPlan(s.Seed, Scene{Replicas: s.Replicas, Shops: s.Shops, For: s.For, Lease: s.Times.Lease, Shared: !s.SQLite, Skew: !s.SQLite && !s.NoSkew, Failover: s.Failover})
}

// Report is what came of a run.
type Report struct {
	Seed     uint64          `json:"seed"`
	Database string          `json:"database"`
	For      float64         `json:"for_seconds"`
	Replicas int             `json:"replicas"`
	Shops    int             `json:"shops"`
	People   int             `json:"people"`
	Faults   map[Kind]int    `json:"faults"`
	Healed   float64         `json:"healed_seconds"` // from the last fault until everything was well again
	Balance  balance.Balance `json:"balance"`
}

// Numbers of a run.
const (
	callersAtWork = 4
	callerPace    = 50 * time.Millisecond
	healWithin    = 90 * time.Second // the longest wait of the keeper's retry plan that faults of seconds lead to, and a lease
	calmFor       = 3 * time.Second
)

// run is everything of one run while it goes on.
type run struct {
	Settings
	plan     Plan
	dir      string
	base     base
	emulator *emulator
	replicas []*replica
	witness  witness
	breaker  *breaker
	callers  *callers
	calm     time.Time
	healed   time.Duration
	problems []string
}

// Run breaks things for a while and judges what came of it. An error says that
// there is nothing to judge; what did not hold is in the report.
func Run(ctx context.Context, s Settings) (_ *Report, err error) {
	if err := s.fill(); err != nil {
		return nil, err
	}
	r := &run{Settings: s, plan: s.Plan()}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, step := range []func(context.Context) error{r.build, r.furnish, r.trouble, r.heal} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	h, err := r.history(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.leave(h); err != nil {
		return nil, err
	}
	return r.report(balance.Judge(h)), nil
}

// HistoryFile is where a run that keeps its data leaves what was seen of it: the
// [balance.History] as JSON, without any secret.
const HistoryFile = "history.json"

// leave writes what was seen beside the logs.
func (r *run) leave(h balance.History) error {
	if r.Keep == "" {
		return nil
	}
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, HistoryFile), b, 0o600)
}

func (r *run) report(b balance.Balance) *Report {
	faults := map[Kind]int{}
	for _, f := range r.plan.Faults {
		faults[f.Kind]++
	}
	return &Report{Seed: r.Seed, Database: r.base.name(), For: r.For.Seconds(), Replicas: r.Replicas, Shops: r.Shops, People: r.People,
		Faults: faults, Healed: r.healed.Seconds(), Balance: b}
}

// build makes directory, database, emulator and replicas, and starts them.
func (r *run) build(ctx context.Context) (err error) {
	if r.dir, err = makeDir(r.Keep); err != nil {
		return err
	}
	if r.base, err = r.openBase(ctx); err != nil {
		return err
	}
	world := newWorld(r.Shops, r.People, r.Life)
	var addresses []string
	if r.emulator, addresses, err = newEmulator(ctx, world, r.Replicas); err != nil {
		return err
	}
	for i, address := range addresses {
		x, err := r.newReplica(ctx, i, address)
		if err != nil {
			return err
		}
		r.replicas = append(r.replicas, x)
	}
	// The first one makes the database and the keys that all share.
	if err := r.replicas[0].start(ctx); err != nil {
		return err
	}
	for _, x := range r.replicas[1:] {
		if err := shareKeys(r.replicas[0].spec.Data, x.spec.Data); err != nil {
			return err
		}
		if err := x.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes the directory that everything goes to. Its path is short: it
// holds sockets.
func makeDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "zgc")
	}
	if err := os.Mkdir(keep, 0o700); err != nil {
		return "", fmt.Errorf("%w; --keep makes a new directory", err)
	}
	return filepath.Abs(keep)
}

func (r *run) newReplica(ctx context.Context, i int, emulator string) (*replica, error) {
	x := &replica{command: r.Command, spec: spec{Index: i, Data: dataOf(r.dir, i), Listen: "127.0.0.1:0", Offset: r.plan.Offsets[i], Times: r.Times}}
	var err error
	if x.wechat, err = NewWay(ctx, "tcp", emulator); err != nil {
		return nil, err
	}
	x.spec.WeChat = "http://" + x.wechat.Addr()
	x.toStore, x.spec.Settings, err = r.base.ways(ctx, x.spec.Data)
	return x, err
}

// shareKeys gives one replica the key files of another, as an operator would.
func shareKeys(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, name := range []string{app.MasterKeyFile, audit.KeyFile, audit.PubFile} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// furnish sets the scene: the witness, the shops, the people, the first tokens.
func (r *run) furnish(ctx context.Context) error {
	db, err := r.base.open(ctx)
	if err != nil {
		return err
	}
	r.witness = witness{db: db}
	if err := r.witness.install(ctx, r.base.statements()); err != nil {
		return err
	}
	first := r.replicas[0]
	op := newOperator(first.spec.Data)
	key, err := r.declare(ctx, op, first.said.Public)
	if err != nil {
		return err
	}
	for i := range r.People {
		if err := op.invite(ctx, r.emulator, first.public(), person(i)); err != nil {
			return err
		}
	}
	r.callers = newCallers(r.replicas, r.Shops, key)
	r.breaker = &breaker{replicas: r.replicas, emulator: r.emulator, failover: r.base.failover, out: r.Trace}
	if err := r.until(ctx, healWithin, "the first tokens did not come", r.well); err != nil || len(r.problems) == 0 {
		return err
	}
	return errors.New(r.problems[0] + ", before anything was broken; --keep leaves the logs")
}

// declared is in how many parts the shops are declared, so that their tokens do
// not all come due together.
const declared = 5

// declare makes the shops, a part at a time over half of a token's life, and
// gives the key of the programs.
func (r *run) declare(ctx context.Context, op operator, host string) (key string, err error) {
	for part := range declared {
		n := r.Shops * (part + 1) / declared
		made, err := op.declare(ctx, manifest(n, host))
		if err != nil {
			return "", err
		}
		key = cmp.Or(key, made)
		if part < declared-1 && !sleep(ctx, r.Life/2/declared) {
			return "", context.Cause(ctx)
		}
	}
	return key, nil
}

// trouble carries out the plan while programs call.
func (r *run) trouble(ctx context.Context) error {
	begin := time.Now()
	calling, enough := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); r.callers.run(calling, callersAtWork, callerPace) }()
	r.breaker.run(ctx, r.plan)
	sleep(ctx, r.For-time.Since(begin))
	enough()
	<-done
	return context.Cause(ctx)
}

// heal starts what is not running and waits until everything is well without
// further help, then has programs call for a while.
func (r *run) heal(ctx context.Context) error {
	begin := time.Now()
	for _, x := range r.replicas {
		if err := r.until(ctx, healWithin, fmt.Sprintf("replica %d did not start again", x.spec.Index), func(ctx context.Context) (bool, error) {
			return x.start(ctx) == nil, nil
		}); err != nil {
			return err
		}
	}
	if err := r.until(ctx, healWithin, "not everything healed by itself", r.well); err != nil {
		return err
	}
	r.healed, r.calm = time.Since(begin), time.Now()
	calling, enough := context.WithTimeout(ctx, calmFor)
	defer enough()
	r.callers.run(calling, callersAtWork, callerPace)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, x := range r.replicas {
		if err := x.crashed(); err != nil {
			r.problems = append(r.problems, err.Error())
		}
	}
	for _, err := range r.breaker.failed {
		r.problems = append(r.problems, err.Error())
	}
	return nil
}

// until polls a condition. One that does not come is a problem of the run, not
// an error.
func (r *run) until(ctx context.Context, within time.Duration, missing string, done func(context.Context) (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(within)
	for {
		ok, err := done(ctx)
		if err != nil || ok {
			return err
		}
		if time.Now().After(deadline) {
			r.problems = append(r.problems, fmt.Sprintf("%s within %v", missing, within))
			return nil
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}

// close ends everything that was started. It may be called in any state.
func (r *run) close() error {
	var errs []error
	for _, x := range r.replicas {
		x.kill()
		for _, w := range append(x.toStore, x.wechat) {
			errs = append(errs, w.Close())
		}
	}
	if r.emulator != nil {
		r.emulator.close()
	}
	if r.witness.db != nil {
		errs = append(errs, r.witness.db.Close())
	}
	if r.base != nil {
		errs = append(errs, r.base.close())
	}
	if r.dir != "" && r.Keep == "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}
