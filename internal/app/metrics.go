package app

import (
	"cmp"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
)

// meters are the metrics of the features. Every label takes its values from a
// fixed set.
type meters struct {
	asked    *prometheus.CounterVec
	askTook  *prometheus.HistogramVec
	settled  *prometheus.HistogramVec
	stale    prometheus.Counter
	calls    *prometheus.CounterVec
	callTook *prometheus.HistogramVec
	via      *prometheus.CounterVec
	observed *prometheus.CounterVec
	repeats  *prometheus.CounterVec
	pushes   *prometheus.CounterVec
	pushTook *prometheus.HistogramVec
	notices  *prometheus.CounterVec
	waiting  prometheus.Gauge
	oldest   prometheus.Gauge
	relayed  *prometheus.CounterVec
	streams  prometheus.Gauge
	passed   *prometheus.CounterVec
	gaveWay  *prometheus.CounterVec
	stored   *prometheus.HistogramVec
	logins   *prometheus.CounterVec

	knownCalls sync.Map // callKey: callSeries

	channels labels
	registry prometheus.Registerer
}

// callKey is what the labels of a call are made of.
type callKey struct {
	group, via, class string
	status            int // its first digit
}

// callSeries is what a call of some labels is counted in.
type callSeries struct {
	calls, via prometheus.Counter
	took       prometheus.Observer
}

func newMeters(r prometheus.Registerer) *meters {
	m := &meters{
		registry: r,
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_refreshes_total",
			Help: "Requests to WeChat for a token, by kind of grant and result: ok, or the cause of the failure."}, []string{"kind", "result"}),
		askTook: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_refresh_seconds",
			Help: "What requests to WeChat for a token took, by kind of grant."}, []string{"kind"}),
		settled: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_settle_seconds",
			Help: "Transactions that store the outcome of refreshes."}, []string{"result"}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{Name: "zhanggui_tokens_served_late_total",
			Help: "Tokens served although they should have been renewed by then."}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_gateway_calls_total",
			Help: "Calls through the gateway, by group of the path and class of WeChat's errcode; none: it said none; refused, failed: we did; gone: the caller went away."}, []string{"group", "class"}),
		callTook: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_gateway_seconds",
			Help: "What calls through the gateway took, by group of the path."}, []string{"group"}),
		via: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_gateway_via_total",
			Help: "Calls through the gateway, by how the shop is served (own: with its own key, platform: through a third-party platform, unknown: it did not come so far) and class."}, []string{"via", "class"}),
		repeats: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_gateway_repeats_total",
			Help: "Times that a call was sent once more, by group of the path."}, []string{"group"}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_pushes_total",
			Help: "What WeChat pushed, by outcome (taken, seen, refused, failed) and reason."}, []string{"outcome", "reason"}),
		pushTook: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zhanggui_push_seconds",
			Help: "What taking a push took, by outcome."}, []string{"outcome"}),
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
	m.logins = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zhanggui_logins_total",
		Help: "Logins by door (qr, wechat, market, mini, key, staff; unknown: nobody here began it) and result (done, refused, failed)."}, []string{"door", "result"})
	r.MustRegister(m.logins, m.stored, m.gaveWay, m.asked, m.askTook, m.callTook, m.via, m.pushTook, m.settled, m.stale, m.calls, m.repeats, m.observed, m.pushes, m.notices, m.waiting, m.oldest, m.relayed, m.streams, m.passed)
	return m
}

// Asked implements keeper.Observer. Apps are no label: each would be series of its own.
func (m *meters) Asked(kind grant.Kind, _, cause string, took time.Duration) {
	m.asked.WithLabelValues(string(kind), cmp.Or(cause, "ok")).Inc()
	m.askTook.WithLabelValues(string(kind)).Observe(took.Seconds())
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
func (m *meters) Observe(o gateway.Observation) {
	k := callKey{o.Group, o.Via, o.Class, o.Status / 100}
	known, ok := m.knownCalls.Load(k)
	if !ok { // looking series up by their labels costs more than counting does
		class := callClass(o)
		known = callSeries{m.calls.WithLabelValues(o.Group, class), m.via.WithLabelValues(o.Via, class), m.callTook.WithLabelValues(o.Group)}
		m.knownCalls.Store(k, known)
	}
	s := known.(callSeries)
	s.calls.Inc()
	s.via.Inc()
	s.took.Observe(o.Took.Seconds())
	if o.Attempts > 1 {
		m.repeats.WithLabelValues(o.Group).Add(float64(o.Attempts - 1))
	}
}

// callClasses are what calls are counted as when WeChat answered them.
var callClasses = func() map[string]bool {
	all := map[string]bool{"none": true}
	for c := wechat.ClassUnknown; c <= wechat.ClassBlocked; c++ {
		all[c.String()] = true
	}
	return all
}()

// callClass is the class that a call is counted in. Which of our own problems it was
// is counted for all rooms together.
func callClass(o gateway.Observation) string {
	switch {
	case callClasses[o.Class]:
		return o.Class
	case o.Status == web.StatusClientGone:
		return "gone"
	case o.Status >= http.StatusInternalServerError:
		return "failed"
	}
	return "refused"
}

// Observed implements gateway.Metrics.
func (m *meters) Observed(group string) { m.observed.WithLabelValues(group).Inc() }

// Pushed implements push.Observer.
func (m *meters) Pushed(outcome, reason string, took time.Duration) {
	m.pushes.WithLabelValues(outcome, reason).Inc()
	m.pushTook.WithLabelValues(outcome).Observe(took.Seconds())
}

// Sent implements outbox.Observer.
func (m *meters) Sent(channel, result string) {
	m.notices.WithLabelValues(m.channels.label(channel), result).Inc()
}

// Relayed implements relay.Observer.
func (m *meters) Relayed(result string) { m.relayed.WithLabelValues(result).Inc() }

// labels keeps a label that somebody else fills to a few values. The zero value is
// ready for use.
type labels struct {
	mu    sync.Mutex
	known map[string]bool
}

// mostLabels is how many values there are before all others become [otherLabel].
const (
	mostLabels = 16
	otherLabel = "others"
)

func (l *labels) label(value string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[value] {
		return value
	}
	if len(l.known) >= mostLabels {
		return otherLabel
	}
	if l.known == nil {
		l.known = map[string]bool{}
	}
	l.known[value] = true
	return value
}

// LoggedIn implements login.Observer.
func (m *meters) LoggedIn(door access.Door, result string) {
	m.logins.WithLabelValues(string(door), result).Inc()
}

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

// watchKeeper shows who waits for tokens, and what is under way.
func (m *meters) watchKeeper(k *keeper.Keeper, data string) {
	for name, g := range map[string]struct {
		help  string
		value func() float64
	}{
		"zhanggui_keeper_waiting":    {"Callers who wait for a token that is not in memory.", func() float64 { return float64(k.Health().Waiting) }},
		"zhanggui_keeper_refreshing": {"Refreshes under way in this process.", func() float64 { return float64(k.Health().Refreshing) }},
		"zhanggui_data_free_bytes":   {"What may still be written where the data directory is; not a number where the system does not tell.", func() float64 { return freeBytes(data) }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: g.help}, g.value))
	}
}

// freeBytes is how much may still be written where dir is; not a number when nobody
// knows.
func freeBytes(dir string) float64 {
	free, _, err := diskOf(dir)
	if err != nil {
		return math.NaN()
	}
	return float64(free)
}
