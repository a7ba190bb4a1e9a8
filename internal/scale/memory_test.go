package scale

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// memoryOrder is what a process is to hold in memory: the tokens of some grants.
// Then so many grants are renewed by the schedule, at so many a second.
type memoryOrder struct{ Hot, Token, Renew, Pace int }

// memoryFound is what that took, in bytes.
type memoryFound struct{ Resident, Heap int64 }

// holding runs a keeper in a process of its own, which hands out the tokens of
// some of its grants once. The collector's settings keep what is free within a
// part of what is held; the limit holds for tokens of the usual size only.
func holding(tb testing.TB, o memoryOrder) (found memoryFound) {
	tb.Helper()
	env := []string{"GOGC=20"}
	if o.Token <= 160 {
		env = []string{"GOGC=50", "GOMEMLIMIT=355MiB"}
	}
	c := spawn(tb, "memory", o, env...)
	c.hear(&found)
	return found
}

// BenchmarkMemory is the memory of a process whose keeper holds tokens. Wanted,
// at a million grants: 400 MB with all of them held and tokens of 160 bytes,
// 120 MB with 50,000 of them in use. Tokens of 600 bytes are for information.
func BenchmarkMemory(b *testing.B) {
	for _, o := range []memoryOrder{
		{Hot: *grants, Token: 160, Renew: 20 * perSecond, Pace: perSecond},
		{Hot: *grants, Token: 600, Renew: 20 * perSecond, Pace: perSecond},
		{Hot: *grants / 20, Token: 160, Renew: *grants, Pace: 1_000_000},
	} {
		b.Run(fmt.Sprintf("%d of %d, %d bytes", o.Hot, *grants, o.Token), func(b *testing.B) {
			var f memoryFound
			for b.Loop() {
				f = holding(b, o)
			}
			b.ReportMetric(float64(f.Resident)/1e6, "resident-MB")
			b.ReportMetric(float64(f.Heap)/float64(o.Hot), "heap-bytes/token")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestMemory: what the keeper adds to a token stays small, and grants that
// nobody uses take nothing.
func TestMemory(t *testing.T) {
	const n, token, most = 50_000, 160, 400
	all := holding(t, memoryOrder{Hot: n, Token: token, Renew: n, Pace: 1_000_000})
	if per := all.Heap / n; per < token || per > most {
		t.Errorf("%d bytes for a token of %d, want at most %d", per, token, most)
	}
	few := holding(t, memoryOrder{Hot: n / 20, Token: token, Renew: n, Pace: 1_000_000})
	if few.Heap > all.Heap/4 {
		t.Errorf("%d bytes for a twentieth of the tokens, %d for all", few.Heap, all.Heap)
	}
}

// memoryMain is the process that holds tokens. The hot ones are taken, then the
// schedule renews some, or all there are.
func memoryMain() error {
	var o memoryOrder
	if err := lines.Decode(&o); err != nil {
		return err
	}
	rows := &imagined{now: time.Now(), token: o.Token, all: o.Renew, done: make(chan struct{})}
	k := keeper.New(keeper.Options{
		Store: rows, Ledger: rows, Vault: rows, Platform: rows, Owner: "scale", Recheck: -1, Pace: o.Pace,
	})
	before := heap()
	for i := range o.Hot {
		if tok, err := k.Token(context.Background(), shopID(i)); err != nil || tok.Generation != 1 {
			return fmt.Errorf("shop %d: generation %d, %w", i, tok.Generation, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	<-rows.done
	cancel()
	<-ended
	found := memoryFound{Heap: heap() - before}
	var err error
	if found.Resident, err = proc("self", "VmRSS"); err != nil {
		return err
	}
	for i := range min(o.Hot, o.Renew) {
		if tok, err := k.Token(context.Background(), shopID(i)); err != nil || tok.Generation != 2 || tok.Value.Len() != o.Token {
			return fmt.Errorf("shop %d after the renewal: generation %d, %w", i, tok.Generation, err)
		}
	}
	return tell(found)
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// imagined is a store whose rows are made when they are read, and everything else
// that a keeper needs. All rows become due once.
type imagined struct {
	keeper.Store
	keeper.Ledger
	keeper.Vault
	keeper.Platform
	now   time.Time
	token int
	all   int
	done  chan struct{} // closed when all are settled

	mu               sync.Mutex
	claimed, settled int
}

func (s *imagined) ShopGrant(_ context.Context, shop string) (grant.Grant, error) {
	return grant.Grant{
		ID: fmt.Sprintf("g_%020s", shop), Kind: grant.Self, App: "app-" + shop, ShopID: strings.Clone(shop), State: grant.Active, DueAt: s.now.Add(time.Hour),
		Tokens: grant.Tokens{Generation: 1, Access: make([]byte, s.token+80), AccessExpires: s.now.Add(2 * time.Hour)},
		Proved: s.now,
	}, nil
}

func (s *imagined) ClaimDue(ctx context.Context, r grant.ClaimRequest) (claims []grant.Claim, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(claims) < r.Limit && s.claimed < s.all {
		g, _ := s.ShopGrant(ctx, shopID(s.claimed)) // never fails
		g.Lease = grant.Lease{Owner: r.Owner, Term: 1, Until: r.Now.Add(r.For)}
		claims = append(claims, grant.Claim{Grant: g})
		s.claimed++
	}
	return claims, nil
}

func (s *imagined) Settle(_ context.Context, batch []grant.Effects) ([]error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled += len(batch); s.settled == s.all {
		close(s.done)
	}
	return make([]error, len(batch)), nil
}

func (s *imagined) Open([]byte, vault.Cell) (secret.Value, error) {
	return secret.New(make([]byte, s.token)), nil
}

func (s *imagined) Seal(v secret.Value, _ vault.Cell) ([]byte, error) { return v.Reveal(), nil }

func (s *imagined) Stable(context.Context, access.App, secret.Value, bool) (keeper.Answer, error) {
	return keeper.Answer{Access: secret.New(bytes.Repeat([]byte("t"), s.token)), ExpiresIn: 2 * time.Hour}, nil
}
