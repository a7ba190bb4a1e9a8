package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat"
)

// connectAlerts makes what decides whom to tell what.
func (a *App) connectAlerts() error {
	a.alerts = alert.New(alert.Options{
		Store: a.store, Owner: a.owner, Policy: a.policy, Now: a.o.Now, Logger: a.o.Log,
		Observer: newAlertMeters(a.metrics.Registry), Told: a.outbox.Wake, Tidy: a.o.LookEvery,
	})
	return nil
}

// alertPolicy is what the operator decided about alerts.
func alertPolicy(c config.Alerts) alert.Policy {
	p := alert.Policy{Rules: alert.Defaults()}
	if !c.Runbooks.IsZero() {
		p.Runbooks = c.Runbooks.String()
	}
	if from, to, zone, ok := c.QuietHours.Hours(); ok {
		p.Quiet = alert.Quiet{From: from, To: to, Zone: zone}
	}
	for _, r := range c.Rules {
		p.Rules = p.Rules.With(notice.Kind(r.Kind), func(rule *alert.Rule) { override(rule, r) })
	}
	return p
}

// override changes what a rule of the configuration names. What is critical by
// default and not here waits for the end of quiet hours, and the other way round.
func override(rule *alert.Rule, by config.AlertRule) {
	rule.Off = by.Off
	if by.Severity != "" {
		rule.Severity = notice.Severity(by.Severity)
		rule.Quiet = rule.Severity != notice.Critical
	}
	rule.Threshold = cmp.Or(by.Threshold, rule.Threshold)
	rule.Window = cmp.Or(by.Window, rule.Window)
	rule.After = cmp.Or(by.After, rule.After)
}

// ruleViews are the rules as operators see them.
func (a *App) ruleViews() (all []adminapi.AlertRuleView) {
	for _, r := range a.policy.Rules.List() {
		page := a.policy.Runbook(r.Kind)
		if r.Recovery || r.Kind == notice.Test {
			page = "" // there is nothing to do
		}
		all = append(all, adminapi.AlertRuleView{
			Kind: string(r.Kind), Off: r.Off, Severity: string(r.Severity), How: how(r), GroupedBy: append([]string{}, r.Group...), Because: because(r),
			Gather: span(r.Gather), Remind: span(r.Remind), Owner: span(r.Owner), Quiet: r.Quiet,
			Threshold: r.Threshold, Window: span(r.Window), After: span(r.After), Runbook: page,
		})
	}
	return all
}

// because names the kinds that explain a rule's alerts.
func because(r alert.Rule) []string {
	all := []string{}
	for _, b := range r.Because {
		all = append(all, string(b.Kind))
	}
	return all
}

func how(r alert.Rule) string {
	switch {
	case r.Recovery:
		return "recovery"
	case r.Event:
		return "event"
	case notice.Watched(r.Kind):
		return "watched"
	}
	return "condition"
}

// span writes a time, and nothing for none.
func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// diskEnough is how many free bytes are enough, however large the disk is.
const diskEnough = 20 << 30

// watch makes what holds the conditions that this server sees for itself.
func (a *App) watch() *alert.Watch {
	rules := a.policy.Rules
	return alert.NewWatch(alert.WatchOptions{
		Store: a.store, Server: a.owner, Rules: rules, Rates: a.rates, Every: a.o.LookEvery, Now: a.o.Now, Logger: a.o.Log,
		Lists: []alert.List{{Kind: notice.QuotaLow, Look: a.quotas.low}, {Kind: notice.ChannelFailing, Look: a.made.unopened}},
		Checks: []alert.Check{
			{Kind: notice.WeChatAway, Subject: "wechat", Look: func() (bool, map[string]string) {
				h := a.keeper.Health()
				return !h.PlatformDownSince.IsZero(), map[string]string{"cause": h.PlatformCause}
			}},
			{Kind: notice.DiskLow, Subject: "disk:" + a.owner, Look: func() (bool, map[string]string) {
				return diskLow(a.o.Config.Data, rules.Of(notice.DiskLow).Threshold)
			}},
		},
	})
}

// watchStore makes what tells that the store fails, past it if it must. It begins with the
// server: one that began without its database has the channels of the configuration.
func (a *App) watchStore() *alert.StoreWatch {
	name := a.owner
	if host, err := os.Hostname(); err == nil && host != "" {
		name = host + " (" + a.owner + ")"
	}
	return alert.NewStoreWatch(alert.StoreWatchOptions{
		Store: failing{a}, Server: a.owner, Name: name, Policy: a.policy, Down: a.storeDown, Sender: a.outbox, Now: a.o.Now, Logger: a.o.Log,
	})
}

// storeDown is since when the store fails; zero: it does not, as far as is known.
func (a *App) storeDown() time.Time {
	if a.whole() {
		return a.keeper.Health().StoreDownSince
	}
	o, _ := a.replica.reads.Outage(false)
	return o.Since
}

// failing is the store as it is written to when it failed: not before it is open.
type failing struct{ a *App }

var errNotOpen = errors.New("the database was not opened so far; it is tried again")

// HoldCondition implements alert.Holder.
func (f failing) HoldCondition(ctx context.Context, h notice.Holding, now time.Time) error {
	if !f.a.whole() {
		return errNotOpen
	}
	return f.a.store.HoldCondition(ctx, h, now)
}

// LiveSilences implements alert.Silencer.
func (f failing) LiveSilences(ctx context.Context, now time.Time) ([]notice.Silence, error) {
	if !f.a.whole() {
		return nil, errNotOpen
	}
	return f.a.store.LiveSilences(ctx, now)
}

// diskLow tells whether less than a share of the disk of a directory is free, and not
// plenty all the same. A disk that cannot be looked at is not low.
func diskLow(dir string, share float64) (bool, map[string]string) {
	free, total, err := diskOf(dir)
	if err != nil || total == 0 {
		return false, nil
	}
	percent := strconv.FormatUint(free*100/total, 10) + "%"
	return float64(free) < share*float64(total) && free < diskEnough, map[string]string{"free": percent}
}

// counting is the meters with what alerts are made from counted beside them.
func (a *App) counting() counting { return counting{a.meters, a.rates} }

type counting struct {
	*meters
	rates *alert.Rates
}

// shopApps stands for all apps that shops have of their own. Each has one grant, too
// little to tell a rate by, and there are as many as shops. No id of an app has a star.
const shopApps = "shop-*"

// Asked implements keeper.Observer.
func (c counting) Asked(kind grant.Kind, app, cause string, took time.Duration) {
	c.meters.Asked(kind, app, cause, took)
	if kind == grant.Self {
		app = shopApps
	}
	c.rates.Count(notice.RefreshFailing, app, cause != "")
}

// Observe implements gateway.Metrics.
func (c counting) Observe(o gateway.Observation) {
	c.meters.Observe(o)
	c.rates.Count(notice.EndpointErrors, o.Group, o.Status >= http.StatusInternalServerError || notTheirs[o.Class])
}

// notTheirs are the classes of errcodes that are not the caller's fault.
var notTheirs = func() map[string]bool {
	all := map[string]bool{}
	for _, c := range []wechat.Class{wechat.ClassUnknown, wechat.ClassRetry, wechat.ClassRefreshToken, wechat.ClassReauthorise, wechat.ClassRecover,
		wechat.ClassTicket, wechat.ClassOperator, wechat.ClassBlocked} {
		all[c.String()] = true
	}
	return all
}()

// Pushed implements push.Observer.
func (c counting) Pushed(outcome, reason string, took time.Duration) {
	c.meters.Pushed(outcome, reason, took)
	c.rates.Count(notice.PushRefused, "", outcome == "refused")
}

// countedLogins is the store of logins, counting those that were made.
type countedLogins struct {
	*store
	rates *alert.Rates
}

// Login implements login.Store.
func (c countedLogins) Login(ctx context.Context, e grant.Effects) error {
	err := c.store.Login(ctx, e)
	if err == nil {
		c.rates.Count(notice.LoginFailing, "", false)
	}
	return err
}

// countedRefusals counts what logins refuse, besides recording it.
type countedRefusals struct {
	*refusals
	rates *alert.Rates
}

// Refused implements login.Tally.
func (c countedRefusals) Refused(ctx context.Context, e audit.Entry, from netip.Addr) {
	switch e.Action {
	case "login.exchange":
		c.rates.Count(notice.LoginFailing, "", true)
	case "login.callback":
		c.rates.Count(notice.CallbackRefused, "", true)
	}
	c.refusals.Refused(ctx, e, from)
}

// alertMeters count what the alert engine does.
type alertMeters struct {
	facts    prometheus.Counter
	messages prometheus.Counter
	trimmed  prometheus.Counter
	steps    prometheus.Histogram
}

func newAlertMeters(r prometheus.Registerer) *alertMeters {
	m := &alertMeters{
		facts: prometheus.NewCounter(prometheus.CounterOpts{Name: "zhanggui_alert_facts_total",
			Help: "Notices that were folded into alerts, or told by themselves."}),
		messages: prometheus.NewCounter(prometheus.CounterOpts{Name: "zhanggui_alert_messages_total",
			Help: "Messages that were owed to the channels."}),
		trimmed: prometheus.NewCounter(prometheus.CounterOpts{Name: "zhanggui_alert_trimmed_total",
			Help: "Informational messages that were given up because a channel was owed too many."}),
		steps: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "zhanggui_alert_fold_seconds",
			Help: "Steps of the alert engine that found something to do."}),
	}
	r.MustRegister(m.facts, m.messages, m.trimmed, m.steps)
	return m
}

// Folded implements alert.Observer.
func (m *alertMeters) Folded(facts, messages int, took time.Duration) {
	m.facts.Add(float64(facts))
	m.messages.Add(float64(messages))
	m.steps.Observe(took.Seconds())
}

// Trimmed implements alert.Observer.
func (m *alertMeters) Trimmed(messages int) { m.trimmed.Add(float64(messages)) }
