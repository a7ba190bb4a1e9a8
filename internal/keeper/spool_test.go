package keeper

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// memSpool keeps what it is given, or fails.
type memSpool struct {
	mu   sync.Mutex
	kept []grant.Effects
	err  error
}

func (s *memSpool) Spool(ctx context.Context, e grant.Effects) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(ctx.Err(), s.err); err != nil {
		return err
	}
	s.kept = append(s.kept, e)
	return nil
}

// TestSpool: the database goes away between the claim and the settle. With a
// spool the credential is kept there and served; without one, or when it fails
// too, it is not used.
func TestSpool(t *testing.T) {
	tests := []struct {
		name   string
		spool  *memSpool
		side   fault
		served bool
		kept   int
	}{
		{"a spool", &memSpool{}, failed, true, 1},
		{"a spool, and the settle landed", &memSpool{}, landed4Sure, true, 1}, // replaying it is refused by generation
		{"a spool that is full", &memSpool{err: errors.New("disk full")}, failed, false, 0},
		{"no spool", nil, failed, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *Options) {
					if tt.spool != nil {
						o.Spool = tt.spool
					}
				})
				e.store.setFault(func(op string) fault {
					if op == "Settle" {
						return tt.side
					}
					return fine
				})
				begin := time.Now()
				tok, err := e.Token(t.Context(), "lantian")
				if (err == nil) != tt.served {
					t.Fatalf("got %v", err)
				}
				if d := time.Since(begin); d < 25*time.Second {
					t.Errorf("the store was given up after %v, before the lease's trust was over", d)
				}
				if tt.spool == nil {
					return
				}
				if len(tt.spool.kept) != tt.kept {
					t.Fatalf("%d settles in the spool", len(tt.spool.kept))
				}
				if tt.kept == 0 {
					return
				}
				s := tt.spool.kept[0].Settle
				g := e.row()
				g.Tokens = *s.Tokens
				value, err := e.openAccess(g)
				if err != nil || !value.Equal(tok.Value) || s.From != 0 || s.Tokens.Generation != tok.Generation {
					t.Errorf("the spool keeps generation %d from %d, %v", s.Tokens.Generation, s.From, err)
				}
				// It is served while the store does not answer.
				e.store.setFault(func(string) fault { return failed })
				for range 60 {
					time.Sleep(time.Minute)
					if again := e.must(); !again.Value.Equal(tok.Value) {
						t.Fatal("another token was served")
					}
				}
			})
		})
	}
}

// TestNothingElseIsSpooled: a settle without tokens is not worth it: it is
// decided anew.
func TestNothingElseIsSpooled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool := &memSpool{}
		e := newEnv(t, func(o *Options) { o.Spool = spool })
		e.wechat.answer(refused(-1))
		e.store.setFault(func(op string) fault {
			if op == "Settle" {
				return failed
			}
			return fine
		})
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrNotYet) {
			t.Errorf("got %v", err)
		}
		if len(spool.kept) != 0 {
			t.Errorf("%d in the spool", len(spool.kept))
		}
	})
}

// TestASettleThatFailsIsTrouble all the while, though claims that find nothing due go
// well beside it, and over with the first that is kept.
func TestASettleThatFailsIsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var well atomic.Bool
		e.store.setFault(func(op string) fault {
			if op == "Settle" && !well.Load() {
				return failed
			}
			return fine
		})
		stop := running(e.Keeper)
		defer stop()
		e.Kick("g_lantian")
		time.Sleep(5 * time.Second)
		since := e.Health().StoreDownSince
		if since.IsZero() {
			t.Fatal("a settle that fails does not show")
		}
		for range 100 {
			time.Sleep(2 * time.Second)
			if got := e.Health().StoreDownSince; !got.Equal(since) {
				t.Fatalf("it fails since %v, and by %v since %v", since, time.Now(), got)
			}
		}
		well.Store(true)
		time.Sleep(2 * time.Minute)
		if h := e.Health(); h.Degraded() {
			t.Errorf("kept by now: %+v", h)
		}
	})
}
