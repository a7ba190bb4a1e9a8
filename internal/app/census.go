package app

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// How often what lasts is counted: never more often than censusEvery, and never so
// often that counting takes more than a share of the time, however many rows there are.
const (
	censusEvery   = 15 * time.Second
	censusShare   = 50 // it rests for so many times what it took
	censusTimeout = 5 * time.Second
)

// census counts what lasts when somebody looks: grants, sessions and the audit log.
// Its series are as many as kinds, states and steps, whatever is in the store.
type census struct {
	app *App
	now func() time.Time

	mu       sync.Mutex
	last     []prometheus.Metric
	at, next time.Time
}

var (
	descGrants = prometheus.NewDesc("zhanggui_grants",
		"Grants by kind and state. Counted at most every 15 seconds.", []string{"kind", "state"}, nil)
	descTokens = prometheus.NewDesc("zhanggui_grant_tokens",
		"Grants that are active, by kind and the time that their access token still lives: none, over, up to 5m, 15m, 30m, 1h, or more.", []string{"kind", "left"}, nil)
	descEnds = prometheus.NewDesc("zhanggui_grant_ends",
		"Grants that are active, by kind and the time until somebody must authorise again: none (never by itself), over, up to 1d, 3d, 7d, 14d, or more.", []string{"kind", "left"}, nil)
	descSessions = prometheus.NewDesc("zhanggui_sessions",
		"Live sessions by door; those on protected hosts count with the one that they hang on.", []string{"door"}, nil)
	descAlerts = prometheus.NewDesc("zhanggui_alerts",
		"Alerts that are not over, by kind and state (open, silenced). What is told as it happens is not among them.", []string{"kind", "state"}, nil)
	descEntries = prometheus.NewDesc("zhanggui_audit_entries", "Entries of the audit log.", nil, nil)
	descHead    = prometheus.NewDesc("zhanggui_audit_head_age_seconds",
		"Age of the newest signed head of the audit log; not a number while this server knows of none. It grows while nothing happens.", nil, nil)
	descUnsigned = prometheus.NewDesc("zhanggui_audit_unsigned_entries", "Entries that no signed head covers, as far as this server knows.", nil, nil)
	descCounted  = prometheus.NewDesc("zhanggui_census_age_seconds", "How long ago grants, sessions and entries were counted; not a number: never.", nil, nil)
)

// watchCensus shows what lasts.
func (m *meters) watchCensus(a *App) {
	m.registry.MustRegister(&census{app: a, now: a.o.Now})
}

// Describe implements prometheus.Collector.
func (c *census) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descGrants, descTokens, descEnds, descSessions, descAlerts, descEntries, descHead, descUnsigned, descCounted} {
		out <- d
	}
}

// Collect implements prometheus.Collector. While the store does not answer it shows
// what was counted last, and its age.
func (c *census) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	began := c.now()
	if due := !began.Before(c.next) || began.Before(c.at); due && c.app.whole() { // also when the clock was set back
		all, err := c.count()
		ended := c.now()
		c.next = ended.Add(max(censusEvery, censusShare*ended.Sub(began)))
		if err == nil {
			c.last, c.at = all, ended
		}
	}
	age := math.NaN()
	if !c.at.IsZero() {
		age = c.now().Sub(c.at).Seconds()
	}
	out <- gaugeOf(descCounted, age)
	for _, m := range c.last {
		out <- m
	}
}

// count counts everything once.
func (c *census) count() ([]prometheus.Metric, error) {
	ctx, cancel := context.WithTimeout(context.Background(), censusTimeout)
	defer cancel()
	grants, err := c.app.store.CountGrants(ctx, c.now())
	if err != nil {
		return nil, err
	}
	sessions, err := c.app.store.CountSessions(ctx, c.now())
	if err != nil {
		return nil, err
	}
	alerts, err := c.app.store.CountOpenAlerts(ctx)
	if err != nil {
		return nil, err
	}
	size, _, err := c.app.store.AuditHead(ctx)
	if err != nil {
		return nil, err
	}
	all := append(grantMetrics(grants), alertMetrics(alerts)...)
	all = append(all, gaugeOf(descEntries, float64(size)))
	for _, s := range sessions {
		all = append(all, gaugeOf(descSessions, float64(s.N), string(s.Door)))
	}
	age, covered := math.NaN(), int64(0)
	if head := c.app.heads.newest.Load(); head != nil {
		age, covered = c.now().Sub(head.At).Seconds(), head.Size
	}
	return append(all, gaugeOf(descHead, age), gaugeOf(descUnsigned, float64(max(0, size-covered)))), nil
}

// grantMetrics adds up counts. Only active grants have an end that anybody waits for.
func grantMetrics(counts []sqlstore.GrantCount) (all []prometheus.Metric) {
	type key [2]string
	states, tokens, ends := map[key]int64{}, map[key]int64{}, map[key]int64{}
	for _, c := range counts {
		states[key{string(c.Kind), string(c.State)}] += c.N
		if c.State == grant.Active {
			tokens[key{string(c.Kind), c.Token}] += c.N
			ends[key{string(c.Kind), c.Grant}] += c.N
		}
	}
	for desc, sums := range map[*prometheus.Desc]map[key]int64{descGrants: states, descTokens: tokens, descEnds: ends} {
		for k, n := range sums {
			all = append(all, gaugeOf(desc, float64(n), k[0], k[1]))
		}
	}
	return all
}

// alertMetrics has a series for every kind that lasts, also while there is none of
// it: a rule of Prometheus must not take silence for an answer.
func alertMetrics(counts []sqlstore.AlertCount) (all []prometheus.Metric) {
	type key struct {
		kind  notice.Kind
		state notice.AlertState
	}
	open := map[key]int64{}
	for _, c := range counts {
		open[key{c.Kind, c.State}] += c.N
	}
	for kind, rule := range alert.Defaults() {
		if rule.Event || rule.Recovery {
			continue
		}
		for _, state := range []notice.AlertState{notice.AlertOpen, notice.AlertSilenced} {
			all = append(all, gaugeOf(descAlerts, float64(open[key{kind, state}]), string(kind), string(state)))
		}
	}
	return all
}

func gaugeOf(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
