package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/trace"
	"github.com/zhanggui/zhanggui/internal/trace/otlp"
)

// connectTracing makes the tracer and what sends its spans. Without a collector both
// stay nil.
func (a *App) connectTracing(ctx context.Context) (err error) {
	a.meters.watchSpans(a)
	c := a.o.Config.Tracing
	if !c.On() {
		return nil
	}
	headers := map[string]string{}
	for _, h := range c.Headers {
		headers[h.Name] = h.Value.Value().RevealString()
	}
	a.spans, err = otlp.New(ctx, otlp.Options{
		Endpoint: c.Endpoint.URL(), Headers: headers, Version: a.o.Version, Instance: a.owner, Log: a.o.Log,
	})
	if err != nil {
		return err
	}
	a.tracer = trace.New(trace.Options{To: a.spans.Provider(), Sample: c.Sample, Now: a.o.Now})
	return nil
}

// runTracing sends spans until ctx ends.
func (a *App) runTracing(ctx context.Context) {
	if a.spans != nil {
		a.spans.Run(ctx)
	}
}

// pathNames names what WeChat is asked for in spans: paths of the catalogue, and one
// word for all others, which callers may have made up.
type pathNames struct{ *catalogue.Catalogue }

// PathName implements trace.Names.
func (n pathNames) PathName(path string) string {
	if e, ok := n.Lookup(path); ok {
		return e.Path
	}
	return catalogue.Other
}

// watchSpans shows what became of spans.
func (m *meters) watchSpans(a *App) {
	counts := func(pick func(sent, dropped, lost uint64) uint64) func() float64 {
		return func() float64 {
			if a.spans == nil {
				return 0
			}
			return float64(pick(a.spans.Counts()))
		}
	}
	for result, pick := range map[string]func(sent, dropped, lost uint64) uint64{
		"sent":    func(n, _, _ uint64) uint64 { return n },
		"dropped": func(_, n, _ uint64) uint64 { return n },
		"lost":    func(_, _, n uint64) uint64 { return n },
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "zhanggui_spans_total",
			Help:        "Spans of traces by what became of them: sent, dropped (the queue was full), lost (the collector did not take them).",
			ConstLabels: prometheus.Labels{"result": result}}, counts(pick)))
	}
}

// watchStore counts the transitions of the store, and has those of traced requests
// in their traces.
func (m *meters) watchStore(s *store) {
	s.OnTransition(func(ctx context.Context, op string) func(error) {
		began := time.Now() // what the store takes is not the time that features go by
		return func(err error) {
			took := time.Since(began)
			m.stored.WithLabelValues(transitionClass(op)).Observe(took.Seconds())
			if past := trace.Past(ctx, "store", took); past != nil {
				past.Word(trace.Change, op)
				if err != nil {
					past.Fail("")
				}
				past.End()
			}
		}
	})
}
