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

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// TestPlatformDay: one platform and an account of it for a day. Each token is
// renewed before it ends and once in its life, and every caller is served.
func TestPlatformDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		e.wechat.comp.rotates = true
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(10 * time.Second)
		for range 24 * 12 {
			tok, err := e.Token(t.Context(), "hongchen")
			if err != nil || !time.Now().Before(tok.Expires) {
				t.Fatalf("account: %+v, %v", tok, err)
			}
			if tok, err = e.ComponentToken(t.Context(), "agency"); err != nil || !time.Now().Before(tok.Expires) {
				t.Fatalf("platform: %+v, %v", tok, err)
			}
			time.Sleep(5 * time.Minute)
		}
		component, isv := e.wechat.platformAsked()
		if component != 14 || isv < 14 || isv > 15 {
			t.Errorf("%d requests for the platform, %d for the account in a day", component, isv)
		}
		e.checkRefresh("hongchen")
		if told := e.store.told(); len(told) > 0 {
			t.Errorf("told %v", told)
		}
	})
}

// checkRefresh: the refresh token that WeChat takes is the one that is kept.
func (e *env) checkRefresh(shop string) {
	e.t.Helper()
	g := e.store.row("g_" + shop)
	kept, err := e.vault.Open(g.Tokens.Refresh, vault.GrantRefresh(g.ID, "isv", g.Tokens.Generation))
	if a := e.wechat.comp.accounts[g.Authorizer]; err != nil || kept.RevealString() != a.refresh {
		e.t.Errorf("another refresh token is kept than WeChat takes (%v)", err)
	}
	if !g.Tokens.RefreshIssued.IsZero() || !g.Tokens.RefreshExpires.IsZero() {
		e.t.Errorf("the refresh token is believed to end: %+v", g.Tokens)
	}
}

// TestTickets: which ticket a platform's token is asked for with, and what
// happens when none is good. A good one mends it.
func TestTickets(t *testing.T) {
	tests := []struct {
		name    string
		codes   []int // of the tickets, the oldest first
		damage  int   // so many of the newest cannot be opened
		asks    int
		cause   string
		errcode int
	}{
		{"newest is good", []int{61005, 0}, 0, 1, "", 0},
		{"newest is refused, the one before is good", []int{0, 61006}, 0, 2, "", 0},
		{"newest is said to be old, the one before is good", []int{0, 61005}, 0, 2, "", 0},
		{"newest cannot be read, the one before is good", []int{0, 0}, 1, 1, "", 0},
		{"both are old", []int{61005, 61005}, 0, 2, "ticket_expired", 61005},
		{"both are another platform's", []int{61006, 61006}, 0, 2, "ticket_invalid", 61006},
		{"the only one is old", []int{61005}, 0, 1, "ticket_expired", 61005},
		{"none was pushed", nil, 0, 0, grant.CauseNoTicket, 0},
		{"none can be read", []int{0, 0}, 2, 0, grant.CauseUnreadable, 0},
		{"a third is not tried", []int{0, 61005, 61005}, 0, 2, "ticket_expired", 61005},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newPlatformEnv(t)
				e.store.tickets = map[string][]grant.Ticket{}
				for i, code := range tt.codes {
					time.Sleep(time.Minute)
					e.pushTicket("agency", fmt.Sprint("ticket-of-minute-", i), code)
				}
				for i := range tt.damage {
					e.store.tickets["agency"][i].Value = []byte("of another row")
				}
				_, err := e.ComponentToken(t.Context(), "agency")
				g := e.store.row("g_agency")
				if asks, _ := e.wechat.platformAsked(); asks != tt.asks || g.Cause != tt.cause || g.ErrCode != tt.errcode {
					t.Errorf("%d requests, cause %q, errcode %d", asks, g.Cause, g.ErrCode)
				}
				if tt.cause == "" {
					if err != nil || g.State != grant.Active {
						t.Errorf("%s, %v", g.State, err)
					}
					return
				}
				if !errors.Is(err, ErrStopped) || g.State != grant.Stopped || g.DueAt.IsZero() || !slices.Equal(e.store.told(), []string{"grant.stopped"}) {
					t.Errorf("%v, %s, due %v, told %v", err, g.State, g.DueAt, e.store.told())
				}
				e.mendTickets(t)
			})
		})
	}
}

// TestNewPlatformAwaitsItsTicket: nobody is told that a platform has no ticket before
// one can have come. A ticket that comes in time leaves no word; none is told at last.
func TestNewPlatformAwaitsItsTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		e.store.tickets = map[string][]grant.Ticket{}
		e.store.set("g_agency", func(g *grant.Grant) { g.CreatedAt = time.Now() })
		defer running(e.Keeper)()
		time.Sleep(29 * time.Minute)
		g := e.store.row("g_agency")
		if told := e.store.told(); len(told) > 0 || g.State != grant.Active || g.Cause != grant.CauseAwaitsTicket {
			t.Fatalf("told %v; %s, %s", told, g.State, g.Cause)
		}
		if _, err := e.ComponentToken(t.Context(), "agency"); !errors.Is(err, ErrNotYet) {
			t.Errorf("a caller got %v", err)
		}
		e.pushTicket("agency", "ticket-good", 0)
		e.store.set("g_agency", func(g *grant.Grant) { g.DueAt = time.Now() })
		e.Kick("g_agency")
		time.Sleep(time.Minute)
		g = e.store.row("g_agency")
		if told := e.store.told(); len(told) > 0 || g.State != grant.Active || g.Cause != "" {
			t.Errorf("afterwards told %v; %s, %s", told, g.State, g.Cause)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		e.store.tickets = map[string][]grant.Ticket{}
		e.store.set("g_agency", func(g *grant.Grant) { g.CreatedAt = time.Now() })
		defer running(e.Keeper)()
		time.Sleep(3 * time.Hour)
		if g := e.store.row("g_agency"); !slices.Equal(e.store.told(), []string{"grant.stopped"}) || g.State != grant.Stopped || g.Cause != grant.CauseNoTicket {
			t.Errorf("told %v; %s, %s", e.store.told(), g.State, g.Cause)
		}
	})
}

// mendTickets pushes a good ticket: the plan does the rest.
func (e *env) mendTickets(t *testing.T) {
	time.Sleep(3 * time.Minute)
	e.pushTicket("agency", "ticket-good", 0)
	defer running(e.Keeper)()
	time.Sleep(2 * time.Second)
	if g := e.store.row("g_agency"); g.State != grant.Active || g.Cause != "" {
		t.Errorf("a good ticket left it %s, %s", g.State, g.Cause)
	}
	if _, err := e.ComponentToken(t.Context(), "agency"); err != nil {
		t.Error(err)
	}
	if told := e.store.told(); !slices.Equal(told, []string{"grant.stopped", "grant.healed"}) {
		t.Errorf("told %v", told)
	}
}

// TestNoPlatformToken: an account's token cannot be asked for without the
// platform's. The account's grant tells nobody, counts as not asked, and has its
// token as soon as the platform's is there.
func TestNoPlatformToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		e.store.tickets = map[string][]grant.Ticket{}
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(5 * time.Hour)
		g := e.store.row("g_hongchen")
		if _, asks := e.wechat.platformAsked(); asks != 0 || g.State != grant.Active || g.Cause != grant.CausePlatform || g.Attempt < tellAfter {
			t.Fatalf("%d requests, %s, %s, attempt %d", asks, g.State, g.Cause, g.Attempt)
		}
		if _, err := e.Token(t.Context(), "hongchen"); !errors.Is(err, ErrNotYet) {
			t.Errorf("a caller got %v", err)
		}
		if told := e.store.told(); !slices.Equal(told, []string{"grant.stopped"}) {
			t.Errorf("told %v, want the platform's own", told)
		}
		time.Sleep(2 * time.Minute)
		e.pushTicket("agency", "ticket-2", 0)
		time.Sleep(3 * time.Second)
		if _, err := e.Token(t.Context(), "hongchen"); err != nil {
			t.Errorf("after the ticket: %v", err)
		}
		if told := e.store.told(); !slices.Equal(told, []string{"grant.stopped", "grant.healed"}) {
			t.Errorf("told %v", told)
		}
	})
}

// TestPlatformBackElsewhere: another process got the platform's token. A caller
// here need not wait for the account's plan once this process has it too.
func TestPlatformBackElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		e.wechat.answer(refused(45011))
		if _, err := e.Token(t.Context(), "hongchen"); err == nil {
			t.Fatal("a token came out of nothing")
		}
		e.store.set("g_hongchen", func(g *grant.Grant) { g.DueAt = time.Now().Add(10 * time.Minute) })
		if _, err := e.Token(t.Context(), "hongchen"); !errors.Is(err, ErrNotYet) {
			t.Fatalf("while it lacks: %v", err)
		}
		e.wechat.answer(nil)
		time.Sleep(3 * time.Minute)
		second := e.another("two")
		if _, err := second.ComponentToken(t.Context(), "agency"); err != nil {
			t.Fatal(err)
		}
		if _, err := e.ComponentToken(t.Context(), "agency"); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Token(t.Context(), "hongchen"); err != nil {
			t.Errorf("when it is there: %v", err)
		}
	})
}

// TestPlatformTokenRefused: WeChat refuses the platform's token when an account's
// is asked for. It is judged like any reported token: what the probe finds alive is
// left, what it finds dead is replaced, once for all accounts.
func TestPlatformTokenRefused(t *testing.T) {
	tests := []struct {
		name           string
		prep           func(e *env)
		component, isv int // requests after the platform's first
		cause          string
	}{
		{"dead", func(e *env) { e.wechat.endTokens() }, 1, 2, ""},
		{"dead, and the probe is lost", func(e *env) {
			e.wechat.endTokens()
			e.wechat.setProbing(func() (bool, error) { return false, lost() })
		}, 1, 2, ""},
		{"alive", func(e *env) {
			e.wechat.setNext(func(a ask) (error, bool) {
				if a.kind == grant.ISV {
					return refused(42001), false
				}
				return nil, false
			})
		}, 0, 1, "platform_token_refused"},
		{"dead, and there is no other", func(e *env) {
			e.wechat.endTokens()
			e.pushTicket("agency", "ticket-2", 61005)
			e.pushTicket("agency", "ticket-3", 61005)
		}, 2, 1, "platform_token_refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newPlatformEnv(t)
				if _, err := e.ComponentToken(t.Context(), "agency"); err != nil {
					t.Fatal(err)
				}
				tt.prep(e)
				_, err := e.Token(t.Context(), "hongchen")
				component, isv := e.wechat.platformAsked()
				g := e.store.row("g_hongchen")
				if component-1 != tt.component || isv != tt.isv || g.Cause != tt.cause || (err == nil) != (tt.cause == "") {
					t.Errorf("%d and %d requests, cause %q, %v", component-1, isv, g.Cause, err)
				}
			})
		})
	}
}

// TestPlatformAddress: WeChat does not know our address. The platform's grant
// tells it, not one grant for each account, and it is not asked for each.
func TestPlatformAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		for i := range 50 {
			e.addAccount(fmt.Sprint("shop-", i), "agency")
		}
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(time.Minute)
		e.wechat.setNext(func(a ask) (error, bool) {
			if a.kind == grant.Self {
				return nil, false
			}
			return refused(61004), false
		})
		time.Sleep(105 * time.Minute)
		before, _ := e.wechat.platformAsked()
		time.Sleep(15 * time.Minute)
		after, _ := e.wechat.platformAsked()
		if told := e.store.told(); !slices.Equal(told, []string{"grant.stopped"}) || after-before > 3 {
			t.Errorf("told %v after %d requests in a quarter of an hour", told, after-before)
		}
		if g := e.store.row("g_agency"); g.State != grant.Stopped || g.Cause != grant.CauseIPNotListed {
			t.Errorf("platform: %s, %s", g.State, g.Cause)
		}
	})
}

// TestReportOfAccount: a program reports an account's token. The probe decides;
// nothing is ever forced, since WeChat forces no such token.
func TestReportOfAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		old, err := e.Token(t.Context(), "hongchen")
		if err != nil {
			t.Fatal(err)
		}
		report := func(dead bool) Token {
			e.wechat.setProbing(func() (bool, error) { return dead, nil })
			tok, err := e.Report(t.Context(), Complaint{Shop: "hongchen", Generation: old.Generation, ErrCode: 40001, By: ByClient("erp")})
			if err != nil {
				t.Fatal(err)
			}
			return tok
		}
		if tok := report(false); tok.Generation != old.Generation {
			t.Errorf("alive: generation %d", tok.Generation)
		}
		time.Sleep(leaveFor(1))
		if tok := report(true); tok.Generation != old.Generation+1 || tok.Value.Equal(old.Value) {
			t.Errorf("dead: generation %d", tok.Generation)
		}
		if len(e.store.forces) != 0 {
			t.Errorf("forced: %v", e.store.forces)
		}
	})
}

// TestPlatformProofs: both kinds are proved once a day by the schedule.
func TestPlatformProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(25 * time.Hour)
		for _, id := range []string{"g_agency", "g_hongchen"} {
			if g := e.store.row(id); time.Since(g.Proved) > 24*time.Hour || g.Doubts != 0 {
				t.Errorf("%s: proved %v ago, %d doubts", id, time.Since(g.Proved), g.Doubts)
			}
		}
	})
}

// TestMove: another grant serves the shop from now on. After ForgetShop nobody
// gets the token of the one before, not even by a read that began before.
func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t, func(o *Options) { o.Recheck = -1 })
		e.addShop("of-its-own")
		own := func() Token {
			tok, err := e.Token(t.Context(), "hongchen")
			if err != nil {
				t.Fatal(err)
			}
			return tok
		}
		source := e.Source("hongchen")
		if tok := own(); tok.GrantID != "g_hongchen" {
			t.Fatalf("served by %s", tok.GrantID)
		}
		before, epoch := e.store.row("g_hongchen"), e.epoch.Load()
		if tok, err := source.Token(t.Context()); err != nil || tok.GrantID != "g_hongchen" {
			t.Fatalf("%s, %v", tok.GrantID, err)
		}
		e.store.set("g_of-its-own", func(g *grant.Grant) { g.ShopID = "hongchen" })
		e.store.mu.Lock()
		e.store.serves["hongchen"] = "g_of-its-own"
		e.store.mu.Unlock()
		e.ForgetShop("hongchen")
		late, err := e.tokenOf(before, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		e.put(before, late, true, epoch)
		if tok := own(); tok.GrantID != "g_of-its-own" {
			t.Errorf("still served by %s", tok.GrantID)
		}
		if tok, err := source.Token(t.Context()); err != nil || tok.GrantID != "g_of-its-own" {
			t.Errorf("a source still gives the token of %s (%v)", tok.GrantID, err)
		}
		// The other grant is renewed as ever, and does not get in the way.
		stop := running(e.Keeper)
		defer stop()
		for range 5 * 60 {
			time.Sleep(time.Minute)
			if tok := own(); tok.GrantID != "g_of-its-own" {
				t.Fatalf("served by %s", tok.GrantID)
			}
		}
		if g := e.store.row("g_hongchen"); !time.Now().Before(g.Tokens.AccessExpires) {
			t.Error("the grant that does not serve now was not kept fresh")
		}
	})
}

// TestUnknownPlatform: there is no token of a platform that nobody declared.
func TestUnknownPlatform(t *testing.T) {
	e := newEnv(t)
	if _, err := e.ComponentToken(t.Context(), "nobody"); !errors.Is(err, ErrUnknownShop) {
		t.Errorf("got %v", err)
	}
	none := New(Options{Store: e.store, Ledger: e.store, Vault: e.vault, Platform: e.wechat, Owner: "one"})
	if _, err := none.ComponentToken(t.Context(), "agency"); !errors.Is(err, ErrUnknownShop) {
		t.Errorf("a keeper without platforms: %v", err)
	}
	if list, err := none.opt.Components.Tickets(t.Context(), "agency"); len(list) > 0 || err != nil {
		t.Errorf("a keeper without platforms has %d tickets, %v", len(list), err)
	}
}

// TestNothingPrintsTickets walks over what is told, logged in causes and written.
func TestNothingPrintsTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		e.wechat.answer(refused(61006))
		_, err := e.ComponentToken(t.Context(), "agency")
		_, other := e.Token(t.Context(), "hongchen")
		text := fmt.Sprintf("%v %v %+v %+v", err, other, e.store.audit, e.store.notices)
		if containsSecret(text) || strings.Contains(text, "ticket-1") {
			t.Errorf("a secret is told: %s", text)
		}
		if err == nil || other == nil {
			t.Error("nothing failed")
		}
	})
}

// TestSnapshotNamesTheApp: whoever looks at a platform's grant sees whose it is.
func TestSnapshotNamesTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPlatformEnv(t)
		list, err := e.Snapshot(context.Background(), grant.Filter{Kind: grant.Component})
		want := []Status{{GrantID: "g_agency", Kind: grant.Component, App: "agency", State: grant.Active, DueAt: time.Now()}}
		if diff := cmp.Diff(want, list); diff != "" || err != nil {
			t.Errorf("%s, %v", diff, err)
		}
	})
}
