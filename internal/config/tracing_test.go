package config

import (
	"strings"
	"testing"
)

func TestTracing(t *testing.T) {
	t.Parallel()
	const header = "headers: [{name: Authorization, value: env:OTLP}]"
	for name, tt := range map[string]struct{ settings, want string }{
		"off":                   {"tracing: {}", ""},
		"fine":                  {"tracing: {endpoint: https://otel.example.com, sample: 1, " + header + "}", ""},
		"without TLS":           {"tracing: {endpoint: 'http://collector:4318'}", ""},
		"a header without TLS":  {"tracing: {endpoint: 'http://collector:4318', " + header + "}", "tracing.endpoint is not https, but headers are set"},
		"a header, locally":     {"tracing: {endpoint: 'http://127.0.0.1:4318', " + header + "}", ""},
		"more than all":         {"tracing: {sample: 1.5}", "tracing.sample is not a share"},
		"less than none":        {"tracing: {sample: -0.1}", "tracing.sample is not a share"},
		"not a number":          {"tracing: {sample: .nan}", "tracing.sample is not a share"},
		"a password in the URL": {"tracing: {endpoint: 'https://u:p@otel.example.com'}", "tracing.endpoint"},
		"nobody to send it to":  {"tracing: {" + header + "}", "tracing.endpoint is empty, but headers are set"},
		"an odd header":         {"tracing: {endpoint: https://otel.example.com, headers: [{name: 'a b', value: env:OTLP}]}", "tracing.headers[0].name is not the name of a header"},
		"twice":                 {"tracing: {endpoint: https://otel.example.com, headers: [{name: a, value: env:A}, {name: A, value: env:A}]}", "tracing.headers[1].name is there twice"},
		"nothing to say":        {"tracing: {endpoint: https://otel.example.com, headers: [{name: a}]}", "tracing.headers[0].value is empty"},
	} {
		_, err := Load(Source{File: "a.yaml", Data: []byte(tt.settings)})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

func TestTracingHeadersAreResolved(t *testing.T) {
	t.Parallel()
	resolve := func(value string) (*Config, error) {
		c, err := Load(Source{
			Data:    []byte("tracing: {headers: [{name: Authorization, value: env:OTLP}]}"),
			Environ: []string{"ZHANGGUI_TRACING_ENDPOINT=https://otel.example.com", "ZHANGGUI_TRACING_SAMPLE=0.5"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c, c.ResolveSecrets(func(string) (string, bool) { return value, true })
	}
	c, err := resolve("Bearer collector-0001")
	if err != nil || c.Tracing.Sample != 0.5 || c.Tracing.Headers[0].Value.Value().RevealString() != "Bearer collector-0001" {
		t.Errorf("got %+v, %v", c.Tracing, err)
	}
	if _, err := resolve("Bearer a\nb"); err == nil || strings.Contains(err.Error(), "Bearer") {
		t.Errorf("a value with a line break: %v", err)
	}
}
