package wechatsim_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// echoServer answers the URL check with whatever f makes of it.
func echoServer(t *testing.T, f http.HandlerFunc) string {
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestConsoleChecksTheURL(t *testing.T) {
	honest := echoServer(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || q.Get("signature") != sign(q.Get("timestamp"), q.Get("nonce")) || q.Get("tenant") != "1" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, q.Get("echostr"))
	})
	tests := []struct {
		name, url string
		reason    string // "": accepted
	}{
		{"echo", honest + "/p?tenant=1", ""},
		{"refusal", honest + "/p", "HTTP 200"},
		{"quoted echo", echoServer(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `"`+r.URL.Query().Get("echostr")+`"`)
		}), "token验证失败"},
		{"success", echoServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "success") }), "token验证失败"},
		{"redirect", echoServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, honest, http.StatusFound) }), "HTTP 200"},
		{"hangs", echoServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), "请求URL超时"},
		{"nobody there", "http://127.0.0.1:1/p", "请求URL失败"},
		{"port", "https://shop.example.com:8443/p", "80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newPushRig(t)
			g.switches(func(sw *wechatsim.Switches) { sw.PushTimeout = wechatsim.Duration(50 * time.Millisecond) })
			err := g.SetPush(t.Context(), shopID, wechatsim.PushSettings{URL: tt.url, Token: pushToken, EncodingAESKey: newAESKey})
			if tt.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			se, ok := errors.AsType[*wechatsim.PushSetupError](err)
			if !ok || se.Field != "url" || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("%v, want %q", err, tt.reason)
			}
			if strings.Contains(err.Error(), "signature") && strings.Contains(err.Error(), "timestamp=") {
				t.Errorf("the error shows the signed query: %v", err)
			}
			// Nothing changed: the old key still opens what comes.
			g.event("channels_ec_order_pay", orderBody)
			if got := g.deliver(); len(got) != 1 {
				t.Errorf("%d events after a refusal", len(got))
			}
		})
	}
}

// TestConsoleOfAPlatform checks both URLs, or none if told so.
func TestConsoleOfAPlatform(t *testing.T) {
	g := newPushRig(t)
	next := wechatsim.PushSettings{AuthURL: g.rc.srv.URL + "/a", EventURL: "http://127.0.0.1:1/$APPID$", Token: pushToken, EncodingAESKey: newAESKey}
	err := g.SetPush(t.Context(), platformID, next)
	if se, ok := errors.AsType[*wechatsim.PushSetupError](err); !ok || se.Field != "event_url" {
		t.Fatalf("%v, want event_url to be refused", err)
	}
	g.switches(func(sw *wechatsim.Switches) { sw.ComponentURLCheck = false })
	if err := g.SetPush(t.Context(), platformID, next); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []wechatsim.PushSettings{{URL: g.rc.srv.URL}, {AuthURL: g.rc.srv.URL}, {AuthURL: "ftp://x", Token: pushToken, EncodingAESKey: newAESKey},
		{AuthURL: g.rc.srv.URL, Token: pushToken, EncodingAESKey: "short"}} {
		if g.SetPush(t.Context(), platformID, bad) == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	if g.SetPush(t.Context(), "wx00000000000000ff", next) == nil {
		t.Error("settings of nobody are accepted")
	}
}

func TestPushControlAPI(t *testing.T) {
	g := newPushRig(t)
	tests := []struct {
		method, target, body string
		status               int
		want                 string // in the answer
	}{
		{"POST", "/sim/push/shop", `{"appid":"` + shopID + `","event":"channels_ec_order_new","body":{"order_info":{"order_id":3704612354559743232}}}`, 200, `"ok":true`},
		{"POST", "/sim/push/shop", `{"appid":"wx00000000000000ff","event":"x","body":{}}`, 404, "no such app"},
		{"POST", "/sim/push/shop", `{`, 422, "error"},
		{"GET", "/sim/push", "", 200, `"pending":1`},
		{"POST", "/sim/push/deliver", "", 200, `"sent":1`},
		{"GET", "/sim/push/ledger?name=channels_*", "", 200, `"answer":"success"`},
		{"GET", "/sim/push/ledger?name=nothing", "", 200, `"entries":[]`},
		{"GET", "/sim/push/ledger?since=x", "", 422, "since"},
		{"POST", "/sim/push/faults", `{"kind":"lose","name":"channels_*"}`, 201, `"id":1`},
		{"POST", "/sim/push/faults", `{"kind":"sulk"}`, 422, "kind"},
		{"GET", "/sim/push/faults", "", 200, `"lose"`},
		{"DELETE", "/sim/push/faults", "", 200, `"faults":[]`},
		{"POST", "/sim/push/user", `{"person":"owner","appid":"` + service + `","event":"user_info_modified"}`, 200, `"ok":true`},
		{"POST", "/sim/push/user", `{"person":"nobody","appid":"` + service + `","event":"user_info_modified"}`, 404, "no such person"},
		{"POST", "/sim/push/day", `{"seed":3,"events":50,"over":"1h"}`, 201, `"events":50`},
		{"POST", "/sim/push/day", `{"events":-5}`, 422, "events"},
		{"POST", "/sim/push/tickets/" + platformID + "/start", "", 200, `"ok":true`},
		{"POST", "/sim/push/tickets/" + platformID + "/now", "", 200, `"ok":true`},
		{"POST", "/sim/push/tickets/" + platformID + "/stop", "", 200, `"ok":true`},
		{"POST", "/sim/push/tickets/" + platformID + "/sing", "", 404, "unknown act"},
		{"POST", "/sim/push/tickets/" + shopID + "/stop", "", 404, "no such app"},
		{"PUT", "/sim/push/settings/" + shopID, `{"url":"` + g.rc.srv.URL + `","token":"` + pushToken + `","encoding_aes_key":"` + newAESKey + `"}`, 200, `"ok":true`},
		{"PUT", "/sim/push/settings/" + shopID, `{"url":"http://127.0.0.1:1","token":"` + pushToken + `","encoding_aes_key":"` + newAESKey + `"}`, 422, `"field":"url"`},
		{"PUT", "/sim/push/settings/" + shopID, `{"uri":"x"}`, 422, "uri"},
		{"POST", "/sim/people/operator/reset-profile", "", 200, `"ok":true`},
	}
	for _, tt := range tests {
		w := g.request(tt.method, tt.target, tt.body)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %s: HTTP %d %s, want %d and %s", tt.method, tt.target, tt.body, w.Code, w.Body, tt.status, tt.want)
		}
	}
}

func TestPushSwitchesAreChecked(t *testing.T) {
	g := newPushRig(t)
	for _, change := range []func(*wechatsim.Switches){
		func(sw *wechatsim.Switches) { sw.TicketEvery = 0 },
		func(sw *wechatsim.Switches) { sw.PushTimeout = 0 },
		func(sw *wechatsim.Switches) { sw.PushTimeout = wechatsim.Duration(time.Hour) },
		func(sw *wechatsim.Switches) { sw.TicketStopAfter = 0 },
		func(sw *wechatsim.Switches) { sw.PushParallel = 0 },
		func(sw *wechatsim.Switches) { sw.AuthEventRetries = 10 },
	} {
		if g.SetSwitches(change) == nil {
			t.Error("a switch outside its range is accepted")
		}
	}
}

// TestPushPage plays a person at the console: what is refused says why, what
// is accepted is kept, buttons lead back to the page.
func TestPushPage(t *testing.T) {
	g := newPushRig(t)
	form := func(target string, fields url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", target, strings.NewReader(fields.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w, _ := g.do(r)
		return w
	}
	fields := url.Values{"url": {"http://127.0.0.1:1/p"}, "token": {pushToken}, "encoding_aes_key": {newAESKey}}
	if w := form("/sim/push/settings/"+shopID, fields); w.Code != 422 || !strings.Contains(w.Body.String(), "请求URL失败") {
		t.Errorf("refused form: HTTP %d\n%s", w.Code, w.Body)
	}
	fields.Set("url", g.rc.srv.URL+"/own")
	if w := form("/sim/push/settings/"+shopID, fields); w.Code != 303 || w.Header().Get("Location") != "/sim/push/page?saved" {
		t.Errorf("accepted form: HTTP %d\n%s", w.Code, w.Body)
	}
	for _, button := range []string{"tickets/" + platformID + "/start", "tickets/" + platformID + "/now", "deliver"} {
		if w := form("/sim/push/"+button+"?form", nil); w.Code != 303 || w.Header().Get("Location") != "/sim/push/page" {
			t.Errorf("button %s: HTTP %d", button, w.Code)
		}
	}
	page := g.request("GET", "/sim/push/page?saved", "").Body.String()
	for _, want := range []string{g.rc.srv.URL + "/own", newAESKey, "component_verify_ticket", "✓", "已保存", platformID} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
