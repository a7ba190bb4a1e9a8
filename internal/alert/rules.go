package alert

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Rule says what follows from facts of one kind.
type Rule struct {
	Kind notice.Kind
	// Off: nobody is told, and no alert is kept.
	Off bool
	// Event: a fact of this kind is over as soon as it happened, and is told by itself
	// unless there are many.
	Event bool
	// Recovery: a fact of this kind only says that something is over.
	Recovery bool
	// Ends are the kinds of alert that a fact of this kind takes its subject out of.
	// A fact with the detail [notice.DetailWas] ends that kind alone.
	Ends     []notice.Kind
	Severity notice.Severity
	// Group are the details that alerts of this kind are kept apart by.
	Group []string
	// Gather is how long the first message waits for more facts.
	Gather time.Duration
	// Remind is after how long something that stays is told again; 0: never.
	Remind time.Duration
	// Because are the alerts that explain one of this kind. While one of them is open,
	// and for a while after, nobody is told of this one, and if it is over by then
	// nobody ever is.
	Because []Because
	// Lasts is how long after its last fact an alert ends that nothing else ends; 0:
	// it does not.
	Lasts time.Duration
	// Quiet: messages wait for the end of quiet hours.
	Quiet bool
	// Owner is after how long the owner of the shop is told too; 0: never.
	Owner time.Duration
	// Threshold, Window and After are of conditions that servers see for themselves:
	// which share of failures, over how long, and how long it must last.
	Threshold float64
	Window    time.Duration
	After     time.Duration
}

// Because says what else explains an alert.
type Because struct {
	Kind notice.Kind
	// Causes are those, in the details of the alert, that it explains; none: any.
	Causes []grant.Cause
	// Same is a detail that both must have alike; empty: none.
	Same string
}

// explains tells whether one alert explains another.
func (b Because) explains(why, e notice.Alert) bool {
	return why.Kind == b.Kind && (len(b.Causes) == 0 || slices.Contains(b.Causes, e.Details["cause"])) &&
		(b.Same == "" || why.Details[b.Same] == e.Details[b.Same])
}

// Rules has a rule for every kind. Change a copy, as [Rules.With] does.
type Rules map[notice.Kind]Rule

// Of gives the rule of a kind. One that this version does not know, as a newer one
// may have written it, is told as a warning.
func (r Rules) Of(k notice.Kind) Rule {
	if rule, ok := r[k]; ok {
		return rule
	}
	return Rule{Kind: k, Event: true, Severity: notice.Warning}
}

// List gives the rules by their kinds.
func (r Rules) List() []Rule {
	all := make([]Rule, 0, len(r))
	for _, k := range slices.Sorted(maps.Keys(r)) {
		all = append(all, r[k])
	}
	return all
}

// With gives a copy with one rule changed.
func (r Rules) With(k notice.Kind, change func(*Rule)) Rules {
	all := maps.Clone(r)
	rule := all[k]
	change(&rule)
	all[k] = rule
	return all
}

const (
	gatherTime = 1500 * time.Millisecond
	aDay       = 24 * time.Hour
	// ownerAfter is how long an operator has to mend something before the owner is
	// asked.
	ownerAfter = 15 * time.Minute
	// atOnce is an escalation without delay.
	atOnce = time.Millisecond
)

// Defaults gives the rules as they are without a setting.
func Defaults() Rules {
	all := Rules{}
	for _, list := range [][]Rule{conditions(), events(), recoveries(), rates()} {
		for _, r := range list {
			all[r.Kind] = r
		}
	}
	return all
}

// conditions last until something says that they are over.
func conditions() []Rule {
	grants := []string{"kind", "app", "cause", "errcode"}
	list := []Rule{
		{Kind: notice.GrantNeedsOwner, Severity: notice.Critical, Group: grants, Owner: ownerAfter},
		{Kind: notice.GrantStopped, Severity: notice.Critical, Group: grants, Because: []Because{noTickets}},
		{Kind: notice.GrantFailing, Severity: notice.Critical, Group: grants, Because: []Because{noAnswers, noTickets}},
		{Kind: notice.GrantDoubtful, Severity: notice.Warning, Group: grants},
		{Kind: notice.GrantNotKilled, Severity: notice.Warning, Group: grants},
		{Kind: notice.GrantOld, Severity: notice.Warning, Group: []string{"kind", "app"}, Owner: atOnce},
		{Kind: notice.ClockBack, Severity: notice.Critical},
		{Kind: notice.ClockSkew, Severity: notice.Warning},
		{Kind: notice.AuditBroken, Severity: notice.Critical},
		{Kind: notice.TicketMissing, Severity: notice.Critical, Group: []string{"app"}},
		{Kind: notice.TokenStranger, Severity: notice.Critical, Lasts: 7 * aDay, Remind: 2 * aDay}, // it is over after a day without another
		{Kind: notice.KeyOld, Severity: notice.Warning, Remind: 30 * aDay},
		{Kind: notice.ReviewDue, Severity: notice.Warning, Remind: 7 * aDay},
		{Kind: notice.QuotaLow, Severity: notice.Warning, Group: []string{"path"}},
		{Kind: notice.ChannelFailing, Severity: notice.Warning, Remind: aDay},
		{Kind: notice.CheckpointUnsent, Severity: notice.Warning, Remind: aDay},
	}
	for i := range list {
		list[i].finish()
	}
	return list
}

// What explains alerts of grants, and rates of failures: that WeChat is away, or that
// it pushes no tickets. A rate that waits for the other to be known lasts a little longer.
var (
	away      = Because{Kind: notice.WeChatAway}
	noAnswers = Because{Kind: notice.WeChatAway, Causes: []grant.Cause{grant.CauseUnknown, grant.CauseNotSent}}
	noTickets = Because{Kind: notice.TicketMissing, Causes: []grant.Cause{grant.CauseTicketExpired, grant.CauseTicketInvalid, grant.CauseNoTicket}, Same: "app"}
)

// finish fills in what follows from the rest.
func (r *Rule) finish() {
	r.Gather = gatherTime
	if r.Severity == notice.Critical {
		r.Remind = cmp.Or(r.Remind, aDay)
	} else {
		r.Quiet = true
	}
}

// events are told as they come.
func events() []Rule {
	var list []Rule
	for severity, kinds := range map[notice.Severity][]notice.Kind{
		notice.Info: {notice.GrantRevoked, notice.NewOwner, notice.OwnerClaim, notice.StaffVisit, notice.NamedCall, notice.TokenExported,
			notice.NewDevice, notice.Test},
		notice.Warning: {notice.GrantExpiring, notice.OwnerTransfer, notice.SetsMissing, notice.NotAdopted, notice.SubscriptionOff,
			notice.SessionStolen, notice.LoginDenied, notice.APIChanged},
		notice.Critical: {notice.AccountState},
	} {
		for _, k := range kinds {
			list = append(list, Rule{Kind: k, Event: true, Severity: severity, Quiet: severity != notice.Critical, Owner: owners[k]})
		}
	}
	for i := range list {
		if list[i].Kind == notice.GrantRevoked {
			list[i].Ends = ofGrants
		}
	}
	return list
}

// owners are the events that an owner is told of, and when.
var owners = map[notice.Kind]time.Duration{
	notice.GrantExpiring: atOnce, notice.SetsMissing: atOnce, notice.AccountState: atOnce,
}

// ofGrants are the alerts that are over for a grant that works, or is gone.
var ofGrants = []notice.Kind{notice.GrantNeedsOwner, notice.GrantStopped, notice.GrantFailing, notice.GrantDoubtful, notice.GrantOld}

func recoveries() []Rule {
	list := []Rule{
		{Kind: notice.GrantHealed, Ends: ofGrants},
		{Kind: notice.GrantKilled, Ends: []notice.Kind{notice.GrantNotKilled}},
		{Kind: notice.TicketBack, Ends: []notice.Kind{notice.TicketMissing}},
		{Kind: notice.ClockHealed, Ends: []notice.Kind{notice.ClockBack, notice.ClockSkew}},
		{Kind: notice.AlertOver},
	}
	for i := range list {
		list[i].Recovery, list[i].Severity = true, notice.Info
	}
	return list
}

// rates are conditions that each server sees for itself.
func rates() []Rule {
	list := []Rule{
		{Kind: notice.RefreshFailing, Severity: notice.Critical, Group: []string{"app"}, Threshold: 0.5, Window: 5 * time.Minute, After: 90 * time.Second,
			Because: []Because{away}},
		{Kind: notice.PushRefused, Severity: notice.Critical, Threshold: 0.2, Window: 5 * time.Minute, After: 30 * time.Second},
		{Kind: notice.EndpointErrors, Severity: notice.Warning, Group: []string{"group"}, Threshold: 0.25, Window: 5 * time.Minute, After: 90 * time.Second,
			Because: []Because{away}},
		{Kind: notice.LoginFailing, Severity: notice.Critical, Threshold: 0.5, Window: 5 * time.Minute, After: 90 * time.Second, Because: []Because{away}},
		{Kind: notice.CallbackRefused, Severity: notice.Warning, Threshold: 20, Window: 5 * time.Minute},
		{Kind: notice.WeChatAway, Severity: notice.Critical, After: time.Minute},
		{Kind: notice.StoreFailing, Severity: notice.Critical, After: 15 * time.Second},
		{Kind: notice.DiskLow, Severity: notice.Critical, Threshold: 0.1, After: time.Minute},
	}
	for i := range list {
		list[i].finish()
	}
	return list
}
