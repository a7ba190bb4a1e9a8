package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func shop() wechat.ShopToken { return wechat.ShopToken{Value: secret.FromString(shopToken)} }

func TestCallPassesTheBodyThrough(t *testing.T) {
	answer := `{"errcode":0,"errmsg":"ok","filler":"` + strings.Repeat("x", 1<<21) + `"}`
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Idempotency-Key") != "" {
			t.Error("Idempotency-Key was forwarded")
		}
		w.Header().Set("X-Query", r.URL.RawQuery)
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, answer)
	})
	res, err := clientOf(t, wechat.Config{}, s.URL).Call(t.Context(), wechat.Request{
		Path: "/shop/ec/basics/img/upload", RawQuery: "upload_type=1&resp_type=1", Token: shop(),
		Header: http.Header{"Idempotency-Key": {"k"}}, Body: strings.NewReader("abc"), ContentLength: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != answer {
		t.Errorf("%d bytes of %d came through, %v", len(got), len(answer), err)
	}
	if want := "access_token=" + shopToken + "&upload_type=1&resp_type=1"; res.Header.Get("X-Query") != want {
		t.Errorf("query %s", res.Header.Get("X-Query"))
	}
	if res.Err() != nil || !res.Head.Found || res.HTTPStatus != 200 {
		t.Errorf("head %+v, %v", res.Head, res.Err())
	}
}

func TestCallSeesAnErrcode(t *testing.T) {
	body := `{"errcode":45009,"errmsg":"reach limit of ` + shopToken + ` rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c"}`
	c := newClient(t, answering(200, "text/plain", strings.NewReader(body)))
	res, err := c.Call(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop()})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	e, ok := errors.AsType[*wechat.Error](res.Err())
	if !ok || e.Code != 45009 || e.Class() != wechat.ClassSlow || e.Op != "GET /channels/ec/order/get" || res.RID != e.RID || e.RID == "" {
		t.Errorf("Err = %v", res.Err())
	}
	noBait(t, fmt.Sprintf("%v %+v", e, res.Head))
	if got, _ := io.ReadAll(res.Body); string(got) != body {
		t.Error("the body was changed")
	}
}

func TestASecretThatTheHeadCutsIsMasked(t *testing.T) {
	prefix := `{"errcode":40035,"errmsg":"`
	for cut := range len(shopToken) + 3 {
		c := newClient(t, answering(200, "", strings.NewReader(prefix+shopToken+`"}`)))
		res, err := c.Call(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop(), Peek: len(prefix) + cut})
		if err != nil {
			t.Fatal(err)
		}
		noBait(t, fmt.Sprint(res.Head, res.Err()))
		res.Body.Close()
	}
}

func TestALongMessageIsCut(t *testing.T) {
	body := `{"errcode":40035,"errmsg":"` + strings.Repeat("码", 5000) + `"}`
	_, err := ask(t, newClient(t, answering(200, "", strings.NewReader(body))), "/sns/auth")
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok || len(e.Message) > 1024 || !strings.HasPrefix(e.Message, "码") || strings.Contains(e.Message, "\uFFFD") {
		t.Errorf("a message of %d bytes", len(e.Message))
	}
}

func TestCallClassesHTTPStatus(t *testing.T) {
	for status, want := range map[int]struct {
		class   wechat.Class
		outcome wechat.Outcome
	}{
		403: {wechat.ClassOperator, wechat.OutcomeAnswered},
		404: {wechat.ClassUnknown, wechat.OutcomeAnswered},
		429: {wechat.ClassSlow, wechat.OutcomeAnswered},
		302: {wechat.ClassUnknown, wechat.OutcomeUnknown},
		502: {wechat.ClassUnknown, wechat.OutcomeUnknown},
	} {
		c := newClient(t, answering(status, "text/html", strings.NewReader("<html>")))
		res, err := c.Call(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop()})
		if err != nil {
			t.Fatal(err)
		}
		e, ok := errors.AsType[*wechat.Error](res.Err())
		if !ok || e.Class() != want.class || e.Outcome != want.outcome || e.HTTPStatus != status {
			t.Errorf("%d: %v, class %v, outcome %v", status, e, e.Class(), e.Outcome)
		}
		res.Body.Close()
	}
}

func TestTheWrongTokenIsRefused(t *testing.T) {
	c := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, io.EOF
	}))
	v := secret.FromString(shopToken)
	for name, r := range map[string]wechat.Request{
		"user token for a shop":       {Path: "/channels/ec/order/get", Token: wechat.UserToken{Value: v}},
		"shop token for a person":     {Path: "/sns/userinfo", Token: wechat.ShopToken{Value: v}},
		"component token for a shop":  {Path: "/channels/ec/order/get", Token: wechat.ComponentToken{Value: v}},
		"shop token for the platform": {Path: "/cgi-bin/component/api_query_auth", Token: wechat.ShopToken{Value: v}},
		"an empty token":              {Path: "/channels/ec/order/get", Token: wechat.ShopToken{}},
		"a token in the query":        {Path: "/channels/ec/order/get", RawQuery: "x=1&Access_Token=other"},
		"an escaped token":            {Path: "/channels/ec/order/get", RawQuery: "access%5Ftoken=other"},
		"a broken query":              {Path: "/channels/ec/order/get", RawQuery: "a=%zz"},
		"a path that climbs":          {Path: "/channels/../cgi-bin/token"},
		"a path with a query":         {Path: "/channels/ec?access_token=" + shopToken},
		"a path without slash":        {Path: "channels/ec"},
		"a doubled slash":             {Path: "//evil.example/channels"},
		"an escaped slash":            {Path: "/channels%2fec"},
		"an empty path":               {},
		"another method":              {Method: "DELETE", Path: "/channels/ec/order/get"},
	} {
		if _, err := c.Call(t.Context(), r); wechat.OutcomeOf(err) != wechat.OutcomeNotSent {
			t.Errorf("%s: %v", name, err)
		} else {
			noBait(t, err.Error())
		}
	}
}

func TestComponentTokenOpensPlatformCalls(t *testing.T) {
	for old, want := range map[bool]string{false: "access_token", true: "component_access_token"} {
		var key string
		c, err := wechat.New(wechat.Config{OldComponentQuery: old, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			key, _, _ = strings.Cut(r.URL.RawQuery, "=")
			return answering(200, "", strings.NewReader("{}"))(r)
		})})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/cgi-bin/component/api_query_auth", "/wxa/servicemarket/service/login_auth", "/cgi-bin/openapi/quota/get"} {
			token := wechat.ComponentToken{Value: secret.FromString(shopToken)}
			if _, err := c.CallJSON(t.Context(), wechat.Request{Path: path, Token: token}, nil, nil); err != nil || key != want {
				t.Errorf("%s: query key %q, want %q, %v", path, key, want, err)
			}
		}
	}
}

func TestCallJSON(t *testing.T) {
	var sent string
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		b, _ := io.ReadAll(r.Body)
		sent = r.Method + " " + r.Header.Get("Content-Type") + " " + string(b)
		return answering(200, "", strings.NewReader(`{"order_id":18446744073709551615,"spec":"标准","ids":["1",2,null]}`))(r)
	}))
	var out struct {
		OrderID wechat.ID   `json:"order_id"`
		Spec    string      `json:"spec"`
		IDs     []wechat.ID `json:"ids"`
	}
	in := map[string]string{"title": "<掌柜 & 店>"}
	meta, err := c.CallJSON(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop()}, in, &out)
	if err != nil || meta.HTTPStatus != 200 {
		t.Fatal(meta, err)
	}
	if want := `POST application/json {"title":"<掌柜 & 店>"}`; sent != want {
		t.Errorf("sent %s, want %s", sent, want)
	}
	if diff := cmp.Diff([]wechat.ID{"1", "2", ""}, out.IDs); diff != "" || out.OrderID.String() != "18446744073709551615" || out.Spec != "标准" {
		t.Errorf("got %+v %s", out, diff)
	}
	_, err = c.CallJSON(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop()}, make(chan int), nil)
	if wechat.OutcomeOf(err) != wechat.OutcomeNotSent {
		t.Errorf("a channel as body: %v", err)
	}
	_, err = c.CallJSON(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop()}, nil, new([]int))
	if !errors.Is(err, wechat.ErrMalformed) {
		t.Errorf("an object into a list: %v", err)
	}
	if !strings.HasSuffix(sent, " {}") {
		t.Errorf("a nil body was sent as %s", sent)
	}
}

func TestIDRefusesWhatIsNoID(t *testing.T) {
	for _, bad := range []string{"1.5", "1e3", "true", "{}", "[1]", "-"} {
		var id wechat.ID
		if err := json.Unmarshal([]byte(bad), &id); err == nil {
			t.Errorf("%s became %q", bad, id)
		}
	}
}

// The timeout ends with the head. A download may take its time, and the
// caller's context alone ends it.
func TestCallLetsALongBodyStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			body := &slowBody{ctx: r.Context(), chunks: []string{`{"errcode":0,`, `"data":`, `"x"}`}}
			return answering(200, "", body)(r)
		}))
		res, err := c.Call(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop()})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(res.Body); err != nil || string(got) != `{"errcode":0,"data":"x"}` {
			t.Errorf("got %s, %v", got, err)
		}
		res.Body.Close()
	})
}

func TestCallTimesOutBeforeTheHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		}))
		start := time.Now()
		_, err := c.Call(t.Context(), wechat.Request{Path: "/channels/ec/order/get", Token: shop()})
		if time.Since(start) != wechat.DefaultTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// slowBody gives one chunk every minute, the first at once.
type slowBody struct {
	ctx    context.Context
	chunks []string
	begun  bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.begun {
		select {
		case <-b.ctx.Done():
			return 0, context.Cause(b.ctx)
		case <-time.After(time.Minute):
		}
	}
	b.begun = true
	if len(b.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.chunks[0])
	b.chunks = b.chunks[1:]
	return n, nil
}

func TestErrorTextsAreComplete(t *testing.T) {
	inner := errors.New("inner")
	for _, tc := range []struct {
		err  *wechat.Error
		want string
	}{
		{&wechat.Error{Op: "GET /x", Kind: wechat.KindDataCall, Code: 42001, Message: "expired", RID: "1-2-3", Outcome: wechat.OutcomeAnswered, HTTPStatus: 200},
			"wechat: GET /x: errcode 42001: expired (rid 1-2-3); fetch a new access token once"},
		{&wechat.Error{Op: "GET /x", HTTPStatus: 403, Outcome: wechat.OutcomeAnswered, Err: inner},
			"wechat: GET /x: inner (HTTP 403); let the shop's administrator add"},
		{&wechat.Error{Op: "GET /x"}, "wechat: GET /x: failed; find out what happened before repeating"},
	} {
		if got := tc.err.Error(); !strings.HasPrefix(got, tc.want) {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
	if !errors.Is(&wechat.Error{Err: inner}, inner) {
		t.Error("the cause is not wrapped")
	}
}

func TestCallJSONSendsAnUpload(t *testing.T) {
	var kind, body string
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		b, _ := io.ReadAll(r.Body)
		kind, body = r.Method+" "+r.Header.Get("Content-Type"), string(b)
		return answering(200, "", strings.NewReader(`{"errcode":0,"pic_file":{"img_url":"u"}}`))(r)
	}))
	var out struct {
		File struct {
			URL string `json:"img_url"`
		} `json:"pic_file"`
	}
	_, err := c.CallJSON(t.Context(), wechat.Request{
		Path: "/shop/ec/basics/img/upload", Token: shop(), Body: strings.NewReader("--b--"), ContentLength: 5,
		Header: http.Header{"Content-Type": {"multipart/form-data; boundary=b"}},
	}, nil, &out)
	if err != nil || out.File.URL != "u" || kind != "POST multipart/form-data; boundary=b" || body != "--b--" {
		t.Errorf("%+v, %v, %s, %s", out, err, kind, body)
	}
}

func TestCallJSONBoundsTheAnswer(t *testing.T) {
	answer := `{"errcode":0,"filler":"` + strings.Repeat("x", 1<<20) + `"}`
	for limit, fits := range map[int64]bool{0: false, 100: false, 2 << 20: true} {
		c := newClient(t, answering(200, "", strings.NewReader(answer)))
		_, err := c.CallJSON(t.Context(), wechat.Request{Path: "/channels/ec/category/all", Token: shop(), MaxAnswer: limit}, nil, nil)
		if (err == nil) != fits || err != nil && !errors.Is(err, wechat.ErrMalformed) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestAResponseMadeByHandHasAVerdict(t *testing.T) {
	good := &wechat.Response{Meta: wechat.Meta{HTTPStatus: 200}}
	bad := &wechat.Response{Meta: wechat.Meta{HTTPStatus: 200}, Head: wechat.Head{Found: true, Code: 45009}}
	e, ok := errors.AsType[*wechat.Error](bad.Err())
	if good.Err() != nil || !ok || e.Code != 45009 {
		t.Errorf("%v, %v", good.Err(), bad.Err())
	}
}
