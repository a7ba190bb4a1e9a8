package zhanggui_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Two secrets of webhooks.
const (
	oldSecret = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
	newSecret = "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"
)

var hookTime = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

const hookBody = `{"id":"ev_1","type":"channels_ec_order_pay","shop":"lantian","at":"2026-01-02T08:00:00Z","data":{}}`

// signed is a request as the server sends it, signed by code that is not ours.
func signed(t *testing.T, with, id, body string, at time.Time) *http.Request {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(with)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := hook.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook", strings.NewReader(body))
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
	r.Header.Set("Webhook-Signature", sig)
	return r
}

func hook(t *testing.T, secrets ...string) *zhanggui.Webhook {
	t.Helper()
	var values []secret.Value
	for _, s := range secrets {
		values = append(values, secret.FromString(s))
	}
	w, err := zhanggui.NewWebhook(func() time.Time { return hookTime }, values...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhook(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*http.Request)
		with   []string
		body   string
		at     time.Time
		want   error
	}{
		"right":                {},
		"the old secret too":   {with: []string{newSecret, oldSecret}},
		"two signatures":       {change: func(r *http.Request) { r.Header.Set("Webhook-Signature", "v1,AAAA "+r.Header.Get("Webhook-Signature")) }},
		"another secret":       {with: []string{newSecret}, want: zhanggui.ErrUnsigned},
		"four minutes":         {at: hookTime.Add(-4 * time.Minute)},
		"six minutes":          {at: hookTime.Add(-6 * time.Minute), want: zhanggui.ErrStale},
		"six minutes early":    {at: hookTime.Add(6 * time.Minute), want: zhanggui.ErrStale},
		"another id":           {change: func(r *http.Request) { r.Header.Set("Webhook-Id", "ev_2") }, want: zhanggui.ErrUnsigned},
		"no id":                {change: func(r *http.Request) { r.Header.Del("Webhook-Id") }, want: zhanggui.ErrUnsigned},
		"another time":         {change: func(r *http.Request) { r.Header.Set("Webhook-Timestamp", "1767340801") }, want: zhanggui.ErrUnsigned},
		"no time":              {change: func(r *http.Request) { r.Header.Set("Webhook-Timestamp", "now") }, want: zhanggui.ErrUnsigned},
		"no signature":         {change: func(r *http.Request) { r.Header.Del("Webhook-Signature") }, want: zhanggui.ErrUnsigned},
		"another scheme":       {change: func(r *http.Request) { r.Header.Set("Webhook-Signature", "v2"+r.Header.Get("Webhook-Signature")[2:]) }, want: zhanggui.ErrUnsigned},
		"signed, but no event": {body: `[]`, want: zhanggui.ErrAnswer},
		"without a type":       {body: `{}`, want: zhanggui.ErrAnswer},
		"too long":             {body: strings.Repeat(" ", 5<<20), want: zhanggui.ErrUnsigned},
	} {
		if x.body == "" {
			x.body = hookBody
		}
		if x.at.IsZero() {
			x.at = hookTime
		}
		if x.with == nil {
			x.with = []string{oldSecret}
		}
		r := signed(t, oldSecret, "ev_1", x.body, x.at)
		if x.change != nil {
			x.change(r)
		}
		e, err := hook(t, x.with...).Read(r)
		if !errors.Is(err, x.want) || (err == nil) != (e.Type == "channels_ec_order_pay") {
			t.Errorf("%s: %+v, %v, want %v", name, e, err, x.want)
		}
	}
	for name, bad := range map[string][]string{"none": {}, "no prefix": {"b2xk"}, "short": {"whsec_b2xk"}, "no base64": {"whsec_!"}} {
		var values []secret.Value
		for _, s := range bad {
			values = append(values, secret.FromString(s))
		}
		if _, err := zhanggui.NewWebhook(nil, values...); err == nil || !strings.Contains(err.Error(), "whsec_") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWebhookHandler(t *testing.T) {
	var took []string
	fail := errors.New("the database is away")
	h := hook(t, oldSecret).Handler(func(_ context.Context, e zhanggui.Event) error {
		took = append(took, e.ID)
		if len(took) == 1 {
			return fail
		}
		return nil
	})
	do := func(r *http.Request) int {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec.Code
	}
	good := func() *http.Request { return signed(t, oldSecret, "ev_1", hookBody, hookTime) }
	forged := good()
	forged.Header.Set("Webhook-Id", "ev_2")
	got := good()
	got.Method = http.MethodGet
	for i, x := range []struct {
		r    *http.Request
		want int
	}{
		{forged, 401}, {signed(t, oldSecret, "ev_1", hookBody, hookTime.Add(-time.Hour)), 401}, {got, 405},
		{signed(t, oldSecret, "ev_1", `[]`, hookTime), 422},
		{good(), 503}, // it failed, and comes again
		{good(), 204},
		{good(), 204}, // played again: not handed over
	} {
		if code := do(x.r); code != x.want {
			t.Errorf("request %d: %d, want %d", i, code, x.want)
		}
	}
	if len(took) != 2 {
		t.Errorf("handed over: %v", took)
	}
}

// FuzzWebhook: no message without the right signature gets in, and none makes it
// fall over.
func FuzzWebhook(f *testing.F) {
	f.Add("ev_1", "1767340800", "v1,AAAA v1,", []byte(hookBody))
	f.Add("", "", "", []byte(nil))
	f.Add("ev_1", "-9223372036854775808", "v1,", []byte("{}"))
	w, err := zhanggui.NewWebhook(nil, secret.FromString(oldSecret))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, at, sig string, body []byte) {
		if err := w.Verify(http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {at}, "Webhook-Signature": {sig}}, body); err == nil {
			t.Errorf("%q at %q passed with %q", id, at, sig)
		}
	})
}
