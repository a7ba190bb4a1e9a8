package keeper

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestModel lets random histories happen to three processes on one store and
// watches what must always hold: see witness and calls.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		history := rapid.SliceOfN(rapid.Custom(drawStep), 5, 40).Draw(rt, "history")
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = newWorld(t, 5*time.Second).live(history) })
		if len(faults) > 0 {
			rt.Fatal(faults[0])
		}
	})
}

// step is one thing that happens in a history.
type step struct {
	What    string
	Process int
	By      string
	Wait    time.Duration
	Weather string
	Op      string
	Side    fault
	Times   int
}

func drawStep(rt *rapid.T) step {
	s := step{
		What: rapid.SampledFrom([]string{
			"wait", "wait", "calls", "calls", "report", "report", "old report", "wechat", "store", "restart", "kick",
			"wechat kills", "named token dies", "probe lies", "probe is true", "prove",
		}).Draw(rt, "what"),
		Process: rapid.IntRange(0, 2).Draw(rt, "process"),
		By:      rapid.SampledFrom([]string{ByClient("a"), ByClient("b"), BySystem, ByAdmin("x"), ByOperator}).Draw(rt, "by"),
	}
	switch s.What {
	case "wait":
		s.Wait = time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(rt, "wait"))
	case "wechat":
		s.Weather = rapid.SampledFrom([]string{"fine", "fine", "busy", "lost before", "lost after", "stop", "limit"}).Draw(rt, "weather")
	case "store":
		s.Op = rapid.SampledFrom([]string{"Claim", "ClaimDue", "Settle", "Grant"}).Draw(rt, "operation")
		s.Side = rapid.SampledFrom([]fault{failed, landed4Sure}).Draw(rt, "side")
		s.Times = rapid.IntRange(1, 5).Draw(rt, "times")
	}
	return s
}

// live lets a history happen and returns what went wrong.
func (w *world) live(history []step) []string {
	for _, s := range history {
		w.step(s)
	}
	w.mend()
	w.witness.mu.Lock()
	defer w.witness.mu.Unlock()
	return w.witness.faults
}

// world is a history with its witnesses.
type world struct {
	*env
	keepers []*Keeper
	stops   []func()
	tick    time.Duration
	witness *witness
}

// witness sits between the keepers and WeChat, and between them and the
// store, and notes what must not happen.
type witness struct {
	*fakeWeChat
	store *memStore

	mu     sync.Mutex
	terms  map[int64]int  // normal requests by term
	dead   map[int64]bool // terms in which the probe called the kept token dead
	liar   bool           // the probe calls living tokens dead
	asks   []time.Time
	faults []string
}

func (w *witness) lies(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.liar = yes
}

// Probe notes what the keeper was told, by term.
func (w *witness) Probe(ctx context.Context, app access.App, token secret.Value) (bool, error) {
	dead, err := w.fakeWeChat.Probe(ctx, app, token)
	g := w.store.row("g_lantian")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[g.Lease.Term] = dead && err == nil
	return dead, err
}

// Stable looks at the lease in the store at the moment of the request: every
// request has a term of its own, and the term before is settled or over.
func (w *witness) Stable(ctx context.Context, app access.App, key secret.Value, force bool) (Answer, error) {
	g := w.store.row("g_lantian")
	now := time.Now()
	w.mu.Lock()
	if !force {
		w.terms[g.Lease.Term]++
		w.asks = append(w.asks, now)
	}
	if w.terms[g.Lease.Term] != 1 {
		w.faults = append(w.faults, fmt.Sprintf("%d requests in term %d", w.terms[g.Lease.Term], g.Lease.Term))
	}
	if !live(&g, now) {
		w.faults = append(w.faults, fmt.Sprintf("request without a live lease, term %d", g.Lease.Term))
	}
	if n := recent(w.asks, now.Add(-10*time.Minute)); n > 60 {
		w.faults = append(w.faults, fmt.Sprintf("%d requests within ten minutes", n))
	}
	proved, liar := w.dead[g.Lease.Term], w.liar
	w.mu.Unlock()
	if force && !proved {
		w.note("a forced refresh without a probe that found the token dead")
	}
	if force && !liar && w.fakeWeChat.livesOn(app.ID) {
		w.note("a forced refresh ended a living token")
	}
	return w.fakeWeChat.Stable(ctx, app, key, force)
}

// budget has the checker of the ledger speak to a witness.
type budget struct{ *witness }

func (budget) Helper() {}

func (b budget) Errorf(format string, args ...any) { b.note(fmt.Sprintf(format, args...)) }

func recent(asks []time.Time, since time.Time) int {
	n := 0
	for _, at := range asks {
		if at.After(since) {
			n++
		}
	}
	return n
}

func newWorld(t testing.TB, tick time.Duration) *world {
	w := &world{env: newEnv(t), tick: tick}
	w.witness = &witness{fakeWeChat: w.env.wechat, store: w.store, terms: map[int64]int{}, dead: map[int64]bool{}}
	w.env.wechat.latency = 300 * time.Millisecond
	for i := range 3 {
		w.keepers = append(w.keepers, nil)
		w.stops = append(w.stops, nil)
		w.start(i)
	}
	return w
}

// start makes process i anew, with an empty memory.
func (w *world) start(i int) {
	w.keepers[i] = w.another(fmt.Sprint("process ", i), func(o *Options) {
		o.Platform, o.Tick = w.witness, w.tick
	})
	w.stops[i] = running(w.keepers[i])
}

// step makes one thing happen.
func (w *world) step(s step) {
	generation := w.row().Tokens.Generation
	switch s.What {
	case "wait":
		time.Sleep(s.Wait)
	case "calls":
		w.calls(s.Process, func(k *Keeper) (Token, error) { return k.Token(context.Background(), "lantian") })
	case "report":
		w.calls(s.Process, func(k *Keeper) (Token, error) {
			c := complaint(generation, 42001)
			c.By = s.By
			return k.Report(context.Background(), c)
		})
	case "old report":
		w.calls(s.Process, func(k *Keeper) (Token, error) {
			return k.Report(context.Background(), complaint(generation-1, 40001))
		})
	case "wechat":
		w.weather(s.Weather)
	case "store":
		w.damage(s.Op, s.Side, s.Times)
	case "restart":
		w.stops[s.Process]()
		w.start(s.Process)
	case "kick":
		w.keepers[s.Process].Kick("g_lantian")
		time.Sleep(time.Millisecond)
	case "wechat kills":
		w.env.wechat.forgets()
	case "named token dies":
		if kept, err := w.openAccess(w.row()); err == nil {
			w.env.wechat.refusesNamed(kept)
		}
	case "probe lies":
		w.env.wechat.setProbing(func() (bool, error) { return true, nil })
		w.witness.lies(true)
	case "probe is true":
		w.env.wechat.setProbing(nil)
		w.witness.lies(false)
	case "prove":
		w.keepers[s.Process].Proved("lantian", generation)
	}
}

// calls lets fifty callers do the same and checks what they get.
func (w *world) calls(i int, call func(*Keeper) (Token, error)) {
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			tok, err := call(w.keepers[i])
			if err != nil {
				return
			}
			if !time.Now().Before(tok.Expires) {
				w.witness.note("a token was served after its end")
			}
			if g := w.row(); g.Tokens.Generation < tok.Generation {
				w.witness.note("a token was served that is not durable")
			}
		})
	}
	wg.Wait()
}

func (w *witness) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, what)
}

func (w *world) weather(kind string) {
	w.env.wechat.setNext(map[string]func(ask) (error, bool){
		"fine": nil, "busy": func(ask) (error, bool) { return refused(-1), false },
		"lost before": func(ask) (error, bool) { return lost(), false },
		"lost after":  func(ask) (error, bool) { return lost(), true },
		"stop":        func(ask) (error, bool) { return refused(40164), false },
		"limit":       func(ask) (error, bool) { return refused(45011), false },
	}[kind])
}

func (w *world) damage(op string, side fault, times int) {
	w.store.setFault(func(o string) fault {
		if o != op || times == 0 {
			return fine
		}
		times--
		return side
	})
}

// mend ends all trouble. After the longest plan everybody is served.
func (w *world) mend() {
	w.weather("fine")
	w.store.setFault(nil)
	w.env.wechat.setProbing(nil)
	time.Sleep(70 * time.Minute)
	for _, k := range w.keepers {
		if _, err := k.Token(context.Background(), "lantian"); err != nil {
			w.witness.note(fmt.Sprintf("still no token long after everything was mended: %v", err))
		}
	}
	for _, stop := range w.stops {
		stop()
	}
	if g := w.row(); g.State != grant.Active || g.Attempt != 0 {
		w.witness.note(fmt.Sprintf("not healed: %s, %s", g.State, g.Cause))
	}
	checkBudget(budget{w.witness}, "ledger", w.store.forces["g_lantian"])
	for _, by := range []string{ByClient("a"), ByClient("b")} {
		if own := of(w.store.forces["g_lantian"], by); len(own) > forcesPerClient && own[forcesPerClient].At.Sub(own[0].At) < day {
			w.witness.note(by + " took more than its share")
		}
	}
}
