package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// readiness is what /readyz answers.
type readiness struct {
	status   int
	Ready    bool
	Degraded []string
}

func (r *rig) readyz() (out readiness) {
	r.t.Helper()
	status, body := r.get(r.ops+"/readyz", "")
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		r.t.Fatalf("readyz: %v: %s", err, body)
	}
	out.status = status
	return out
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	if got := r.readyz(); got.status != http.StatusOK || !got.Ready || len(got.Degraded) != 0 {
		t.Fatalf("a healthy server says %+v", got)
	}
	if status, body := r.get(r.ops+"/healthz", ""); status != http.StatusOK || body != "alive\n" {
		t.Errorf("healthz: %d %q", status, body)
	}

	// WeChat answers with a broken edge's page when the token is due.
	r.sim.MustFault(wechatsim.Fault{Path: "/cgi-bin/stable_token", Kind: wechatsim.FaultHTML, Count: -1})
	r.sim.Advance(r.grant("self").AccessExpires.Sub(r.sim.Now()) - 4*time.Minute)
	r.await("word of the outage", func() bool { return len(r.readyz().Degraded) == 1 })
	if got := r.readyz(); got.status != http.StatusOK || !got.Ready || !strings.Contains(got.Degraded[0], "WeChat does not answer") {
		t.Errorf("while WeChat is down the server says %+v, want ready but degraded", got)
	}
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("a token that is still valid was not served: %d %s", status, body)
	}
	r.sim.ClearFaults()
	r.sim.Advance(2 * time.Minute)
	r.await("recovery", func() bool { return len(r.readyz().Degraded) == 0 })
}

// TestNotReadyWithoutStore asks the handler of an App whose store is closed.
func TestNotReadyWithoutStore(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ops := r.app.Ops()
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	rec := serve(ops, "GET", "/readyz")
	if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "the database does not answer") {
		t.Errorf("without a store: %d %s, want 503 that says why", rec.Code, rec.Body)
	}
	if rec := serve(ops, "GET", "/healthz"); rec.Code != http.StatusOK {
		t.Errorf("healthz: %d, want 200: the process is alive", rec.Code)
	}
}

func TestProfilesAreOnTheOpsListenerOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/metrics", "/healthz", "/readyz"} {
		if status, _ := r.get(r.ops+path, ""); status != http.StatusOK {
			t.Errorf("ops %s: %d, want 200", path, status)
		}
		if status, _ := r.get(r.root+path, ""); status != http.StatusNotFound {
			t.Errorf("public %s: %d, want 404", path, status)
		}
	}
	// The command line of a process may hold the address of a database.
	if status, _ := r.get(r.ops+"/debug/pprof/cmdline", ""); status != http.StatusNotFound {
		t.Errorf("cmdline: %d, want 404", status)
	}
}

var sample = regexp.MustCompile(`(?m)^(zhanggui_[a-z_]+)\{([^}]*)\}`)

// TestMetricsAreBounded calls odd places with odd methods: neither makes a new
// time series.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	odd := func(n int) {
		for i := range n {
			junk := fmt.Sprintf("junk%dzz", i)
			for _, path := range []string{"/" + junk, "/wx/" + junk + "/channels/ec/x", "/wx/lantian/channels/ec/" + junk, "/v1/" + junk, "/i/" + junk, "/oauth/callback/" + junk, "/static/" + junk, "/shops/" + junk} {
				r.get(r.root+path, r.key)
			}
			req, err := http.NewRequestWithContext(t.Context(), "JUNK"+fmt.Sprint(i), r.root+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.do(r.http, req)
		}
	}
	odd(1)
	_, before := r.get(r.ops+"/metrics", "")
	odd(5)
	_, after := r.get(r.ops+"/metrics", "")
	if a, b := len(sample.FindAllString(before, -1)), len(sample.FindAllString(after, -1)); a == 0 || a != b {
		t.Errorf("%d series became %d by asking for what is not there", a, b)
	}
	for _, m := range sample.FindAllStringSubmatch(after, -1) {
		if strings.Contains(strings.ToLower(m[2]), "junk") || strings.Contains(m[2], shopID) || strings.Contains(m[2], wechattest.Shop) {
			t.Errorf("%s has a label from outside: %s", m[1], m[2])
		}
	}
	for _, name := range []string{"zhanggui_gateway_seconds", "zhanggui_refresh_seconds", "zhanggui_settle_seconds", "zhanggui_http_requests_total"} {
		if !strings.Contains(after, name) {
			t.Errorf("there is no %s", name)
		}
	}
}
