package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/relay"
)

// inBubble runs a test with a clock that does not wait.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

func TestSubscriptionHearsWhatItAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.happen("channels_ec_order_pay", "tea") // before there was a subscription
		_, text := w.subscribe("channels_ec_order_*", "grant.healed")
		w.run()
		pay := w.happen("channels_ec_order_pay", "tea", "silk", "rice")
		w.happen("product_spu_audit", "tea")
		healed := w.happen("grant.healed", "tea")
		time.Sleep(time.Second)
		same(t, "of tea", w.rc.ids("tea"), []string{pay[0], healed[0]})
		same(t, "of rice", w.rc.ids("rice"), []string{pay[2]})
		same(t, "of a shop of others", w.rc.ids("silk"), []string(nil))
		for i, a := range w.rc.arrived() {
			if err := w.verify(text, i); err != nil {
				t.Errorf("the signature does not verify: %v", err)
			}
			if got := a.head.Get("Webhook-Id"); got != a.ID {
				t.Errorf("webhook-id %s with a body of id %s", got, a.ID)
			}
			if a.ID == pay[0] {
				same(t, "body", string(a.raw), `{"id":"`+pay[0]+`","type":"channels_ec_order_pay","shop":"tea","appid":"wx00000000000000b0","at":"`+
					a.At.Format(time.RFC3339Nano)+`","data":{"n":"2"}}`)
			}
		}
	})
}

// TestAnEventForOneClient: nobody else hears it, on no way, although they hold the
// shop.
func TestAnEventForOneClient(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.subscribe("*")
		w.run()
		e := grant.Effects{At: w.clock.now()}
		for _, client := range []string{"bi", "erp", ""} {
			e.Events = append(e.Events, grant.Event{ShopID: "tea", Name: "api.changed", At: w.clock.now(), Body: []byte(`{}`), Client: client})
		}
		if err := w.s.Authorise(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		same(t, "sent", w.rc.ids(""), []string{"ev_2", "ev_3"})
		var got page
		w.ask("GET", "/v1/events", "", &got)
		same(t, "pulled", idsOf(got), []string{"ev_2", "ev_3"})
	})
}

func TestOwnEventsCarryWhatToDo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.subscribe("grant.*")
		w.run()
		err := w.s.Revoke(t.Context(), grant.Effects{At: w.clock.now(), Notices: []notice.Notice{
			{At: w.clock.now(), Kind: notice.GrantNeedsOwner, Subject: "grant:g_x", Details: map[string]string{"shop": "tea", "kind": "isv", "errcode": "61023"}},
			{At: w.clock.now(), Kind: notice.GrantExpiring, Subject: "grant:g_y", Details: map[string]string{"person": "p_x"}}, // of no shop
			{At: w.clock.now(), Kind: notice.ClockSkew, Subject: "clock", Details: map[string]string{"shop": "tea"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if ids := w.rc.ids(""); len(ids) != 1 {
			t.Fatalf("arrived: %v", ids)
		}
		b := w.rc.arrived()[0]
		if b.Type != "grant.needs_owner" || b.Shop != "tea" || b.Link != "https://zg.example.com/login?shop=tea" || !strings.Contains(string(b.Data), `"errcode":"61023"`) ||
			strings.Contains(string(b.Data), "isv") {
			t.Errorf("arrived: %+v %s", b, b.Data)
		}
	})
}

// TestAShopHoldsUpItselfAlone: in order within a shop, and no other waits.
func TestAShopHoldsUpItselfAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.subscribe("*")
		w.run()
		w.rc.say(func(_ int, b relay.Body) int {
			if b.Shop == "tea" {
				return http.StatusInternalServerError
			}
			return http.StatusOK
		})
		first := w.happen("a", "tea", "rice", "tea")
		time.Sleep(time.Second)
		same(t, "rice", w.rc.ids("rice"), first[1:2])
		same(t, "tea", w.rc.ids("tea"), first[:1])
		second := w.happen("b", "rice", "tea")
		time.Sleep(time.Second)
		same(t, "rice goes on", w.rc.ids("rice"), []string{first[1], second[0]})
		same(t, "tea waits", w.rc.ids("tea"), first[:1])
		w.rc.say(nil)
		time.Sleep(7 * time.Second)
		same(t, "tea goes on in order", w.rc.ids("tea"), []string{first[0], first[0], first[2], second[1]})
		third := w.happen("c", "tea")
		time.Sleep(time.Second)
		same(t, "tea is free", w.rc.ids("tea")[4:], third)
	})
}

// TestThePlan: the waits are those of the table, and at their end stands a dead
// letter that can be sent again.
func TestThePlan(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id, _ := w.subscribe("*")
		w.run()
		w.rc.say(always(http.StatusInternalServerError))
		first := w.happen("a", "tea")
		time.Sleep(15 * time.Minute)
		at := w.rc.arrived()
		if len(at) != 5 {
			t.Fatalf("%d attempts in a quarter of an hour", len(at))
		}
		for i, want := range []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute} {
			got := at[i+1].time.Sub(at[i].time)
			if got < want*9/10 || got > want*11/10+time.Second {
				t.Errorf("waited %v before attempt %d, want about %v", got, i+2, want)
			}
		}
		w.clock.pass(80*time.Hour, 20*time.Minute)
		same(t, "given up", w.dead(id), first)
		same(t, "attempts", len(once(w.rc.ids("tea"))), 1)
		same(t, "entries", len(w.entries("subscription.undelivered")), 1)
		before := len(w.rc.ids("tea"))
		second := w.happen("b", "tea")
		w.rc.say(nil)
		time.Sleep(time.Second)
		same(t, "the next goes on", w.rc.ids("tea")[before:], second)

		n, err := w.r.Replay(t.Context(), audit.Actor{Kind: audit.ActorClient, ID: "erp"}, "erp", id, nil)
		if err != nil || n != 1 {
			t.Fatalf("replayed %d, %v", n, err)
		}
		time.Sleep(time.Second)
		same(t, "sent once more", w.rc.ids("tea")[before+1:], first)
		same(t, "left", len(w.dead(id)), 0)
	})
}

// TestAReplayThatFailsStaysDead: it is one attempt, and counted.
func TestAReplayThatFailsStaysDead(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id, _ := w.subscribe("*")
		w.run()
		w.rc.say(always(http.StatusBadRequest))
		first := w.happen("a", "tea")
		w.clock.pass(80*time.Hour, 20*time.Minute)
		before := len(w.rc.ids(""))
		n, err := relay.ParseMessageID(first[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.r.Replay(t.Context(), audit.Actor{Kind: audit.ActorOperator}, "", id, []int64{n}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		same(t, "attempts", len(w.rc.ids(""))-before, 1)
		same(t, "dead", w.dead(id), first)
	})
}

// TestGoneSwitchesOff: 410 ends the sending with a notice, and it goes on from
// there when it is switched on again.
func TestGoneSwitchesOff(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id, _ := w.subscribe("*")
		w.run()
		w.rc.say(always(http.StatusGone))
		first := w.happen("a", "tea", "tea")
		time.Sleep(time.Minute)
		same(t, "attempts", w.rc.ids(""), first[:1])
		if s := w.get(id); s.State != grant.SubscriptionOff || s.Why != "answered 410" {
			t.Errorf("subscription %+v", s)
		}
		_, told, err := w.s.PendingNotices(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0].Kind != notice.SubscriptionOff || told[0].Details["client"] != "erp" {
			t.Errorf("notices %+v", told)
		}
		second := w.happen("b", "rice")
		w.rc.say(nil)
		time.Sleep(time.Minute)
		if err := w.r.Start(t.Context(), audit.Actor{Kind: audit.ActorOperator}, "", id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		same(t, "tea", once(w.rc.ids("tea")), first)
		same(t, "rice", w.rc.ids("rice"), second)
	})
}

// TestALostRightStopsEvents at once, those that wait included.
func TestALostRightStopsEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.subscribe("*")
		w.run()
		w.rc.say(always(http.StatusInternalServerError))
		w.happen("a", "tea")
		time.Sleep(time.Second)
		w.declare("rice")
		w.rc.say(nil)
		w.happen("b", "tea")
		rice := w.happen("c", "rice")
		time.Sleep(time.Minute)
		same(t, "tea", len(w.rc.ids("tea")), 1)
		same(t, "rice", w.rc.ids("rice"), rice)
		w.declare("rice", "tea")
		again := w.happen("d", "tea")
		time.Sleep(time.Second)
		same(t, "tea, with its right back", w.rc.ids("tea")[1:], again)
		if err := w.s.RevokeClient(t.Context(), "erp", w.clock.now()); err != nil {
			t.Fatal(err)
		}
		w.happen("e", "tea", "rice")
		time.Sleep(time.Minute)
		same(t, "after the key was ended", len(w.rc.ids("")), 3)
	})
}

// TestACrashSendsAgain: what was sent and not settled is sent again with the same
// id, in the same order.
func TestACrashSendsAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.subscribe("*")
		ids := w.happen("a", "tea", "tea", "rice")
		commits := 0
		w.s.InterceptCommits(func(commit func() error) error {
			if commits++; commits == 2 { // the claim lands, the settlement does not
				return errors.New("the process was killed")
			}
			return commit()
		})
		w.run()
		time.Sleep(time.Second)
		w.halt()
		w.s.InterceptCommits(nil)
		same(t, "sent", w.rc.ids("tea"), ids[:2])
		w.r = w.relay("r_next")
		w.run()
		time.Sleep(30 * time.Second)
		same(t, "within the lease", len(w.rc.ids("")), 3)
		time.Sleep(31 * time.Second)
		same(t, "sent again", w.rc.ids("tea"), append(ids[:2:2], ids[:2]...))
		same(t, "rice", w.rc.ids("rice"), []string{ids[2], ids[2]})
	})
}

// TestAReceiverThatIsAwayIsLeftAlone: it is not asked for every shop, and
// everything is due with the first event that it takes.
func TestAReceiverThatIsAwayIsLeftAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var shops []string
		for i := range 60 {
			shops = append(shops, fmt.Sprintf("shop-%02d", i))
		}
		w.declare(shops...)
		id, _ := w.subscribe("*")
		w.run()
		w.rc.say(always(0))
		ids := w.happen("a", shops...)
		time.Sleep(time.Second)
		if n := len(w.rc.ids("")); n < 8 || n > 16 {
			t.Errorf("%d shops were tried", n)
		}
		if s := w.get(id); s.Failures != 1 || s.PauseUntil.Sub(w.clock.now()) > 6*time.Second {
			t.Errorf("paused %d times, until %v", s.Failures, s.PauseUntil)
		}
		time.Sleep(time.Hour)
		if s, n := w.get(id), len(w.rc.ids("")); s.Failures < 5 || n > 16*(s.Failures+1) {
			t.Errorf("%d attempts in %d pauses", n, s.Failures)
		}
		w.rc.say(nil)
		time.Sleep(12 * time.Minute)
		taken := w.rc.arrived()
		same(t, "taken at last", len(taken[len(taken)-60:]), len(once(w.rc.ids("")[len(taken)-60:])))
		same(t, "arrived", len(once(w.rc.ids(""))), len(ids))
		if s := w.get(id); s.Failures != 0 || !s.PauseUntil.IsZero() {
			t.Errorf("still %d pauses, until %v", s.Failures, s.PauseUntil)
		}
		same(t, "dead", len(w.dead(id)), 0)
		more := w.happen("b", shops[59])
		time.Sleep(time.Second)
		same(t, "then", w.rc.ids(shops[59])[len(w.rc.ids(shops[59]))-1:], more)
	})
}

// TestAReceiverThatStaysAwayLosesNothingSilently: what it could not be asked to
// take for three days is a dead letter, tried or not.
func TestAReceiverThatStaysAwayLosesNothingSilently(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var shops []string
		for i := range 60 {
			shops = append(shops, fmt.Sprintf("shop-%02d", i))
		}
		w.declare(shops...)
		id, _ := w.subscribe("*")
		w.run()
		w.rc.say(always(0))
		w.happen("a", shops...)
		w.clock.pass(120*time.Hour, 20*time.Minute)
		dead := w.dead(id)
		same(t, "dead", len(dead), 60)
		var seen []string
		for next := "0"; next != ""; {
			var page struct {
				Items []struct{ Event relay.Body }
				Next  string
			}
			w.ask("GET", "/v1/subscriptions/"+id+"/dead?limit=25&after="+next, "", &page)
			for _, d := range page.Items {
				seen = append(seen, d.Event.ID)
			}
			next = page.Next
		}
		same(t, "read in pages", seen, dead)
	})
}

// TestOneSlowReceiverHoldsUpNoOther.
func TestOneSlowReceiverHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.subscribe("slow*")
		w.subscribe("quick*")
		w.rc.hold = func(ctx context.Context, b relay.Body) {
			if strings.HasPrefix(b.Type, "slow") {
				<-ctx.Done()
			}
		}
		w.run()
		w.happen("slow", "tea")
		time.Sleep(time.Second)
		quick := w.happen("quick", "tea")
		time.Sleep(time.Second)
		same(t, "arrived behind the slow one", w.rc.ids("")[1:], quick)
	})
}

// TestARevokedClientHearsNothingMore: a batch that is under way ends with the delivery
// that was begun. What was not sent is not sent later either.
func TestARevokedClientHearsNothingMore(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"the key is revoked": func(w *world) {
			if err := w.s.RevokeClient(w.t.Context(), "erp", w.clock.now()); err != nil {
				w.t.Error(err)
			}
		},
		"the right is taken away": func(w *world) { w.declare("rice") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.subscribe("*")
				w.rc.hold = func(context.Context, relay.Body) { time.Sleep(time.Second) }
				w.run()
				sent := w.happen("a", "tea", "tea", "tea", "tea", "tea", "tea", "tea", "tea")
				time.Sleep(2500 * time.Millisecond)
				synctest.Wait()
				begun := len(w.rc.arrived())
				if begun == 0 || begun == len(sent) {
					t.Fatalf("%d of %d are sent", begun, len(sent))
				}
				end(w)
				w.r.Forget()
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				same(t, "sent", w.rc.ids("tea"), sent[:begun])
				rice := w.happen("a", "rice")
				time.Sleep(time.Minute)
				if name == "the key is revoked" {
					rice = nil
				}
				same(t, "of the other shop", w.rc.ids("rice"), rice)
			})
		})
	}
}

// TestTwoServersSendOnce: a lease on the subscription decides who.
func TestTwoServersSendOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.subscribe("*")
		other := w.relay("r_other")
		ctx, stop := context.WithCancel(t.Context())
		w.run()
		w.wg.Go(func() { other.Run(ctx) })
		var want []string
		for range 50 {
			want = append(want, w.happen("a", "tea", "tea")...)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		stop()
		same(t, "arrived", w.rc.ids("tea"), want)
	})
}

func TestRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id, older := w.subscribe("*")
		newer, err := w.r.Rotate(t.Context(), audit.Actor{Kind: audit.ActorClient, ID: "erp"}, "erp", id)
		if err != nil {
			t.Fatal(err)
		}
		w.run()
		w.happen("a", "tea")
		time.Sleep(time.Second)
		if err := errors.Join(w.verify(older, 0), w.verify(newer, 0)); err != nil {
			t.Errorf("both verify for a day: %v", err)
		}
		w.clock.pass(25*time.Hour, time.Hour)
		w.happen("b", "tea")
		time.Sleep(time.Second)
		all := w.rc.arrived()
		if strings.Contains(all[len(all)-1].head.Get("Webhook-Signature"), " ") {
			t.Error("it is signed twice after a day")
		}
	})
}

// TestSecretsAreSealedAndOthersSubscriptionsUnknown.
func TestSecretsAreSealedAndOthersSubscriptionsUnknown(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id, text := w.subscribe("*")
		if strings.Contains(string(w.get(id).Secret), text.RevealString()) {
			t.Error("the secret is kept in the open")
		}
		for name, call := range map[string]func() error{
			"get":    func() error { _, err := w.r.Get(t.Context(), "crm", id); return err },
			"rotate": func() error { _, err := w.r.Rotate(t.Context(), audit.Actor{}, "crm", id); return err },
			"remove": func() error { return w.r.Remove(t.Context(), audit.Actor{}, "crm", id) },
			"dead":   func() error { _, err := w.r.Dead(t.Context(), "crm", id, 0, 10); return err },
			"test":   func() error { _, err := w.r.Test(t.Context(), "crm", id); return err },
			"start":  func() error { return w.r.Start(t.Context(), audit.Actor{}, "crm", id) },
			"replay": func() error { _, err := w.r.Replay(t.Context(), audit.Actor{}, "crm", id, nil); return err },
		} {
			if err := call(); !errors.Is(err, access.ErrNotFound) {
				t.Errorf("%s of another client's: %v", name, err)
			}
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		good := grant.NewSubscription{Client: "erp", URL: "https://hooks.example.com/x", Events: []string{"*"}}
		for name, change := range map[string]func(*grant.NewSubscription){
			"http":               func(a *grant.NewSubscription) { a.URL = "http://hooks.example.com/x" },
			"no host":            func(a *grant.NewSubscription) { a.URL = "https:///x" },
			"a user":             func(a *grant.NewSubscription) { a.URL = "https://u:p@hooks.example.com/x" },
			"a fragment":         func(a *grant.NewSubscription) { a.URL += "#x" },
			"not a URL":          func(a *grant.NewSubscription) { a.URL = "https://%zz" },
			"too long":           func(a *grant.NewSubscription) { a.URL += strings.Repeat("x", 3000) },
			"loopback":           func(a *grant.NewSubscription) { a.URL = "https://127.0.0.1/x" },
			"private":            func(a *grant.NewSubscription) { a.URL = "https://10.0.0.1/x" },
			"metadata, allowed":  func(a *grant.NewSubscription) { a.URL, a.AllowPrivate = "https://169.254.169.254/x", true },
			"no events":          func(a *grant.NewSubscription) { a.Events = nil },
			"an empty name":      func(a *grant.NewSubscription) { a.Events = []string{""} },
			"a star in a name":   func(a *grant.NewSubscription) { a.Events = []string{"a*b"} },
			"a line break":       func(a *grant.NewSubscription) { a.Events = []string{"a\n"} },
			"too many events":    func(a *grant.NewSubscription) { a.Events = make([]string, 101) },
			"two stars":          func(a *grant.NewSubscription) { a.Events = []string{"a**"} },
			"a name of a script": func(a *grant.NewSubscription) { a.Events = []string{"<b>"} },
		} {
			a := good
			change(&a)
			if _, _, err := w.r.Create(t.Context(), audit.Actor{}, a); err == nil {
				t.Errorf("%s is taken", name)
			} else if _, ok := errors.AsType[*grant.Invalid](err); !ok {
				t.Errorf("%s: %v", name, err)
			}
		}
		a := good
		a.Client = "nobody"
		if _, _, err := w.r.Create(t.Context(), audit.Actor{}, a); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("a client that is not there: %v", err)
		}
		for range 20 {
			w.subscribe("*")
		}
		if _, _, err := w.r.Create(t.Context(), audit.Actor{}, good); err == nil {
			t.Error("there is no bound")
		}
	})
}
