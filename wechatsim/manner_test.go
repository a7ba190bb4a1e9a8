package wechatsim_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// infoTarget is a call whose answer the faults below spoil.
func (g *rig) infoTarget() string {
	g.t.Helper()
	return infoPath + "?access_token=" + g.stable(false).str("access_token")
}

func TestFaultsOfTheEdge(t *testing.T) {
	tests := []struct {
		fault       wechatsim.Fault
		status      int
		contentType string
		body        string
	}{
		{wechatsim.Fault{Kind: wechatsim.FaultHTML200}, 200, "text/html", "<html>"},
		{wechatsim.Fault{Kind: wechatsim.FaultForbidden}, 403, "text/html", "<html>"},
		{wechatsim.Fault{Kind: wechatsim.FaultWrongType}, 200, "text/html", `{"errcode":0`},
		{wechatsim.Fault{Kind: wechatsim.FaultWrongType, ContentType: "image/jpeg"}, 200, "image/jpeg", `{"errcode":0`},
		{wechatsim.Fault{Kind: wechatsim.FaultHuge, Size: 100_000}, 200, "application/octet-stream", "\x00\x00"},
	}
	for _, tt := range tests {
		g := newRig(t)
		target := g.infoTarget()
		tt.fault.Path = infoPath
		g.arm(tt.fault)
		w := g.request(http.MethodGet, target, "")
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.contentType || !strings.HasPrefix(w.Body.String(), tt.body) {
			t.Errorf("%s: HTTP %d %q %.40q", tt.fault.Kind, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if size := tt.fault.Size; size > 0 && int64(w.Body.Len()) != size {
			t.Errorf("%d bytes came, want %d", w.Body.Len(), size)
		}
		if w := g.request(http.MethodGet, target, ""); decode(t, w.Body.Bytes()).code() != "0" || w.Header().Get("Content-Type") == tt.contentType {
			t.Errorf("%s: the next request met it too", tt.fault.Kind)
		}
	}
}

func TestFaultsNeedWhatTheyMean(t *testing.T) {
	g := newRig(t)
	for _, f := range []wechatsim.Fault{
		{Kind: wechatsim.FaultSlowBody}, {Kind: wechatsim.FaultSlowHeaders}, {Kind: wechatsim.FaultHuge, Size: -1},
	} {
		f.Path = "/channels/*"
		if _, err := g.AddFault(f); err == nil {
			t.Errorf("%+v was armed", f)
		}
	}
}

func TestHugeDownloadCountsUp(t *testing.T) {
	g := newRig(t)
	target := g.infoTarget()
	g.arm(wechatsim.Fault{Path: infoPath, Kind: wechatsim.FaultHuge, Size: 300_000})
	body := g.request(http.MethodGet, target, "").Body.Bytes()
	for n, b := range body {
		if b != byte(n>>8) {
			t.Fatalf("byte %d is %d", n, b)
		}
	}
}

func TestHugeDownloadIsThreeGigabytes(t *testing.T) {
	g := newRig(t)
	target := g.infoTarget()
	g.arm(wechatsim.Fault{Path: infoPath, Kind: wechatsim.FaultHuge})
	server := httptest.NewServer(g)
	defer server.Close()
	resp, err := http.Get(server.URL + target)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.CopyN(io.Discard, resp.Body, 1<<20)
	if err != nil || n != 1<<20 || resp.ContentLength != 3<<30 {
		t.Errorf("announced %d bytes, read %d, %v", resp.ContentLength, n, err)
	}
	_ = resp.Body.Close() // the rest is never made
}

// answerOf sends a request over a connection without sockets, and returns the
// answer with its body still to be read.
func answerOf(t *testing.T, h http.Handler, target string) *http.Response {
	t.Helper()
	near, far := net.Pipe()
	server := &http.Server{Handler: h}
	l := &oneConn{conn: far, closed: make(chan struct{})}
	go func() { _ = server.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		_ = server.Close()
	})
	resp, err := client.Get("http://api.test" + target)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func TestBrokenAnswer(t *testing.T) {
	g := newRig(t)
	target := g.infoTarget()
	whole := g.request(http.MethodGet, target, "").Body.Bytes()
	g.arm(wechatsim.Fault{Path: infoPath, Kind: wechatsim.FaultBreak})
	server := httptest.NewServer(g)
	defer server.Close()
	resp, err := http.Get(server.URL + target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil || resp.ContentLength != int64(len(whole)) || !bytes.Equal(body, whole[:len(whole)/2]) {
		t.Errorf("got %d of %d bytes, %v; want the first half and an error", len(body), resp.ContentLength, err)
	}
}

func TestSlowAnswers(t *testing.T) {
	for _, kind := range []wechatsim.FaultKind{wechatsim.FaultSlowBody, wechatsim.FaultSlowHeaders} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			target := g.infoTarget()
			want := g.request(http.MethodGet, target, "").Body.String()
			g.arm(wechatsim.Fault{Path: infoPath, Kind: kind, Delay: wechatsim.Duration(time.Minute)})
			begin := time.Now()
			resp := answerOf(t, g, target)
			headers := time.Since(begin)
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != want {
				t.Errorf("%s: body %q, %v", kind, body, err)
			}
			_ = resp.Body.Close()
			if all := time.Since(begin); all < 50*time.Second || (headers > time.Second) != (kind == wechatsim.FaultSlowHeaders) {
				t.Errorf("%s: headers after %s, all after %s", kind, headers, all)
			}
		})
	}
}
