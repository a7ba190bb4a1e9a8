package chaos

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/balance"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// breaker carries out a plan.
type breaker struct {
	replicas []*replica
	emulator *emulator
	failover func(context.Context) error // nil: there is none
	out      io.Writer                   // one line for each fault; nil: none

	mu     sync.Mutex
	wrong  map[*Way]int // counts what was done to a way, so that only the last undoes it
	blind  []balance.Blind
	deaths []balance.Death // by app id
	failed []error
}

// run breaks things by the plan from now on, and mends all of them before it
// returns.
func (b *breaker) run(ctx context.Context, p Plan) {
	b.wrong = map[*Way]int{}
	begin := time.Now()
	var wg sync.WaitGroup
	for _, f := range p.Faults {
		if !sleep(ctx, f.At-time.Since(begin)) {
			break
		}
		if b.out != nil {
			fmt.Fprintln(b.out, f)
		}
		wg.Go(func() { b.fault(ctx, f) })
	}
	wg.Wait()
	b.emulator.sim.ClearFaults()
}

func (b *breaker) fault(ctx context.Context, f Fault) {
	switch f.Kind {
	case Kill:
		b.kill(ctx, b.replicas[f.Replica], f.For)
	case Pause:
		b.pause(ctx, b.replicas[f.Replica], f.For)
	case Jump:
		b.replicas[f.Replica].jump(f.Offset)
	case CutStore:
		b.cutStore(ctx, f, b.replicas[f.Replica])
	case StoreGone:
		b.cutStore(ctx, f, b.replicas...)
	case CutWeChat:
		b.break_(ctx, f, b.replicas[f.Replica].wechat)
	case WeChatGone:
		b.break_(ctx, f, b.wechats()...)
	case Answer:
		b.answer(f)
	case Death:
		b.death(f)
	case Failover:
		if err := b.failover(ctx); err != nil {
			b.fail(fmt.Errorf("failover: %w", err))
		}
	}
}

func (b *breaker) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = append(b.failed, err)
}

// kill ends a replica and starts it again. A start that fails, as without a
// database, is tried again when the faults are over.
func (b *breaker) kill(ctx context.Context, r *replica, d time.Duration) {
	r.kill()
	sleep(ctx, d)
	_ = r.start(ctx)
}

// pause stops a replica for a while. What it does not hear meanwhile is no
// fault of its own.
func (b *breaker) pause(ctx context.Context, r *replica, d time.Duration) {
	defer b.blinds(r)()
	r.signal(stop)
	sleep(ctx, d)
	r.signal(cont)
}

func (b *breaker) cutStore(ctx context.Context, f Fault, replicas ...*replica) {
	var ways []*Way
	for _, r := range replicas {
		defer b.blinds(r)()
		ways = append(ways, r.toStore...)
	}
	b.break_(ctx, f, ways...)
}

// blinds notes that a replica cannot know what others do, until the returned
// function is called.
func (b *breaker) blinds(r *replica) func() {
	from := time.Now()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.blind = append(b.blind, balance.Blind{Replica: r.spec.Index, From: from, To: time.Now()})
	}
}

// break_ breaks ways for a while.
func (b *breaker) break_(ctx context.Context, f Fault, ways ...*Way) {
	mine := map[*Way]int{}
	b.mu.Lock()
	for _, w := range ways {
		b.wrong[w]++
		mine[w] = b.wrong[w]
		w.Set(f.Mode)
	}
	b.mu.Unlock()
	sleep(ctx, f.For)
	b.mu.Lock()
	defer b.mu.Unlock()
	for w, n := range mine {
		if b.wrong[w] == n {
			w.Set(Open)
		}
	}
}

func (b *breaker) wechats() []*Way {
	var all []*Way
	for _, r := range b.replicas {
		all = append(all, r.wechat)
	}
	return all
}

// busy is the errcode of refusals: WeChat's "system busy, try again later".
const busy = -1

// answer has the next token requests meet a fault at the emulator.
func (b *breaker) answer(f Fault) {
	for _, path := range []string{stablePath, refreshPath} {
		x := wechatsim.Fault{Path: path, Kind: f.Answer, Count: f.Count}
		switch f.Answer {
		case wechatsim.FaultErrcode:
			x.ErrCode = busy
		case wechatsim.FaultDelay, wechatsim.FaultHang:
			x.Delay = wechatsim.Duration(2 * time.Second)
		}
		if _, err := b.emulator.sim.AddFault(x); err != nil {
			b.fail(err)
		}
	}
}

// death ends a shop's tokens at the emulator.
func (b *breaker) death(f Fault) {
	at := time.Now()
	if b.emulator.sim.KillTokens(shopAppID(f.Shop), "stable") == 0 {
		return // there was none
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaths = append(b.deaths, balance.Death{At: at, Grant: shopAppID(f.Shop)})
}

// sleep waits, and reports whether ctx lives.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
