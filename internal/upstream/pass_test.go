package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/upstream"
)

// TestRequestsArrive: what the back office gets of a request full of tricks.
func TestRequestsArrive(t *testing.T) {
	t.Parallel()
	var got *http.Request
	r := newRig(t, func(_ http.ResponseWriter, in *http.Request) { got = in }, nil)
	const path = "/a%2Fb//c/../d;x=1/%7e?q=1;2&a=%zz&&b"
	r.send(t, "GET", path, "",
		"Connection: keep-alive, X-Webauth-User, Cookie", "X-Webauth-User: u_1", "Keep-Alive: 9", "Te: trailers", "Proxy-Authorization: Basic eA==",
		"Cookie: a=1; zg_child=stolen; __Host-zg_child=x; b=\"2\"", "Cookie:  __host-ZG_lang=en ; zgx=3", "Cookie: __Secure-zg_x=1; =zg_child=2",
		"X-Forwarded-For: 6.6.6.6", "X-Forwarded-User: root", "X_Forwarded_Host: evil", "Forwarded: for=6.6.6.6", "X-Original-Url: /admin", "X-Rewrite-Url: /admin",
		"X-Real-Ip: 6.6.6.6", "Proxy: http://6.6.6.6", "True-Client-Ip: 6.6.6.6", "Authorization: Basic eA==", "User-Agent: ua")
	if got.RequestURI != path || got.Host != r.host {
		t.Errorf("it asks %s for %s", got.Host, got.RequestURI)
	}
	want := http.Header{
		"Accept-Encoding": nil, "Authorization": {"Basic eA=="}, "Cookie": {`a=1; b="2"; zgx=3`}, "Te": {"trailers"}, "User-Agent": {"ua"}, "X-Webauth-User": {"u_1"},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {r.host}, "X-Forwarded-Proto": {"http"}, "X-Real-Ip": {"127.0.0.1"},
	}
	delete(want, "Accept-Encoding")
	if d := cmp.Diff(want, got.Header); d != "" {
		t.Error(d)
	}
}

// TestNothingIsAddedToARequest: a bare one comes bare, but for what we say.
func TestNothingIsAddedToARequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	r := newRig(t, func(_ http.ResponseWriter, in *http.Request) { got = in }, func(h *upstream.Host) { h.SendHost = "erp.internal" })
	conn := dial(t, r)
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", r.host)
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {r.host}, "X-Forwarded-Proto": {"http"}, "X-Real-Ip": {"127.0.0.1"}}
	if d := cmp.Diff(want, got.Header); d != "" || got.Host != "erp.internal" {
		t.Error(got.Host, d)
	}
}

func dial(t *testing.T, r *rig) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestAnswersComeBack: as they are, without cookies and words of ours.
func TestAnswersComeBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for _, c := range []string{"sid=1; HttpOnly", "__Host-zg_child=evil; Path=/", " ZG_child =evil", "=__Host-zg_child=evil", "__Host-zg_child", "zgx=1"} {
			h.Add("Set-Cookie", c)
		}
		h.Set("X-Zhanggui-Login", "http://evil")
		h.Set("X-Request-Id", "theirs")
		h.Set("Trailer", "X-Sum")
		h.Set("Content-Type", "text/html")
		h["Date"] = nil
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "<script>1</script>")
		h.Set("X-Sum", "42")
	}, nil)
	resp := r.send(t, "GET", "/", "")
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "<script>1</script>" || resp.StatusCode != http.StatusTeapot || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%v %d %q, trailer %v", err, resp.StatusCode, body, resp.Trailer)
	}
	if ids := resp.Header["X-Request-Id"]; len(ids) != 1 || ids[0] == "theirs" {
		t.Errorf("the request's ids are %v", ids)
	}
	delete(resp.Header, "X-Request-Id")
	delete(resp.Header, "Date")
	if d := cmp.Diff(http.Header{"Set-Cookie": {"sid=1; HttpOnly", "zgx=1"}, "Content-Type": {"text/html"}}, resp.Header); d != "" {
		t.Error(d)
	}
}

func TestHeadHasTheLengthOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(w http.ResponseWriter, in *http.Request) {
		if in.Method == http.MethodHead {
			w.Header().Set("Content-Length", "12345")
		}
	}, nil)
	if resp := r.send(t, "HEAD", "/", ""); resp.ContentLength != 12345 {
		t.Errorf("the length is %d", resp.ContentLength)
	}
}

// TestEarlyHints: informational answers pass, and set no cookie of ours either.
func TestEarlyHints(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.Header().Set("Set-Cookie", "zg_child=evil")
		w.WriteHeader(http.StatusEarlyHints)
	}, nil)
	var hints textproto.MIMEHeader
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { hints = h; return nil }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is empty
	if hints.Get("Link") == "" || hints.Get("Set-Cookie") != "" || resp.Header.Get("Set-Cookie") != "" || len(resp.Header["X-Request-Id"]) != 1 {
		t.Errorf("hints %v, answer %v", hints, resp.Header)
	}
}

// TestUploads: of known and unknown length, whole or refused by the back office.
func TestUploads(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	r := newRig(t, func(w http.ResponseWriter, in *http.Request) {
		if in.URL.Path == "/full" {
			w.Header().Set("Connection", "close")
			http.Error(w, "full", http.StatusInsufficientStorage)
			return
		}
		n, err := io.Copy(io.Discard, in.Body)
		fmt.Fprint(w, n, err, in.ContentLength)
	}, nil)
	for name, c := range map[string]struct {
		length int64
		want   string
	}{"known": {size, "3145728 <nil> 3145728"}, "unknown": {-1, "3145728 <nil> -1"}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL, io.LimitReader(zeros{}, size))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = c.length
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != c.want {
			t.Errorf("%s: %q, %v", name, body, err)
		}
		_ = resp.Body.Close()
	}
	if resp := r.send(t, "POST", "/full", "small"); resp.StatusCode != http.StatusInsufficientStorage {
		t.Errorf("an early refusal: %d", resp.StatusCode)
	}
	if resp := r.send(t, "POST", "/again", "small"); resp.StatusCode != http.StatusOK {
		t.Errorf("after it: %d", resp.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestOddMethods(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("it got through") }, nil)
	for _, line := range []string{"TRACE / HTTP/1.1", "CONNECT " + r.host + " HTTP/1.1"} {
		conn := dial(t, r)
		fmt.Fprintf(conn, "%s\r\nHost: %s\r\n\r\n", line, r.host)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %v %v", line, resp, err)
		}
	}
}

func TestOtherHosts(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("it got through") }, nil)
	conn := dial(t, r)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusNotFound || r.proxy.Serves("other.example.com") || !r.proxy.Serves(r.host) {
		t.Errorf("%v %v", resp, err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	at := &url.URL{Scheme: "http", Host: "a"}
	ok := newRig(t, func(http.ResponseWriter, *http.Request) {}, nil)
	_ = ok
	for name, hosts := range map[string][]upstream.Host{
		"no name": {{To: at}}, "no address": {{Name: "a"}}, "twice": {{Name: "a", To: at}, {Name: "a", To: at}}, "odd scheme": {{Name: "a", To: &url.URL{Scheme: "ftp", Host: "a"}}},
	} {
		if _, err := upstream.New(upstream.Options{Hosts: hosts, Page: ok.page}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := upstream.New(upstream.Options{}); err == nil || !strings.Contains(err.Error(), "Page") {
		t.Errorf("without pages: %v", err)
	}
}
