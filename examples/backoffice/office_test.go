package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// ask sends a request as the proxy passes it on.
func ask(t *testing.T, h http.Handler, method, path string, form url.Values, headers map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	s := newServer(t, "k1")
	office := New(s.verifier())
	owner := map[string]string{
		"X-Zhanggui-Person": "u_<1>", "X-Zhanggui-Shop": "lantian", "X-Zhanggui-Role": "owner", "X-Zhanggui-Door": "wechat",
		"X-Zhanggui-Assertion": s.sign(goodHead, s.claims()),
	}
	for _, c := range []struct {
		path    string
		headers map[string]string
		status  int
		words   string
	}{
		{"/", owner, 200, "u_&lt;1&gt; · lantian · owner · wechat"},
		{"/", owner, 200, "3700000000000001"},
		{"/admin/", owner, 200, "只有店主能看到这一页"},
		{"/signed", owner, 200, "<dd>u_1<dt>shop<dd>lantian<dt>role<dd>owner<dt>door<dd>wechat"},
		{"/signed", nil, 403, "there is no assertion"},
		{"/public/about", nil, 200, "没有说明的访客"},
		{"/elsewhere", owner, 404, ""},
	} {
		if w := ask(t, office, "GET", c.path, nil, c.headers); w.Code != c.status || !strings.Contains(w.Body.String(), c.words) {
			t.Errorf("%s: %d, want %d with %q: %s", c.path, w.Code, c.status, c.words, w.Body)
		}
	}
}

func TestShip(t *testing.T) {
	office := New(NewVerifier("http://127.0.0.1:1", origin))
	if w := ask(t, office, "POST", "/ship", url.Values{"id": {"3700000000000001"}}, nil); w.Code != http.StatusSeeOther {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, office, "GET", "/", nil, nil); strings.Count(w.Body.String(), "已发货") != 2 {
		t.Errorf("it was not shipped: %s", w.Body)
	}
	if w := ask(t, office, "POST", "/ship", url.Values{"id": {"1"}}, nil); w.Code != http.StatusNotFound {
		t.Errorf("an order that is not there: %d", w.Code)
	}
}

// TestRun: the program serves until it is told to stop, and its clock ticks.
func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	const address = "127.0.0.1:0"
	said, w := io.Pipe()
	go func() { ended <- run(ctx, []string{"-listen", address}, w) }()
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	at := strings.TrimPrefix(strings.TrimSpace(line), "backoffice: ")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/clock", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // the test is over
	if tick, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || !strings.HasPrefix(tick, "data: ") {
		t.Errorf("the clock says %q, %v", tick, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{{"-listen", "nowhere:port"}, {"-elsewhere"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
