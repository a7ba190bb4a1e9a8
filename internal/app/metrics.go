package app

import (
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// meters are the metrics of the features. Every label takes its values from a
// fixed set.
type meters struct {
	asked    *prometheus.HistogramVec
	settled  *prometheus.HistogramVec
	stale    prometheus.Counter
	calls    *prometheus.HistogramVec
	observed *prometheus.CounterVec
	repeats  *prometheus.CounterVec
	pushes   *prometheus.HistogramVec
	notices  *prometheus.CounterVec
	waiting  prometheus.Gauge
	oldest   prometheus.Gauge
	relayed  *prometheus.CounterVec
	streams  prometheus.Gauge
	passed   *prometheus.CounterVec
	gaveWay  *prometheus.CounterVec
	stored   *prometheus.HistogramVec

	knownCalls sync.Map // callKey: prometheus.Observer

	registry prometheus.Registerer
}

// callKey is what the labels of a call are made of.
type callKey struct {
	group  string
	status int // its first digit
	class  string
}

func newMeters(r prometheus.Registerer) *meters {
	m := &meters{
		registry: r,
		asked: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_refresh_seconds",
			Help: "Requests to WeChat for a token, by kind of grant and cause of failure (empty: none)."}, []string{"kind", "cause"}),
		settled: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_settle_seconds",
			Help: "Transactions that store the outcome of refreshes."}, []string{"result"}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{Name: "zhanggui_tokens_served_late_total",
			Help: "Tokens served although they should have been renewed by then."}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_gateway_seconds",
			Help: "Calls through the gateway, by group of the path, status and class of WeChat's errcode."}, []string{"group", "status", "class"}),
		repeats: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_gateway_repeats_total",
			Help: "Times that a call was sent once more, by group of the path."}, []string{"group"}),
		pushes: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_push_seconds",
			Help: "What WeChat pushed, by outcome (taken, seen, refused, failed) and reason."}, []string{"outcome", "reason"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_notices_total",
			Help: "Attempts to send a notice, by channel and result: sent, failed (tried again), given_up."}, []string{"channel", "result"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zhanggui_notices_pending",
			Help: "Notices that some channel waits for."}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zhanggui_notices_oldest_seconds",
			Help: "Age of the oldest notice that some channel waits for; 0 if none does."}),
		relayed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_events_relayed_total",
			Help: "Attempts to send an event to a client's webhook, by result: sent, failed (tried again), given_up."}, []string{"result"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "zhanggui_event_streams",
			Help: "Open streams of events."}),
		passed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_pushes_passed_on_total",
			Help: "Attempts to pass a push on to another system, by result: sent, failed (tried again), dropped."}, []string{"result"}),
	}
	m.observed = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_gateway_observed_total",
		Help: "Calls that a rule would have refused and that were let through because it is only observed, by group of the path."}, []string{"group"})
	m.gaveWay = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_quota_held_total",
		Help: "Calls that gave way so that a daily quota lasts, by decision (wait, refuse); in the mode observe, those that would have."}, []string{"decision"})
	m.stored = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_store_seconds",
		Help:    "Transitions of the store, from the wait for their turn to the end of their commit, by class.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}, []string{"class"})
	r.MustRegister(m.stored, m.gaveWay, m.asked, m.settled, m.stale, m.calls, m.repeats, m.observed, m.pushes, m.notices, m.waiting, m.oldest, m.relayed, m.streams, m.passed)
	return m
}

// Asked implements keeper.Observer.
func (m *meters) Asked(kind grant.Kind, cause string, took time.Duration) {
	m.asked.WithLabelValues(string(kind), cause).Observe(took.Seconds())
}

// Settled implements keeper.Observer.
func (m *meters) Settled(_ int, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.settled.WithLabelValues(result).Observe(took.Seconds())
}

// ServedStale implements keeper.Observer.
func (m *meters) ServedStale() { m.stale.Inc() }

// Observe implements gateway.Metrics.
func (m *meters) Observe(group string, status int, class string, attempts int, took time.Duration) {
	k := callKey{group, status / 100, class}
	known, ok := m.knownCalls.Load(k)
	if !ok { // looking a series up by its labels costs more than counting does
		known = m.calls.WithLabelValues(group, strconv.Itoa(k.status)+"xx", class)
		m.knownCalls.Store(k, known)
	}
	known.(prometheus.Observer).Observe(took.Seconds())
	if attempts > 1 {
		m.repeats.WithLabelValues(group).Add(float64(attempts - 1))
	}
}

// Observed implements gateway.Metrics.
func (m *meters) Observed(group string) { m.observed.WithLabelValues(group).Inc() }

// Pushed implements push.Observer.
func (m *meters) Pushed(outcome, reason string, took time.Duration) {
	m.pushes.WithLabelValues(outcome, reason).Observe(took.Seconds())
}

// Sent implements outbox.Observer.
func (m *meters) Sent(channel, result string) { m.notices.WithLabelValues(channel, result).Inc() }

// Relayed implements relay.Observer.
func (m *meters) Relayed(result string) { m.relayed.WithLabelValues(result).Inc() }

// Streams implements relay.Observer.
func (m *meters) Streams(open int) { m.streams.Set(float64(open)) }

// PassedOn implements passon.Observer.
func (m *meters) PassedOn(result string) { m.passed.WithLabelValues(result).Inc() }

// Backlog implements outbox.Observer.
func (m *meters) Backlog(pending int, age time.Duration) {
	m.waiting.Set(float64(pending))
	m.oldest.Set(age.Seconds())
}

// watchClock shows what is known of the clock.
func (m *meters) watchClock(w *clock.Watcher) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zhanggui_clock_skew_seconds",
			Help: "Our clock minus WeChat's; not a number while nothing is known."}, func() float64 {
			if e := w.Skew(); e.Samples > 0 {
				return e.Ours.Seconds()
			}
			return math.NaN()
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "zhanggui_clock_behind_seconds",
			Help: "How far our clock is behind the latest time that the store has seen; 0 if it is not."}, func() float64 {
			return w.Behind().Seconds()
		}),
	)
}
