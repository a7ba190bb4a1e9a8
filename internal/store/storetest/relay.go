package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var relayCases = []testCase{
	{"a subscription begins behind the newest event", func(t *testing.T, w *world) {
		w.hear("tea", "rice")
		w.subscribe("sub_1")
		same(t, "due", w.dueSubscriptions(start), nil)
		w.hear("tea")
		same(t, "due after the next", w.dueSubscriptions(start), []string{"sub_1"})
		got, err := w.s.Subscription(t.Context(), "sub_1")
		w.must(err)
		want := subscription("sub_1")
		want.Cursor = 2
		same(t, "subscription", got, want)
	}},
	{"only known clients subscribe", func(t *testing.T, w *world) {
		w.client()
		n := subscription("sub_1")
		n.Client = "nobody"
		w.refused(access.ErrNotFound, func() error { return w.s.AddSubscription(t.Context(), n, 20, entry("subscription.create")) })
	}},
	{"a client has no more subscriptions than it may, however many it asks for at once", func(t *testing.T, w *world) {
		w.client()
		const most, asked = 3, 9
		errs := make([]error, asked)
		var wg sync.WaitGroup
		for i := range asked {
			s := w.replica(i)
			wg.Go(func() {
				errs[i] = s.AddSubscription(t.Context(), subscription(fmt.Sprint("sub_", i)), most, entry("subscription.create"))
			})
		}
		wg.Wait()
		refused := 0
		for _, err := range errs {
			if err != nil && !errors.Is(err, grant.ErrTooMany) {
				t.Error(err)
			}
			if err != nil {
				refused++
			}
		}
		all, err := w.s.Subscriptions(t.Context(), "erp")
		w.must(err)
		same(t, "made", len(all), most)
		same(t, "refused", refused, asked-most)
		same(t, "entries", len(w.entries("subscription.create")), most)
	}},
	{"events of a shop are read in order, between two ids", func(t *testing.T, w *world) {
		w.hear("tea", "rice", "tea", "tea")
		same(t, "all", w.eventsOf("tea", 1, 9, 9), []int64{1, 3, 4})
		same(t, "between", w.eventsOf("tea", 2, 3, 9), []int64{3})
		same(t, "bounded", w.eventsOf("tea", 1, 9, 2), []int64{1, 3})
		first, err := w.s.FirstEvent(t.Context())
		w.must(err)
		same(t, "oldest", first, 1)
		w.must(w.s.PurgeEvents(t.Context(), start.Add(time.Hour)))
		first, err = w.s.FirstEvent(t.Context())
		w.must(err)
		same(t, "oldest of none", first, 0)
	}},
	{"a subscription is held by one, until its lease ends", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.hear("tea")
		first := w.claimSubscription("sub_1", start)
		same(t, "client", first.Client.Shops, []string{"tea"})
		same(t, "beside it", w.claimSubscription("sub_1", start.Add(59*time.Second)).Term, 0)
		same(t, "due beside it", w.dueSubscriptions(start), nil)
		second := w.claimSubscription("sub_1", start.Add(time.Minute))
		if second.Term <= first.Term {
			t.Errorf("term %d follows term %d", second.Term, first.Term)
		}
		w.refused(grant.ErrLost, func() error { return w.s.SettleSubscription(t.Context(), settled(first, 1)) })
		w.must(w.s.SettleSubscription(t.Context(), settled(second, 1)))
		same(t, "due after it", w.dueSubscriptions(start.Add(time.Hour)), nil)
	}},
	{"rights that are known are not read again", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		r := relayRequest("sub_1", start)
		r.Revision = w.claimSubscription("sub_1", start).Revision
		r.Now = start.Add(time.Minute)
		c, err := w.s.ClaimSubscription(t.Context(), r)
		w.must(err)
		same(t, "shops", c.Client.Shops, nil)
		same(t, "revision", c.Revision, r.Revision)
	}},
	{"what is held is due at its time", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.hear("tea")
		n := settled(w.claimSubscription("sub_1", start), 1)
		n.Hold = []grant.HeldShop{{ShopID: "tea", EventID: 1, Attempt: 2, DueAt: start.Add(time.Hour), Reason: "answered 500"}}
		w.must(w.s.SettleSubscription(t.Context(), n))
		same(t, "due", w.dueSubscriptions(start.Add(time.Minute)), nil)
		same(t, "due in an hour", w.dueSubscriptions(start.Add(time.Hour)), []string{"sub_1"})
		c := w.claimSubscription("sub_1", start.Add(time.Hour))
		same(t, "held", c.Held, n.Hold)
		n = settled(c, 1)
		n.Free = []string{"tea"}
		w.must(w.s.SettleSubscription(t.Context(), n))
		same(t, "held after it", w.claimSubscription("sub_1", start.Add(time.Hour)).Held, nil)
	}},
	{"a receiver that is back gets at once what was held", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.hear("tea")
		n := settled(w.claimSubscription("sub_1", start), 1)
		n.Hold = []grant.HeldShop{{ShopID: "tea", EventID: 1, Attempt: 2, DueAt: start.Add(time.Hour)}}
		n.Failures, n.PauseUntil = 3, start.Add(time.Minute)
		w.must(w.s.SettleSubscription(t.Context(), n))
		same(t, "claim in the pause", w.claimSubscription("sub_1", start).Term, 0)
		c := w.claimSubscription("sub_1", start.Add(time.Minute))
		same(t, "pauses", c.Subscription.Failures, 3)
		n = settled(c, 1)
		n.At, n.Wake = start.Add(time.Minute), true
		w.must(w.s.SettleSubscription(t.Context(), n))
		same(t, "due", w.dueSubscriptions(start.Add(time.Minute)), []string{"sub_1"})
	}},
	{"dead letters are kept whole, replayed, and dug out", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.hear("tea", "tea")
		events, err := w.s.EventsAfter(t.Context(), 0, 10)
		w.must(err)
		n := settled(w.claimSubscription("sub_1", start), 2)
		n.Bury = []grant.DeadLetter{{Event: events[0], Attempt: 12, Reason: "answered 500", At: start}, {Event: events[1], Attempt: 1, Reason: "no answer", At: start}}
		w.must(w.s.SettleSubscription(t.Context(), n))
		w.must(w.s.PurgeEvents(t.Context(), start.Add(time.Hour)))
		dead, err := w.s.DeadLetters(t.Context(), "sub_1", 0, 10)
		w.must(err)
		same(t, "dead letters", dead, n.Bury)
		same(t, "due", w.dueSubscriptions(start), nil)

		count, err := w.s.ReplayDeadLetters(t.Context(), "sub_1", []int64{2, 9}, start, entry("subscription.replay"))
		w.must(err)
		same(t, "replayed", count, 1)
		c := w.claimSubscription("sub_1", start)
		same(t, "sent once more", c.Again[0].Event, events[1])
		n = settled(c, 2)
		n.Dig = []int64{2}
		w.must(w.s.SettleSubscription(t.Context(), n))
		count, err = w.s.ReplayDeadLetters(t.Context(), "sub_1", nil, start, entry("subscription.replay"))
		w.must(err)
		same(t, "replayed, all", count, 1)
		_, err = w.s.ReplayDeadLetters(t.Context(), "sub_2", nil, start, entry("subscription.replay"))
		w.must(err)
		same(t, "entries", len(w.entries("subscription.replay")), 2)
		w.must(w.s.Purge(t.Context(), start.Add(31*24*time.Hour)))
		dead, err = w.s.DeadLetters(t.Context(), "sub_1", 0, 10)
		w.must(err)
		same(t, "after a month", len(dead), 0)
	}},
	{"events that a subscription waited for are counted when they are purged", func(t *testing.T, w *world) {
		w.subscribe("sub_off")
		w.must(w.s.AddSubscription(t.Context(), subscription("sub_held"), 20, entry("subscription.create")))
		other := subscription("sub_other")
		other.Events = []string{"another_name"}
		w.must(w.s.AddSubscription(t.Context(), other, 20, entry("subscription.create")))
		w.hear("tea", "rice", "tea", "tea", "tea") // the client has no right to rice
		n := settled(w.claimSubscription("sub_off", start), 1)
		n.Off = "answered 410"
		w.must(w.s.SettleSubscription(t.Context(), n))
		n = settled(w.claimSubscription("sub_held", start), 5)
		n.Hold = []grant.HeldShop{{ShopID: "tea", EventID: 4, DueAt: start.Add(time.Hour)}}
		w.must(w.s.SettleSubscription(t.Context(), n))
		w.must(w.s.Purge(t.Context(), start.Add(8*24*time.Hour)))
		lost := map[string]int64{}
		for _, e := range w.entries("subscription.lost") {
			lost[e.Subject] += e.Count
		}
		same(t, "lost", lost, map[string]int64{"subscription:sub_off": 3, "subscription:sub_held": 2})
		w.must(w.s.Purge(t.Context(), start.Add(9*24*time.Hour)))
		same(t, "entries after another purge", len(w.entries("subscription.lost")), 2)
	}},
	{"one that is off is not claimed, and started again", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.hear("tea")
		n := settled(w.claimSubscription("sub_1", start), 0)
		n.Off = "answered 410"
		n.Notices = []notice.Notice{{At: start, Kind: notice.SubscriptionOff, Subject: "subscription:sub_1"}}
		n.Audit = []audit.Entry{entry("subscription.off")}
		w.must(w.s.SettleSubscription(t.Context(), n))
		same(t, "due", w.dueSubscriptions(start), nil)
		same(t, "claimed", w.claimSubscription("sub_1", start).Term, 0)
		w.backlog(1, start)
		w.must(w.s.StartSubscription(t.Context(), "sub_1", start, entry("subscription.start")))
		same(t, "due again", w.dueSubscriptions(start), []string{"sub_1"})
		w.refused(access.ErrNotFound, func() error { return w.s.StartSubscription(t.Context(), "sub_2", start, entry("subscription.start")) })
	}},
	{"a secret is replaced once", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.must(w.s.RotateSubscription(t.Context(), "sub_1", 1, []byte("sealed-2"), start.Add(time.Hour), entry("subscription.rotate")))
		w.refused(access.ErrStale, func() error {
			return w.s.RotateSubscription(t.Context(), "sub_1", 1, []byte("sealed-3"), start.Add(time.Hour), entry("subscription.rotate"))
		})
		got, err := w.s.Subscription(t.Context(), "sub_1")
		w.must(err)
		same(t, "secrets", [][]byte{got.Secret, got.Previous}, [][]byte{[]byte("sealed-2"), []byte("sealed-sub_1")})
		same(t, "version", got.SecretVersion, 2)
	}},
	{"what waits goes with its subscription, and that with its client", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.subscribe("sub_2")
		w.hear("tea")
		n := settled(w.claimSubscription("sub_1", start), 1)
		n.Hold = []grant.HeldShop{{ShopID: "tea", EventID: 1, DueAt: start}}
		w.must(w.s.SettleSubscription(t.Context(), n))
		w.must(w.s.RemoveSubscription(t.Context(), "sub_1", entry("subscription.remove")))
		w.refused(access.ErrNotFound, func() error { return w.s.RemoveSubscription(t.Context(), "sub_1", entry("subscription.remove")) })
		w.refused(grant.ErrLost, func() error { return w.s.SettleSubscription(t.Context(), n) })
		all, err := w.s.Subscriptions(t.Context(), "erp")
		w.must(err)
		same(t, "of the client", len(all), 1)
		w.change(func(d *access.Declaration) { d.Remove.Clients = []string{"erp"} })
		all, err = w.s.Subscriptions(t.Context(), "")
		w.must(err)
		same(t, "of all", len(all), 0)
	}},
	{"a notice about a shop's grant is an event of the shop", func(t *testing.T, w *world) {
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Notices: []notice.Notice{
			{At: start, Kind: notice.GrantStopped, Subject: "grant:g_1", Details: map[string]string{"shop": "tea", "kind": "self", "person": "p_1", "errcode": "40125"}},
			{At: start, Kind: notice.GrantExpiring, Subject: "grant:g_2", Details: map[string]string{"person": "p_1"}},
			{At: start, Kind: notice.NewOwner, Subject: "tenant:lantian", Details: map[string]string{"shop": "tea"}},
		}}))
		events, err := w.s.EventsAfter(t.Context(), 0, 10)
		w.must(err)
		wd := notice.GrantStopped.Words()
		same(t, "events", events, []grant.Event{{ID: 1, ShopID: "tea", Name: "grant.stopped", At: start, SeenAt: start,
			Body: []byte(`{"grant":"g_1","details":{"errcode":"40125"},"what":{"en":"` + wd.What.EN + `","zh":"` + wd.What.ZH + `"},"next":{"en":"` + wd.Next.EN + `","zh":"` + wd.Next.ZH + `"}}`)}})
	}},
	{"one of many senders claims", func(t *testing.T, w *world) {
		w.subscribe("sub_1")
		w.hear("tea")
		taken := errors.New("nothing claimed")
		n := together(t, 20, taken, func(i int) error {
			c, err := w.replica(i).ClaimSubscription(t.Context(), relayRequest("sub_1", start))
			if err == nil && c.Term == 0 {
				return taken
			}
			return err
		})
		same(t, "claims", n, 1)
	}},
}

func subscription(id string) grant.Subscription {
	return grant.Subscription{ID: id, Client: "erp", URL: "https://hooks.example.com/" + id, Events: []string{"channels_*"}, AllowPrivate: true,
		Secret: []byte("sealed-" + id), SecretVersion: 1, State: grant.SubscriptionOn, CreatedAt: start}
}

// change declares something.
func (w *world) change(change func(*access.Declaration)) {
	w.t.Helper()
	d := access.Declaration{At: start}
	var err error
	d.Revision, err = w.s.Revision(w.t.Context())
	w.must(err)
	change(&d)
	w.must(w.s.Declare(w.t.Context(), d, entry("setup.apply")))
}

// client makes a client of one shop.
func (w *world) client() {
	w.t.Helper()
	w.change(func(d *access.Declaration) {
		d.Clients = []access.Client{{ID: "erp", KeyHash: access.HashKey("key-erp"), Mode: access.Read, Shops: []string{"tea"}, CreatedAt: start}}
	})
}

// subscribe makes a subscription, and its client.
func (w *world) subscribe(id string) {
	w.t.Helper()
	w.client()
	w.must(w.s.AddSubscription(w.t.Context(), subscription(id), 20, entry("subscription.create")))
}

// hear makes events of shops.
func (w *world) hear(shops ...string) {
	w.t.Helper()
	e := grant.Effects{At: start}
	for _, shop := range shops {
		e.Events = append(e.Events, grant.Event{App: "app-" + shop, ShopID: shop, Name: "channels_ec_order_pay", At: start, SeenAt: start, Body: []byte(`{}`)})
	}
	w.must(w.s.Authorise(w.t.Context(), e))
}

func (w *world) eventsOf(shop string, from, to int64, limit int) []int64 {
	w.t.Helper()
	events, err := w.s.EventsOfShop(w.t.Context(), shop, from, to, limit)
	w.must(err)
	var ids []int64
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func (w *world) dueSubscriptions(now time.Time) []string {
	w.t.Helper()
	due, err := w.s.DueSubscriptions(w.t.Context(), now)
	w.must(err)
	var ids []string
	for _, d := range due {
		ids = append(ids, d.Subscription.ID)
	}
	return ids
}

func relayRequest(id string, now time.Time) grant.RelayRequest {
	return grant.RelayRequest{SubscriptionID: id, Owner: "test", Now: now, For: time.Minute, Again: 10, Revision: -1}
}

func (w *world) claimSubscription(id string, now time.Time) grant.RelayClaim {
	w.t.Helper()
	c, err := w.s.ClaimSubscription(w.t.Context(), relayRequest(id, now))
	w.must(err)
	return c
}

// settled ends a claim with the cursor at an event.
func settled(c grant.RelayClaim, cursor int64) grant.RelaySettlement {
	return grant.RelaySettlement{SubscriptionID: c.Subscription.ID, Term: c.Term, At: start, Cursor: cursor}
}
