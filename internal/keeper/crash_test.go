package keeper

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestCrashPoints breaks every step of a refresh on both sides: it failed; it
// failed but landed. A process that cannot go on is replaced by another one.
// progress is whether the first process came to a token by itself.
func TestCrashPoints(t *testing.T) {
	tests := []struct {
		step     string
		side     fault
		times    int  // how often it breaks
		progress bool // the first caller gets a token
		asks     int  // requests until there is a token
		unknown  int  // outcomes recorded as unknown
	}{
		{"Claim", failed, 1, false, 1, 0},
		{"Claim", landed4Sure, 1, false, 1, 1}, // nobody knows that nothing was sent
		{"ask", failed, 1, false, 2, 0},
		{"ask", landed4Sure, 1, false, 2, 1},
		{"seal", failed, 1, true, 1, 0},
		{"seal", failed, sealTries, false, 2, 0},
		{"Settle", failed, 1, true, 1, 0},
		{"Settle", landed4Sure, 1, true, 1, 0},
		{"Settle", failed, 3, true, 1, 0},
		{"Settle", landed4Sure, 3, true, 1, 0},
		{"Settle", failed, 1 << 30, false, 2, 1},      // as good as a crash after the answer
		{"Settle", landed4Sure, 1 << 30, false, 1, 0}, // it landed: nothing is asked again
		{"die", failed, 1, false, 1, 1},               // crash before the request
		{"die", landed4Sure, 1, false, 2, 1},          // crash after it
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%d/%d", tt.step, tt.side, tt.times), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.breakStep(tt.step, tt.side, tt.times)
				tok, err := e.Token(t.Context(), "lantian")
				if (err == nil) != tt.progress {
					t.Fatalf("first process: %v, progress %v expected", err, tt.progress)
				}
				if err == nil {
					e.checkDurable(tok)
				}
				e.store.setFault(nil)
				e.wechat.answer(nil)
				second := e.another("two")
				stop := running(second)
				time.Sleep(11 * time.Minute)
				stop()
				tok, err = second.Token(t.Context(), "lantian")
				if err != nil {
					t.Fatalf("second process: %v", err)
				}
				e.checkDurable(tok)
				if n := e.wechat.asked(); n != tt.asks {
					t.Errorf("%d requests, want %d", n, tt.asks)
				}
				if n := e.store.entries(audit.Unknown); n != tt.unknown {
					t.Errorf("%d outcomes recorded as unknown, want %d", n, tt.unknown)
				}
			})
		})
	}
}

// breakStep makes a step break so many times.
func (e *env) breakStep(step string, side fault, times int) {
	switch step {
	case "ask":
		e.wechat.setNext(func(a ask) (error, bool) {
			if a.n > times {
				return nil, false
			}
			if side == failed {
				return refused(-1), false
			}
			return lost(), true
		})
	case "seal":
		e.vault.sealFail = times
	case "die":
		e.opt.Platform = dies{e.wechat, side}
	default:
		e.store.setFault(func(op string) fault {
			if op != step || times == 0 {
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
		if g := e.row(); g.State != grant.Stopped || g.Cause != causeUnreadable {
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
		if g := e.store.row("g_user"); g.State != grant.Stopped || g.Cause != causeStranger || g.Tokens.Generation != 1 {
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
