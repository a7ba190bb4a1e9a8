package outbox_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var hookSecret = webhook.SecretPrefix + base64.StdEncoding.EncodeToString([]byte("an obviously fake key of 32 byte"))

// receiver is a webhook's other side.
type receiver struct {
	*httptest.Server
	got    []*http.Request
	bodies [][]byte
	answer func(w http.ResponseWriter, r *http.Request)
}

func newReceiver(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.got, r.bodies = append(r.got, req), append(r.bodies, body)
		if r.answer != nil {
			r.answer(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// channel is a webhook to the receiver, through the guarded way out.
func (r *receiver) channel(t *testing.T, o egress.Options) outbox.Channel {
	t.Helper()
	u, err := url.Parse(r.URL + "/hook/path-is-a-secret")
	if err != nil {
		t.Fatal(err)
	}
	o.RootCAs = r.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	transport := egress.NewTransport(o)
	t.Cleanup(transport.CloseIdleConnections)
	c, err := outbox.Webhook(outbox.WebhookOptions{URL: u, Secret: secret.FromString(hookSecret), Transport: transport, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var message = outbox.Message{ID: "n_7_1767340800000", Notice: notice.Notice{
	At: time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC), Kind: notice.GrantStopped, Subject: "grant:g_demo", Details: map[string]string{"errcode": "40125", "shop": "lantian"},
}}

// TestWebhookVerifies: somebody else's implementation of the scheme takes what
// we send, and nothing that was changed on the way.
func TestWebhookVerifies(t *testing.T) {
	r := newReceiver(t, nil)
	if out := r.channel(t, egress.Options{AllowPrivate: true}).Send(t.Context(), message); out.Verdict != webhook.Taken {
		t.Fatalf("outcome %+v", out)
	}
	v, err := standardwebhooks.NewWebhook(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	req, body := r.got[0], r.bodies[0]
	if err := v.Verify(body, req.Header); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	if v.Verify(append(body, ' '), req.Header) == nil {
		t.Error("a changed body verifies")
	}
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp"} {
		h := req.Header.Clone()
		h.Set(name, strings.Replace(h.Get(name), "7", "8", 1)+"0")
		if v.Verify(body, h) == nil {
			t.Errorf("a changed %s verifies", name)
		}
	}
	if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" || req.Header.Get("webhook-id") != message.ID {
		t.Errorf("%s with %v", req.Method, req.Header)
	}
}

func TestWebhookBody(t *testing.T) {
	r := newReceiver(t, nil)
	r.channel(t, egress.Options{AllowPrivate: true}).Send(t.Context(), message)
	var got map[string]any
	if err := json.Unmarshal(r.bodies[0], &got); err != nil {
		t.Fatal(err)
	}
	w := notice.GrantStopped.Words()
	want := map[string]any{
		"type": "grant.stopped", "timestamp": "2026-01-02T08:00:00Z",
		"data": map[string]any{
			"id": message.ID, "subject": "grant:g_demo", "details": map[string]any{"errcode": "40125", "shop": "lantian"},
			"what": map[string]any{"en": w.What.EN, "zh": w.What.ZH}, "next": map[string]any{"en": w.Next.EN, "zh": w.Next.ZH},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// TestWebhookNamesTheServer that sent it past the store.
func TestWebhookNamesTheServer(t *testing.T) {
	r := newReceiver(t, nil)
	m := message
	m.Direct = "counter-1 (r_1)"
	r.channel(t, egress.Options{AllowPrivate: true}).Send(t.Context(), m)
	var got struct{ Data struct{ Direct string } }
	if err := json.Unmarshal(r.bodies[0], &got); err != nil || got.Data.Direct != m.Direct {
		t.Errorf("%+v in %s: %v", got, r.bodies[0], err)
	}
}

func TestWebhookAnswers(t *testing.T) {
	status := func(code int, headers ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   webhook.Outcome
	}{
		"200":                 {status(200), webhook.Outcome{}},
		"204":                 {status(204), webhook.Outcome{}},
		"400":                 {status(400), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 400"}},
		"404":                 {status(404), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 404"}},
		"410":                 {status(410), webhook.Outcome{Verdict: webhook.Refused, Reason: "answered 410"}},
		"500":                 {status(500, "Retry-After", "60"), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 500"}},
		"429":                 {status(429, "Retry-After", "120"), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 429", After: 2 * time.Minute}},
		"503":                 {status(503), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 503"}},
		"503, odd wait":       {status(503, "Retry-After", "soon"), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 503"}},
		"503, past":           {status(503, "Retry-After", "Fri, 02 Jan 2015 08:00:00 GMT"), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 503"}},
		"503, negative":       {status(503, "Retry-After", "-5"), webhook.Outcome{Verdict: webhook.Later, Reason: "answered 503"}},
		"redirect":            {status(307, "Location", "https://127.0.0.1/elsewhere"), webhook.Outcome{Verdict: webhook.Later, Reason: "redirected"}},
		"redirect to nowhere": {status(302), webhook.Outcome{Verdict: webhook.Later, Reason: "redirected"}},
		"breaks off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			webhook.Outcome{Verdict: webhook.Later, Reason: "no answer"}},
		"never-ending body": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, webhook.Outcome{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, c.answer)
			got := r.channel(t, egress.Options{AllowPrivate: true}).Send(t.Context(), message)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWebhookRetryAfterADate(t *testing.T) {
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	got := r.channel(t, egress.Options{AllowPrivate: true}).Send(t.Context(), message)
	if got.After < 9*time.Minute || got.After > 10*time.Minute {
		t.Errorf("waits %v", got.After)
	}
}

func TestWebhookFailures(t *testing.T) {
	private := egress.Options{AllowPrivate: true}
	t.Run("a private address is refused", func(t *testing.T) {
		r := newReceiver(t, nil)
		wantReason(t, r.channel(t, egress.Options{}).Send(t.Context(), message), "address refused")
		if len(r.got) != 0 {
			t.Error("it was reached")
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		r := newReceiver(t, nil)
		c := r.channel(t, private)
		r.Close()
		wantReason(t, c.Send(t.Context(), message), "not connected")
	})
	t.Run("no answer in time", func(t *testing.T) {
		r := silentReceiver(t)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		wantReason(t, r.channel(t, private).Send(ctx, message), "no answer in time")
	})
	t.Run("no answer's headers in time", func(t *testing.T) {
		r := silentReceiver(t)
		wantReason(t, r.channel(t, egress.Options{AllowPrivate: true, Answer: 50 * time.Millisecond}).Send(t.Context(), message), "no answer in time")
	})
	t.Run("a certificate that nobody trusts", func(t *testing.T) {
		r := newReceiver(t, nil)
		u, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		c, err := outbox.Webhook(outbox.WebhookOptions{URL: u, Secret: secret.FromString(hookSecret), Transport: egress.NewTransport(private), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		wantReason(t, c.Send(t.Context(), message), "certificate refused")
	})
}

// silentReceiver never answers: one that answers when it is let go may still be heard.
func silentReceiver(t *testing.T) *receiver {
	over := make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-over })
	t.Cleanup(func() { close(over) }) // before it is closed, which waits for it
	return r
}

func wantReason(t *testing.T, got webhook.Outcome, reason string) {
	t.Helper()
	if got.Verdict != webhook.Later || got.Reason != reason {
		t.Errorf("outcome %+v, want it tried later: %s", got, reason)
	}
}

func TestWebhookNameHidesThePath(t *testing.T) {
	name := func(text string) string {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		c, err := outbox.Webhook(outbox.WebhookOptions{URL: u, Secret: secret.FromString(hookSecret), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		return c.Name()
	}
	a, b := name("https://hooks.example.com/path-is-a-secret"), name("https://hooks.example.com/another")
	if strings.Contains(a, "secret") || !strings.Contains(a, "hooks.example.com") || a == b || a != name("https://hooks.example.com/path-is-a-secret") {
		t.Errorf("names %s and %s", a, b)
	}
}
