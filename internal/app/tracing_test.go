package app_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// spans is an OpenTelemetry collector as its protocol describes it
// (opentelemetry.io/docs/specs/otlp), that keeps what it is sent.
type spans struct {
	*httptest.Server
	mu   sync.Mutex
	all  []*otlp.Span
	raw  strings.Builder // all bytes, as they were before compression
	head http.Header     // of the last request
}

func newCollector(t *testing.T) *spans {
	t.Helper()
	s := &spans{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := gzip.NewReader(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			http.Error(w, "not what the protocol says", http.StatusBadRequest)
			return
		}
		raw, err := io.ReadAll(body)
		var in collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(raw, &in)
		}
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.raw.Write(raw)
		s.head = r.Header
		for _, of := range in.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				s.all = append(s.all, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// named gives the spans of a name.
func (s *spans) named(name string) (found []*otlp.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.all {
		if x.GetName() == name {
			found = append(found, x)
		}
	}
	return found
}

// chain gives the names from a span of this name up to the root of its trace, for the
// longest of them.
func (s *spans) chain(name string) (longest []string) {
	byID := map[string]*otlp.Span{}
	for _, x := range s.all {
		byID[string(x.GetTraceId())+string(x.GetSpanId())] = x
	}
	for _, x := range s.named(name) {
		var names []string
		for ; x != nil; x = byID[string(x.GetTraceId())+string(x.GetParentSpanId())] {
			names = append(names, x.GetName())
		}
		if len(names) > len(longest) {
			longest = names
		}
	}
	return longest
}

func attributeOf(x *otlp.Span, key string) string {
	for _, a := range x.GetAttributes() {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// TestTraces: a login, a call, a refresh and a push are seen as spans with parents, and
// no secret, no openid and no query is in what the collector gets.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	r := newStoppedRig(t)
	key := filepath.Join(t.TempDir(), "collector")
	r.must(os.WriteFile(key, []byte("collector-key-0001\n"), 0o600))
	r.file = "tracing: {headers: [{name: X-Collector-Key, value: 'file:" + key + "'}]}"
	r.start(map[string]string{"tracing.endpoint": c.URL, "tracing.sample": "1"})
	r.declare()
	m := r.manifest()
	m.Apps[0].ManifestPush = adminapi.ManifestPush{PushToken: pushToken, PushAESKey: pushAESKey}
	r.apply(adminapi.Manifest{Apps: m.Apps[:1]})
	r.must(r.sim.SetPush(t.Context(), wechattest.ServiceAccount, wechatsim.PushSettings{
		URL: r.base + "/wechat/push/fuwuhao/event/" + wechattest.ServiceAccount, Token: pushToken, EncodingAESKey: pushAESKey,
	}))
	b := r.owner()
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	called := b.send(http.MethodGet, r.base+"/wx/"+shopID+"/channels/ec/basics/info/get?x=secret-query-0001", nil,
		map[string]string{"Authorization": "Bearer " + r.key, "Traceparent": theirs})
	if called.status != http.StatusOK {
		t.Fatalf("call: %d %s", called.status, called.body)
	}
	problem := b.send(http.MethodGet, r.base+"/wx/nobody/channels/ec/basics/info/get", nil, map[string]string{"Authorization": "Bearer " + r.key})
	r.must(r.sim.PushUser(wechattest.Owner, wechattest.ServiceAccount, "user_authorization_revoke", "205"))
	r.deliver()
	s := secrets{"query": "secret-query-0001", "the collector's key": "collector-key-0001", "client's key": r.key}
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	c.mustShow(t)
	s.mustNotBeIn(t, "what the collector gets", c.raw.String())
	if c.head.Get("X-Collector-Key") != "collector-key-0001" {
		t.Error("the collector's header is missing")
	}
	c.mustTellOfCall(t, called.header.Get("X-Zhanggui-Request"))
	mustNameTheTrace(t, problem.body, r.logs.String())
}

// mustShow wants each kind of work with what it is a part of.
func (s *spans) mustShow(t *testing.T) {
	t.Helper()
	for name, want := range map[string][]string{
		"GET /sns/oauth2/access_token":     {"GET /sns/oauth2/access_token", "GET /oauth/callback/{app}"},
		"record push":                      {"record push", "POST /wechat/push/{app}/event/{appid}"},
		"POST /cgi-bin/stable_token":       {"POST /cgi-bin/stable_token", "refresh"},
		"GET /channels/ec/basics/info/get": {"GET /channels/ec/basics/info/get", "GET /wx/{shop}/{path...}"},
	} {
		if got := s.chain(name); !slices.Equal(got, want) {
			t.Errorf("%s is part of %q, want %q", name, got, want)
		}
	}
	parents := map[string]bool{}
	for _, x := range s.named("store") {
		for _, over := range s.all {
			if string(over.GetSpanId()) == string(x.GetParentSpanId()) {
				parents[over.GetName()+": "+attributeOf(x, "zhanggui.transition")] = true
			}
		}
	}
	for _, want := range []string{
		"GET /oauth/callback/{app}: log in", "refresh: settle",
	} {
		if !parents[want] {
			t.Errorf("no span %q; there are %v", want, parents)
		}
	}
}

// mustTellOfCall wants the call's span: its words, and whoever called as a link only.
func (s *spans) mustTellOfCall(t *testing.T, request string) {
	t.Helper()
	for _, x := range s.named("GET /wx/{shop}/{path...}") {
		if attributeOf(x, "zhanggui.request") != request {
			continue
		}
		if attributeOf(x, "zhanggui.shop") != shopID || attributeOf(x, "url.template") != "/channels/ec/basics/info/get" || attributeOf(x, "zhanggui.group") == "" {
			t.Errorf("the call's span says %v", x.GetAttributes())
		}
		if len(x.GetLinks()) != 1 || len(x.GetParentSpanId()) != 0 || string(x.GetTraceId()) == string(x.GetLinks()[0].GetTraceId()) {
			t.Errorf("the caller's own trace is not a link: %v", x)
		}
		return
	}
	t.Errorf("no span of the call %s", request)
}

var traceID = regexp.MustCompile(`"trace":"([0-9a-f]{32})"`)

// mustNameTheTrace wants one trace id in a problem document and in the log.
func mustNameTheTrace(t *testing.T, problem, log string) {
	t.Helper()
	id := traceID.FindStringSubmatch(problem)
	if id == nil {
		t.Fatalf("the problem document names no trace: %s", problem)
	}
	if n := strings.Count(log, `"trace":"`+id[1]+`"`); n != 1 {
		t.Errorf("%d lines name the trace of the problem, want 1", n)
	}
}
