package app

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// connectAlerts makes what decides whom to tell what.
func (a *App) connectAlerts() error {
	a.alerts = alert.New(alert.Options{
		Store: a.store, Owner: a.owner, Policy: a.alertPolicy(), Now: a.o.Now, Logger: a.o.Log,
		Observer: newAlertMeters(a.metrics.Registry), Told: a.outbox.Wake,
	})
	return nil
}

// alertPolicy is what the operator decided about alerts.
func (a *App) alertPolicy() alert.Policy {
	c := a.o.Config.Alerts
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
