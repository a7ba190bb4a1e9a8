package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// run runs the provider in a bubble until the test's function returns. The clock
// is the bubble's.
func run(t *testing.T, test func(t *testing.T, w *world), change ...func(*Options)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, append(change, func(o *Options) { o.Now = time.Now })...)
		w.now = time.Now()
		w.store.platforms["market"] = grant.Grant{ID: "g_market", App: "market", CreatedAt: time.Now()}
		ctx, stop := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.p.Run(ctx) }()
		defer func() {
			over := errors.New("over")
			stop(over)
			if err := <-ended; !errors.Is(err, over) {
				t.Errorf("Run ended with %v", err)
			}
		}()
		test(t, w)
	})
}

func TestRunAdoptsAtOnce(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		synctest.Wait()
		w.arrives(teaAppID)
		synctest.Wait()
		if w.grant(teaAppID).State != grant.Active {
			t.Error("a push is not followed at once")
		}
	})
}

// TestRunHealsALostPush: nobody says anything, and within the hour it is there.
func TestRunHealsALostPush(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		synctest.Wait()
		w.authorises(teaAppID)
		time.Sleep(67 * time.Minute)
		synctest.Wait()
		if w.grant(teaAppID).State != grant.Active {
			t.Errorf("after an hour the shop is %q", w.row(teaAppID).State)
		}
	})
}

// TestRunGoesOnAfterAPanic: a part that panics takes nothing else with it.
func TestRunGoesOnAfterAPanic(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		synctest.Wait()
		w.wechat.fails(func(call string) error {
			if call == "info" {
				panic("odd")
			}
			return nil
		})
		w.arrives(teaAppID)
		synctest.Wait()
		w.wechat.fails(nil)
		time.Sleep(2 * time.Minute) // the claim ends
		synctest.Wait()
		if w.grant(teaAppID).State != grant.Active {
			t.Error("the shop is not adopted")
		}
	})
}

func TestRunManyAtOnce(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.crowd(300)
		if _, err := w.p.Reconcile(t.Context(), "market", system, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(w.store.grants); n != 300 {
			t.Errorf("%d of 300 are adopted", n)
		}
	}, func(o *Options) { o.Workers = 4 })
}

// TestTicketsMissing: half an hour of silence is told once, and the push is asked
// to start once; the next ticket is told too.
func TestTicketsMissing(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		comes := func() {
			e := ticketPush(t, time.Now(), "ticket@@@"+time.Now().String())
			effects, err := w.p.Decide(t.Context(), w.app, e, time.Now())
			w.must(err)
			w.must(w.store.Authorise(t.Context(), effects))
		}
		time.Sleep(29 * time.Minute)
		comes()
		time.Sleep(29 * time.Minute)
		synctest.Wait()
		if got := w.store.told(); len(got) > 0 || w.wechat.count("start") > 0 {
			t.Fatalf("told %v", got)
		}
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		if got := w.store.told(); !slices.Equal(got, []notice.Kind{notice.TicketMissing}) || w.wechat.count("start") != 1 {
			t.Fatalf("told %v, started %d times", got, w.wechat.count("start"))
		}
		comes()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := w.store.told(); !slices.Equal(got, []notice.Kind{notice.TicketMissing, notice.TicketBack}) {
			t.Errorf("told %v", got)
		}
	})
}

// TestTicketsNeverCame: a platform that never had a ticket is told of as well.
func TestTicketsNeverCame(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.wechat.fails(only("start", refusal(40013)))
		time.Sleep(40 * time.Minute)
		synctest.Wait()
		if got := w.store.told(); !slices.Equal(got, []notice.Kind{notice.TicketMissing}) {
			t.Errorf("told %v", got)
		}
	})
}

func TestEnter(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(w *world)
		want   error
	}{
		"a shop that bought again": {func(w *world) { w.authorises(teaAppID) }, nil},
		"a shop that is kept":      {func(w *world) { w.arrives(teaAppID); w.settleAll() }, nil},
		"a shop that came back": {func(w *world) {
			w.arrives(teaAppID)
			w.settleAll()
			w.wait(time.Minute)
			w.push(unauthorizedPush(w.t, teaAppID, w.now))
		}, nil},
		"no shop":         {func(w *world) { w.authorises(teaAppID).info.Kind = KindOther }, ErrNoShop},
		"not authorised":  {func(*world) {}, ErrSettingUp},
		"no answer":       {func(w *world) { w.authorises(teaAppID); w.wechat.err = only("info", lost()) }, ErrSettingUp},
		"the store fails": {func(w *world) { w.authorises(teaAppID); w.store.fault = func(grant.Effects) fault { return failed } }, errFault},
		"somebody is at it": {func(w *world) {
			w.arrives(teaAppID)
			w.store.fault = func(grant.Effects) fault { w.raceOn(teaAppID); return fine }
		}, ErrSettingUp},
		"a shop that withdrew": {func(w *world) {
			w.arrives(teaAppID)
			w.settleAll()
			w.wait(time.Minute)
			w.withdraws(teaAppID)
		}, ErrWithdrawn},
		"a shop that withdrew and authorised again, of which WeChat does not know yet": {func(w *world) {
			w.arrives(teaAppID)
			w.settleAll()
			w.wait(time.Minute)
			w.withdraws(teaAppID)
			w.wait(time.Minute)
			w.push(authorizedPush(w.t, event.NameAuthorized, teaAppID, w.now, "code-again"))
		}, ErrSettingUp},
		"revoked here": {func(w *world) {
			w.arrives(teaAppID)
			w.settleAll()
			w.change(teaAppID, func(g *grant.Grant) { g.State, g.UpdatedAt = grant.Revoked, w.now.Add(time.Minute) })
		}, ErrEnded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tt.before(w)
				shop, err := w.p.Enter(t.Context(), "market", teaAppID)
				if !errors.Is(err, tt.want) || (err == nil) != (shop.ID == teaAppID) {
					t.Errorf("shop %+v, %v; want %v", shop, err, tt.want)
				}
				if err == nil && w.grant(teaAppID).State != grant.Active {
					t.Errorf("the grant is %s", w.grant(teaAppID).State)
				}
			})
		})
	}
}

// withdraws ends what a shop authorised, at WeChat too.
func (w *world) withdraws(appID string) {
	w.wechat.mu.Lock()
	w.wechat.accounts[appID].authorised = false
	w.wechat.mu.Unlock()
	w.push(unauthorizedPush(w.t, appID, w.now))
}

// TestEnterAsksOnceAMinute: whoever waits on a page that asks every few seconds does
// not have WeChat asked each time; what is adopted meanwhile opens at once.
func TestEnterAsksOnceAMinute(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(w *world)
		want   error
	}{
		"no shop":        {func(w *world) { w.authorises(teaAppID).info.Kind = KindOther }, ErrNoShop},
		"not authorised": {func(*world) {}, ErrSettingUp},
		"withdrawn":      {func(w *world) { w.arrives(teaAppID); w.settleAll(); w.withdraws(teaAppID) }, ErrWithdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tt.before(w)
				asked := w.wechat.count("info")
				for range 12 { // a minute of a page
					if _, err := w.p.Enter(t.Context(), "market", teaAppID); !errors.Is(err, tt.want) {
						t.Fatalf("%v, want %v", err, tt.want)
					}
					w.wait(5 * time.Second)
				}
				if n := w.wechat.count("info") - asked; n != 1 {
					t.Errorf("WeChat was asked %d times in a minute", n)
				}
				_, _ = w.p.Enter(t.Context(), "market", teaAppID)
				if n := w.wechat.count("info") - asked; n != 2 {
					t.Errorf("WeChat was asked %d times in two minutes", n)
				}
				w.authorises(teaAppID)
				w.wait(time.Second)
				w.push(authorizedPush(t, event.NameAuthorized, teaAppID, w.now, "code-later"))
				w.settleAll()
				if shop, err := w.p.Enter(t.Context(), "market", teaAppID); err != nil || shop.AppID != teaAppID {
					t.Errorf("adopted meanwhile: %+v, %v", shop, err)
				}
			})
		})
	}
}

// TestLooksAreBounded: what is remembered does not grow without end.
func TestLooksAreBounded(t *testing.T) {
	var l looks
	for i := range 3 * mostLooks {
		if err := l.begin(fmt.Sprint(i), start); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.last) > mostLooks {
		t.Errorf("%d are remembered", len(l.last))
	}
	if err := l.begin("again", start); err != nil {
		t.Fatal(err)
	}
	l.end("again", errFault, false)
	if err := l.begin("again", start); err != nil {
		t.Errorf("a look that did not happen counts: %v", err)
	}
}

// raceOn writes a row behind somebody's back.
func (w *world) raceOn(appID string) {
	row := w.row(appID)
	row.Version++
	w.store.rows[key{"market", appID}] = row
}

// slow answers after a time, as long as ctx lives.
type slow struct {
	*fakeWeChat
	after time.Duration
}

func (s slow) Info(ctx context.Context, app access.App, token secret.Value, appID string) (Info, error) {
	select {
	case <-time.After(s.after):
	case <-ctx.Done():
		return Info{}, lost()
	}
	return s.fakeWeChat.Info(ctx, app, token, appID)
}

// TestEnterWaitsNotForLong: a caller waits some seconds or leaves; the adoption
// goes on.
func TestEnterWaitsNotForLong(t *testing.T) {
	for name, leaves := range map[string]time.Duration{"waits": time.Hour, "leaves": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(o *Options) { o.Now = time.Now })
				w.p.o.Platform = slow{w.wechat, 7 * time.Second}
				w.authorises(teaAppID)
				ctx, cancel := context.WithTimeout(t.Context(), leaves)
				defer cancel()
				begin := time.Now()
				_, err := w.p.Enter(ctx, "market", teaAppID)
				if took := time.Since(begin); !errors.Is(err, ErrSettingUp) || took > 6*time.Second {
					t.Errorf("%v after %v", err, took)
				}
				time.Sleep(2 * time.Second * 4)
				synctest.Wait()
				if shop, err := w.p.Enter(t.Context(), "market", teaAppID); err != nil || shop.ID != teaAppID {
					t.Errorf("afterwards: %+v, %v", shop, err)
				}
			})
		})
	}
}

func TestNewWantsItsParts(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a provider without a store was made")
		}
	}()
	New(Options{Owner: "r_1"})
}

// TestDecideWhileTheStoreFails: a store that cannot be read gives an error, so that
// the push is not acknowledged.
func TestDecideWhileTheStoreFails(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.store.rows[key{"market", teaAppID}] = grant.Authorizer{App: "market", AppID: teaAppID}
	for _, e := range []event.Event{
		authorizedPush(t, event.NameAuthorized, teaAppID, start, "c"), unauthorizedPush(t, teaAppID, start),
	} {
		if _, err := w.p.Decide(ctx, w.app, e, start); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}
