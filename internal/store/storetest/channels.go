package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// robot is a channel that somebody makes.
func robot(name, tenant string) access.Channel {
	return access.Channel{Name: name, Kind: access.WeCom, TenantID: tenant, Language: "both", Severity: "warning", Kinds: []string{"grant.stopped"},
		AllowPrivate: true, Sealed: []byte("sealed " + name), Version: 1, CreatedAt: start, MadeBy: "operator"}
}

// makeChannel makes a channel, or changes one.
func (w *world) makeChannel(c access.Channel) error {
	w.t.Helper()
	return w.declare(access.Declaration{Channels: []access.Channel{c}})
}

var channelCases = []testCase{
	{"a channel is read as it was made, changed and removed", func(t *testing.T, w *world) {
		w.must(w.declare(directory()))
		first, mail := robot("ops", ""), robot("post", "lantian")
		mail.Kind, mail.Kinds = access.Email, nil
		mail.Mail = access.Mail{Host: "mail.example.com", Port: 587, TLS: "starttls", User: "u", From: "a@example.com", To: []string{"b@example.com"}}
		w.must(w.makeChannel(first))
		w.must(w.makeChannel(mail))
		all, err := w.s.DeclaredChannels(t.Context())
		w.must(err)
		same(t, "channels", all, []access.Channel{first, mail})
		w.refused(access.ErrStale, func() error { return w.makeChannel(first) })
		first.Version, first.Severity, first.Sealed = 2, "critical", []byte("another")
		w.must(w.makeChannel(first))
		got, err := w.s.DeclaredChannel(t.Context(), "ops")
		w.must(err)
		same(t, "changed", got, first)
		w.must(w.s.RemoveChannel(t.Context(), "ops", start, entry("channel.remove")))
		w.refused(access.ErrNotFound, func() error { return w.s.RemoveChannel(t.Context(), "ops", start, entry("channel.remove")) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.DeclaredChannel(t.Context(), "ops")) })
	}},
	{"a channel of nobody's tenant is refused, and a name of the configuration", func(t *testing.T, w *world) {
		w.refused(access.ErrNotFound, func() error { return w.makeChannel(robot("ops", "nobody")) })
		w.channels(start, "log")
		w.refused(access.ErrUsed, func() error { return w.makeChannel(robot("log", "")) })
		w.refused(access.ErrNotFound, func() error { return w.s.RemoveChannel(t.Context(), "log", start, entry("channel.remove")) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.DeclaredChannel(t.Context(), "log")) })
		w.must(w.makeChannel(robot("ops", "")))
		w.refused(access.ErrUsed, func() error { return w.register(start, notice.Route{Channel: "ops"}, notice.Route{Channel: "hook"}) })
		w.tell(start, "grant:g_1")
		same(t, "due", w.due(start), []string{"hook", "log", "ops"})
	}},
	{"a channel that was made stays although no server names it", func(t *testing.T, w *world) {
		w.must(w.makeChannel(robot("ops", "")))
		w.channels(start.Add(30*24*time.Hour), "log")
		w.tell(start.Add(30*24*time.Hour), "grant:g_1")
		same(t, "due", w.due(start.Add(30*24*time.Hour)), []string{"log", "ops"})
	}},
	{"what a removed channel was owed is given up", func(t *testing.T, w *world) {
		w.must(w.makeChannel(robot("ops", "")))
		w.tell(start, "grant:g_1")
		w.backlog(1, start)
		w.must(w.s.RemoveChannel(t.Context(), "ops", start, entry("channel.remove")))
		w.backlog(0, time.Time{})
		same(t, "entries", len(w.entries("notice.undelivered")), 1)
	}},
	{"a tenant's channel hears of its tenant's shops alone", func(t *testing.T, w *world) {
		d := directory()
		d.Tenants = append(d.Tenants, access.Tenant{ID: "other", Name: "别家"})
		d.Channels = []access.Channel{robot("theirs", "other"), robot("ours", "lantian"), robot("all", "")}
		w.must(w.declare(d))
		w.tellOf(start, notice.GrantStopped, "grant:g_1", "tea")
		same(t, "due", w.due(start), []string{"all", "ours"})
		w.tellOf(start, notice.ClockSkew, "clock", "")
		same(t, "owed of another kind", len(w.deliveries(2)), 0)
	}},
	{"a tenant hears of its part of an alert that others share", func(t *testing.T, w *world) {
		d := directory()
		d.Channels = []access.Channel{robot("theirs", "baiyun"), robot("ours", "lantian"), robot("all", "")}
		w.must(w.declare(d))
		about := func(subject, shop string) notice.Notice {
			return notice.Notice{At: start, Kind: notice.GrantStopped, Subject: subject, Details: map[string]string{"shop": shop}}
		}
		w.must(w.s.Revoke(t.Context(), grant.Effects{At: start, Notices: []notice.Notice{about("grant:g_1", "tea"), about("grant:g_2", "rice"), about("grant:g_3", "silk")}}))
		f := w.folding("r_1", start)
		a := alertOf(f.Facts...)
		part := notice.Part{Message: messageOf(a)}
		part.Message.Subjects, part.Message.Notice.Subject = nil, ""
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{
			Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, f.Facts...), Parts: []notice.Part{part},
			Tell: []notice.Telling{{Carrier: a.ID, Message: messageOf(a)}},
		}))
		heard := func(channel string) (all []string) {
			c := w.claimChannel(channel, start)
			var done []notice.Result
			for _, i := range c.Items {
				m := i.Message
				all = append(all, fmt.Sprintf("%s %d %s %v", m.Phase, m.Count, m.Tenant, m.Subjects))
				done = append(done, notice.Result{ID: i.ID, From: i.Attempt, Attempt: i.Attempt + 1, State: notice.Sent})
			}
			w.settleChannel(c, start, done...)
			return all
		}
		same(t, "everybody's", heard("all"), []string{"raised 3  [grant:g_1 grant:g_2 grant:g_3]"})
		same(t, "ours", heard("ours"), []string{"raised 2 lantian [grant:g_1 grant:g_2]"})
		same(t, "theirs", heard("theirs"), []string{"raised 1 baiyun [grant:g_3]"})

		part.Message.Phase = "" // the next steps tell those nothing who hear of everything
		f = w.folding("r_1", start)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{Parts: []notice.Part{part}, Left: []notice.Membership{{Alert: a.ID, Subject: "grant:g_3"}}}))
		f = w.folding("r_1", start)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{Parts: []notice.Part{part}}))
		same(t, "everybody's, when one is well", len(heard("all")), 0)
		same(t, "ours, when theirs is well", len(heard("ours")), 0)
		same(t, "theirs, when it is well", heard("theirs"), []string{"over 1 baiyun [grant:g_3]"})
	}},
	{"a channel does not hear of itself", func(t *testing.T, w *world) {
		w.channels(start, "log", "hook")
		w.tellOf(start, notice.ChannelFailing, notice.ChannelSubject("hook"), "")
		same(t, "due", w.due(start), []string{"log"})
	}},
	{"a declaration makes channels and removes them, and those of tenants", func(t *testing.T, w *world) {
		d := directory()
		d.Tenants = append(d.Tenants, access.Tenant{ID: "other", Name: "别家"})
		d.Channels = []access.Channel{robot("theirs", "other"), robot("ours", "lantian"), robot("all", "")}
		w.must(w.declare(d))
		w.must(w.declare(access.Declaration{Remove: access.Removal{Tenants: []string{"other"}, Channels: []string{"all"}}}))
		all, err := w.s.DeclaredChannels(t.Context())
		w.must(err)
		same(t, "left", all, []access.Channel{robot("ours", "lantian")})
	}},
	{"what was told of a channel that takes nothing is over when it is removed, in whatever way", func(t *testing.T, w *world) {
		w.must(w.declare(directory()))
		w.channels(start, "hook")
		for _, name := range []string{"ops", "ours", "well", "all"} {
			w.must(w.makeChannel(robot(name, map[string]string{"ours": "lantian"}[name])))
		}
		for _, name := range []string{"hook", "ops", "all"} {
			n := notice.Notice{At: start, Kind: notice.ChannelFailing, Subject: notice.ChannelSubject(name), Details: map[string]string{"channel": name}}
			w.must(second(w.s.SetCondition(t.Context(), notice.FailingChannel(name), true, n)))
		}
		n := notice.Notice{At: start, Kind: notice.ChannelFailing, Subject: notice.ReceiverSubject("all", "af3c8254")}
		w.must(second(w.s.SetCondition(t.Context(), notice.FailingReceiver("all", "af3c8254"), true, n)))
		over := func() (all []string) {
			records, err := w.s.Notices(t.Context(), false, 100)
			w.must(err)
			for _, r := range records {
				if r.Notice.Kind == notice.AlertOver && r.Notice.Details[notice.DetailWas] == string(notice.ChannelFailing) {
					all = append(all, r.Notice.Subject)
				}
			}
			return all
		}
		w.must(w.s.RemoveChannel(t.Context(), "well", start, entry("channel.remove")))
		same(t, "after one that was well", len(over()), 0)
		w.must(w.s.RemoveChannel(t.Context(), "ops", start, entry("channel.remove")))
		same(t, "removed by hand", over(), []string{"channel:ops"})
		w.must(w.declare(access.Declaration{Remove: access.Removal{Channels: []string{"all"}}}))
		same(t, "removed by a declaration", over(), []string{"channel:all/af3c8254", "channel:all", "channel:ops"})
		w.channels(start.Add(30*24*time.Hour), "log")
		same(t, "named by no server any more", over(), []string{"channel:hook", "channel:all/af3c8254", "channel:all", "channel:ops"})
		w.must(w.makeChannel(robot("ops", "")))
		n = notice.Notice{At: start, Kind: notice.ChannelFailing, Subject: notice.ChannelSubject("ops")}
		changed, err := w.s.SetCondition(t.Context(), notice.FailingChannel("ops"), true, n)
		w.must(err)
		same(t, "told of anew", changed, true)
	}},
	{"it is known since when a channel takes nothing", func(t *testing.T, w *world) {
		w.channels(start, "hook")
		w.tell(start, "grant:g_1", "grant:g_2")
		c := w.claimChannel("hook", start)
		w.settleChannel(c, start, failing(c.Items[0], start.Add(time.Second)))
		w.failing(map[string]time.Time{"hook": start})
		c = w.claimChannel("hook", start.Add(time.Minute))
		waits := notice.Result{ID: c.Items[1].ID, State: notice.Pending, Due: start.Add(2 * time.Minute)}
		w.settleChannel(c, start.Add(time.Minute), failing(c.Items[0], start.Add(2*time.Minute)), waits)
		w.failing(map[string]time.Time{"hook": start})
		c = w.claimChannel("hook", start.Add(2*time.Minute))
		some := failing(c.Items[0], start.Add(3*time.Minute))
		some.Partly = true
		w.settleChannel(c, start.Add(2*time.Minute), some)
		w.failing(map[string]time.Time{})
		c = w.claimChannel("hook", start.Add(3*time.Minute))
		w.settleChannel(c, start.Add(3*time.Minute), failing(c.Items[0], start.Add(4*time.Minute)))
		w.failing(map[string]time.Time{"hook": start.Add(3 * time.Minute)})
		c = w.claimChannel("hook", start.Add(4*time.Minute))
		w.settleChannel(c, start.Add(4*time.Minute), sent(c.Items[0]))
		w.failing(map[string]time.Time{})
	}},
}

func (w *world) failing(want map[string]time.Time) {
	w.t.Helper()
	got, err := w.s.FailingChannels(w.t.Context())
	w.must(err)
	same(w.t, "failing channels", got, want)
}

// tellOf writes a notice of any kind, about a shop if one is named.
func (w *world) tellOf(at time.Time, kind notice.Kind, subject, shop string) {
	w.t.Helper()
	n := notice.Notice{At: at, Kind: kind, Subject: subject, Details: map[string]string{}}
	if shop != "" {
		n.Details["shop"] = shop
	}
	w.must(w.s.Revoke(w.t.Context(), grant.Effects{At: at, Notices: []notice.Notice{n}}))
	w.fold(at)
}
