package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var noticeCases = []testCase{
	{"a notice is owed to every channel, in order", func(t *testing.T, w *world) {
		w.channels(start, "log", "hook")
		w.tell(start, "grant:g_1", "grant:g_2", "grant:g_3")
		w.channels(start, "log", "hook")
		for _, channel := range []string{"log", "hook"} {
			same(t, "due to "+channel, subjects(w.claimChannel(channel, start)), []string{"grant:g_1", "grant:g_2", "grant:g_3"})
		}
		same(t, "due channels while both are held", w.due(start), nil)
	}},
	{"nothing is due before its time", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.tell(start.Add(time.Second), "grant:g_1")
		same(t, "due", w.due(start), nil)
		same(t, "due later", w.due(start.Add(time.Second)), []string{"log"})
	}},
	{"a channel is held by one, until its lease ends", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.tell(start, "grant:g_1")
		first := w.claimChannel("log", start)
		same(t, "claimed by others", w.claimChannel("log", start.Add(59*time.Second)).Items, nil)
		second := w.claimChannel("log", start.Add(time.Minute))
		same(t, "claimed after the lease", subjects(second), []string{"grant:g_1"})
		if second.Term <= first.Term {
			t.Errorf("term %d follows term %d", second.Term, first.Term)
		}
		// The first holder wakes up: what it sent is sent, the second's lease goes on.
		w.settleChannel(first, start.Add(time.Minute), sent(first.Items[0]))
		same(t, "claimed beside the second", w.claimChannel("log", start.Add(61*time.Second)).Term, int64(0))
		w.settleChannel(second, start.Add(2*time.Minute), failing(second.Items[0], start.Add(time.Hour)))
		same(t, "state", w.deliveries(1)[0].State, notice.Sent)
	}},
	{"a failed attempt waits for its time, and others go on", func(t *testing.T, w *world) {
		w.channels(start, "hook")
		w.tell(start, "grant:g_1", "grant:g_2")
		c := w.claimChannel("hook", start)
		w.settleChannel(c, start, failing(c.Items[0], start.Add(time.Hour)), sent(c.Items[1]))
		same(t, "due", w.due(start.Add(time.Minute)), nil)
		again := w.claimChannel("hook", start.Add(time.Hour))
		same(t, "due in an hour", subjects(again), []string{"grant:g_1"})
		same(t, "attempts", again.Items[0].Attempt, 1)
		same(t, "reason", again.Items[0].Reason, "answered 500")
		same(t, "delivery", w.deliveries(1), []notice.Delivery{{
			NoticeID: again.Items[0].ID, Channel: "hook", State: notice.Pending, Attempt: 1, Due: start.Add(time.Hour), Reason: "answered 500",
		}})
	}},
	{"a notice is over with its last delivery", func(t *testing.T, w *world) {
		w.channels(start, "log", "hook")
		w.tell(start, "grant:g_1")
		log, hook := w.claimChannel("log", start), w.claimChannel("hook", start)
		w.settleChannel(log, start, sent(log.Items[0]))
		w.backlog(1, start)
		w.settleChannel(hook, start.Add(time.Minute), sent(hook.Items[0]))
		w.backlog(0, time.Time{})
		all, err := w.s.Notices(t.Context(), false, 10)
		w.must(err)
		same(t, "over", all[0].Over, start.Add(time.Minute))
		pending, err := w.s.Notices(t.Context(), true, 10)
		w.must(err)
		same(t, "pending", len(pending), 0)
	}},
	{"giving up is recorded", func(t *testing.T, w *world) {
		w.channels(start, "hook")
		w.tell(start, "grant:g_1")
		c := w.claimChannel("hook", start)
		r := failing(c.Items[0], time.Time{})
		r.State = notice.Failed
		w.settleChannel(c, start, r)
		w.backlog(0, time.Time{})
		found := w.entries("notice.undelivered")
		if len(found) != 1 || found[0].Details["channel"] != "hook" || found[0].Reason != "answered 500" {
			t.Errorf("entries: %+v", found)
		}
		w.settleChannel(c, start, r) // once
		same(t, "entries after a repeat", len(w.entries("notice.undelivered")), 1)
	}},
	{"a new channel does not begin with the past", func(t *testing.T, w *world) {
		w.tell(start.Add(-48*time.Hour), "grant:g_ancient")
		w.tell(start, "grant:g_fresh")
		w.channels(start, "log")
		c := w.claimChannel("log", start)
		same(t, "due", subjects(c), []string{"grant:g_fresh"})
		w.settleChannel(c, start, sent(c.Items[0]))
		w.backlog(0, time.Time{})
		w.channels(start, "log", "hook")
		same(t, "due to a second channel", w.due(start), nil)
		w.tell(start, "grant:g_next")
		same(t, "due to both", w.due(start), []string{"hook", "log"})
	}},
	{"a channel that is gone is given up", func(t *testing.T, w *world) {
		w.channels(start, "log", "hook")
		w.tell(start, "grant:g_1")
		c := w.claimChannel("log", start)
		w.settleChannel(c, start, sent(c.Items[0]))
		w.channels(start.Add(time.Hour), "log")
		w.backlog(1, start) // others may have it configured still
		w.channels(start.Add(3*24*time.Hour), "log")
		w.backlog(0, time.Time{})
		same(t, "entries", len(w.entries("notice.undelivered")), 1)
		w.tell(start.Add(3*24*time.Hour), "grant:g_2")
		same(t, "due", w.due(start.Add(3*24*time.Hour)), []string{"log"})
	}},
	{"old notices are purged with their deliveries", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.tell(start, "grant:g_1", "grant:g_2")
		c := w.claimChannel("log", start)
		w.settleChannel(c, start, sent(c.Items[0]))
		w.must(w.s.Purge(t.Context(), start.Add(31*24*time.Hour)))
		all, err := w.s.Notices(t.Context(), false, 10)
		w.must(err)
		if len(all) != 1 || all[0].Notice.Subject != "grant:g_2" {
			t.Errorf("kept after the purge: %+v", all)
		}
	}},
	{"a condition is told once, and once when it is over", func(t *testing.T, w *world) {
		for _, c := range []struct{ wrong, changed bool }{{false, false}, {true, true}, {true, false}, {false, true}, {false, false}, {true, true}} {
			changed, err := w.s.SetCondition(t.Context(), "clock.skew", c.wrong, notice.Notice{At: start, Kind: notice.ClockSkew}, entry("clock.skew"))
			w.must(err)
			same(t, "changed", changed, c.changed)
		}
		same(t, "entries", len(w.entries("clock.skew")), 3)
		w.backlog(3, start)
	}},
	{"what is wrong now is found by how its name begins", func(t *testing.T, w *world) {
		for name, wrong := range map[string]bool{"audit.unsent:一:a": true, "audit.unsent:b": true, "audit.unsent": true, "audit.unsent:over": false, "audit_unsent:c": true} {
			if !wrong {
				w.must(second(w.s.SetCondition(t.Context(), name, true, notice.Notice{At: start, Kind: notice.ClockSkew})))
			}
			w.must(second(w.s.SetCondition(t.Context(), name, wrong, notice.Notice{At: start, Kind: notice.ClockSkew})))
		}
		open, err := w.s.OpenConditions(t.Context(), "audit.unsent:")
		w.must(err)
		slices.Sort(open)
		same(t, "open", open, []string{"audit.unsent:b", "audit.unsent:一:a"})
	}},
	{"one of many senders claims, one of many servers tells", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.tell(start, "grant:g_1")
		taken := errors.New("nothing claimed")
		n := together(t, 20, taken, func(int) error {
			c, err := w.s.ClaimDeliveries(t.Context(), channelRequest("log", start))
			if err == nil && len(c.Items) == 0 {
				return taken
			}
			return err
		})
		same(t, "claims", n, 1)
		n = together(t, 20, taken, func(int) error {
			changed, err := w.s.SetCondition(t.Context(), "clock.back", true, notice.Notice{At: start, Kind: notice.ClockBack})
			if err == nil && !changed {
				return taken
			}
			return err
		})
		same(t, "tellers", n, 1)
	}},
}

// channels registers channels; those not named for two days are gone, and
// notices of more than a day are the past.
func (w *world) channels(now time.Time, names ...string) {
	w.t.Helper()
	var routes []notice.Route
	for _, name := range names {
		routes = append(routes, notice.Route{Channel: name})
	}
	w.must(w.register(now, routes...))
}

func (w *world) register(now time.Time, routes ...notice.Route) error {
	return w.s.RegisterChannels(w.t.Context(), routes, now, now.Add(-48*time.Hour), now.Add(-24*time.Hour))
}

// tell writes notices by the way that features do.
func (w *world) tell(at time.Time, about ...string) {
	w.t.Helper()
	e := grant.Effects{At: at}
	for _, subject := range about {
		e.Notices = append(e.Notices, notice.Notice{At: at, Kind: notice.GrantStopped, Subject: subject, Details: map[string]string{"errcode": "40125"}})
	}
	w.must(w.s.Revoke(w.t.Context(), e))
	w.fold(at)
}

func channelRequest(channel string, now time.Time) notice.Request {
	return notice.Request{Channel: channel, Owner: "test", Now: now, For: time.Minute, Limit: 10}
}

func (w *world) claimChannel(name string, now time.Time) notice.Claim {
	w.t.Helper()
	c, err := w.s.ClaimDeliveries(w.t.Context(), channelRequest(name, now))
	w.must(err)
	return c
}

func (w *world) settleChannel(c notice.Claim, at time.Time, results ...notice.Result) {
	w.t.Helper()
	w.must(w.s.SettleDeliveries(w.t.Context(), notice.Settlement{Channel: c.Channel, Term: c.Term, At: at, Results: results}))
}

func (w *world) due(now time.Time) []string {
	w.t.Helper()
	names, err := w.s.DueChannels(w.t.Context(), now)
	w.must(err)
	return names
}

// deliveries gives those of the n-th notice, from 1.
func (w *world) deliveries(n int) []notice.Delivery {
	w.t.Helper()
	all, err := w.s.Notices(w.t.Context(), false, 100)
	w.must(err)
	if len(all) < n {
		w.t.Fatalf("there are %d notices", len(all))
	}
	return all[len(all)-n].Deliveries
}

func (w *world) backlog(pending int, oldest time.Time) {
	w.t.Helper()
	n, at, err := w.s.NoticeBacklog(w.t.Context())
	w.must(err)
	if n != pending || !at.Equal(oldest) {
		w.t.Errorf("%d notices wait since %v, want %d since %v", n, at, pending, oldest)
	}
}

func subjects(c notice.Claim) []string {
	var all []string
	for _, i := range c.Items {
		all = append(all, i.Notice.Subject)
	}
	return all
}

func sent(i notice.Item) notice.Result {
	return notice.Result{ID: i.ID, From: i.Attempt, Attempt: i.Attempt + 1, State: notice.Sent}
}

func failing(i notice.Item, due time.Time) notice.Result {
	return notice.Result{ID: i.ID, From: i.Attempt, Attempt: i.Attempt + 1, State: notice.Pending, Due: due, Reason: "answered 500"}
}
