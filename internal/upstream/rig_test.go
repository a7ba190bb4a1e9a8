package upstream_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/upstream"
	"github.com/zhanggui/zhanggui/internal/web"
)

// rig is a back office with the proxy in front of it.
type rig struct {
	*httptest.Server // of the proxy
	proxy            *upstream.Proxy
	client           *http.Client // follows nothing, and asks for nothing by itself
	page             func(web.Handler) http.Handler
	open             atomic.Int64 // connections that the back office has
	host             string
}

// newRig has h answer as the back office. change may be nil.
func newRig(t *testing.T, h http.HandlerFunc, change func(*upstream.Host)) *rig {
	t.Helper()
	r := &rig{}
	back := httptest.NewUnstartedServer(h)
	back.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			r.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			r.open.Add(-1)
		}
	}
	back.Start()
	t.Cleanup(back.Close)
	r.front(t, back.URL, change)
	return r
}

// front starts the proxy for a back office at an address.
func (r *rig) front(t *testing.T, to string, change func(*upstream.Host)) {
	t.Helper()
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewUnstartedServer(nil)
	r.host = r.Listener.Addr().String()
	host := upstream.Host{Name: r.host, To: at}
	if change != nil {
		change(&host)
	}
	r.page = func(h web.Handler) http.Handler {
		return web.Page(func(w http.ResponseWriter, _ *http.Request, e *web.Error) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(e.Status)
			_, _ = w.Write([]byte("page: " + e.EN + " " + e.Link))
		}, h)
	}
	if r.proxy, err = upstream.New(upstream.Options{Hosts: []upstream.Host{host}, Page: r.page}); err != nil {
		t.Fatal(err)
	}
	r.Config = web.Server(web.Wrap(web.AnswerWithin(time.Second, r.proxy), web.Options{}), nil)
	r.Start()
	t.Cleanup(r.Close)
	t.Cleanup(r.proxy.Close)
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// send sends a request with headers "Name: value".
func (r *rig) send(t *testing.T, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header[name] = append(req.Header[name], value)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// await waits for what happens by itself.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !done() {
		select {
		case <-late:
			t.Fatalf("%s did not come", what)
		case <-tick.C:
		}
	}
}
