package scale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// callers is how many want the token of one shop at the same moment.
const callers = 1000

// mintTakes is how long the emulator takes to make a token: long enough for
// every caller to come while it does.
const mintTakes = 100 * time.Millisecond

// TestStampede: a thousand callers over keepers in one process and in four want
// the token of one shop at once. One request for a token reaches WeChat, and no
// call fails.
func TestStampede(t *testing.T) {
	layouts := []struct {
		database           string
		processes, keepers int // keepers in each process
	}{
		{"sqlite", 1, 1}, {"sqlite", 1, 4}, // one process at a time may open it
		{"postgres", 1, 1}, {"postgres", 4, 1},
	}
	for _, l := range layouts {
		t.Run(fmt.Sprintf("%s, %d processes, %d keepers", l.database, l.processes, l.processes*l.keepers), func(t *testing.T) {
			for _, tt := range []struct {
				name  string
				warm  bool
				later time.Duration // how far the clocks go on after warming
				order replicaOrder
			}{
				{name: "cold", order: replicaOrder{}},
				{name: "expired", warm: true, order: replicaOrder{Later: 3 * time.Hour}},
				{name: "all answered 42001", warm: true, order: replicaOrder{Report: true}},
			} {
				t.Run(tt.name, func(t *testing.T) {
					stampede(t, l.database, l.processes, l.keepers, tt.warm, tt.order)
				})
			}
		})
	}
}

func stampede(t *testing.T, database string, processes, keepers int, warm bool, order replicaOrder) {
	e, w := startEmulator(t, 1), newWorld(t, database)
	e.post("/sim/faults", fmt.Sprintf(`{"path": "/cgi-bin/stable_token", "kind": "delay", "count": -1, "delay": %q}`, mintTakes))
	w.declare(1, time.Now())
	var replicas []*child
	for i := range processes {
		replicas = append(replicas, spawn(t, "replica", replicaSetup{
			Name: fmt.Sprint("replica-", i), Dir: w.dir, Database: w.url.RevealString(), WeChat: e.URL, Keepers: keepers,
		}))
	}
	want := 1
	order.Callers = callers / processes
	if warm {
		want++
		for _, r := range replicas {
			if out := r.obey(replicaOrder{Callers: keepers}); out.Failed > 0 {
				t.Fatalf("warming: %s", out.Problem)
			}
		}
	}
	if order.Later > 0 {
		e.post("/sim/clock", fmt.Sprintf(`{"advance": %q}`, order.Later))
	}
	if order.Report {
		e.post("/sim/tokens/kill", fmt.Sprintf(`{"appid": %q, "kind": "stable"}`, appID(0)))
	}
	for _, r := range replicas {
		r.say(order)
	}
	tokens := map[string]int{}
	for _, r := range replicas {
		var out replicaOutcome
		r.hear(&out)
		if out.Failed > 0 {
			t.Errorf("%d calls failed, the first with: %s", out.Failed, out.Problem)
		}
		for digest, n := range out.Tokens {
			tokens[digest] += n
		}
	}
	if all, refused := e.asked(); all != want || refused != 0 {
		t.Errorf("%d requests for a token, %d of them refused; want %d, 0", all, refused, want)
	}
	if len(tokens) != 1 {
		t.Errorf("callers got %d different tokens: %v", len(tokens), tokens)
	}
}

// replicaSetup says what a replica is, and replicaOrder what its callers want.
type (
	replicaSetup struct {
		Name, Dir, Database, WeChat string
		Keepers                     int
	}
	replicaOrder struct {
		Callers int
		Report  bool          // they were answered 42001
		Later   time.Duration // how far the clock goes on before they call
	}
	replicaOutcome struct {
		Failed  int
		Problem string         // of the first that failed
		Tokens  map[string]int // how many callers got a token, by its digest
	}
)

func (c *child) obey(o replicaOrder) (out replicaOutcome) {
	c.tb.Helper()
	c.say(o)
	c.hear(&out)
	return out
}

// post sends JSON to the emulator's control.
func (e *emulator) post(path, body string) {
	e.tb.Helper()
	resp, err := http.Post(e.URL+path, "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		e.tb.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		e.tb.Fatalf("%s: status %d", path, resp.StatusCode)
	}
}

// replica is a process with keepers on a store. Nothing is refreshed by plan:
// what is asked for, callers asked for.
type replica struct {
	keepers []*keeper.Keeper
	later   time.Duration
}

// replicaMain is a replica's process.
func replicaMain() error {
	var setup replicaSetup
	if err := lines.Decode(&setup); err != nil {
		return err
	}
	ctx := context.Background()
	w := &world{dir: setup.Dir, url: secret.FromString(setup.Database)}
	store, err := w.open(ctx)
	if err != nil {
		return err
	}
	r := &replica{}
	if err := r.make(ctx, w, store, setup); err != nil {
		return errors.Join(err, store.Close())
	}
	for {
		var o replicaOrder
		if err := lines.Decode(&o); err != nil {
			return store.Close() // the end of the orders
		}
		r.later += o.Later
		if err := tell(r.serve(ctx, o)); err != nil {
			return errors.Join(err, store.Close())
		}
	}
}

func (r *replica) now() time.Time { return time.Now().Add(r.later) }

func (r *replica) make(ctx context.Context, w *world, store *sqlstore.Store, setup replicaSetup) error {
	v, err := w.openVault(ctx, store)
	if err != nil {
		return err
	}
	client, err := wechat.New(wechat.Config{Hosts: wechat.Hosts{Open: setup.WeChat, API: []string{setup.WeChat}, MP: setup.WeChat}, Now: r.now})
	if err != nil {
		return err
	}
	for i := range setup.Keepers {
		r.keepers = append(r.keepers, keeper.New(keeper.Options{
			Store: store, Ledger: store, Vault: v, Owner: fmt.Sprint(setup.Name, "-", i), Now: r.now,
			Platform: keeper.WeChat{Client: func(access.App) (*wechat.Client, error) { return client, nil }},
		}))
	}
	return nil
}

// serve has callers want the first shop's token, all at once.
func (r *replica) serve(ctx context.Context, o replicaOrder) replicaOutcome {
	out := replicaOutcome{Tokens: map[string]int{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range o.Callers {
		wg.Go(func() {
			tok, err := call(ctx, r.keepers[i%len(r.keepers)], o.Report)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !r.now().Before(tok.Expires) {
				err = errors.New("an expired token was handed out")
			}
			if err == nil {
				out.Tokens[wechatsim.Digest(tok.Value.RevealString())]++
				return
			}
			if out.Failed++; out.Failed == 1 {
				out.Problem = err.Error()
			}
		})
	}
	wg.Wait()
	return out
}

func call(ctx context.Context, k *keeper.Keeper, report bool) (keeper.Token, error) {
	if report {
		return k.Report(ctx, keeper.Complaint{Shop: shopID(0), Generation: 1, ErrCode: 42001, By: keeper.ByClient("erp")})
	}
	return k.Token(ctx, shopID(0))
}
