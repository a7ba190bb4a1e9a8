package upstream_test

import (
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/upstream"
)

// TestNoBackOffice: a page for people, a problem for programs, and no connection is left.
func TestNoBackOffice(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // nobody listens there now
	r := &rig{}
	r.front(t, "http://"+l.Addr().String(), nil)
	resp := r.send(t, "GET", "/", "", "Accept: text/html")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadGateway || string(body) != "page: The back office cannot be reached. /" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if code := problemOf(t, r.send(t, "POST", "/", "x", "Accept: application/json"), http.StatusBadGateway); code != "office-away" {
		t.Errorf("the problem is %q", code)
	}
}

func problemOf(t *testing.T, resp *http.Response, status int) string {
	t.Helper()
	var p struct{ Code, Detail string }
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != status {
		t.Errorf("status %d, want %d: %v", resp.StatusCode, status, err)
	}
	if strings.Contains(p.Detail, "127.0.0.1") {
		t.Errorf("the problem says where the back office is: %s", p.Detail)
	}
	return p.Code
}

func TestASilentBackOffice(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ http.ResponseWriter, in *http.Request) { <-in.Context().Done() }, func(h *upstream.Host) { h.AnswerWithin = 20 * time.Millisecond })
	if code := problemOf(t, r.send(t, "GET", "/", ""), http.StatusGatewayTimeout); code != "office-slow" {
		t.Errorf("the problem is %q", code)
	}
	r.proxy.Close()
	await(t, "the end of the back office's connections", func() bool { return r.open.Load() == 0 })
}

// TestATornAnswer: what the back office breaks off does not look whole.
func TestATornAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, nil)
	resp := r.send(t, "GET", "/", "")
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer %q ends well", body)
	}
}

// TestNonsenseForAnAnswer: what is no HTTP is the back office's fault.
func TestNonsenseForAnAnswer(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "220 mail.example.com ESMTP\r\n")
			_ = conn.Close()
		}
	}()
	r := &rig{}
	r.front(t, "http://"+l.Addr().String(), nil)
	if code := problemOf(t, r.send(t, "GET", "/", ""), http.StatusBadGateway); code != "office-away" {
		t.Errorf("the problem is %q", code)
	}
}

// TestCertificates: by the named authority only, or by the system's.
func TestCertificates(t *testing.T) {
	t.Parallel()
	back := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	back.Config.ErrorLog = quiet
	back.StartTLS()
	t.Cleanup(back.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(back.Certificate())
	good, bad := &rig{}, &rig{}
	good.front(t, back.URL, func(h *upstream.Host) { h.CA = trusted })
	bad.front(t, back.URL, nil)
	if resp := good.send(t, "GET", "/", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("with the authority: %d", resp.StatusCode)
	}
	if code := problemOf(t, bad.send(t, "GET", "/", ""), http.StatusBadGateway); code != "office-certificate" {
		t.Errorf("without it the problem is %q", code)
	}
}
