package alert

import (
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Policy is what the operator decided.
type Policy struct {
	Rules Rules
	Quiet Quiet
	// Runbooks is the address that runbooks stand under; empty: messages name none.
	Runbooks string
}

// Runbook gives the address of the page for a kind.
func (p Policy) Runbook(k notice.Kind) string {
	if p.Runbooks == "" {
		return ""
	}
	return strings.TrimSuffix(p.Runbooks, "/") + "/" + string(k) + ".md"
}

const (
	// fewEvents of a kind in eventWindow are told one by one; what comes after is
	// counted, told at the end of the window, and again every moreEvents while more
	// come.
	fewEvents   = 10
	eventWindow = time.Minute
	moreEvents  = 10 * time.Minute

	// An alert has grown when there are as many facts again as were told, and at
	// least growBy, and for growQuiet none came. It is told at most every growEvery.
	growBy    = 10
	growQuiet = 20 * time.Second
	growEvery = 5 * time.Minute
)

// Fold decides what follows from what the store holds, at now.
func Fold(f notice.Folding, p Policy, now time.Time) notice.Plan {
	w := newWork(f, p, now)
	for _, fact := range f.Facts {
		w.fact(fact)
	}
	for _, a := range w.all {
		w.decide(a)
	}
	return w.finish()
}

// entry is an alert that is being worked on.
type entry struct {
	notice.Alert
	before  notice.Alert
	made    bool // by this step
	dropped bool
	phase   notice.Phase // of the message that it was told by in this step
}

type key struct {
	kind  notice.Kind
	group string
}

// work is one step.
type work struct {
	policy   Policy
	now      time.Time
	quiet    time.Time // the end of the quiet hours that now is in
	silences []notice.Silence
	all      []*entry
	open     map[key]*entry
	in       map[string][]*entry        // the alerts that a subject is in
	left     map[notice.Membership]bool // true: the subject is out; false: it was, and is in again
	used     map[int64]bool             // notices that a message is sent as
	plan     notice.Plan
}

func newWork(f notice.Folding, p Policy, now time.Time) *work {
	w := &work{policy: p, now: now, quiet: p.Quiet.End(now), open: map[key]*entry{}, in: map[string][]*entry{},
		left: map[notice.Membership]bool{}, used: map[int64]bool{}}
	for _, s := range f.Silences {
		if s.Live(now) {
			w.silences = append(w.silences, s)
		}
	}
	byID := map[int64]*entry{}
	for _, a := range f.Alerts {
		e := &entry{Alert: a, before: a}
		e.Subjects = slices.Clone(a.Subjects)
		w.all, byID[a.ID] = append(w.all, e), e
		if a.State != notice.AlertEnded {
			w.open[key{a.Kind, a.Group}] = e
		}
	}
	for m, held := range f.Held {
		if e := byID[m.Alert]; e != nil && held && e.State != notice.AlertEnded {
			w.in[m.Subject] = append(w.in[m.Subject], e)
		}
	}
	return w
}

// fact folds one notice.
func (w *work) fact(f notice.Fact) {
	rule := w.policy.Rules.Of(f.Notice.Kind)
	ended := w.end(f, rule)
	if rule.Recovery || rule.Off {
		w.folded(f, ended, false, 0)
		return
	}
	s, silent := w.silenceFor(f.Notice)
	switch {
	case rule.Event && !silent:
		w.event(f, rule)
	default:
		w.join(f, rule, s)
	}
}

func (w *work) folded(f notice.Fact, a *entry, joins bool, owner time.Duration) {
	x := notice.Folded{Fact: f.ID, Joins: joins, Owner: owner}
	if a != nil {
		x.Alert = a.ID
	}
	w.plan.Folded = append(w.plan.Folded, x)
}

// end takes the fact's subject out of the alerts that the fact ends, and gives the
// last of them.
func (w *work) end(f notice.Fact, rule Rule) (last *entry) {
	kinds := rule.Ends
	if was := f.Notice.Details[notice.DetailWas]; rule.Recovery && was != "" {
		kinds = []notice.Kind{notice.Kind(was)}
	}
	if len(kinds) == 0 {
		return nil
	}
	var stay []*entry
	for _, e := range w.in[f.Notice.Subject] {
		if !slices.Contains(kinds, e.Kind) {
			stay = append(stay, e)
			continue
		}
		last = e
		e.Members--
		w.left[notice.Membership{Alert: e.ID, Subject: f.Notice.Subject}] = true
		if e.Last = f.ID; !rule.Recovery {
			e.Last = 0 // that fact is told by itself
		}
		if e.Members <= 0 {
			w.over(e)
		}
	}
	if last != nil {
		w.in[f.Notice.Subject] = stay
	}
	return last
}

// over ends an alert. That is told if its beginning was.
func (w *work) over(e *entry) {
	told := e.Told() && e.State == notice.AlertOpen
	e.State, e.Ended, e.Members, e.Due = notice.AlertEnded, w.now, 0, time.Time{}
	delete(w.open, key{e.Kind, e.Group})
	if told {
		e.Due = w.earliest(w.policy.Rules.Of(e.Kind))
	}
}

// earliest is when a message may leave that has waited for nothing else.
func (w *work) earliest(r Rule) time.Time {
	if r.Quiet && !w.quiet.IsZero() {
		return w.quiet
	}
	return w.now
}

// event tells a fact by itself, or counts it if there are many.
func (w *work) event(f notice.Fact, rule Rule) {
	e := w.find(f, rule, "")
	waits := rule.Quiet && !w.quiet.IsZero()
	if e.State == notice.AlertCounting && e.Count == 0 && e.Members < fewEvents && !waits {
		e.Members++
		w.folded(f, nil, false, rule.Owner)
		w.used[f.ID] = true
		w.plan.Tell = append(w.plan.Tell, notice.Telling{Carrier: f.ID, Message: notice.Message{
			Notice: f.Notice, Phase: notice.Raised, Severity: rule.Severity, About: f.Notice.Kind, Count: 1, Since: f.Notice.At,
			Subjects: subjects(f.Notice), Shop: notice.ShopOf(f.Notice), Tenant: notice.TenantOf(f.Notice), Runbook: w.policy.Runbook(f.Notice.Kind),
		}})
		return
	}
	if e.Count == 0 {
		// The fact that opened it was told by itself, and may be another tenant's.
		e.Opened, e.Shop, e.Details = f.Notice.At, notice.ShopOf(f.Notice), f.Notice.Details
	}
	if waits && e.Due.Before(w.quiet) {
		e.Due = w.quiet
	}
	w.count(e, f)
	w.folded(f, e, false, rule.Owner)
}

func subjects(n notice.Notice) []string {
	if n.Subject == "" {
		return nil
	}
	return []string{n.Subject}
}

// join counts a fact in the alert of its group.
func (w *work) join(f notice.Fact, rule Rule, s notice.Silence) {
	group := groupOf(f.Notice, rule)
	if e := w.open[key{rule.Kind, group}]; s.ID != "" && (rule.Event || e == nil || !w.holds(s, e)) {
		group = "silence " + s.ID + " " + group // others in the group are told of
	}
	e := w.find(f, rule, group)
	if s.ID != "" {
		e.State, e.Silence, e.Due = notice.AlertSilenced, s.ID, s.Until
	}
	w.count(e, f)
	if f.Notice.Details[notice.DetailDirect] != "" && !e.Told() {
		e.ToldAt, e.ToldCount = w.now, e.Count // by the server that saw it, past the store
	}
	owner := rule.Owner
	if s.ID != "" {
		owner = 0
	}
	if rule.Event {
		w.folded(f, e, false, owner)
		return
	}
	if list := w.in[f.Notice.Subject]; !slices.Contains(list, e) {
		e.Members++
		w.in[f.Notice.Subject] = append(slices.Clone(list), e)
		if m := (notice.Membership{Alert: e.ID, Subject: f.Notice.Subject}); w.left[m] {
			w.left[m] = false
		}
	}
	w.folded(f, e, true, owner)
}

// groupOf says which alert of its kind a fact belongs to.
func groupOf(n notice.Notice, rule Rule) string {
	var parts []string
	for _, name := range rule.Group {
		if v := n.Details[name]; v != "" {
			parts = append(parts, name+"="+v)
		}
	}
	return strings.Join(parts, " ")
}

// find gives the open alert of a group, or opens one.
func (w *work) find(f notice.Fact, rule Rule, group string) *entry {
	k := key{rule.Kind, group}
	if e := w.open[k]; e != nil {
		return e
	}
	e := &entry{made: true, Alert: notice.Alert{
		ID: f.ID, Kind: f.Notice.Kind, Group: group, State: notice.AlertOpen, Severity: rule.Severity,
		Opened: f.Notice.At, Due: w.now.Add(rule.Gather), Details: f.Notice.Details, Shop: notice.ShopOf(f.Notice),
	}}
	if rule.Event {
		e.State, e.Due = notice.AlertCounting, w.now.Add(eventWindow)
	}
	w.open[k], w.all = e, append(w.all, e)
	return e
}

func (w *work) count(e *entry, f notice.Fact) {
	e.Count++
	e.LastAt, e.Last = w.now, f.ID
	if notice.ShopOf(f.Notice) != e.Shop {
		e.Shop = ""
	}
	if s := f.Notice.Subject; s != "" && len(e.Subjects) < notice.MaxSubjects && !slices.Contains(e.Subjects, s) {
		e.Subjects = append(e.Subjects, s)
	}
}

// silenceFor gives the silence that a notice falls under.
func (w *work) silenceFor(n notice.Notice) (notice.Silence, bool) {
	for _, s := range w.silences {
		if s.Fits(n) {
			return s, true
		}
	}
	return notice.Silence{}, false
}

// holds tells whether a silence holds a whole alert.
func (w *work) holds(s notice.Silence, e *entry) bool {
	return (s.Kind == "" || s.Kind == e.Kind) && (s.Shop == "" || s.Shop == e.Shop) &&
		(s.Subject == "" || e.Members <= 1 && len(e.Subjects) == 1 && e.Subjects[0] == s.Subject) ||
		s.ID == e.Silence && e.Silence != ""
}

// decide does what is due of an alert.
func (w *work) decide(e *entry) {
	rule := w.policy.Rules.Of(e.Kind)
	switch {
	case e.State == notice.AlertEnded:
		w.tellOver(e)
	case rule.Off:
		w.endSilently(e)
	case w.silence(e):
	case rule.Event:
		w.decideEvents(e, rule)
	default:
		w.decideOpen(e, rule)
	}
}

func (w *work) due(e *entry) bool { return !e.Due.IsZero() && !e.Due.After(w.now) }

func (w *work) tellOver(e *entry) {
	if w.due(e) {
		w.tell(e, notice.Over, e.Last)
		e.Due = time.Time{}
	}
}

// endSilently ends an alert that nobody needs to hear the end of.
func (w *work) endSilently(e *entry) {
	w.over(e)
	e.Due = time.Time{}
}

// silence holds an alert back while a silence fits it, and tells whether that is
// all there is to decide. The end of a silence is told like a reminder.
func (w *work) silence(e *entry) bool {
	for _, s := range w.silences {
		if e.State != notice.AlertCounting && w.holds(s, e) {
			e.State, e.Silence, e.Due = notice.AlertSilenced, s.ID, s.Until
			return true
		}
	}
	if e.State != notice.AlertSilenced {
		return false
	}
	rule := w.policy.Rules.Of(e.Kind)
	if w.earliest(rule).After(w.now) && e.Told() && !rule.Event {
		e.Due = w.quiet // it goes on being held until it may be told
		return true
	}
	e.State, e.Silence, e.Due = notice.AlertOpen, "", w.now
	if rule.Event {
		w.endSilently(e)
		return true
	}
	if e.Told() {
		w.tell(e, notice.Reminded, 0)
	}
	return false
}

// decideEvents tells what was counted, or forgets an alert that nothing was
// counted in.
func (w *work) decideEvents(e *entry, rule Rule) {
	switch {
	case !w.due(e):
	case e.Count > e.ToldCount && w.earliest(rule).After(w.now):
		e.Due = w.quiet
	case e.Count > e.ToldCount:
		phase := notice.Raised
		if e.Told() {
			phase = notice.Grown
		}
		w.tell(e, phase, e.Last)
		e.State, e.Due = notice.AlertOpen, w.now.Add(moreEvents)
	case e.Count == 0:
		e.dropped = true
	default:
		w.endSilently(e)
	}
}

// decideOpen tells what is due of something that lasts.
func (w *work) decideOpen(e *entry, rule Rule) {
	switch {
	case !e.Told() && !w.due(e):
		return
	case rule.Lasts > 0 && w.now.Sub(e.LastAt) >= rule.Lasts:
		w.endSilently(e)
		return
	case w.earliest(rule).After(w.now):
		if e.Due.IsZero() || w.due(e) {
			e.Due = w.quiet
		}
		return
	case !e.Told():
		if e.Due = w.explained(e, rule); !e.Due.IsZero() {
			return
		}
		w.tell(e, notice.Raised, e.ID)
	case !w.grownAt(e).IsZero() && !w.grownAt(e).After(w.now):
		w.tell(e, notice.Grown, e.Last)
	case rule.Remind > 0 && w.now.Sub(e.ToldAt) >= rule.Remind:
		w.tell(e, notice.Reminded, 0)
	}
	e.Due = w.next(e, rule)
}

// explained is until when another alert explains this one; zero: none does.
func (w *work) explained(e *entry, rule Rule) (until time.Time) {
	for _, why := range w.all {
		if !slices.ContainsFunc(rule.Because, func(b Because) bool { return b.explains(why.Alert, e.Alert) }) {
			continue
		}
		if why.State != notice.AlertEnded {
			until = later(until, w.now.Add(notice.Aftermath))
		} else if end := why.Ended.Add(notice.Aftermath); end.After(w.now) {
			until = later(until, end)
		}
	}
	return until
}

// grownAt is when growth may be told; the zero time if there is none.
func (w *work) grownAt(e *entry) time.Time {
	if e.Count-e.ToldCount < growBy || e.Count < 2*e.ToldCount {
		return time.Time{}
	}
	return later(e.LastAt.Add(growQuiet), e.ToldAt.Add(growEvery))
}

// next is when something told is looked at again.
func (w *work) next(e *entry, rule Rule) time.Time {
	due := w.grownAt(e)
	if rule.Remind > 0 {
		due = sooner(due, e.ToldAt.Add(rule.Remind))
	}
	if rule.Lasts > 0 {
		due = sooner(due, e.LastAt.Add(rule.Lasts))
	}
	return due
}

// sooner gives the earlier of two times; the zero time is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tell plans a message. A notice carries at most one.
func (w *work) tell(e *entry, phase notice.Phase, carrier int64) {
	if w.used[carrier] {
		carrier = 0
	}
	if carrier != 0 {
		w.used[carrier] = true
	}
	m := notice.Message{
		Phase: phase, Severity: e.Severity, Alert: e.ID, About: e.Kind, Count: e.Count, Since: e.Opened,
		Subjects: slices.Clone(e.Subjects), Shop: e.Shop, Runbook: w.policy.Runbook(e.Kind),
	}
	m.Notice = notice.Notice{At: w.now, Kind: e.Kind, Details: e.Details}
	if len(e.Subjects) > 0 {
		m.Notice.Subject = e.Subjects[0]
	}
	if len(e.Subjects) == 1 {
		m.Tenant = notice.TenantOf(m.Notice)
	}
	if phase == notice.Over {
		m.Notice = notice.OverOf(m.Notice, w.now)
	}
	w.plan.Tell = append(w.plan.Tell, notice.Telling{Carrier: carrier, Message: m})
	e.ToldAt, e.ToldCount, e.phase = w.now, e.Count, phase
}

// finish gives the plan, without what did not change.
func (w *work) finish() notice.Plan {
	for _, e := range w.all {
		w.part(e)
		switch {
		case e.dropped && e.made:
		case e.dropped:
			w.plan.Dropped = append(w.plan.Dropped, e.ID)
		case e.made || changed(e.before, e.Alert):
			w.plan.Alerts = append(w.plan.Alerts, e.Alert)
		}
	}
	for m, out := range w.left {
		if out {
			w.plan.Left = append(w.plan.Left, m)
		}
	}
	slices.SortFunc(w.plan.Left, func(a, b notice.Membership) int {
		return strings.Compare(a.Subject, b.Subject)
	})
	return w.plan
}

func changed(a, b notice.Alert) bool {
	return a.State != b.State || !a.Due.Equal(b.Due) || !a.ToldAt.Equal(b.ToldAt) || a.Count != b.Count || a.Members != b.Members ||
		a.Last != b.Last || a.Silence != b.Silence || a.ToldCount != b.ToldCount || !a.Ended.Equal(b.Ended)
}
