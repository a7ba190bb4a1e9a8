package gateway

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func get(t *testing.T, way http.RoundTripper, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := way.RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { res.Body.Close() })
	}
	return res, err
}

func TestEgressSettings(t *testing.T) {
	for egress, ok := range map[string]bool{
		"": true, "192.0.2.1": true, "2001:db8::1": true, "http://proxy:3128": true, "https://u:p@proxy": true,
		"socks5://127.0.0.1:1080": true, "socks5h://proxy:1080": true,
		"proxy:3128": false, "ftp://proxy": false, "http://": false, "192.0.2.1:80": false, "eth0": false, "http://u:" + bait + "@h:x": false,
	} {
		_, err := NewTransport(egress, EgressOptions{})
		if (err == nil) != ok {
			t.Errorf("%q: %v", egress, err)
		}
		if err != nil && strings.Contains(err.Error(), bait) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestTransportsShareConnections(t *testing.T) {
	ways := NewTransports(EgressOptions{})
	a, err := ways.For("")
	b, _ := ways.For("")
	c, _ := ways.For("127.0.0.1")
	if err != nil || a != b || a == c {
		t.Error("one way for each egress:", a, b, c, err)
	}
	if _, err := ways.For("what?"); err == nil {
		t.Error("a bad setting was taken")
	}
	ways.CloseIdle()
}

func TestSourceAddress(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }))
	defer up.Close()
	way, err := NewTransport("127.0.0.7", EgressOptions{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := get(t, way, up.URL)
	if err != nil {
		t.Fatal(err)
	}
	if from, _ := io.ReadAll(res.Body); !strings.HasPrefix(string(from), "127.0.0.7:") {
		t.Errorf("came from %s", from)
	}
}

func TestTLSIsChecked(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	up.Config.ErrorLog = nil
	up.StartTLS()
	defer up.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(up.Certificate())
	for _, tc := range []struct {
		name string
		o    EgressOptions
		url  string
		ok   bool
	}{
		{"trusted", EgressOptions{RootCAs: trusted}, up.URL, true},
		{"self-signed", EgressOptions{}, up.URL, false},
		{"wrong name", EgressOptions{RootCAs: trusted}, strings.Replace(up.URL, "127.0.0.1", "localhost", 1), false},
	} {
		way, _ := NewTransport("", tc.o)
		if _, err := get(t, way, tc.url); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	up.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	up.StartTLS()
	defer up.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(up.Certificate())
	way, _ := NewTransport("", EgressOptions{RootCAs: trusted})
	if _, err := get(t, way, up.URL); err == nil {
		t.Error("TLS 1.1 was taken")
	}
}

// connectProxy is an HTTP proxy that knows CONNECT only and counts.
type connectProxy struct {
	mu       sync.Mutex
	requests []string
}

func (p *connectProxy) serve(t *testing.T, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			in := bufio.NewReader(conn)
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.requests = append(p.requests, req.Method+" "+req.RequestURI+" "+req.Header.Get("Proxy-Authorization"))
			p.mu.Unlock()
			out, err := net.Dial("tcp", req.Host)
			if err != nil {
				return
			}
			defer out.Close()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			go func() { _, _ = io.Copy(out, in) }()
			_, _ = io.Copy(conn, out)
		}()
	}
}

func TestAProxySeesNoToken(t *testing.T) {
	up := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer up.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer plain.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(up.Certificate())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	proxy := &connectProxy{}
	go proxy.serve(t, l)
	ways := NewTransports(EgressOptions{RootCAs: trusted})
	defer ways.CloseIdle()
	way, err := ways.For("http://user:pass@" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{up.URL, plain.URL} {
		res, err := get(t, way, url+"/x?access_token="+bait)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
	}
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	want := "CONNECT " + strings.TrimPrefix(up.URL, "https://") + " Basic dXNlcjpwYXNz"
	if len(proxy.requests) != 1 || proxy.requests[0] != want {
		t.Errorf("the proxy saw %q, want %q", proxy.requests, want)
	}
}

func TestWeChatsHeadersAreBounded(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Bomb", strings.Repeat("b", 2*maxAnswerHead))
	}))
	defer up.Close()
	way, _ := NewTransport("", EgressOptions{HeaderTimeout: time.Second})
	if _, err := get(t, way, up.URL); err == nil {
		t.Error("a header of 128 KiB was taken")
	}
}
