package keeper

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestCrashTable breaks every step of a refresh on both sides: it failed; it
// failed but landed. Then another process takes over. TestCrashTable of package
// app does the same to real processes with kill -9.
//
// The caller of the first four steps has no token yet. The caller of probe and
// force reports a token that WeChat refuses and still names.
func TestCrashTable(t *testing.T) {
	const ever, lease = 1 << 30, 30 * time.Second
	tests := []struct {
		step       string
		side       fault
		times      int           // how often it breaks
		served     bool          // the caller of the first process gets a token
		free       time.Duration // after the claim, until somebody else may claim
		asks       int           // requests at WeChat, those of the second process too
		forced     int           // of them forced
		generation int64         // kept in the end
		unsettled  int           // audit entries of outcomes that are not known
	}{
		// step  side      times     served free asks forced generation unsettled
		{"claim", failed, 1, false, 0, 1, 0, 1, 0},
		{"claim", landed4Sure, 1, false, lease, 1, 0, 1, 1}, // nobody knows that nothing was sent
		{"ask", failed, 1, false, 0, 2, 0, 1, 0},
		{"ask", landed4Sure, 1, false, 0, 2, 0, 1, 1}, // settled as unknown: it is not due before its lease would end
		{"seal", failed, 1, true, 0, 1, 0, 1, 0},
		{"seal", failed, sealTries, false, 0, 2, 0, 1, 0},
		{"settle", failed, 1, true, 0, 1, 0, 1, 0},
		{"settle", landed4Sure, 1, true, 0, 1, 0, 1, 0},
		{"settle", failed, 3, true, 0, 1, 0, 1, 0},
		{"settle", landed4Sure, 3, true, 0, 1, 0, 1, 0},
		{"settle", failed, ever, false, lease, 2, 0, 1, 1}, // as good as a crash after the answer
		{"settle", landed4Sure, ever, false, 0, 1, 0, 1, 0},
		{"die in ask", failed, 1, false, lease, 1, 0, 1, 1},      // the request did not leave
		{"die in ask", landed4Sure, 1, false, lease, 2, 0, 1, 1}, // it did

		{"probe", failed, 1, true, 0, 1, 0, 1, 0},            // nothing is proved: no force
		{"force", failed, 1, false, 0, 1, 0, 1, 0},           // not in the ledger: not sent
		{"force", landed4Sure, 1, false, 0, 1, 0, 1, 0},      // in the ledger for nothing
		{"forced ask", failed, 1, false, 0, 3, 1, 1, 0},      // refused; the plan asks again, the next report forces
		{"forced ask", landed4Sure, 1, false, 0, 3, 1, 2, 1}, // asking again names what it brought
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%d/%d", tt.step, tt.side, tt.times), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				asked := 0
				call := func(k *Keeper) (Token, error) { return k.Token(t.Context(), "lantian") }
				if strings.Contains(tt.step, "probe") || strings.Contains(tt.step, "force") {
					old := e.must()
					e.wechat.refusesNamed(old.Value)
					asked = 1
					call = func(k *Keeper) (Token, error) { return k.Report(t.Context(), complaint(old.Generation, 40001)) }
				}
				e.breakStep(tt.step, tt.side, tt.times)
				begin := time.Now()
				tok, err := call(e.Keeper)
				if (err == nil) != tt.served {
					t.Fatalf("first process: %v, want served %v", err, tt.served)
				}
				if err == nil {
					e.checkDurable(tok)
				}
				if g := e.row(); live(&g, time.Now()) != (tt.free > 0) || tt.free > 0 && !g.Lease.Until.Equal(ms(begin.Add(tt.free))) {
					t.Errorf("the lease ends %v after the claim, want %v", g.Lease.Until.Sub(begin), tt.free)
				}
				e.store.setFault(nil)
				e.wechat.answer(nil)
				e.wechat.setProbing(nil)
				second := e.another("two")
				stop := running(second)
				time.Sleep(11 * time.Minute)
				stop()
				tok, err = second.Token(t.Context(), "lantian")
				if err != nil {
					t.Fatalf("second process: %v", err)
				}
				e.checkDurable(tok)
				asks, forced, _ := e.wechat.count()
				if asks+forced-asked != tt.asks || forced != tt.forced {
					t.Errorf("%d requests, %d forced; want %d, %d", asks+forced-asked, forced, tt.asks, tt.forced)
				}
				if tok.Generation != tt.generation {
					t.Errorf("generation %d is kept, want %d", tok.Generation, tt.generation)
				}
				if n := e.store.entries(audit.Unknown); n != tt.unsettled {
					t.Errorf("%d outcomes recorded as unknown, want %d", n, tt.unsettled)
				}
			})
		})
	}
}

// breakStep makes a step break so many times.
func (e *env) breakStep(step string, side fault, times int) {
	operations := map[string]string{"claim": "Claim", "settle": "Settle", "force": "SpendForce"}
	switch step {
	case "ask", "forced ask":
		e.wechat.setNext(func(a ask) (error, bool) {
			if a.force != (step == "forced ask") || times == 0 {
				return nil, false
			}
			times--
			if side == failed {
				return refused(-1), false
			}
			return lost(), true
		})
	case "seal":
		e.vault.sealFail = times
	case "die in ask":
		e.opt.Platform = dies{e.wechat, side}
	case "probe":
		e.wechat.setProbing(func() (bool, error) { return false, lost() })
	default:
		e.store.setFault(func(op string) fault {
			if op != operations[step] || times == 0 {
				return fine
			}
			times--
			return side
		})
	}
}

// dies ends the work in the middle of a request, as a crash does: nothing is
// written any more.
type dies struct {
	Platform
	side fault
}

func (d dies) Stable(ctx context.Context, app appT, key secretT, force bool) (Answer, error) {
	if d.side == landed4Sure {
		d.Platform.Stable(ctx, app, key, force)
	}
	panic("crash")
}

// checkDurable: what is handed out is what the store keeps.
func (e *env) checkDurable(tok Token) {
	e.t.Helper()
	g := e.store.row(tok.GrantID)
	kept, err := e.openAccess(g)
	if err != nil || !kept.Equal(tok.Value) || g.Tokens.Generation != tok.Generation {
		e.t.Errorf("generation %d was handed out, generation %d is durable (%v)", tok.Generation, g.Tokens.Generation, err)
	}
}

// TestNothingIsUsedBeforeItIsDurable: while the settle is under way and fails,
// no caller gets the new token.
func TestNothingIsUsedBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first := e.must()
		e.store.setFault(func(op string) fault {
			if op == "Settle" {
				return failed
			}
			return fine
		})
		stop := running(e.Keeper)
		time.Sleep(1*time.Hour + 57*time.Minute)
		if e.wechat.asked() < 2 {
			t.Fatal("the refresh was not tried")
		}
		for time.Until(first.Expires) > 0 {
			if tok := e.must(); tok.Generation != 1 || !tok.Value.Equal(first.Value) {
				t.Fatal("a token was used that is not durable")
			}
			time.Sleep(time.Second)
		}
		if tok, err := e.Token(t.Context(), "lantian"); err == nil {
			t.Fatalf("generation %d served", tok.Generation)
		}
		stop()
	})
}

// TestLostRefreshTokenAnswer: a person's refresh token that WeChat changed in
// an answer that was lost. The kept one is asked with again.
func TestLostRefreshTokenAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.addUser("g_user")
		e.wechat.setNext(func(a ask) (error, bool) {
			if a.app == "app-of-g_user" && a.n < 4 {
				return lost(), true
			}
			return nil, false
		})
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(90 * time.Minute)
		g := e.store.row("g_user")
		if g.State != grant.Active || g.Tokens.Generation < 2 || g.Attempt != 0 {
			t.Errorf("%s, generation %d, attempt %d", g.State, g.Tokens.Generation, g.Attempt)
		}
		synctest.Wait()
		var last time.Time
		for _, a := range e.wechat.asks {
			if a.app != "app-of-g_user" {
				continue
			}
			if !last.IsZero() && a.at.Sub(last) < 30*time.Second {
				t.Errorf("asked again %v after a lost answer, before the lease was over", a.at.Sub(last))
			}
			last = a.at
		}
	})
}

// TestKickWaitsForTheUnknown: even an operator's kick does not send a second
// request while the first may be under way.
func TestKickWaitsForTheUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.wechat.answer(lost())
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(2 * time.Second)
		asked := e.wechat.asked()
		for range 10 {
			e.Kick("g_lantian")
			time.Sleep(time.Second)
		}
		if n := e.wechat.asked(); n != asked || n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestTamperedSecretStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.store.apps["app-lantian"] = appT{ID: "app-lantian", Secret: []byte("from another row")}
		if _, err := e.Token(t.Context(), "lantian"); err == nil {
			t.Fatal("a token came out of nothing")
		}
		if g := e.row(); g.State != grant.Stopped || g.Cause != grant.CauseUnreadable {
			t.Errorf("%s, %s", g.State, g.Cause)
		}
		if n := e.wechat.asked(); n != 0 {
			t.Errorf("%d requests with no secret, want none", n)
		}
	})
}

// TestUnreadableTokenIsReplaced: a kept token that does not open in its cell
// is as good as none.
func TestUnreadableTokenIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.must()
		e.store.set("g_lantian", func(g *grant.Grant) { g.Tokens.Access = []byte("row of another shop") })
		second := e.another("two")
		tok, err := second.Token(t.Context(), "lantian")
		if err != nil || tok.Generation != 2 {
			t.Fatalf("generation %d, %v", tok.Generation, err)
		}
		e.checkDurable(tok)
	})
}

// TestOtherPersonsAnswer: an answer that names somebody else is not kept.
func TestOtherPersonsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.addUser("g_user")
		e.store.set("g_user", func(g *grant.Grant) { g.OpenID = "o_demo_other_0002" })
		stop := running(e.Keeper)
		time.Sleep(61 * time.Minute)
		stop()
		if g := e.store.row("g_user"); g.State != grant.Stopped || g.Cause != grant.CauseStranger || g.Tokens.Generation != 1 {
			t.Errorf("%s, %s, generation %d", g.State, g.Cause, g.Tokens.Generation)
		}
	})
}

// TestErrorsHoldNoSecret walks over what a caller can print.
func TestErrorsHoldNoSecret(t *testing.T) {
	e := &Error{Reason: ErrStopped, GrantID: "g_1", Cause: "secret_wrong", ErrCode: 40125, Err: refused(40125)}
	const wantText = "keeper: grant g_1: secret_wrong: errcode 40125: "
	if got := e.Error(); len(got) < len(wantText) || got[:len(wantText)] != wantText {
		t.Errorf("got %q", got)
	}
	tok := Token{Value: secret.FromString("token-000001"), Generation: 1}
	if got := fmt.Sprintf("%v %+v %#v", tok, tok, tok); containsSecret(got) {
		t.Errorf("a token prints: %s", got)
	}
}
