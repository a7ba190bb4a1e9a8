package zhanggui_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		url, key, want string
		options        []zhanggui.Option
	}{
		"no address":      {"", clientKey, "address", nil},
		"no host":         {"zhanggui.example.com", clientKey, "address", nil},
		"a user":          {"https://u:p@zhanggui.example.com", clientKey, "address", nil},
		"a query":         {"https://zhanggui.example.com/?a=b", clientKey, "address", nil},
		"another scheme":  {"ftp://zhanggui.example.com", clientKey, "address", nil},
		"plain elsewhere": {"http://zhanggui.example.com", clientKey, "https", nil},
		"plain in a net":  {"http://10.0.0.1", clientKey, "https", nil},
		"plain, allowed":  {"http://zhanggui.example.com", clientKey, "", []zhanggui.Option{zhanggui.WithPlainHTTP()}},
		"plain, here":     {"http://127.0.0.1:8080", clientKey, "", nil},
		"plain, here too": {"http://[::1]:8080", clientKey, "", nil},
		"no key":          {"https://zhanggui.example.com", "", "client key", nil},
		"another key":     {"https://zhanggui.example.com", adminKey, "client key", nil},
		"a broken key":    {"https://zhanggui.example.com", clientKey + "\n", "client key", nil},
		"good":            {"https://zhanggui.example.com/below/", clientKey, "", nil},
		"no transport":    {"https://zhanggui.example.com", clientKey, "", []zhanggui.Option{zhanggui.WithTransport(nil), zhanggui.WithTimeout(-1)}},
	} {
		_, err := zhanggui.New(c.url, secret.FromString(c.key), c.options...)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "BAIT")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := zhanggui.NewAdmin("https://zhanggui.example.com", secret.FromString(clientKey)); err == nil || !strings.Contains(err.Error(), "zhanggui admin create") {
		t.Errorf("an administrator with a client's key: %v", err)
	}
}

func TestShopCalls(t *testing.T) {
	type request struct{ Method, Path, Query, Kind, Body string }
	var got request
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), string(b)}
		for k, v := range map[string]string{"Errcode": "0", "Rid": "6a-1", "Attempt": "2", "Cause": "", "Request": "r7"} {
			w.Header().Set("X-Zhanggui-"+k, v)
		}
		_, _ = w.Write([]byte(`{"errcode":0,"info":{"nickname":"蓝天文具店"}}`))
	})
	s := c.Shop("lantian")
	for name, x := range map[string]struct {
		do   func() (*zhanggui.Answer, error)
		want request
	}{
		"get": {func() (*zhanggui.Answer, error) {
			return s.Get(t.Context(), "/channels/ec/basics/info/get", map[string][]string{"a": {"b c"}})
		}, request{"GET", "/wx/lantian/channels/ec/basics/info/get", "a=b+c", "", ""}},
		"post": {func() (*zhanggui.Answer, error) {
			return s.Post(t.Context(), "/channels/ec/order/get", map[string]string{"order_id": "37"})
		}, request{"POST", "/wx/lantian/channels/ec/order/get", "", "application/json", `{"order_id":"37"}`}},
		"post nothing": {func() (*zhanggui.Answer, error) { return s.Post(t.Context(), "/channels/ec/x", nil) },
			request{"POST", "/wx/lantian/channels/ec/x", "", "application/json", `{}`}},
		"do": {func() (*zhanggui.Answer, error) {
			return s.Do(t.Context(), zhanggui.Call{Path: "/channels/ec/img/upload", Header: http.Header{"Content-Type": {"image/png"}}, Body: strings.NewReader("png")})
		}, request{"POST", "/wx/lantian/channels/ec/img/upload", "", "image/png", "png"}},
	} {
		a, err := x.do()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var out struct{ Info struct{ Nickname string } }
		if err := a.Decode(&out); err != nil || out.Info.Nickname != "蓝天文具店" {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if a.Attempt != 2 || a.RID != "6a-1" || a.Request != "r7" || a.Errcode != 0 || a.Err() != nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestAnswersStream: the body is there before the answer's end.
func TestAnswersStream(t *testing.T) {
	more := make(chan struct{})
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("first"))
		w.(http.Flusher).Flush()
		<-more
		_, _ = w.Write([]byte("second"))
	})
	a, err := c.Shop("lantian").Get(t.Context(), "/cgi-bin/media/get", nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(a.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("%q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(a.Body); err != nil || string(rest) != "second" {
		t.Errorf("%q, %v", rest, err)
	}
	if err := a.Body.Close(); err != nil {
		t.Error(err)
	}
}

const refusal = `{"type":"urn:zhanggui:problem:shop-not-held","title":"Forbidden","status":403,"detail":"d","code":"shop-not-held","errcode":48001,"rid":"6a-1","rule":"shops",
	"cause":"No right.","cause_zh":"无权。","next":"Ask.","next_zh":"请询问。","instance":"urn:zhanggui:request:r1"}`

func TestRefusals(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		answers(http.StatusForbidden, "application/problem+json; charset=utf-8", refusal)(w, r)
	})
	_, err := c.Shop("lantian").Get(t.Context(), "/channels/ec/x", nil)
	got := *failure(t, err)
	want := zhanggui.Error{
		Op: "GET /channels/ec/x", Status: 403, Code: "shop-not-held", Errcode: 48001, RID: "6a-1", Rule: "shops", Cause: "No right.", CauseZH: "无权。",
		Next: "Ask.", NextZH: "请询问。", RetryAfter: 7 * time.Second, Request: "r1", Outcome: wechat.OutcomeAnswered,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := "zhanggui: GET /channels/ec/x: errcode 48001: No right. Ask."; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

// TestErrcodes: what WeChat says is an error with our words, and WeChat's inside.
func TestErrcodes(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wx/lantian/head" {
			w.Header().Set("X-Zhanggui-Errcode", "45009")
		}
		_, _ = w.Write([]byte(`{"padding":"` + strings.Repeat("x", 4096) + `","errcode":45009,"errmsg":"reach max api daily quota limit rid: 6a2b3c4d-1a2b3c4d-5e6f7a8b"}`))
	})
	for _, path := range []string{"/head", "/deep"} {
		a, err := c.Shop("lantian").Get(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if head := a.Err(); (head != nil) != (path == "/head") {
			t.Errorf("%s: the head says %v", path, head)
		}
		err = a.Decode(nil)
		e := failure(t, err)
		inner, ok := errors.AsType[*wechat.Error](err)
		if e.Errcode != 45009 || e.Outcome != wechat.OutcomeAnswered || !ok || inner.Class() != wechat.Explain(wechat.KindAny, 45009).Class || e.RID == "" {
			t.Errorf("%s: %+v", path, e)
		}
	}
}

// TestBadAnswers: what is not the server's answer is an error that says so.
func TestBadAnswers(t *testing.T) {
	const page = "<html>Bad Gateway</html>"
	for name, h := range map[string]http.HandlerFunc{
		"a page":            answers(200, "text/html", page),
		"a page, 502":       answers(502, "text/html", page),
		"no kind":           answers(200, "", `{}`),
		"cut":               answers(200, "application/json", `{"items":[{"id":"ev_1"`),
		"another form":      answers(200, "application/json", `{"items":"none"}`),
		"a cut problem":     answers(403, "application/problem+json", refusal[:50]),
		"an empty problem":  answers(403, "application/problem+json", `{}`),
		"a huge answer":     hugeAnswer,
		"a broken-off body": brokenOff,
		"a redirect":        redirect("https://evil.example.com/"),
	} {
		_, err := client(t, h).EventPage(t.Context(), zhanggui.EventQuery{})
		e := failure(t, err)
		if e.Status == 0 || e.Err == nil || e.Code != "" {
			t.Errorf("%s: %+v", name, e)
		}
		if name != "a broken-off body" && !errors.Is(err, zhanggui.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func hugeAnswer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	mebi := []byte(strings.Repeat(" ", 1<<20))
	for range 65 {
		if _, err := w.Write(mebi); err != nil {
			return
		}
	}
}

func brokenOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte(`{"items":`))
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
}

func TestNothingIsSentForBadInput(t *testing.T) {
	c, err := zhanggui.New("https://zhanggui.example.com", secret.FromString(clientKey), zhanggui.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s was sent", r.URL)
		return nil, errors.New("no")
	})))
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"dots":          func() error { _, err := c.Shop("lantian").Get(t.Context(), "/../../v1/clients", nil); return err },
		"an escape":     func() error { _, err := c.Shop("lantian").Get(t.Context(), "/a%2fb", nil); return err },
		"no slash":      func() error { _, err := c.Shop("lantian").Get(t.Context(), "channels", nil); return err },
		"empty segment": func() error { _, err := c.Shop("lantian").Get(t.Context(), "/a//b", nil); return err },
		"a query":       func() error { _, err := c.Shop("lantian").Get(t.Context(), "/a?b=c", nil); return err },
		"a shop":        func() error { _, err := c.Shop("../v1").Get(t.Context(), "/a", nil); return err },
		"an id":         func() error { return c.Unsubscribe(t.Context(), "a/b") },
		"a method": func() error {
			_, err := c.Shop("lantian").Do(t.Context(), zhanggui.Call{Method: "G T", Path: "/a"})
			return err
		},
		"no JSON": func() error { _, err := c.Shop("lantian").Post(t.Context(), "/a", func() {}); return err },
	} {
		e := failure(t, do())
		if !errors.Is(e, zhanggui.ErrInput) || e.Outcome != wechat.OutcomeNotSent {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestLostAnswers(t *testing.T) {
	down, err := zhanggui.New("http://127.0.0.1:1", secret.FromString(clientKey))
	if err != nil {
		t.Fatal(err)
	}
	_, err = down.Token(t.Context(), "lantian")
	if e := failure(t, err); e.Outcome != wechat.OutcomeNotSent || e.Status != 0 {
		t.Errorf("%+v", e)
	}
	hold := make(chan struct{})
	slow := client(t, func(http.ResponseWriter, *http.Request) { <-hold }, zhanggui.WithTimeout(time.Millisecond))
	t.Cleanup(func() { close(hold) })
	_, err = slow.Shop("lantian").Get(t.Context(), "/a", nil)
	if e := failure(t, err); e.Outcome != wechat.OutcomeUnknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v", e)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, err = slow.EventPage(ctx, zhanggui.EventQuery{}); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}

func TestToken(t *testing.T) {
	c := client(t, says(`{"shop":"lantian","appid":"wx00000000000000c1","access_token":"bait-token","expires_in":60,"expires_at":"2026-01-02T08:00:00Z"}`))
	got, err := c.Token(t.Context(), "lantian")
	if err != nil || got.Value.RevealString() != "bait-token" || got.AppID != "wx00000000000000c1" || got.ExpiresAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := client(t, says(`{}`)).Token(t.Context(), "lantian"); !errors.Is(err, zhanggui.ErrAnswer) {
		t.Errorf("an answer without a token: %v", err)
	}
}

func TestTypedCalls(t *testing.T) {
	api, err := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/wx/lantian/channels/ec/order/get" {
			t.Error(r.URL)
		}
		says(`{"errcode":0,"order":{"order_id":"37","status":20}}`)(w, r)
	}).Shop("lantian").API()
	if err != nil {
		t.Fatal(err)
	}
	if o, err := api.Order(t.Context(), "37"); err != nil || o.Status != shop.OrderToShip {
		t.Errorf("%+v, %v", o, err)
	}
}
