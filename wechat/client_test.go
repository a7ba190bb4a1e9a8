package wechat_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const grantBody = `{"access_token":"A-0001","expires_in":7200,"refresh_token":"R-0001","openid":"` + openID + `","scope":"snsapi_base"}`

// closedAddress returns a base URL where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestExpiryCountsFromTheStartOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			<-time.After(7 * time.Second)
			return answering(200, "text/plain", strings.NewReader(grantBody))(r)
		}))
		g, err := c.ExchangeCode(t.Context(), appID, secret.FromString(appSecret), secret.FromString(loginCode))
		if err != nil {
			t.Fatal(err)
		}
		if !g.RequestStart.Equal(start) || !g.ExpiresAt().Equal(start.Add(2*time.Hour)) {
			t.Errorf("start %v, expires %v; the request began at %v", g.RequestStart, g.ExpiresAt(), start)
		}
	})
}

func TestTheMonotonicReadingIsKept(t *testing.T) {
	c := newClient(t, answering(200, "", strings.NewReader(grantBody)))
	g, err := c.ExchangeCode(t.Context(), appID, secret.FromString(appSecret), secret.FromString(loginCode))
	if err != nil || !strings.Contains(g.ExpiresAt().String(), " m=") {
		t.Errorf("expires at %v, %v", g.ExpiresAt(), err)
	}
}

func TestSkewComesFromTheDateHeader(t *testing.T) {
	now := time.Date(2026, 11, 1, 7, 59, 0, 0, time.UTC)
	c, err := wechat.New(wechat.Config{
		Transport: answering(200, "text/plain", strings.NewReader(`{"access_token":"S","expires_in":7200}`)), Now: fixedNow(now),
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.StableToken(t.Context(), appID, secret.FromString(appSecret), true)
	if err != nil {
		t.Fatal(err)
	}
	if g.Skew() != time.Minute || g.HTTPStatus != 200 {
		t.Errorf("skew %v, status %d", g.Skew(), g.HTTPStatus)
	}
	if (wechat.Meta{RequestStart: now}).Skew() != 0 {
		t.Error("a missing Date header became a skew")
	}
}

func TestNothingIsSentWithoutArguments(t *testing.T) {
	c := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, io.ErrUnexpectedEOF
	}))
	ctx, none, some := t.Context(), secret.Value{}, secret.FromString("some-secret")
	calls := map[string]func() error{
		"exchange without code":   func() error { _, err := c.ExchangeCode(ctx, appID, some, none); return err },
		"exchange without secret": func() error { _, err := c.ExchangeCode(ctx, appID, none, some); return err },
		"exchange without appid":  func() error { _, err := c.ExchangeCode(ctx, "", some, some); return err },
		"refresh without token":   func() error { _, err := c.RefreshUser(ctx, appID, wechat.UserRefreshToken{}); return err },
		"profile without token":   func() error { _, err := c.UserInfo(ctx, wechat.UserToken{}, openID, ""); return err },
		"check without openid":    func() error { return c.CheckUser(ctx, wechat.UserToken{Value: some}, "") },
		"mini without code":       func() error { _, err := c.MiniLogin(ctx, appID, some, none); return err },
		"mini without secret":     func() error { _, err := c.MiniLogin(ctx, appID, none, some); return err },
		"mini without platform": func() error {
			_, err := c.ComponentMiniLogin(ctx, wechat.ComponentToken{Value: some}, "", appID, some)
			return err
		},
		"mini without token": func() error {
			_, err := c.ComponentMiniLogin(ctx, wechat.ComponentToken{}, componentAppID, appID, some)
			return err
		},
		"stable without secret": func() error { _, err := c.StableToken(ctx, appID, none, false); return err },
	}
	for name, call := range calls {
		err := call()
		e, ok := errors.AsType[*wechat.Error](err)
		if !ok || wechat.OutcomeOf(err) != wechat.OutcomeNotSent || e.Class() != wechat.ClassCaller {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestOutcomeNotSent(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		base string
	}{
		"connection refused": {t.Context(), closedAddress(t)},
		"unknown name":       {t.Context(), "http://no-such-host.invalid"},
		"cancelled before":   {cancelled, "http://127.0.0.1:1"},
	} {
		c := clientOf(t, wechat.Config{}, tc.base)
		_, err := c.ExchangeCode(tc.ctx, appID, secret.FromString(appSecret), secret.FromString(loginCode))
		if got := wechat.OutcomeOf(err); got != wechat.OutcomeNotSent {
			t.Errorf("%s: outcome %v (%v)", name, got, err)
		}
		if e, _ := errors.AsType[*wechat.Error](err); e == nil || e.Class() == wechat.ClassUnknown {
			t.Errorf("%s: class of %v", name, err)
		}
		noBait(t, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
}

func TestATransportThatTellsNothingIsUnknown(t *testing.T) {
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("proxy failed at %s", r.URL)
	}))
	_, err := ask(t, c, "/sns/oauth2/access_token")
	if wechat.OutcomeOf(err) != wechat.OutcomeUnknown {
		t.Errorf("outcome %v: the request may have left", wechat.OutcomeOf(err))
	}
	noBait(t, err.Error())
	dial := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	}))
	if _, err := ask(t, dial, "/sns/auth"); wechat.OutcomeOf(err) != wechat.OutcomeNotSent {
		t.Errorf("a dial error is %v", wechat.OutcomeOf(err))
	}
}

func TestOutcomeUnknownAfterATimeout(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	c := clientOf(t, wechat.Config{Timeout: 50 * time.Millisecond}, s.URL)
	for _, path := range []string{
		"/sns/oauth2/access_token", "/sns/oauth2/refresh_token", "/sns/userinfo", "/cgi-bin/stable_token",
		"/cgi-bin/component/api_query_auth", "/cgi-bin/component/api_authorizer_token", "/wxa/servicemarket/service/login_auth",
	} {
		_, err := ask(t, c, path)
		if wechat.OutcomeOf(err) != wechat.OutcomeUnknown || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: outcome %v, %v", path, wechat.OutcomeOf(err), err)
		}
		if !strings.Contains(err.Error(), "no answer within 50ms") || !strings.Contains(err.Error(), "before repeating") {
			t.Errorf("%s: the text does not help: %v", path, err)
		}
		noBait(t, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
}

func TestOutcomeUnknownWhenTheAnswerBreaksOff(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "500")
		if r.URL.Path == "/sns/oauth2/refresh_token" {
			io.WriteString(w, `{"errcode":40030,"errmsg":"invalid `+r.FormValue("refresh_token"))
			return
		}
		io.WriteString(w, grantBody[:40])
	})
	c := clientOf(t, wechat.Config{}, s.URL)
	_, err := ask(t, c, "/sns/oauth2/access_token")
	if wechat.OutcomeOf(err) != wechat.OutcomeUnknown || !errors.Is(err, wechat.ErrMalformed) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("outcome %v, %v", wechat.OutcomeOf(err), err)
	}
	_, err = ask(t, c, "/sns/oauth2/refresh_token")
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok || e.Code != 40030 || e.Outcome != wechat.OutcomeAnswered {
		t.Errorf("an errcode that did arrive was not read: %v", err)
	}
	noBait(t, fmt.Sprintf("%v %+v", err, *e))
}

func TestNoMoreThanOneMebibyteIsRead(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(`{"access_token":"`), zeros{})
	_, err := ask(t, newClient(t, answering(200, "", endless)), "/cgi-bin/stable_token")
	if !errors.Is(err, wechat.ErrMalformed) || !strings.Contains(err.Error(), "longer than 1048576 bytes") {
		t.Errorf("error %v", err)
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Bool
	target := serve(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for _, location := range []string{target.URL, "http://%zz?secret=" + appSecret} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		_, err := ask(t, clientOf(t, wechat.Config{}, s.URL), "/sns/oauth2/access_token")
		if wechat.OutcomeOf(err) != wechat.OutcomeUnknown || !strings.Contains(err.Error(), "never followed") {
			t.Errorf("error %v", err)
		}
		noBait(t, err.Error())
	}
	if followed.Load() {
		t.Error("the redirect was followed")
	}
}

func TestAnEchoedSecretIsMasked(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"errcode":40035,"errmsg":%q}`, r.URL.RawQuery+string(body)+" rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c")
	})
	c := clientOf(t, wechat.Config{}, s.URL)
	paths := append(platformPaths(), "/sns/oauth2/access_token", "/sns/oauth2/refresh_token", "/sns/userinfo",
		"/sns/auth", "/cgi-bin/stable_token", "/channels/ec/order/get")
	for _, path := range paths {
		_, err := ask(t, c, path)
		e, ok := errors.AsType[*wechat.Error](err)
		if !ok || e.Code != 40035 || e.RID != "1a1a1a1a-2b2b2b2b-3c3c3c3c" || !strings.Contains(e.Message, secret.Redacted) {
			t.Errorf("%s: %v", path, err)
			continue
		}
		noBait(t, fmt.Sprintf("%v %+v %#v", err, *e, *e))
	}
}

// breaking accepts connections, answers the first request of each, and closes
// after having read the second one without a word: what a server that
// crashes looks like. It counts the requests it has read, by path.
type breaking struct {
	mu   sync.Mutex
	seen map[string]int
	url  string
}

func newBreaking(t *testing.T) *breaking {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &breaking{seen: map[string]int{}, url: "http://" + l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { b.talk(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return b
}

func (b *breaking) talk(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := range 2 {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, req.Body)
		b.mu.Lock()
		b.seen[req.URL.Path]++
		b.mu.Unlock()
		if i == 0 && n == 0 && req.ContentLength == 0 && len(req.TransferEncoding) == 0 || i == 0 && req.Method == "POST" {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"errcode\":0,\"errmsg\":1}")
		}
	}
}

func (b *breaking) count(path string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[path]
}

// net/http repeats a GET on another connection when a kept one breaks. A code
// must not be exchanged twice, nor a token refreshed twice.
func TestNetHTTPDoesNotRepeatForUs(t *testing.T) {
	for path, want := range map[string]int{
		"/sns/oauth2/access_token":  1,
		"/sns/oauth2/refresh_token": 1,
		"/cgi-bin/stable_token":     1,
		"/channels/ec/order/get":    1,

		"/cgi-bin/component/api_component_token":  1,
		"/cgi-bin/component/api_query_auth":       1,
		"/cgi-bin/component/api_authorizer_token": 1,
		"/wxa/servicemarket/service/login_auth":   1,
		"/product/service/check_auth":             1,
	} {
		b := newBreaking(t)
		c := clientOf(t, wechat.Config{Timeout: 5 * time.Second}, b.url)
		if _, err := ask(t, c, "/sns/auth"); err != nil {
			t.Fatal(err) // leaves a kept connection behind
		}
		_, err := ask(t, c, path)
		if got := b.count(path); got != want || wechat.OutcomeOf(err) != wechat.OutcomeUnknown {
			t.Errorf("%s was sent %d times, outcome %v", path, got, wechat.OutcomeOf(err))
		}
	}
	b := newBreaking(t)
	c := clientOf(t, wechat.Config{}, b.url)
	for range 2 {
		if _, err := ask(t, c, "/sns/auth"); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.count("/sns/auth"); got != 3 {
		t.Errorf("the premise is gone: a harmless GET was sent %d times, net/http should have repeated one", got)
	}
}

func TestAnotherHostOnlyWhenNothingWasSent(t *testing.T) {
	var first, second atomic.Int32
	failing := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		first.Add(1)
		panic(http.ErrAbortHandler)
	})
	good := serve(t, func(w http.ResponseWriter, r *http.Request) {
		second.Add(1)
		io.Copy(w, r.Body)
	})

	c := clientOf(t, wechat.Config{}, failing.URL, good.URL)
	if _, err := ask(t, c, "/channels/ec/order/get"); wechat.OutcomeOf(err) != wechat.OutcomeUnknown {
		t.Errorf("outcome %v", wechat.OutcomeOf(err))
	}
	if first.Load() != 1 || second.Load() != 0 {
		t.Errorf("sent %d and %d times: a call of unknown outcome went to a second host", first.Load(), second.Load())
	}

	c = clientOf(t, wechat.Config{}, closedAddress(t), good.URL)
	body := `{"order_id":"1"}`
	res, err := c.Call(t.Context(), wechat.Request{
		Path: "/channels/ec/order/get", Body: strings.NewReader(body), ContentLength: int64(len(body)),
		Token: wechat.ShopToken{Value: secret.FromString(shopToken)},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, _ := io.ReadAll(res.Body); string(got) != body || second.Load() != 1 {
		t.Errorf("the second host got %q, %d calls", got, second.Load())
	}
}

func TestADeadHostRestsForAMinute(t *testing.T) {
	now := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	var asked []string
	deadFirst := true
	c, err := wechat.New(wechat.Config{
		Now:   func() time.Time { return now },
		Hosts: wechat.Hosts{API: []string{"https://one.example", "https://two.example"}},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Host)
			if r.URL.Host == "one.example" && deadFirst {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return answering(200, "", strings.NewReader(`{"errcode":0}`))(r)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	step := func(want ...string) {
		t.Helper()
		asked = nil
		if _, err := ask(t, c, "/sns/auth"); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(asked) != fmt.Sprint(want) {
			t.Errorf("asked %v, want %v", asked, want)
		}
	}
	step("one.example", "two.example")
	step("two.example")
	now = now.Add(61 * time.Second)
	step("one.example", "two.example")
	deadFirst = false
	now = now.Add(61 * time.Second)
	step("one.example")
}

func TestAllHostsDead(t *testing.T) {
	c := clientOf(t, wechat.Config{}, closedAddress(t), closedAddress(t))
	for range 2 {
		_, err := ask(t, c, "/sns/oauth2/access_token")
		if wechat.OutcomeOf(err) != wechat.OutcomeNotSent {
			t.Errorf("outcome %v (%v)", wechat.OutcomeOf(err), err)
		}
	}
}
