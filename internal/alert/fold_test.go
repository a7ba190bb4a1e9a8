package alert_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var start = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

// book is the store of these tests: it applies plans as the databases do, and
// keeps count of what the properties are about.
type book struct {
	t        rapid.TB
	policy   alert.Policy
	now      time.Time
	next     int64
	facts    []notice.Fact // unfolded
	written  map[int64]notice.Notice
	alerts   map[int64]notice.Alert
	members  map[notice.Membership]bool
	silences []notice.Silence
	folded   map[int64]notice.Folded
	told     []notice.Telling
}

func newBook(t rapid.TB) *book {
	return &book{t: t, policy: alert.Policy{Rules: alert.Defaults(), Runbooks: "https://example.com/runbooks"}, now: start,
		written: map[int64]notice.Notice{}, alerts: map[int64]notice.Alert{}, members: map[notice.Membership]bool{},
		folded: map[int64]notice.Folded{}}
}

func (b *book) write(k notice.Kind, subject string, details ...string) int64 {
	d := map[string]string{}
	for i := 0; i+1 < len(details); i += 2 {
		d[details[i]] = details[i+1]
	}
	b.next++
	n := notice.Notice{At: b.now, Kind: k, Subject: subject, Details: d}
	b.facts, b.written[b.next] = append(b.facts, notice.Fact{ID: b.next, Notice: n}), n
	return b.next
}

// folding is what the store would give.
func (b *book) folding(limit int) notice.Folding {
	f := notice.Folding{Held: map[notice.Membership]bool{}, Silences: b.silences, Facts: b.facts[:min(limit, len(b.facts))]}
	for _, a := range b.alerts {
		if a.State != notice.AlertEnded || !a.Due.IsZero() || b.now.Sub(a.Ended) < notice.Aftermath {
			f.Alerts = append(f.Alerts, a)
		}
	}
	slices.SortFunc(f.Alerts, func(a, b notice.Alert) int { return int(a.ID - b.ID) })
	for m := range b.members {
		if slices.ContainsFunc(f.Facts, func(x notice.Fact) bool { return x.Notice.Subject == m.Subject }) {
			f.Held[m] = true
		}
	}
	return f
}

// step folds at most limit facts, and gives the messages that left.
func (b *book) step(limit int) []notice.Telling {
	f := b.folding(limit)
	p := alert.Fold(f, b.policy, b.now)
	b.facts = b.facts[len(p.Folded):]
	for _, a := range p.Alerts {
		b.alerts[a.ID] = a
	}
	for _, x := range p.Folded {
		if was, twice := b.folded[x.Fact]; twice {
			b.t.Fatalf("fact %d was folded into %+v and into %+v", x.Fact, was, x)
		}
		b.folded[x.Fact] = x
		if x.Joins {
			b.members[notice.Membership{Alert: x.Alert, Subject: b.written[x.Fact].Subject}] = true
		}
	}
	for _, m := range p.Left {
		delete(b.members, m)
	}
	for _, id := range p.Dropped {
		delete(b.alerts, id)
	}
	for _, a := range b.alerts {
		if a.State == notice.AlertEnded {
			for m := range b.members {
				if m.Alert == a.ID {
					delete(b.members, m)
				}
			}
		}
	}
	seen := map[int64]bool{}
	for _, m := range p.Tell {
		if seen[m.Carrier] && m.Carrier != 0 {
			b.t.Fatalf("notice %d carries two messages of a plan", m.Carrier)
		}
		seen[m.Carrier] = true // the store knows of those of earlier plans
	}
	b.told = append(b.told, p.Tell...)
	return p.Tell
}

func (b *book) after(d time.Duration) []notice.Telling {
	b.now = b.now.Add(d)
	return b.step(1000)
}

// phases are those of messages, with their kinds.
func phases(all []notice.Telling) (out []string) {
	for _, m := range all {
		out = append(out, fmt.Sprintf("%s %s %d", m.Message.Phase, m.Message.About, m.Message.Count))
	}
	return out
}

func want(t *testing.T, got []notice.Telling, want ...string) {
	t.Helper()
	if g := phases(got); !slices.Equal(g, want) {
		t.Errorf("told %q, want %q", g, want)
	}
}

func TestAStormIsOneMessage(t *testing.T) {
	b := newBook(t)
	for i := range 200 {
		b.write(notice.GrantStopped, fmt.Sprintf("grant:g_%d", i), "kind", "isv", "app", "many", "cause", "x", "shop", fmt.Sprintf("s_%d", i))
	}
	want(t, b.after(time.Second))
	first := b.after(2 * time.Second)
	want(t, first, "raised grant.stopped 200")
	m := first[0].Message
	if len(m.Subjects) != notice.MaxSubjects || m.Shop != "" || m.Severity != notice.Critical || m.Runbook != "https://example.com/runbooks/grant.stopped.md" ||
		first[0].Carrier != 1 {
		t.Errorf("the message is %+v", first[0])
	}
	b.write(notice.GrantStopped, "grant:g_3", "kind", "isv", "app", "many", "cause", "x") // again
	want(t, b.after(time.Second))
	for i := range 300 {
		b.write(notice.GrantStopped, fmt.Sprintf("grant:h_%d", i), "kind", "isv", "app", "many", "cause", "x")
	}
	want(t, b.after(time.Second))
	want(t, b.after(10*time.Minute), "grown grant.stopped 501")
	want(t, b.after(10*time.Minute))
	want(t, b.after(24*time.Hour), "reminded grant.stopped 501")
}

func TestOtherCausesAreOtherAlerts(t *testing.T) {
	b := newBook(t)
	b.write(notice.GrantStopped, "grant:g_1", "kind", "self", "errcode", "40125", "shop", "tea")
	b.write(notice.GrantStopped, "grant:g_2", "kind", "self", "errcode", "40164", "shop", "tea")
	b.write(notice.GrantStopped, "grant:g_3", "kind", "self", "errcode", "40164", "shop", "tea")
	b.step(10)
	got := b.after(2 * time.Second)
	want(t, got, "raised grant.stopped 1", "raised grant.stopped 2")
	if got[0].Message.Shop != "tea" {
		t.Errorf("the shop is %q", got[0].Message.Shop)
	}
}

func TestRecoveryIsToldOnceAndOnlyIfTheBeginningWas(t *testing.T) {
	b := newBook(t)
	b.write(notice.GrantStopped, "grant:g_1")
	b.write(notice.GrantStopped, "grant:g_2")
	b.step(10)
	want(t, b.after(2*time.Second), "raised grant.stopped 2")
	b.write(notice.GrantHealed, "grant:g_1")
	want(t, b.after(time.Second))
	last := b.write(notice.GrantHealed, "grant:g_2")
	got := b.after(time.Second)
	want(t, got, "over grant.stopped 2")
	if got[0].Carrier != last || got[0].Message.Severity != notice.Critical {
		t.Errorf("the end is sent as %+v", got[0])
	}
	b.write(notice.GrantHealed, "grant:g_2")
	want(t, b.after(time.Second))

	// It came and went while it was gathered.
	b.write(notice.GrantStopped, "grant:g_1")
	b.write(notice.GrantHealed, "grant:g_1")
	want(t, b.after(time.Second))
	want(t, b.after(time.Minute))
}

func TestWhatEndsWhat(t *testing.T) {
	for _, c := range []struct {
		begin, end notice.Kind
		was        notice.Kind
		ends       bool
	}{
		{notice.TicketMissing, notice.TicketBack, "", true},
		{notice.ClockSkew, notice.ClockHealed, notice.ClockSkew, true},
		{notice.ClockSkew, notice.ClockHealed, notice.ClockBack, false},
		{notice.GrantNotKilled, notice.GrantKilled, "", true},
		{notice.DiskLow, notice.AlertOver, notice.DiskLow, true},
		{notice.DiskLow, notice.AlertOver, notice.WeChatAway, false},
		{notice.DiskLow, notice.AlertOver, "", false},
		{notice.GrantNeedsOwner, notice.GrantRevoked, "", true},
		{notice.GrantNeedsOwner, notice.GrantKilled, "", false},
	} {
		b := newBook(t)
		b.write(c.begin, "x:1")
		b.step(10)
		b.after(2 * time.Second)
		if c.was != "" {
			b.write(c.end, "x:1", notice.DetailWas, string(c.was))
		} else {
			b.write(c.end, "x:1")
		}
		b.after(time.Second)
		over := slices.ContainsFunc(b.told, func(m notice.Telling) bool { return m.Message.Phase == notice.Over && m.Message.About == c.begin })
		if over != c.ends {
			t.Errorf("%s (%s) ends %s: %v, want %v", c.end, c.was, c.begin, over, c.ends)
		}
	}
}

func TestEventsAreToldEachUntilThereAreMany(t *testing.T) {
	b := newBook(t)
	for range 3 {
		b.write(notice.NamedCall, "shop:tea", "client", "erp")
	}
	want(t, b.step(1000), "raised client.named_call 1", "raised client.named_call 1", "raised client.named_call 1")
	for range 60 {
		b.write(notice.NamedCall, "shop:tea", "client", "erp")
	}
	if n := len(b.after(time.Second)); n != 7 {
		t.Errorf("%d more were told by themselves, want 7", n)
	}
	want(t, b.after(time.Minute), "raised client.named_call 53")
	b.write(notice.NamedCall, "shop:tea")
	want(t, b.after(time.Second))
	want(t, b.after(10*time.Minute), "grown client.named_call 54")
	want(t, b.after(10*time.Minute))
	b.write(notice.NamedCall, "shop:tea")
	want(t, b.after(time.Second), "raised client.named_call 1")
	want(t, b.after(time.Minute))
	for _, a := range b.alerts {
		if a.State != notice.AlertEnded {
			t.Errorf("still there: %+v", a)
		}
	}
	if len(b.alerts) != 1 {
		t.Errorf("%d alerts are kept, want the one that counted", len(b.alerts))
	}
}

func TestSilences(t *testing.T) {
	b := newBook(t)
	b.silences = []notice.Silence{{ID: "q_1", Kind: notice.GrantStopped, Shop: "tea", Made: b.now, Until: b.now.Add(time.Hour)}}
	b.write(notice.GrantStopped, "grant:g_1", "shop", "tea")
	b.write(notice.GrantStopped, "grant:g_2", "shop", "silk")
	b.write(notice.NewDevice, "session:s_1")
	want(t, b.step(10), "raised session.new_device 1")
	want(t, b.after(2*time.Second), "raised grant.stopped 1")
	if a := b.alerts[1]; a.State != notice.AlertSilenced || a.Silence != "q_1" || a.Count != 1 {
		t.Errorf("the silenced alert is %+v", a)
	}
	if x := b.folded[1]; x.Owner != 0 {
		t.Errorf("the owner is told after %v", x.Owner)
	}
	want(t, b.after(time.Hour), "raised grant.stopped 1") // it is still open

	// One that was told of, and over while it is silenced, is over without a word.
	b.silences = []notice.Silence{{ID: "q_2", Kind: notice.GrantStopped, Made: b.now, Until: b.now.Add(time.Hour)}}
	want(t, b.after(time.Second))
	b.write(notice.GrantHealed, "grant:g_1")
	want(t, b.after(time.Second))
	// The other is told again at the end.
	want(t, b.after(time.Hour), "reminded grant.stopped 1")
	b.write(notice.GrantHealed, "grant:g_2")
	want(t, b.after(time.Second), "over grant.stopped 1")
}

func TestSilencedEventsAreRecordedOnly(t *testing.T) {
	b := newBook(t)
	b.silences = []notice.Silence{{ID: "q_1", Subject: "shop:tea", Made: b.now, Until: b.now.Add(time.Hour)}}
	b.write(notice.APIChanged, "shop:tea")
	b.write(notice.APIChanged, "shop:tea")
	want(t, b.step(10))
	if a := b.alerts[1]; a.State != notice.AlertSilenced || a.Count != 2 {
		t.Errorf("kept %+v", a)
	}
	want(t, b.after(2*time.Hour))
	if a := b.alerts[1]; a.State != notice.AlertEnded {
		t.Errorf("after the silence it is %+v", a)
	}
}

// TestWhatIsExplainedIsNotTold: while WeChat is away, grants that get no answer are not
// told of beside it, and those with a trouble of their own are.
func TestWhatIsExplainedIsNotTold(t *testing.T) {
	b := newBook(t)
	b.write(notice.WeChatAway, "wechat")
	b.step(10)
	want(t, b.after(2*time.Second), "raised wechat.away 1")
	b.write(notice.GrantFailing, "grant:g_1", "cause", grant.CauseUnknown)
	b.write(notice.GrantFailing, "grant:g_2", "cause", grant.CauseNotSent)
	b.write(notice.GrantFailing, "grant:g_3", "cause", grant.CauseDayLimit)
	b.write(notice.EndpointErrors, "group:order", "group", "order")
	b.step(10)
	want(t, b.after(2*time.Second), "raised grant.failing 1")
	want(t, b.after(2*time.Hour)) // however long it takes
	b.write(notice.AlertOver, "wechat", "was", string(notice.WeChatAway))
	want(t, b.step(10), "over wechat.away 1")
	// What heals is never told of; what does not is, after a while.
	b.write(notice.GrantHealed, "grant:g_1")
	b.write(notice.AlertOver, "group:order", "was", string(notice.EndpointErrors))
	want(t, b.after(notice.Aftermath-time.Minute))
	b.write(notice.GrantFailing, "grant:g_4", "cause", grant.CauseUnknown) // late
	want(t, b.step(10))
	want(t, b.after(time.Minute), "raised grant.failing 1", "raised grant.failing 1")
	b.write(notice.GrantFailing, "grant:g_5", "cause", grant.CauseUnknown) // joins what is told
	want(t, b.step(10))
	want(t, b.after(time.Hour))
}

// TestATicketExplainsItsOwnPlatform: another platform's is told.
func TestATicketExplainsItsOwnPlatform(t *testing.T) {
	b := newBook(t)
	b.write(notice.TicketMissing, "app:agency", "app", "agency")
	b.write(notice.GrantStopped, "grant:g_1", "app", "agency", "cause", grant.CauseTicketExpired)
	b.write(notice.GrantStopped, "grant:g_2", "app", "other", "cause", grant.CauseTicketExpired)
	b.write(notice.GrantStopped, "grant:g_3", "app", "agency", "cause", grant.CauseSecretWrong)
	b.step(10)
	want(t, b.after(2*time.Second), "raised platform.ticket_missing 1", "raised grant.stopped 1", "raised grant.stopped 1")
	b.write(notice.GrantHealed, "grant:g_1")
	b.write(notice.TicketBack, "app:agency", "app", "agency")
	want(t, b.step(10), "over platform.ticket_missing 1")
}

func TestQuietHours(t *testing.T) {
	b := newBook(t)
	b.now = time.Date(2026, 1, 2, 23, 30, 0, 0, time.UTC)
	b.policy.Quiet = alert.Quiet{From: 22 * time.Hour, To: 7 * time.Hour, Zone: time.UTC}
	b.write(notice.GrantStopped, "grant:g_1")  // critical
	b.write(notice.GrantDoubtful, "grant:g_2") // not
	b.write(notice.APIChanged, "shop:tea")
	b.write(notice.APIChanged, "shop:silk")
	b.step(10)
	want(t, b.after(2*time.Second), "raised grant.stopped 1")
	want(t, b.after(time.Hour))
	b.now = time.Date(2026, 1, 3, 7, 0, 0, 0, time.UTC)
	want(t, b.step(10), "raised grant.doubtful 1", "raised api.changed 2")
	// It ends in the next night, and that waits too.
	b.now = time.Date(2026, 1, 3, 23, 0, 0, 0, time.UTC)
	b.write(notice.GrantHealed, "grant:g_2")
	b.write(notice.GrantHealed, "grant:g_1")
	want(t, b.step(10), "over grant.stopped 1")
	b.now = time.Date(2026, 1, 4, 7, 0, 0, 0, time.UTC)
	want(t, b.step(10), "over grant.doubtful 1")
}

func TestRulesThatAreOff(t *testing.T) {
	b := newBook(t)
	b.write(notice.GrantStopped, "grant:g_0")
	b.step(10)
	want(t, b.after(2*time.Second), "raised grant.stopped 1")
	b.policy.Rules = b.policy.Rules.With(notice.GrantStopped, func(r *alert.Rule) { r.Off = true })
	b.write(notice.GrantStopped, "grant:g_1")
	b.write(notice.GrantHealed, "grant:g_1")
	want(t, b.after(2*time.Second))
	if a := b.alerts[1]; a.State != notice.AlertEnded {
		t.Errorf("what was open is %+v", a)
	}
}

func TestAnAlertThatNothingEndsDoes(t *testing.T) {
	b := newBook(t)
	b.write(notice.TokenStranger, "grant:g_1")
	b.step(10)
	want(t, b.after(2*time.Second), "raised token.stranger 1")
	for range 3 {
		want(t, b.after(48*time.Hour), "reminded token.stranger 1")
	}
	want(t, b.after(24*time.Hour))
	if a := b.alerts[1]; a.State != notice.AlertEnded {
		t.Errorf("after 7 days it is %+v", a)
	}
}

// TestABrokenLogIsTheBusinessOfPeople: no time makes it good.
func TestABrokenLogIsTheBusinessOfPeople(t *testing.T) {
	b := newBook(t)
	b.write(notice.AuditBroken, "grant:g_1")
	b.step(10)
	want(t, b.after(2*time.Second), "raised audit.broken 1")
	for range 60 {
		want(t, b.after(24*time.Hour), "reminded audit.broken 1")
	}
	for _, r := range alert.Defaults().List() {
		if notice.EndedByPeople(r.Kind) && (r.Event || r.Recovery || notice.Watched(r.Kind) || r.Lasts > 0) {
			t.Errorf("%s ends by itself", r.Kind)
		}
	}
}

// TestFoldKeepsItsPromises folds anything in any order with any pauses, and
// looks at what must hold whatever comes.
func TestFoldKeepsItsPromises(t *testing.T) {
	kinds := notice.Kinds()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(t)
		if rapid.Bool().Draw(t, "quiet hours") {
			b.policy.Quiet = alert.Quiet{From: 9 * time.Hour, To: 10 * time.Hour, Zone: time.UTC}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			for range rapid.IntRange(0, 8).Draw(t, "facts") {
				k := rapid.SampledFrom(kinds).Draw(t, "kind")
				was := rapid.SampledFrom([]notice.Kind{"", notice.DiskLow, notice.ClockSkew, notice.RefreshFailing}).Draw(t, "was")
				b.write(k, rapid.SampledFrom([]string{"grant:g_1", "grant:g_2", "clock"}).Draw(t, "subject"),
					"app", rapid.SampledFrom([]string{"", "many"}).Draw(t, "app"), notice.DetailWas, string(was))
			}
			if rapid.IntRange(0, 9).Draw(t, "silence") == 0 {
				b.silences = append(b.silences, notice.Silence{ID: fmt.Sprintf("q_%d", len(b.silences)),
					Kind: rapid.SampledFrom(append(kinds, "")).Draw(t, "silenced"), Made: b.now, Until: b.now.Add(10 * time.Minute)})
			}
			b.step(rapid.IntRange(1, 20).Draw(t, "limit"))
			b.now = b.now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "pause")) * time.Second)
		}
		b.step(1 << 20)
		b.promises(t)
	})
}

// promises fails when one of them is broken.
func (b *book) promises(t rapid.TB) {
	for id := range b.written {
		if _, ok := b.folded[id]; !ok {
			t.Fatalf("fact %d was lost", id)
		}
	}
	counted := map[int64]int{}
	for _, x := range b.folded {
		if r := b.policy.Rules.Of(b.written[x.Fact].Kind); !r.Recovery {
			counted[x.Alert]++
		}
	}
	members := map[int64]int{}
	for m := range b.members {
		members[m.Alert]++
	}
	for id, a := range b.alerts {
		if a.Count != counted[id] {
			t.Fatalf("%+v counted %d facts", a, counted[id])
		}
		if !b.policy.Rules.Of(a.Kind).Event && a.Members != members[id] {
			t.Fatalf("%+v is about %d subjects", a, members[id])
		}
	}
	raised, over := map[int64]int{}, map[int64]bool{}
	for _, m := range b.told {
		id := m.Message.Alert
		switch {
		case id == 0:
		case over[id]:
			t.Fatalf("alert %d is told of after its end: %+v", id, m)
		case m.Message.Phase == notice.Raised:
			if raised[id]++; raised[id] > 1 {
				t.Fatalf("alert %d is raised twice", id)
			}
		case raised[id] == 0:
			t.Fatalf("alert %d is told of before it is raised: %+v", id, m)
		}
		over[id] = id != 0 && m.Message.Phase == notice.Over
	}
}

// TestWhatWasToldPastTheStoreIsNotToldTwice: that it began; that it is over is told, also
// of what began and ended before anybody looked. One of several servers that told is enough.
func TestWhatWasToldPastTheStoreIsNotToldTwice(t *testing.T) {
	direct := []string{notice.DetailDirect, "counter-1"}
	t.Run("over at once", func(t *testing.T) {
		b := newBook(t)
		b.write(notice.StoreFailing, "store", direct...)
		end := b.write(notice.AlertOver, "store", notice.DetailWas, string(notice.StoreFailing), notice.DetailLasted, "5m0s")
		got := b.after(time.Second)
		want(t, got, "over store.failing 1")
		if got[0].Carrier != end || !got[0].Message.Since.Equal(start) {
			t.Errorf("the message is %+v", got[0])
		}
		want(t, b.after(time.Minute))
	})
	t.Run("another did not tell", func(t *testing.T) {
		b := newBook(t)
		b.write(notice.StoreFailing, "store")
		b.write(notice.StoreFailing, "store", direct...)
		want(t, b.after(time.Second))
		want(t, b.after(time.Minute))
		want(t, b.after(25*time.Hour), "reminded store.failing 2")
		b.write(notice.AlertOver, "store", notice.DetailWas, string(notice.StoreFailing))
		want(t, b.after(time.Second), "over store.failing 2")
	})
	t.Run("nobody told, and it is over", func(t *testing.T) {
		b := newBook(t)
		b.write(notice.StoreFailing, "store")
		b.write(notice.AlertOver, "store", notice.DetailWas, string(notice.StoreFailing))
		want(t, b.after(time.Second))
		want(t, b.after(time.Minute))
	})
	t.Run("it was told before", func(t *testing.T) {
		b := newBook(t)
		b.write(notice.StoreFailing, "store")
		want(t, b.after(time.Second))
		want(t, b.after(2*time.Second), "raised store.failing 1")
		b.write(notice.StoreFailing, "store", direct...)
		want(t, b.after(time.Minute))
	})
}
