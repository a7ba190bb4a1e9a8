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
	"github.com/zhanggui/zhanggui/wechat"
)

func TestTokenColdThenWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first := e.must()
		if first.Value.RevealString() != "token-000001" || first.Generation != 1 || first.GrantID != "g_lantian" {
			t.Fatalf("first token: %+v", first)
		}
		if got := time.Until(first.Expires); got > 2*time.Hour || got < 2*time.Hour-time.Second {
			t.Errorf("expires in %v, want 2h from the start of the request", got)
		}
		for range 10 {
			e.must()
		}
		if n := e.wechat.asked(); n != 1 {
			t.Errorf("%d requests for eleven calls, want 1", n)
		}
		// Another process finds it in the store.
		other := e.another("two")
		if tok, err := other.Token(t.Context(), "lantian"); err != nil || tok.Generation != 1 {
			t.Errorf("other process: %+v, %v", tok, err)
		}
		if n := e.wechat.asked(); n != 1 {
			t.Errorf("%d requests after another process asked, want 1", n)
		}
	})
}

// TestStampede: whatever a thousand callers over four processes want, WeChat
// is asked once and nobody fails.
func TestStampede(t *testing.T) {
	tests := []struct {
		name string
		prep func(e *env)
		call func(k *Keeper) (Token, error)
	}{
		{"cold", func(*env) {}, func(k *Keeper) (Token, error) { return k.Token(context.Background(), "lantian") }},
		{"expired", func(e *env) { e.must(); time.Sleep(3 * time.Hour) },
			func(k *Keeper) (Token, error) { return k.Token(context.Background(), "lantian") }},
		{"all report 42001", func(e *env) {
			e.must()
			e.wechat.forgets()
		}, func(k *Keeper) (Token, error) { return k.Report(context.Background(), complaint(1, 42001)) }},
	}
	for _, tt := range tests {
		for _, processes := range []int{1, 4} {
			t.Run(tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t)
					e.wechat.latency = 100 * time.Millisecond
					tt.prep(e)
					before := e.wechat.asked()
					keepers := []*Keeper{e.Keeper}
					for len(keepers) < processes {
						keepers = append(keepers, e.another("more"))
					}
					var wg sync.WaitGroup
					var bad atomic.Int64
					for i := range 1000 {
						wg.Go(func() {
							tok, err := tt.call(keepers[i%len(keepers)])
							if err != nil || !time.Now().Before(tok.Expires) {
								bad.Add(1)
							}
						})
					}
					wg.Wait()
					if n := e.wechat.asked() - before; n != 1 || bad.Load() != 0 {
						t.Errorf("%d processes: %d requests and %d failed calls, want 1 and 0", processes, n, bad.Load())
					}
				})
			})
		}
	}
}

func TestCallersCanGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.latency = 3 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Token(ctx, "lantian"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("impatient caller got %v", err)
		}
		// The refresh went on without its caller.
		time.Sleep(3 * time.Second)
		if got := e.row().Tokens.Generation; got != 1 {
			t.Errorf("generation %d after the caller left, want 1", got)
		}
	})
}

func TestStaleIsServedUntilItsEnd(t *testing.T) {
	outages := map[string]func(e *env){
		"WeChat down":   func(e *env) { e.wechat.answer(lost()) },
		"WeChat busy":   func(e *env) { e.wechat.answer(refused(-1)) },
		"database down": func(e *env) { e.store.setFault(func(string) fault { return failed }) },
		"ip not listed": func(e *env) { e.wechat.answer(refused(40164)) },
	}
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				stop := running(e.Keeper)
				defer stop()
				first := e.must()
				outage(e)
				for time.Until(first.Expires) > 0 {
					if tok := e.must(); !tok.Value.Equal(first.Value) {
						t.Fatalf("another token %v before the end", time.Until(first.Expires))
					}
					time.Sleep(20 * time.Second)
				}
				if name != "ip not listed" && !e.Health().Degraded() {
					t.Error("nothing says that something is down")
				}
				if tok, err := e.Token(t.Context(), "lantian"); err == nil {
					t.Fatalf("token served %v after its end", -time.Until(tok.Expires))
				}
				e.wechat.answer(nil)
				e.store.setFault(nil)
				time.Sleep(2 * time.Hour)
				e.must()
				if e.Health().Degraded() {
					t.Errorf("still degraded: %+v", e.Health())
				}
			})
		})
	}
}

func TestErrorsAreTyped(t *testing.T) {
	state := func(s grant.State) func(*env) {
		return func(e *env) { e.store.set("g_lantian", func(g *grant.Grant) { g.State = s }) }
	}
	tests := []struct {
		name, shop string
		prep       func(e *env)
		want       error
	}{
		{"unknown shop", "nobody", func(*env) {}, ErrUnknownShop},
		{"revoked", "lantian", state(grant.Revoked), ErrRevoked},
		{"needs owner", "lantian", state(grant.NeedsOwner), ErrNeedsOwner},
		{"stopped", "lantian", func(e *env) { e.wechat.answer(refused(40164)) }, ErrStopped},
		{"limit", "lantian", func(e *env) { e.wechat.answer(refused(45009)) }, ErrNotYet},
		{"store down", "lantian", func(e *env) { e.store.setFault(func(string) fault { return failed }) }, ErrNotYet},
		{"outcome unknown", "lantian", func(e *env) { e.wechat.answer(lost()) }, ErrNotYet},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				tt.prep(e)
				for range 2 { // the second time from what is stored
					_, err := e.Token(t.Context(), tt.shop)
					var ke *Error
					if !errors.Is(err, tt.want) || !errors.As(err, &ke) {
						t.Fatalf("got %v, want %v", err, tt.want)
					}
				}
			})
		})
	}
}

func TestFailuresAreNotRepeatedByCallers(t *testing.T) {
	for name, err := range map[string]error{"busy": refused(-1), "lost": lost(), "stopped": refused(40125), "odd": refused(99999)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *Options) { o.Jitter = func(d time.Duration) time.Duration { return d } })
				e.wechat.answer(err)
				for range 1000 {
					if _, err := e.Token(t.Context(), "lantian"); err == nil {
						t.Fatal("a token came out of nothing")
					}
				}
				if n := e.wechat.asked(); n != 1 {
					t.Errorf("%d requests for a thousand calls, want 1", n)
				}
			})
		})
	}
}

func TestForgetAndRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.must()
		e.store.revoke("g_lantian")
		e.Forget("g_lantian")
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrRevoked) {
			t.Fatalf("after Forget: %v", err)
		}
	})
}

// TestLooksAgainUnderTheLease: the grant was refreshed between the look and
// the claim.
func TestLooksAgainUnderTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first := e.must()
		tok, err := e.renew(t.Context(), "g_lantian", want{demand: true})
		if err != nil || tok.Generation != first.Generation || e.wechat.asked() != 1 {
			t.Errorf("generation %d, %d requests, %v", tok.Generation, e.wechat.asked(), err)
		}
		if g := e.row(); g.SettledTerm != g.Lease.Term || g.DueAt.Before(time.Now()) {
			t.Error("the lease was not given back as it was")
		}
	})
}

// TestRevokedDuringRefresh: the answer of a request that was under way when
// the grant was revoked is dropped.
func TestRevokedDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.latency = 2 * time.Second
		result := make(chan error, 1)
		go func() { _, err := e.Token(context.Background(), "lantian"); result <- err }()
		time.Sleep(time.Second)
		e.store.revoke("g_lantian")
		e.Forget("g_lantian")
		if err := <-result; err == nil {
			t.Error("a token of a revoked grant was handed out")
		}
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrRevoked) {
			t.Errorf("afterwards: %v", err)
		}
		if g := e.row(); g.State != grant.Revoked || len(g.Tokens.Access) != 0 {
			t.Errorf("the late answer was written: %+v", g)
		}
	})
}

// TestOtherReplicaRevoked: memory follows the store within the recheck time.
func TestOtherReplicaRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.must()
		e.store.revoke("g_lantian") // nobody tells this process
		time.Sleep(16 * time.Second)
		e.Token(t.Context(), "lantian") // still served, and looked at
		synctest.Wait()
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrRevoked) {
			t.Errorf("after the recheck: %v", err)
		}
	})
}

func TestRecheckOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.must()
		e.store.setFault(func(string) fault { return failed })
		for range 10 {
			time.Sleep(20 * time.Second)
			e.must()
			synctest.Wait()
		}
		e.store.setFault(nil)
		e.store.revoke("g_lantian")
		time.Sleep(20 * time.Second)
		e.must()
		synctest.Wait()
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrRevoked) {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// TestWaitsForAnotherProcess: who does not get the lease gets the result.
func TestWaitsForAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.latency = 2 * time.Second
		other := e.another("two")
		go other.Token(context.Background(), "lantian")
		time.Sleep(time.Second)
		if tok := e.must(); tok.Generation != 1 {
			t.Errorf("generation %d", tok.Generation)
		}
		if n := e.wechat.asked(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// TestLateHolderLoses: a process that was paused past its lease finds its
// answer refused, and hands out what the winner keeps or nothing.
func TestLateHolderLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		c, err := e.store.Claim(t.Context(), "g_lantian", grant.ClaimRequest{Owner: "paused", Now: time.Now(), For: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		late := &attempt{k: e.another("paused"), claim: c, begin: time.Now(), trust: time.Now().Add(time.Hour)}
		time.Sleep(31 * time.Second)
		winner := e.must()
		if _, err := late.run(t.Context()); !errors.Is(err, grant.ErrLost) {
			t.Errorf("late holder: %v", err)
		}
		if got := e.row().Tokens; got.Generation != winner.Generation {
			t.Errorf("generation %d is kept, want %d", got.Generation, winner.Generation)
		}
	})
}

// TestPausedBeforeAsking: a holder that wakes up with no trust left asks
// nothing.
func TestPausedBeforeAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		begin := time.Now()
		c, _ := e.store.Claim(t.Context(), "g_lantian", grant.ClaimRequest{Owner: "one", Now: begin, For: 30 * time.Second})
		time.Sleep(20 * time.Second)
		if _, err := e.attempt(t.Context(), c, begin, want{}); !errors.Is(err, ErrNotYet) {
			t.Errorf("got %v", err)
		}
		if n := e.wechat.asked(); n != 0 {
			t.Errorf("%d requests, want none", n)
		}
		if g := e.row(); g.SettledTerm != g.Lease.Term {
			t.Error("the lease was not given back")
		}
	})
}

// TestEndDoesNotMove: a token in memory keeps its end, which is on the
// monotonic clock, when its row is read again after the wall clock jumped.
func TestEndDoesNotMove(t *testing.T) {
	e := newEnv(t)
	end, g := time.Now().Add(time.Hour), e.row()
	for _, jump := range []time.Duration{0, time.Hour, -30 * time.Minute} {
		e.put(g, Token{Generation: 3, Expires: end.Add(jump), GrantID: g.ID}, true, e.epoch.Load())
		if tok := e.tokenIn(e.shops.get("lantian")); !tok.Expires.Equal(end) {
			t.Errorf("after a jump of %v the end moved by %v", jump, tok.Expires.Sub(end))
		}
	}
	e.put(g, Token{Generation: 2, Expires: end, GrantID: g.ID}, true, e.epoch.Load())
	if h := e.shops.get("lantian"); h.generation != 3 {
		t.Errorf("generation %d was put over 3", h.generation)
	}
}

func TestPanicFreesTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.setNext(func(ask) (error, bool) { panic("bug") })
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrNotYet) {
			t.Fatalf("got %v", err)
		}
		e.wechat.setNext(nil)
		time.Sleep(31 * time.Second)
		e.must()
		if n := e.Health().Refreshing; n != 0 {
			t.Errorf("%d attempts still count as under way", n)
		}
	})
}

func TestShortLives(t *testing.T) {
	for _, life := range []time.Duration{10 * time.Second, 30 * time.Second, 4 * time.Minute, 6 * time.Minute} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.opt.Platform = lives{e.wechat, life}
				stop := running(e.Keeper)
				defer stop()
				for range 200 {
					if tok := e.must(); !time.Now().Before(tok.Expires) {
						t.Fatal("expired token served")
					}
					time.Sleep(life / 7)
				}
				if n := e.wechat.asked(); n > 200 {
					t.Errorf("%d requests in %v, want no storm", n, 200*life/7)
				}
			})
		})
	}
}

// TestLivesTooShort: whatever callers do, lives shorter than the floor between
// two requests lead to gaps, not to more requests, and never to a token past
// its end. One platform names the same token again and again.
func TestLivesTooShort(t *testing.T) {
	for _, life := range []time.Duration{time.Second, 3 * time.Second, 7 * time.Second} {
		for name, platform := range map[string]func(*fakeWeChat) Platform{
			"new tokens": func(w *fakeWeChat) Platform { return lives{w, life} },
			"the same":   func(w *fakeWeChat) Platform { return sameAgain{w, life} },
		} {
			t.Run(life.String()+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { tooShort(t, platform, life) })
			})
		}
	}
}

func tooShort(t *testing.T, platform func(*fakeWeChat) Platform, life time.Duration) {
	e := newEnv(t)
	e.opt.Platform = platform(e.wechat)
	stop := running(e.Keeper)
	defer stop()
	served := 0
	for range 10 * 60 * 3 {
		tok, err := e.Token(t.Context(), "lantian")
		switch ke, _ := errors.AsType[*Error](err); {
		case err == nil && !time.Now().Before(tok.Expires):
			t.Fatal("expired token served")
		case err == nil:
			served++
			e.Report(t.Context(), complaint(tok.Generation, 40001))
		case !errors.Is(err, ErrNotYet) || ke.RetryAfter <= 0 || ke.RetryAfter > leastApart:
			t.Fatalf("got %v", err)
		}
		time.Sleep(time.Second / 3)
	}
	if served == 0 {
		t.Error("no token was served at all")
	}
	if asks, forced, _ := e.wechat.count(); asks > 10*12+1 || forced != 0 {
		t.Errorf("%d requests and %d forced in ten minutes of lives of %v", asks, forced, life)
	}
}

// sameAgain names one token for ever, with a short life each time.
type sameAgain struct {
	Platform
	life time.Duration
}

func (s sameAgain) Stable(ctx context.Context, app appT, key secretT, force bool) (Answer, error) {
	a, err := s.Platform.Stable(ctx, app, key, force)
	a.Access, a.ExpiresIn = secretOf("token-same"), s.life
	return a, err
}

func (s sameAgain) Probe(context.Context, appT, secretT) (bool, error) { return false, nil }

// lives makes every answer a new token of one life.
type lives struct {
	Platform
	life time.Duration
}

func (l lives) Stable(ctx context.Context, app appT, key secretT, _ bool) (Answer, error) {
	a, err := l.Platform.RefreshUser(ctx, app, key)
	return Answer{Access: a.Access, ExpiresIn: l.life}, err
}

func (l lives) Probe(context.Context, appT, secretT) (bool, error) { return false, nil }

func TestAnswersThatCannotBeKept(t *testing.T) {
	for name, ans := range map[string]Answer{
		"empty token": {ExpiresIn: time.Hour},
		"no life":     {Access: secretOf("x1234")},
		"minus":       {Access: secretOf("x1234"), ExpiresIn: -time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.opt.Platform = fixed{ans: ans}
				if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, wechat.ErrMalformed) {
					t.Errorf("got %v", err)
				}
				if g := e.row(); g.Tokens.Generation != 0 || g.Cause != grant.CauseMalformed {
					t.Errorf("kept: %+v", g)
				}
			})
		})
	}
	t.Run("too long a life", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t)
			e.opt.Platform = fixed{ans: Answer{Access: secretOf("x1234"), ExpiresIn: 1000 * time.Hour}}
			if tok := e.must(); time.Until(tok.Expires) > longestLife {
				t.Errorf("believed in %v", time.Until(tok.Expires))
			}
		})
	})
}

type fixed struct {
	ans Answer
	ComponentPlatform
}

func (f fixed) Stable(context.Context, appT, secretT, bool) (Answer, error) { return f.ans, nil }
func (f fixed) RefreshUser(context.Context, appT, secretT) (Answer, error)  { return f.ans, nil }
func (f fixed) Probe(context.Context, appT, secretT) (bool, error)          { return false, nil }
func (f fixed) ProbeUser(context.Context, appT, secretT, string) (bool, error) {
	return false, nil
}
