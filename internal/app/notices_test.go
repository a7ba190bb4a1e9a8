package app_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

var hookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("an obviously fake key of 32 byte"))

// receiver takes webhooks, and verifies each with an implementation that is not
// ours.
type receiver struct {
	t      *testing.T
	url    string
	mu     sync.Mutex
	status int
	types  []string
	ids    []string
}

// receive makes a receiver and tells the rig of it.
func (r *rig) receive() *receiver {
	r.t.Helper()
	x := &receiver{t: r.t, status: http.StatusOK}
	srv := httptest.NewServer(x)
	r.t.Cleanup(srv.Close)
	x.url = srv.URL + "/notices"
	file := filepath.Join(r.t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(hookSecret+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.env = append(r.env, "ZHANGGUI_WEBHOOKS_0_URL="+x.url, "ZHANGGUI_WEBHOOKS_0_SECRET=file:"+file, "ZHANGGUI_WEBHOOKS_0_ALLOW_PRIVATE=true")
	return x
}

// ServeHTTP implements http.Handler.
func (x *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		x.t.Error(err)
	}
	v, err := standardwebhooks.NewWebhook(hookSecret)
	if err != nil {
		x.t.Error(err)
		return
	}
	if err := v.VerifyIgnoringTimestamp(body, r.Header); err != nil { // the server is on the emulator's clock
		x.t.Errorf("a webhook does not verify: %v", err)
	}
	var got struct{ Type string }
	if err := json.Unmarshal(body, &got); err != nil {
		x.t.Error(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.types, x.ids = append(x.types, got.Type), append(x.ids, r.Header.Get("webhook-id"))
	w.WriteHeader(x.status)
}

func (x *receiver) answer(status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status = status
}

func (x *receiver) got() (types, ids []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.types), slices.Clone(x.ids)
}

// newest is the notice that was written last.
func (r *rig) newest() adminapi.NoticeView {
	r.t.Helper()
	var all struct{ Items []adminapi.NoticeView }
	r.ask("GET", "/v1/notices?limit=1", nil, &all)
	if len(all.Items) == 0 {
		return adminapi.NoticeView{}
	}
	return all.Items[0]
}

func over(n adminapi.NoticeView) bool {
	return len(n.Deliveries) == 2 && n.Deliveries[0].State == "sent" && n.Deliveries[1].State == "sent"
}

// TestNoticesLeave: what happens to a grant reaches the log and the webhook.
func TestNoticesLeave(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	x := r.receive()
	r.start(nil)
	r.declare()
	r.ask("POST", "/v1/grants/"+r.grant("self").ID+"/revoke", map[string]string{}, nil)
	r.await("the notice", func() bool { return over(r.newest()) })
	types, ids := x.got()
	if !slices.Equal(types, []string{"grant.revoked"}) || ids[0] != r.newest().ID {
		t.Errorf("the webhook got %v as %v", types, ids)
	}
	if log := r.logs.String(); !strings.Contains(log, `"notice":"grant.revoked"`) || !strings.Contains(log, "zhanggui audit list") {
		t.Error("the log does not say it, or not what to do")
	}
	r.await("counters", func() bool {
		_, m := r.get(r.ops+"/metrics", "")
		return strings.Contains(m, `zhanggui_notices_total{channel="log",result="sent"} 1`) && strings.Contains(m, "zhanggui_notices_pending 0") &&
			strings.Contains(m, "zhanggui_clock_behind_seconds 0") && strings.Contains(m, "zhanggui_clock_skew_seconds ")
	})
	if log := r.logs.String(); strings.Contains(log, "/notices") && strings.Contains(log, x.url) || strings.Contains(log, hookSecret[6:]) {
		t.Error("the log holds the webhook's address or its secret")
	}
}

func TestNoticeTest(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	x := r.receive()
	r.start(nil)
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
		x.answer(status)
		var tried struct{ Items []adminapi.TriedView }
		r.ask("POST", "/v1/notices/test", nil, &tried)
		if len(tried.Items) != 2 || !tried.Items[0].Taken || tried.Items[1].Taken != (status == http.StatusOK) {
			t.Errorf("with a receiver that answers %d: %+v", status, tried.Items)
		}
	}
	if types, _ := x.got(); !slices.Equal(types, []string{"notice.test", "notice.test"}) {
		t.Errorf("the webhook got %v", types)
	}
	if n := r.newest(); n.ID != "" {
		t.Errorf("a test left a notice: %+v", n)
	}
	if got := r.readyz(); !got.Ready || len(got.Degraded) != 0 {
		t.Errorf("a channel that is down makes the server %+v", got)
	}
}

// TestNoticesSurviveAKill: kill -9 between two attempts; the next server goes on
// with the same id.
func TestNoticesSurviveAKill(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	x := r.receive()
	x.answer(http.StatusServiceUnavailable)
	p := r.spawn()
	p.ready()
	r.declare()
	r.ask("POST", "/v1/grants/"+r.grant("self").ID+"/revoke", map[string]string{}, nil)
	r.await("the first attempt", func() bool {
		d := r.newest().Deliveries
		return len(d) == 2 && d[1].Attempts == 1 && d[1].Reason == "answered 503"
	})
	p.kill()
	x.answer(http.StatusOK)
	p = r.spawn()
	p.ready()
	r.await("the second attempt", func() bool { return over(r.newest()) })
	if _, ids := x.got(); len(ids) < 2 || len(slices.Compact(ids)) != 1 {
		t.Errorf("sent as %v, want one id", ids)
	}
	p.kill()
}

// TestAWrongWebhookSecretStopsTheStart: before anything is opened to others.
func TestAWrongWebhookSecretStopsTheStart(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{"whsec_SHORT": "webhooks[0].secret", "file:/not/there": "webhooks[0].secret"} {
		r := newStoppedRig(t)
		if !strings.HasPrefix(secret, "file:") {
			file := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
				t.Fatal(err)
			}
			secret = "file:" + file
		}
		r.env = []string{"ZHANGGUI_WEBHOOKS_0_URL=https://hooks.example.com", "ZHANGGUI_WEBHOOKS_0_SECRET=" + secret}
		err := r.tryStart(nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SHORT") {
			t.Errorf("%s: start gave %v", secret, err)
		}
	}
}
