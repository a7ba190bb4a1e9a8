package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds the process's Prometheus registry and the counters of this
// package. Other packages register their own collectors with Registry. Labels
// take values from fixed sets only: routes, known methods, status classes and
// error codes.
type Metrics struct {
	Registry *prometheus.Registry

	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	problems *prometheus.CounterVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
}

// NewMetrics makes a registry with the Go and process collectors, the build's
// version and the HTTP counters.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zhanggui_http_requests_total",
			Help: "Requests answered, by route, method and status class.",
		}, []string{"route", "method", "class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "zhanggui_http_request_duration_seconds",
			Help:    "Time from the request's header to the end of the answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"route"}),
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
		Name: "zhanggui_build_info", Help: "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.Registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build, m.requests, m.duration, m.problems, m.inFlight, m.panics)
	return m
}

// Handler serves the registry for Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry})
}

// begin counts a request in; the returned function counts it out. A nil m
// counts nothing.
func (m *Metrics) begin() func(method, route string, status int, code string, took time.Duration) {
	if m == nil {
		return func(string, string, int, string, time.Duration) {}
	}
	m.inFlight.Inc()
	return func(method, route string, status int, code string, took time.Duration) {
		m.inFlight.Dec()
		m.requests.WithLabelValues(route, knownMethod(method), class(status)).Inc()
		m.duration.WithLabelValues(route).Observe(took.Seconds())
		if code != "" && status != StatusClientGone {
			m.problems.WithLabelValues(code).Inc()
		}
	}
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
