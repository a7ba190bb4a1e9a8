package keeper

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// warm makes a keeper with tokens of n shops in memory.
func warm(tb testing.TB, n int) (*Keeper, []string) {
	e := newEnv(tb, func(o *Options) { o.Recheck = time.Hour })
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("shop-%07d", i)
		g := e.row()
		g.ID, g.ShopID = "g_"+ids[i], ids[i]
		e.hold(g, Token{secret.FromString("token"), 1, time.Now().Add(2 * time.Hour), g.ID}, 0)
	}
	return e.Keeper, ids
}

func TestHitAllocatesNothing(t *testing.T) {
	k, ids := warm(t, 10)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { k.Token(ctx, ids[3]) }); n != 0 {
		t.Errorf("%v allocations for a token in memory, want none", n)
	}
}

var sink Token

// BenchmarkHit is one shop by many callers, beside what golang.org/x/oauth2
// needs for the same.
func BenchmarkHit(b *testing.B) {
	k, ids := warm(b, 1)
	reuse := oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(2 * time.Hour)}, nil)
	ctx := context.Background()
	b.Run("keeper", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink, _ = k.Token(ctx, ids[0])
		}
	})
	b.Run("ReuseTokenSource", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			reuse.Token()
		}
	})
	b.Run("keeper/parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				k.Token(ctx, ids[0])
			}
		})
	})
	b.Run("ReuseTokenSource/parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				reuse.Token()
			}
		})
	})
}

// BenchmarkManyShops picks shops at random, beside a plain map of token
// sources.
func BenchmarkManyShops(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		k, ids := warm(b, n)
		sources := map[string]oauth2.TokenSource{}
		for _, id := range ids {
			sources[id] = oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(2 * time.Hour)}, nil)
		}
		var mu sync.RWMutex
		ctx := context.Background()
		b.Run(fmt.Sprintf("keeper/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink, _ = k.Token(ctx, ids[rand.IntN(n)])
			}
		})
		b.Run(fmt.Sprintf("map of ReuseTokenSource/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mu.RLock()
				s := sources[ids[rand.IntN(n)]]
				mu.RUnlock()
				s.Token()
			}
		})
	}
}
