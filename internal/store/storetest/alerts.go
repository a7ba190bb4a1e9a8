package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var alertCases = []testCase{
	{"a fact is nobody's message until it is folded", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.facts(start, "grant:g_1")
		w.backlog(1, start)
		same(t, "due", w.due(start), nil)
		w.channels(start, "log", "hook") // a new channel is owed messages, not facts
		same(t, "due to a new channel", w.due(start), nil)
		w.fold(start)
		same(t, "due when folded", w.due(start), []string{"hook", "log"})
		some, err := w.s.Unfolded(t.Context(), start)
		w.must(err)
		same(t, "left to fold", some, false)
	}},
	{"facts are counted in an alert, and one message says so", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.facts(start, "grant:g_1", "grant:g_2", "grant:g_3")
		f := w.folding("r_1", start)
		a := alertOf(f.Facts...)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{
			Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, f.Facts...),
			Tell: []notice.Telling{{Carrier: a.ID, Message: messageOf(a)}},
		}))
		got := w.claimChannel("log", start)
		if len(got.Items) != 1 || got.Items[0].Message.Count != 3 || got.Items[0].Message.Severity != notice.Critical ||
			got.Items[0].Message.Notice.Subject != "grant:g_1" {
			t.Fatalf("claimed %+v", got.Items)
		}
		kept, err := w.s.Alert(t.Context(), a.ID)
		w.must(err)
		same(t, "alert", kept, a)
		counted, err := w.s.CountOpenAlerts(t.Context())
		w.must(err)
		same(t, "open alerts", counted, []sqlstore.AlertCount{{Kind: a.Kind, State: a.State, N: 1}})
		w.facts(start, "grant:g_2")
		if held := w.folding("r_1", start).Held; !held[notice.Membership{Alert: a.ID, Subject: "grant:g_2"}] || len(held) != 1 {
			t.Errorf("held by what is new: %v", held)
		}
	}},
	{"a notice carries one message, and a reminder gets a notice of its own", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.facts(start, "grant:g_1")
		f := w.folding("r_1", start)
		a := alertOf(f.Facts...)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{
			Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, f.Facts...),
			Tell: []notice.Telling{{Carrier: a.ID, Message: messageOf(a)}, {Carrier: a.ID, Message: messageOf(a)}, {Message: messageOf(a)}},
		}))
		same(t, "messages", len(w.claimChannel("log", start).Items), 3)
		all, err := w.s.Notices(t.Context(), false, 10)
		w.must(err)
		same(t, "notices", len(all), 3)
		same(t, "left to fold", len(w.folding("r_1", start).Facts), 0)
	}},
	{"one server folds, until its lease ends", func(t *testing.T, w *world) {
		w.facts(start, "grant:g_1")
		first := w.folding("r_1", start)
		_, ok, err := w.replica(1).ClaimFolding(t.Context(), "r_2", start.Add(time.Second), start.Add(time.Minute), 10)
		w.must(err)
		same(t, "claimed by another", ok, false)
		second := w.folding("r_2", start.Add(time.Minute))
		if second.Term <= first.Term || len(second.Facts) != 1 {
			t.Errorf("the second claims %+v after term %d", second, first.Term)
		}
		a := alertOf(first.Facts...)
		plan := notice.Plan{Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, first.Facts...)}
		w.refused(grant.ErrLost, func() error {
			return w.s.Fold(t.Context(), "r_1", first.Term, start, plan)
		})
		w.must(w.s.Fold(t.Context(), "r_2", second.Term, start, plan))
		second = w.folding("r_2", start.Add(time.Minute))
		w.refused(grant.ErrLost, func() error { // it landed, and whoever did not hear so asks again
			return w.s.Fold(t.Context(), "r_2", second.Term, start, plan)
		})
	}},
	{"a plan that was lost changed nothing", func(t *testing.T, w *world) {
		w.channels(start, "log")
		w.facts(start, "grant:g_1")
		f := w.folding("r_1", start)
		a := alertOf(f.Facts...)
		plan := notice.Plan{Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, f.Facts...), Tell: []notice.Telling{{Carrier: a.ID, Message: messageOf(a)}}}
		w.losing(failed, func() {
			if w.s.Fold(t.Context(), "r_1", f.Term, start, plan) == nil {
				t.Error("a commit that failed is no error")
			}
		})
		same(t, "due", w.due(start), nil)
		same(t, "facts", len(w.folding("r_1", start).Facts), 1)
	}},
	{"silences are made, looked at and ended", func(t *testing.T, w *world) {
		s := notice.Silence{ID: "q_1", Kind: notice.GrantStopped, Subject: "grant:g_1", Reason: "moving house", By: "operator", Made: start, Until: start.Add(time.Hour)}
		w.must(w.s.CreateSilence(t.Context(), s, entry("silence.create")))
		same(t, "live", w.folding("r_1", start).Silences, []notice.Silence{s})
		same(t, "after its time", w.folding("r_1", start.Add(time.Hour)).Silences, nil)
		w.must(w.s.EndSilence(t.Context(), "q_1", start.Add(time.Minute), entry("silence.end")))
		w.must(w.s.EndSilence(t.Context(), "q_1", start.Add(2*time.Minute), entry("silence.end")))
		same(t, "entries", len(w.entries("silence.end")), 1)
		got, err := w.s.Silence(t.Context(), "q_1")
		w.must(err)
		s.Ended = start.Add(time.Minute)
		same(t, "ended", got, s)
		w.refused(access.ErrNotFound, func() error { return w.s.EndSilence(t.Context(), "q_2", start) })
	}},
	{"a condition is over when no server holds it", func(t *testing.T, w *world) {
		n := notice.Notice{At: start, Kind: notice.DiskLow, Subject: "disk"}
		hold := func(server string, wrong bool, at time.Time) {
			w.must(w.s.HoldCondition(t.Context(), notice.Holding{Name: "disk.low", Server: server, Wrong: wrong, Until: at.Add(time.Minute), Notice: n}, at))
		}
		hold("r_1", true, start)
		hold("r_2", true, start)
		hold("r_1", false, start)
		hold("r_3", false, start)
		same(t, "told", w.kinds(), []notice.Kind{notice.DiskLow})
		hold("r_2", true, start.Add(30*time.Second)) // renewed
		w.must(w.s.LapseConditions(t.Context(), start.Add(time.Minute)))
		same(t, "told while one holds it", w.kinds(), []notice.Kind{notice.DiskLow})
		w.must(w.s.LapseConditions(t.Context(), start.Add(90*time.Second)))
		w.must(w.s.LapseConditions(t.Context(), start.Add(90*time.Second)))
		same(t, "told when its server is dead", w.kinds(), []notice.Kind{notice.DiskLow, notice.AlertOver})
	}},
	{"what was told past the store is written beside what was not", func(t *testing.T, w *world) {
		hold := func(server, direct string, wrong bool) {
			h := notice.Holding{Name: "store.failing store", Server: server, Wrong: wrong, Again: direct != "", Until: start.Add(time.Minute),
				Notice: notice.Notice{At: start, Kind: notice.StoreFailing, Subject: "store"}}
			if direct != "" {
				h.Notice.Details = map[string]string{notice.DetailDirect: direct}
			}
			if !wrong {
				h.Over = map[string]string{notice.DetailLasted: "5m0s of " + server}
			}
			w.must(w.s.HoldCondition(t.Context(), h, start))
		}
		hold("r_1", "", true)
		hold("r_2", "r_2", true)
		hold("r_3", "", true)
		same(t, "told while they fail", w.kinds(), []notice.Kind{notice.StoreFailing, notice.StoreFailing})
		hold("r_2", "", false)
		hold("r_1", "", false)
		hold("r_3", "", false)
		f := w.folding("r_1", start)
		same(t, "facts", len(f.Facts), 3)
		same(t, "marked", []string{f.Facts[0].Notice.Details[notice.DetailDirect], f.Facts[1].Notice.Details[notice.DetailDirect]}, []string{"", "r_2"})
		same(t, "its end", f.Facts[2].Notice, notice.Notice{At: start, Kind: notice.AlertOver, Subject: "store",
			Details: map[string]string{notice.DetailWas: string(notice.StoreFailing), notice.DetailLasted: "5m0s of r_3"}})
		live, err := w.s.LiveSilences(t.Context(), start)
		w.must(err)
		same(t, "silences", len(live), 0)
		s := notice.Silence{ID: "q_1", Kind: notice.StoreFailing, Reason: "moving house", By: "operator", Made: start, Until: start.Add(time.Hour)}
		w.must(w.s.CreateSilence(t.Context(), s, entry("silence.create")))
		live, err = w.s.LiveSilences(t.Context(), start.Add(59*time.Minute))
		w.must(err)
		same(t, "that hold", live, []notice.Silence{s})
		live, err = w.s.LiveSilences(t.Context(), start.Add(time.Hour))
		w.must(err)
		same(t, "that are over", len(live), 0)
	}},
	{"what is said again while it lapses is not over", func(t *testing.T, w *world) {
		hold := func(s *sqlstore.Store, server string, at time.Time) {
			w.must(s.HoldCondition(t.Context(), notice.Holding{Name: "disk.low", Server: server, Wrong: true, Until: at.Add(time.Minute),
				Notice: notice.Notice{At: at, Kind: notice.DiskLow, Subject: "disk"}}, at))
		}
		hold(w.s, "r_1", start)
		hold(w.s, "r_2", start)
		late := start.Add(2 * time.Minute)
		between := false // the reading of what lapsed and its end
		w.s.OnTransition(func(context.Context, string) func(error) {
			if !between {
				between = true
				hold(w.replica(1), "r_1", late)
				hold(w.replica(1), "r_2", late)
			}
			return func(error) {}
		})
		defer w.s.OnTransition(nil)
		w.must(w.s.LapseConditions(t.Context(), late))
		same(t, "interrupted", between, true)
		same(t, "told while it is held", w.kinds(), []notice.Kind{notice.DiskLow})
		w.must(w.s.LapseConditions(t.Context(), late.Add(time.Minute)))
		same(t, "told when it lapsed", w.kinds(), []notice.Kind{notice.DiskLow, notice.AlertOver})
	}},
	{"a full outbox gives up what is least, and says so once", func(t *testing.T, w *world) {
		w.channels(start, "log", "hook")
		w.facts(start, "grant:g_1", "grant:g_2", "grant:g_3", "grant:g_4")
		TellEach(t, w.s, start, notice.Critical, notice.Info, notice.Info, notice.Info)
		c := w.claimChannel("log", start)
		w.settleChannel(c, start, sent(c.Items[0]), sent(c.Items[1]), sent(c.Items[2]), sent(c.Items[3]))
		n, err := w.s.TrimOutbox(t.Context(), 2, start)
		w.must(err)
		same(t, "given up", n, 2)
		same(t, "left", subjects(w.claimChannel("hook", start)), []string{"grant:g_1", "grant:g_4"})
		if found := w.entries("notice.trim"); len(found) != 1 || found[0].Details["messages"] != "2" {
			t.Errorf("entries %+v", found)
		}
		n, err = w.s.TrimOutbox(t.Context(), 1, start)
		w.must(err)
		same(t, "given up next", n, 1)
		n, err = w.s.TrimOutbox(t.Context(), 0, start)
		w.must(err)
		same(t, "what matters is kept", n, 0)
	}},
	{"an alert of a grant that is gone ends", func(t *testing.T, w *world) {
		w.facts(start, "grant:g_1")
		f := w.folding("r_1", start)
		a := alertOf(f.Facts...)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, f.Facts...)}))
		for _, c := range []struct {
			before time.Time
			want   int
		}{{start, 0}, {start.Add(time.Minute), 1}, {start.Add(time.Minute), 0}} {
			n, err := w.s.EndWellGrants(t.Context(), c.before, start.Add(time.Hour), 10)
			w.must(err)
			same(t, "ended", n, c.want)
		}
		same(t, "told", w.kinds(), []notice.Kind{notice.GrantStopped, notice.AlertOver})
	}},
	{"an alert of a grant that is asked for again ends when it works", func(t *testing.T, w *world) {
		c := w.claim("tea", start)
		e := renewal(c, start)
		e.Settle.Tokens, e.Settle.Attempt, e.Settle.Cause, e.Settle.Routine = nil, 7, grant.CauseBusy, false
		e.Notices = []notice.Notice{{At: start, Kind: notice.GrantFailing, Subject: "grant:" + c.Grant.ID, Details: map[string]string{"cause": "busy"}}}
		w.must(w.settle(e))
		f := w.folding("r_1", start)
		a := alertOf(f.Facts...)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, f.Facts...)}))
		later := start.Add(101 * time.Minute)
		ended := func(want int) {
			t.Helper()
			n, err := w.s.EndWellGrants(t.Context(), later, later, 10)
			w.must(err)
			same(t, "ended", n, want)
		}
		ended(0)
		w.must(w.settle(renewal(w.claim("tea", later), later)))
		ended(1)
	}},
	{"an alert that is over explains others for a while", func(t *testing.T, w *world) {
		w.facts(start, "grant:g_1")
		f := w.folding("r_1", start)
		a := alertOf(f.Facts...)
		a.State, a.Ended, a.Due = notice.AlertEnded, start, time.Time{}
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{Alerts: []notice.Alert{a}, Folded: foldedInto(a.ID, f.Facts...)}))
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{notice.Aftermath - time.Second, 1}, {notice.Aftermath, 0}} {
			same(t, "alerts "+c.after.String()+" after", len(w.folding("r_1", start.Add(c.after)).Alerts), c.want)
		}
	}},
	{"a person ends an alert once, and what is still wrong is told again", func(t *testing.T, w *world) {
		broken := func(at time.Time) bool {
			changed, err := w.s.SetCondition(t.Context(), "audit.broken:place", true, notice.Notice{At: at, Kind: notice.AuditBroken, Subject: "audit:place"})
			w.must(err)
			return changed
		}
		same(t, "first", broken(start), true)
		w.must(second(w.s.SetCondition(t.Context(), "audit.unsent:place", true, notice.Notice{At: start, Kind: notice.CheckpointUnsent, Subject: "audit:place"})))
		f := w.folding("r_1", start)
		a := alertOf(f.Facts[0])
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{Alerts: []notice.Alert{a}, Folded: append(foldedInto(a.ID, f.Facts[0]), notice.Folded{Fact: f.Facts[1].ID})}))
		for range 2 {
			w.must(w.s.EndAlert(t.Context(), a.ID, start.Add(time.Hour), entry("alert.end")))
		}
		same(t, "entries", len(w.entries("alert.end")), 1)
		f = w.folding("r_1", start.Add(time.Hour))
		if len(f.Facts) != 1 || f.Facts[0].Notice.Kind != notice.AlertOver || f.Facts[0].Notice.Subject != "audit:place" || f.Facts[0].Notice.Details[notice.DetailWas] != string(a.Kind) {
			t.Fatalf("to fold: %+v", f.Facts)
		}
		same(t, "it is about", f.Held, map[notice.Membership]bool{{Alert: a.ID, Subject: "audit:place"}: true})
		a.State, a.Members, a.Ended = notice.AlertEnded, 0, start.Add(time.Hour)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start.Add(time.Hour), notice.Plan{Alerts: []notice.Alert{a}, Folded: []notice.Folded{{Fact: f.Facts[0].ID, Alert: a.ID}}}))
		w.must(w.s.EndAlert(t.Context(), a.ID, start.Add(2*time.Hour), entry("alert.end")))
		same(t, "entries when it is over", len(w.entries("alert.end")), 1)
		same(t, "still wrong", broken(start.Add(2*time.Hour)), true)
		open, err := w.s.OpenConditions(t.Context(), "audit.unsent:")
		w.must(err)
		same(t, "others", open, []string{"audit.unsent:place"})
		w.refused(access.ErrNotFound, func() error { return w.s.EndAlert(t.Context(), 999, start, entry("alert.end")) })
	}},
	{"of many servers one folds", func(t *testing.T, w *world) {
		w.facts(start, "grant:g_1")
		lost := errors.New("not mine")
		n := together(t, 12, lost, func(i int) error {
			_, ok, err := w.replica(i).ClaimFolding(t.Context(), string(rune('a'+i)), start, start.Add(time.Minute), 10)
			if err == nil && !ok {
				return lost
			}
			return err
		})
		same(t, "who may fold", n, 1)
	}},
}

// facts writes notices, as [world.tell] does, and leaves them unfolded.
func (w *world) facts(at time.Time, about ...string) {
	w.t.Helper()
	e := grant.Effects{At: at}
	for _, subject := range about {
		e.Notices = append(e.Notices, notice.Notice{At: at, Kind: notice.GrantStopped, Subject: subject, Details: map[string]string{"errcode": "40125"}})
	}
	w.must(w.s.Revoke(w.t.Context(), e))
}

func (w *world) folding(owner string, now time.Time) notice.Folding {
	w.t.Helper()
	f, ok, err := w.s.ClaimFolding(w.t.Context(), owner, now, now.Add(time.Minute), 1000)
	w.must(err)
	if !ok {
		w.t.Fatalf("%s may not fold", owner)
	}
	return f
}

// fold tells each fact by itself.
func (w *world) fold(now time.Time) {
	w.t.Helper()
	TellEach(w.t, w.s, now)
}

// TellEach owes every notice that was not folded yet to the channels, each as a
// message of its own: for tests that are about the sending. Severities are of the
// first ones; those that are not named are warnings.
func TellEach(t testing.TB, s *sqlstore.Store, now time.Time, severities ...notice.Severity) {
	t.Helper()
	f, ok, err := s.ClaimFolding(t.Context(), "storetest", now, now, 1000)
	if err != nil || !ok {
		t.Fatalf("claim folding: %v, %v", ok, err)
	}
	var p notice.Plan
	for i, fact := range f.Facts {
		m := notice.Message{Notice: fact.Notice, Phase: notice.Raised, Severity: notice.Warning, Count: 1, Since: fact.Notice.At}
		if i < len(severities) {
			m.Severity = severities[i]
		}
		p.Folded = append(p.Folded, notice.Folded{Fact: fact.ID})
		p.Tell = append(p.Tell, notice.Telling{Carrier: fact.ID, Message: m})
	}
	if err := s.Fold(t.Context(), "storetest", f.Term, now, p); err != nil {
		t.Fatal(err)
	}
}

func foldedInto(alert int64, facts ...notice.Fact) (all []notice.Folded) {
	for _, f := range facts {
		all = append(all, notice.Folded{Fact: f.ID, Alert: alert, Joins: true, Owner: time.Minute})
	}
	return all
}

// alertOf is the alert that these facts are.
func alertOf(facts ...notice.Fact) notice.Alert {
	a := notice.Alert{ID: facts[0].ID, Kind: facts[0].Notice.Kind, Group: "errcode=40125", State: notice.AlertOpen, Severity: notice.Critical,
		Opened: start, LastAt: start, Due: start.Add(time.Hour), ToldAt: start, ToldCount: len(facts), Count: len(facts), Members: len(facts),
		Last: facts[len(facts)-1].ID, Details: facts[0].Notice.Details}
	for _, f := range facts {
		a.Subjects = append(a.Subjects, f.Notice.Subject)
	}
	return a
}

func messageOf(a notice.Alert) notice.Message {
	return notice.Message{Notice: notice.Notice{At: a.Opened, Kind: a.Kind, Subject: a.Subjects[0]}, Phase: notice.Raised, Severity: a.Severity,
		Alert: a.ID, About: a.Kind, Count: a.Count, Since: a.Opened, Subjects: a.Subjects}
}

// kinds are those of all notices, the oldest first.
func (w *world) kinds() (all []notice.Kind) {
	w.t.Helper()
	records, err := w.s.Notices(w.t.Context(), false, 100)
	w.must(err)
	for i := range records {
		all = append(all, records[len(records)-1-i].Notice.Kind)
	}
	return all
}
