package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
)

// TestCures walks the table: a row for whatever WeChat may say, none without a
// use, and a grant ends only when WeChat names no refresh token but the refused
// one, or nothing speaks of an authorisation.
func TestCures(t *testing.T) {
	used := map[int]bool{}
	for _, code := range []int{0, 61003, 61023} {
		for says := lookedGone; says <= lookedAnother; says++ {
			i := slices.IndexFunc(cures, func(c cure) bool { return c.says == says && (c.code == anyCode || c.code == code) })
			if i < 0 {
				t.Fatalf("no row for %d, %d", code, says)
			}
			used[i] = true
			r := cureFor(code, says)
			ends := says == lookedGone || code != 61003 && (says == lookedSame || says == lookedNone)
			if (r.do == dead) != ends || (r == keepAnother) != (says == lookedAnother) || r.cause == "" {
				t.Errorf("%d, %d leads to %+v", code, says, r)
			}
		}
	}
	for i := range cures {
		if !used[i] {
			t.Errorf("row %d is never reached", i)
		}
	}
	if r := cureFor(61023, lookedAnother+1); r.do != again {
		t.Errorf("what no row knows leads to %+v", r)
	}
	for key, r := range reactions {
		if r.first == lookUp && (key.kind != grant.ISV || r.do != again) {
			t.Errorf("%d ends a grant before it is looked up", key.code)
		}
	}
}

// durable looks at every request for an account's token: the refresh token that
// is sent must be the one that the store keeps at that moment.
type durable struct {
	Platform
	e *env
}

func (d durable) RefreshAuthorizer(ctx context.Context, app appT, token secretT, authorizer string, refresh secretT) (Answer, error) {
	g := d.e.store.row("g_" + strings.TrimPrefix(authorizer, "wx-of-"))
	kept, err := d.e.vault.Open(g.Tokens.Refresh, vault.GrantRefresh(g.ID, "isv", g.Tokens.Generation))
	if err != nil || !kept.Equal(refresh) {
		d.e.t.Errorf("a refresh token was used that is not durable (%v)", err)
	}
	return d.Platform.RefreshAuthorizer(ctx, app, token, authorizer, refresh)
}

// newHealEnv has a platform with its token and an account with its own, which is
// due again. Every refresh token that is used must be durable.
func newHealEnv(t *testing.T) *env {
	e := newPlatformEnv(t)
	e.opt.Platform = durable{e.wechat, e}
	if _, err := e.Token(t.Context(), "hongchen"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(119*time.Minute + 30*time.Second)
	return e
}

// TestHeal: an account's refresh token is refused, or lost here. What WeChat knows
// of the authorisation decides.
func TestHeal(t *testing.T) {
	tests := []struct {
		name       string
		prep       func(e *env, a *account)
		served     bool
		state      grant.State
		cause      string
		asks       int // for the account's token
		finds      int
		generation int64
		told       []string
	}{
		{"WeChat names another", func(_ *env, a *account) { a.rotate() },
			true, grant.Active, "", 2, 1, 4, nil},
		{"WeChat names the same", func(_ *env, a *account) { a.stuck = true },
			false, grant.NeedsOwner, grant.CauseInvalid, 1, 1, 2, []string{"grant.needs_owner"}},
		{"WeChat names another each time, and takes none", func(_ *env, a *account) { a.mismatch = true },
			false, grant.Active, grant.CauseFound, 2, 2, 4, nil},
		{"WeChat names none", func(_ *env, a *account) { a.rotate(); a.unnamed = true },
			false, grant.NeedsOwner, grant.CauseInvalid, 1, 1, 2, []string{"grant.needs_owner"}},
		{"withdrawn", func(_ *env, a *account) { a.gone = true },
			false, grant.NeedsOwner, grant.CauseUnauthorized, 1, 1, 2, []string{"grant.needs_owner"}},
		{"said to be withdrawn, and is not", func(_ *env, a *account) { a.denied = true },
			false, grant.Active, grant.CauseUnconfirmed, 1, 1, 2, nil},
		{"said to be withdrawn, not, and nothing is named", func(_ *env, a *account) { a.denied, a.unnamed = true, true },
			false, grant.Active, grant.CauseUnconfirmed, 1, 1, 2, nil},
		{"said to be withdrawn, and authorised anew", func(_ *env, a *account) { a.rotate(); a.denied = true },
			false, grant.Active, grant.CauseUnconfirmed, 2, 2, 3, nil},
		{"the lookup is lost", func(e *env, a *account) { a.rotate(); e.wechat.comp.finding = lost },
			false, grant.Active, grant.CauseUnknown, 1, 1, 2, nil},
		{"the lookup is refused", func(e *env, a *account) {
			a.rotate()
			e.wechat.comp.finding = func() error { return refused(42007) }
		}, false, grant.Active, grant.CauseOddCode, 1, 1, 2, nil},
		{"password changed", func(e *env, _ *account) {
			e.wechat.next = func(a ask) (error, bool) { return refused(42007), false }
		}, false, grant.NeedsOwner, "password_changed", 1, 0, 2, []string{"grant.needs_owner"}},
		{"account limited", func(e *env, _ *account) {
			e.wechat.next = func(a ask) (error, bool) { return refused(50002), false }
		}, false, grant.Stopped, "account_limited", 1, 0, 2, []string{"grant.stopped"}},
		{"none is kept", func(e *env, _ *account) {
			e.store.grants["g_hongchen"].Tokens = grant.Tokens{}
		}, true, grant.Active, "", 1, 1, 2, nil},
		{"none is kept, withdrawn", func(e *env, a *account) {
			e.store.grants["g_hongchen"].Tokens = grant.Tokens{}
			a.gone = true
		}, false, grant.NeedsOwner, grant.CauseUnauthorized, 0, 1, 0, []string{"grant.needs_owner"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newHealEnv(t)
				if _, err := e.ComponentToken(t.Context(), "agency"); err != nil {
					t.Fatal(err)
				}
				_, before := e.wechat.platformAsked()
				tt.prep(e, e.wechat.comp.accounts["wx-of-hongchen"])
				second := e.another("two")
				second.opt.Platform = e.opt.Platform
				time.Sleep(time.Minute) // the kept token has ended
				_, err := second.Token(t.Context(), "hongchen")
				g := e.store.row("g_hongchen")
				_, asks := e.wechat.platformAsked()
				if (err == nil) != tt.served || g.State != tt.state || g.Cause != tt.cause || g.Tokens.Generation != tt.generation {
					t.Errorf("%v; %s, cause %q, generation %d", err, g.State, g.Cause, g.Tokens.Generation)
				}
				if asks-before != tt.asks || e.wechat.comp.finds != tt.finds || e.wechat.comp.empties != 0 {
					t.Errorf("%d requests, %d lookups, %d with nothing", asks-before, e.wechat.comp.finds, e.wechat.comp.empties)
				}
				if told := e.store.told(); !slices.Equal(told, tt.told) {
					t.Errorf("told %v", told)
				}
				if g.State != grant.NeedsOwner && (g.DueAt.IsZero() || g.SettledTerm != g.Lease.Term) {
					t.Errorf("left without a plan: %+v", g)
				}
				if tt.served {
					e.checkRefresh("hongchen")
				}
			})
		})
	}
}

// TestHealedTokenStays: the access token lives on while another refresh token is
// found and refused too, and no caller misses it.
func TestHealedTokenStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		old, err := e.Token(t.Context(), "hongchen")
		if err != nil {
			t.Fatal(err)
		}
		e.wechat.with("wx-of-hongchen", func(a *account) { a.mismatch = true })
		stop := running(e.Keeper)
		defer stop()
		for time.Until(old.Expires) > margin {
			tok, err := e.Token(t.Context(), "hongchen")
			if err != nil || !tok.Value.Equal(old.Value) {
				t.Fatalf("%v before its end: %v", time.Until(old.Expires), err)
			}
			time.Sleep(10 * time.Second)
		}
		_, asks := e.wechat.platformAsked()
		if asks < 3 || asks > 20 {
			t.Errorf("%d requests with refresh tokens that WeChat names and refuses", asks)
		}
		time.Sleep(time.Hour)
		if told := e.store.told(); !slices.Equal(told, []string{"grant.failing"}) {
			t.Errorf("told %v", told)
		}
	})
}

// TestUnconfirmedPasses: WeChat says for hours that an account withdrew, and it did
// not. Nothing is ended, a human hears of it once, and it heals by itself.
func TestUnconfirmedPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(time.Minute)
		e.wechat.with("wx-of-hongchen", func(a *account) { a.denied = true })
		time.Sleep(6 * time.Hour)
		if g := e.store.row("g_hongchen"); g.State != grant.Active || g.Cause != grant.CauseUnconfirmed {
			t.Errorf("%s, %s", g.State, g.Cause)
		}
		e.wechat.with("wx-of-hongchen", func(a *account) { a.denied = false })
		time.Sleep(11 * time.Minute)
		if _, err := e.Token(t.Context(), "hongchen"); err != nil {
			t.Error(err)
		}
		if told := e.store.told(); !slices.Equal(told, []string{"grant.failing", "grant.healed"}) {
			t.Errorf("told %v", told)
		}
	})
}

// TestReportHeals: a program reports a dead token whose refresh token is dead, too.
// The dead token is not handed out again under another generation.
func TestReportHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		old, err := e.Token(t.Context(), "hongchen")
		if err != nil {
			t.Fatal(err)
		}
		e.wechat.with("wx-of-hongchen", func(a *account) { a.rotate(); clear(a.access) })
		tok, err := e.Report(t.Context(), Complaint{Shop: "hongchen", Generation: old.Generation, ErrCode: 40001, By: ByClient("erp")})
		if err != nil || tok.Value.Equal(old.Value) {
			t.Errorf("generation %d, %v", tok.Generation, err)
		}
		e.checkRefresh("hongchen")
	})
}

// TestPlatformCrashTable is TestCrashTable for platforms and their accounts:
// every step breaks on both sides, then another process takes over. WeChat gives
// the account another refresh token with every answer, and takes the one before
// for five minutes.
func TestPlatformCrashTable(t *testing.T) {
	const ever, lease = 1 << 30, 30 * time.Second
	tests := []struct {
		kind      grant.Kind
		step      string
		side      fault
		times     int
		late      time.Duration // until the second process begins
		served    bool
		free      time.Duration
		asks      int
		finds     int
		unsettled int
	}{
		// kind         step  side      times late served free asks finds unsettled
		{grant.Component, "claim", failed, 1, 0, false, 0, 1, 0, 0},
		{grant.Component, "claim", landed4Sure, 1, 0, false, lease, 1, 0, 1},
		{grant.Component, "tickets", failed, 1, 0, false, 0, 1, 0, 0},
		{grant.Component, "ask", failed, 1, 0, false, 0, 2, 0, 0},
		{grant.Component, "ask", landed4Sure, 1, 0, false, 0, 2, 0, 1},
		{grant.Component, "seal", failed, 1, 0, true, 0, 1, 0, 0},
		{grant.Component, "seal", failed, sealTries, 0, false, 0, 2, 0, 0},
		{grant.Component, "settle", failed, 1, 0, true, 0, 1, 0, 0},
		{grant.Component, "settle", landed4Sure, 1, 0, true, 0, 1, 0, 0},
		{grant.Component, "settle", failed, ever, 0, false, lease, 2, 0, 1},
		{grant.Component, "settle", landed4Sure, ever, 0, false, 0, 1, 0, 0},
		{grant.Component, "die in ask", failed, 1, 0, false, lease, 1, 0, 1},
		{grant.Component, "die in ask", landed4Sure, 1, 0, false, lease, 2, 0, 1},

		{grant.ISV, "claim", failed, 1, 0, false, 0, 1, 0, 0},
		{grant.ISV, "claim", landed4Sure, 1, 0, false, lease, 1, 0, 1},
		{grant.ISV, "ask", failed, 1, 0, false, 0, 2, 0, 0},
		{grant.ISV, "ask", landed4Sure, 1, 0, false, 0, 2, 0, 1}, // the one before is still taken
		{grant.ISV, "ask", landed4Sure, 1, time.Hour, false, 0, 3, 1, 1},
		{grant.ISV, "seal", failed, 1, 0, true, 0, 1, 0, 0},
		{grant.ISV, "seal", failed, sealTries, 0, false, 0, 3, 1, 0}, // the plan looks again when it is not taken any more
		{grant.ISV, "settle", failed, 1, 0, true, 0, 1, 0, 0},
		{grant.ISV, "settle", landed4Sure, 1, 0, true, 0, 1, 0, 0},
		{grant.ISV, "settle", failed, ever, 0, false, lease, 2, 0, 1},
		{grant.ISV, "settle", failed, ever, time.Hour, false, lease, 3, 1, 1}, // it came, and nothing of it was written
		{grant.ISV, "settle", landed4Sure, ever, 0, false, 0, 1, 0, 0},
		{grant.ISV, "die in ask", failed, 1, 0, false, lease, 1, 0, 1},
		{grant.ISV, "die in ask", landed4Sure, 1, 0, false, lease, 2, 0, 1},
		{grant.ISV, "die in ask", landed4Sure, 1, time.Hour, false, lease, 3, 1, 1},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%s/%d/%d/%v", tt.kind, tt.step, tt.side, tt.times, tt.late), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newPlatformEnv(t)
				e.wechat.comp.rotates = true
				id, call := "g_agency", func(k *Keeper) (Token, error) { return k.ComponentToken(t.Context(), "agency") }
				if tt.kind == grant.ISV {
					if _, err := call(e.Keeper); err != nil {
						t.Fatal(err)
					}
					id, call = "g_hongchen", func(k *Keeper) (Token, error) { return k.Token(t.Context(), "hongchen") }
				}
				e.breakPlatform(tt.kind, tt.step, tt.side, tt.times)
				begin := time.Now()
				tok, err := call(e.Keeper)
				if (err == nil) != tt.served {
					t.Fatalf("first process: %v, want served %v", err, tt.served)
				}
				if err == nil {
					e.checkDurable(tok)
				}
				g := e.store.row(id)
				if live(&g, time.Now()) != (tt.free > 0) || tt.free > 0 && !g.Lease.Until.Equal(ms(begin.Add(tt.free))) {
					t.Errorf("the lease ends %v after the claim, want %v", g.Lease.Until.Sub(begin), tt.free)
				}
				e.store.setFault(nil)
				e.wechat.answer(nil)
				time.Sleep(tt.late)
				second := e.another("two", func(o *Options) { o.Platform = durable{e.wechat, e} })
				stop := running(second)
				time.Sleep(11 * time.Minute)
				stop()
				if tok, err = call(second); err != nil {
					t.Fatalf("second process: %v", err)
				}
				e.checkDurable(tok)
				asks := e.asksOf(tt.kind)
				if asks != tt.asks || e.wechat.comp.finds != tt.finds || e.wechat.comp.empties != 0 {
					t.Errorf("%d requests, %d lookups; want %d, %d", asks, e.wechat.comp.finds, tt.asks, tt.finds)
				}
				if n := e.store.entries(audit.Unknown); n != tt.unsettled {
					t.Errorf("%d outcomes recorded as unknown, want %d", n, tt.unsettled)
				}
				if tt.kind == grant.ISV {
					e.checkRefresh("hongchen")
				}
			})
		})
	}
}

func (e *env) asksOf(kind grant.Kind) int {
	component, isv := e.wechat.platformAsked()
	if kind == grant.Component {
		return component
	}
	return isv
}

// breakPlatform makes a step of one kind break so many times.
func (e *env) breakPlatform(kind grant.Kind, step string, side fault, times int) {
	switch step {
	case "ask":
		e.wechat.setNext(func(a ask) (error, bool) {
			if a.kind != kind || times == 0 {
				return nil, false
			}
			times--
			if side == failed {
				return refused(-1), false
			}
			return lost(), true
		})
	case "die in ask":
		e.opt.Platform = platformDies{dies{e.wechat, side}, kind}
	case "tickets":
		e.store.setFault(func(op string) fault {
			if op != "Tickets" || times == 0 {
				return fine
			}
			times--
			return side
		})
	default:
		e.breakStep(step, side, times)
	}
}

// platformDies ends the work in the middle of a request of one kind.
type platformDies struct {
	dies
	kind grant.Kind
}

func (d platformDies) Component(ctx context.Context, app appT, key, ticket secretT) (Answer, error) {
	if d.kind != grant.Component {
		return d.Platform.Component(ctx, app, key, ticket)
	}
	if d.side == landed4Sure {
		d.Platform.Component(ctx, app, key, ticket)
	}
	panic("crash")
}

func (d platformDies) RefreshAuthorizer(ctx context.Context, app appT, token secretT, authorizer string, refresh secretT) (Answer, error) {
	if d.side == landed4Sure {
		d.Platform.RefreshAuthorizer(ctx, app, token, authorizer, refresh)
	}
	panic("crash")
}

// TestHealCrash: the refresh token that was looked up is kept, and the process ends
// before it is used. The next one uses it, without another lookup.
func TestHealCrash(t *testing.T) {
	for _, side := range []fault{failed, landed4Sure} {
		synctest.Test(t, func(t *testing.T) {
			e := newHealEnv(t)
			e.wechat.with("wx-of-hongchen", func(a *account) { a.rotate() })
			settled := false
			e.store.setFault(func(op string) fault {
				if op == "Settle" && !settled {
					settled = true
					return side
				}
				if op == "Claim" && settled {
					return failed
				}
				return fine
			})
			time.Sleep(time.Minute)
			if _, err := e.Token(t.Context(), "hongchen"); !errors.Is(err, ErrNotYet) {
				t.Fatalf("got %v", err)
			}
			if g := e.store.row("g_hongchen"); g.Cause != grant.CauseFound || g.Tokens.Generation != 3 {
				t.Errorf("cause %q, generation %d", g.Cause, g.Tokens.Generation)
			}
			e.store.setFault(nil)
			second := e.another("two", func(o *Options) { o.Platform = durable{e.wechat, e} })
			stop := running(second)
			time.Sleep(2 * time.Second)
			stop()
			if tok, err := second.Token(t.Context(), "hongchen"); err != nil || tok.Generation != 4 || e.wechat.comp.finds != 1 {
				t.Errorf("generation %d, %d lookups, %v", tok.Generation, e.wechat.comp.finds, err)
			}
		})
	}
}

// TestLookupErrorsEndNothing: whatever the lookup answers, the grant stays.
func TestLookupErrorsEndNothing(t *testing.T) {
	for key := range reactions {
		synctest.Test(t, func(t *testing.T) {
			e := newHealEnv(t)
			e.wechat.with("wx-of-hongchen", func(a *account) { a.rotate() })
			e.wechat.comp.finding = func() error {
				return &Failure{Outcome: wechat.OutcomeAnswered, Code: key.code, HTTPStatus: 200}
			}
			time.Sleep(time.Minute)
			if _, err := e.Token(t.Context(), "hongchen"); err == nil {
				t.Fatal("served")
			}
			if g := e.store.row("g_hongchen"); g.State == grant.NeedsOwner || g.DueAt.IsZero() {
				t.Errorf("errcode %d of a lookup leaves it %s", key.code, g.State)
			}
		})
	}
}
