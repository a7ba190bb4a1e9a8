package web

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds the process's Prometheus registry and the counters of this
// package. Other packages register their own collectors with Registry. Labels
// take values from fixed sets only: rooms, status classes and error codes. Routes are
// in the access log: a histogram for each would be thousands of series.
type Metrics struct {
	Registry *prometheus.Registry
	// Room names the part of the server that a route belongs to, one of a few. Set it
	// before the first request; nil: there is one, "server".
	Room func(route string) string

	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	problems *prometheus.CounterVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
	known    sync.Map // seriesKey: series
}

// NewMetrics makes a registry with the Go and process collectors, the build's
// version and the HTTP counters.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zhanggui_http_requests_total",
			Help: "Requests answered, by room and status class (gone: the caller went away).",
		}, []string{"room", "class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "zhanggui_http_request_duration_seconds",
			Help:    "Time from the request's header to the end of the answer, by room.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"room"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zhanggui_http_problems_total",
			Help: "Requests that ended with an error, by its code. Callers who went away are not counted.",
		}, []string{"code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zhanggui_http_in_flight", Help: "Requests being answered now.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zhanggui_http_panics_total", Help: "Handlers that panicked.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "zhanggui_build_info", Help: "Always 1; the labels tell the version, the commit and Go's version.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision(), "goversion": runtime.Version()},
	})
	build.Set(1)
	m.Registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build, m.requests, m.duration, m.problems, m.inFlight, m.panics)
	return m
}

// revision is the commit that this program was built from, if the build says so.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// Handler serves the registry for Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry})
}

// begin counts a request in. A nil m counts nothing.
func (m *Metrics) begin() {
	if m != nil {
		m.inFlight.Inc()
	}
}

// end counts a request out.
func (m *Metrics) end(route string, status int, code string, took time.Duration) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	s := m.seriesOf(seriesKey{route, status / 100, status == StatusClientGone})
	s.requests.Inc()
	s.duration.Observe(took.Seconds())
	if code != "" && status != StatusClientGone {
		m.problems.WithLabelValues(code).Inc()
	}
}

// seriesKey is what the labels of a request are made of.
type seriesKey struct {
	route string
	class int
	gone  bool
}

// series is what a request of some labels is counted in.
type series struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

// seriesOf remembers the series of labels that were seen. Looking them up by their
// labels costs more than counting does.
func (m *Metrics) seriesOf(k seriesKey) series {
	if s, ok := m.known.Load(k); ok {
		return s.(series)
	}
	status := k.class * 100
	if k.gone {
		status = StatusClientGone
	}
	room := "server"
	if m.Room != nil {
		room = m.Room(k.route)
	}
	s := series{m.requests.WithLabelValues(room, class(status)), m.duration.WithLabelValues(room)}
	m.known.Store(k, s)
	return s
}

func (m *Metrics) panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

// class gives "2xx" and the like; callers who went away are a class of their
// own so that they do not look like refusals.
func class(status int) string {
	if status == StatusClientGone {
		return "gone"
	}
	return strconv.Itoa(status/100) + "xx"
}
