package keeper

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// warm makes a keeper with tokens of n shops in memory.
func warm(tb testing.TB, n int) (*Keeper, []string) {
	k := newEnv(tb, func(o *Options) { o.Recheck = -1 }).Keeper
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("shop-%07d", i)
		g := grant.Grant{ID: fmt.Sprintf("g_%020d", i), Kind: grant.Self, ShopID: ids[i]}
		k.put(g, Token{secret.FromString(strings.Repeat("t", 160)), 1, time.Now().Add(2 * time.Hour), g.ID}, true, k.epoch.Load())
	}
	return k, ids
}

func TestHitAllocatesNothing(t *testing.T) {
	k, ids := warm(t, 10)
	ctx, source := t.Context(), k.Source(ids[4])
	source.Token(ctx)
	if n := testing.AllocsPerRun(100, func() { k.Token(ctx, ids[3]) }); n != 0 {
		t.Errorf("%v allocations for a token by shop, want none", n)
	}
	if n := testing.AllocsPerRun(100, func() { source.Token(ctx) }); n != 0 {
		t.Errorf("%v allocations for a token of a source, want none", n)
	}
}

// side is one way to read tokens: it reads n of them, the ith worker's own.
type side func(worker, n int)

// compare runs ours and theirs in turns, so that a noisy machine disturbs both
// alike, and reports the time of each and their ratio.
func compare(b *testing.B, workers int, unit string, ours, theirs side) {
	const reads = 20_000
	var times [2]time.Duration
	for b.Loop() {
		for i, s := range []side{ours, theirs} {
			start := time.Now()
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() { s(w, reads) })
			}
			wg.Wait()
			times[i] += time.Since(start)
		}
	}
	total := float64(b.N) * reads * float64(workers)
	b.ReportMetric(float64(times[0].Nanoseconds())/total, "ns/read")
	b.ReportMetric(float64(times[1].Nanoseconds())/total, "ns/theirs")
	b.ReportMetric(times[0].Seconds()/times[1].Seconds(), unit)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSource is a held source of one shop beside
// golang.org/x/oauth2.ReuseTokenSource. Wanted: at most 0.6 of its time.
func BenchmarkSource(b *testing.B) {
	k, ids := warm(b, 1)
	source := k.Source(ids[0])
	reuse := oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(2 * time.Hour)}, nil)
	ctx := context.Background()
	ours := func(_, n int) {
		for range n {
			if _, err := source.Token(ctx); err != nil {
				panic(err)
			}
		}
	}
	theirs := func(_, n int) {
		for range n {
			if _, err := reuse.Token(); err != nil {
				panic(err)
			}
		}
	}
	b.Run("single", func(b *testing.B) { compare(b, 1, "xReuseTokenSource", ours, theirs) })
	b.Run("parallel", func(b *testing.B) { compare(b, runtime.GOMAXPROCS(0), "xReuseTokenSource", ours, theirs) })
}

// BenchmarkByShop picks shops at random beside a plain map of tokens under an
// RWMutex, which looks at no clock. Wanted: at most 1.1 of its time among a
// million. Callers bring their own copy of the id, as they do in a request.
func BenchmarkByShop(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		k, ids := warm(b, n)
		plain := make(map[string]Token, n)
		var mu sync.RWMutex
		ctx := context.Background()
		for i, id := range ids {
			tok, err := k.Token(ctx, id)
			if err != nil {
				b.Fatal(err)
			}
			plain[id], ids[i] = tok, strings.Clone(id)
		}
		ours := random(ids, func(id string) (Token, bool) {
			tok, err := k.Token(ctx, id)
			return tok, err == nil
		})
		theirs := random(ids, func(id string) (Token, bool) {
			mu.RLock()
			tok, ok := plain[id]
			mu.RUnlock()
			return tok, ok
		})
		runtime.GC() // what building left must not disturb
		b.Run(fmt.Sprintf("%d/single", n), func(b *testing.B) { compare(b, 1, "xRWMutexMap", ours, theirs) })
		b.Run(fmt.Sprintf("%d/parallel", n), func(b *testing.B) {
			compare(b, runtime.GOMAXPROCS(0), "xRWMutexMap", ours, theirs)
		})
	}
}

// random reads tokens of random ids. Which one comes next depends on the last
// token, as no request waits for another's cache misses either.
func random(ids []string, read func(id string) (Token, bool)) side {
	states := make([]struct {
		x uint64
		_ [56]byte // a cache line each
	}, runtime.GOMAXPROCS(0))
	return func(worker, n int) {
		x := states[worker].x + uint64(worker)*7919
		for range n {
			x = x*6364136223846793005 + 1442695040888963407
			tok, ok := read(ids[(x>>33)%uint64(len(ids))])
			if !ok {
				panic("a token is missing")
			}
			x += uint64(tok.Generation)
		}
		states[worker].x = x
	}
}
