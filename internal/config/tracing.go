package config

import (
	"net/textproto"
	"slices"

	"golang.org/x/net/http/httpguts"

	"github.com/zhanggui/zhanggui/internal/web"
)

// Tracing says where traces go.
type Tracing struct {
	Endpoint URL             `yaml:"endpoint" env:"ENDPOINT" doc:"OpenTelemetry collector that spans are sent to, by OTLP over HTTP. Without a path: /v1/traces. Empty: nothing is traced."`
	Sample   float64         `yaml:"sample" env:"SAMPLE" doc:"Share of the requests that are traced, from 0 to 1."`
	Headers  []TracingHeader `yaml:"headers" envPrefix:"-"` // in the file only
}

// TracingHeader goes with each request to the collector.
type TracingHeader struct {
	Name  string `yaml:"name" doc:"Name of a header that the collector wants, such as Authorization."`
	Value Secret `yaml:"value" doc:"What it says: file:/path or env:NAME."`
}

// On tells whether anything is traced.
func (t Tracing) On() bool { return !t.Endpoint.IsZero() }

func (c *Config) checkTracing(r *report) {
	const at = "tracing"
	t := c.Tracing
	r.want(t.Sample >= 0 && t.Sample <= 1, at+".sample", "is not a share", "write a number from 0 to 1, such as 0.01")
	if !t.On() {
		r.want(len(t.Headers) == 0, at+".endpoint", "is empty, but headers are set", "write the collector's URL, or remove the headers")
		return
	}
	u := t.Endpoint.URL()
	r.want(u.Scheme == "https" || len(t.Headers) == 0 || web.IsLoopbackHost(u.Host), at+".endpoint", "is not https, but headers are set",
		"write https://, so that nobody reads them on the way")
	seen := map[string]bool{}
	for i, h := range t.Headers {
		place, name := item(at+".headers", i), textproto.CanonicalMIMEHeaderKey(h.Name)
		r.want(httpguts.ValidHeaderFieldName(h.Name), place+".name", "is not the name of a header", "write it as the collector's documentation does")
		r.want(!seen[name], place+".name", "is there twice", "keep one of them")
		seen[name] = true
		r.want(!h.Value.IsZero(), place+".value", "is empty", "write file:/path or env:NAME")
		r.secretRef(place+".value", h.Value, c.Loopback)
	}
}

// resolveTracing reads the values of the headers.
func (r *report) resolveTracing(t Tracing, lookup func(string) (string, bool)) Tracing {
	t.Headers = slices.Clone(t.Headers)
	for i, h := range t.Headers {
		place := item("tracing.headers", i) + ".value"
		if v, ok := r.resolve(place, h.Value, ".", lookup); ok {
			t.Headers[i].Value.value = v
			r.want(httpguts.ValidHeaderFieldValue(v.RevealString()), place, "has a line break or another sign that no header has", "look into the file or the variable")
		}
	}
	return t
}
