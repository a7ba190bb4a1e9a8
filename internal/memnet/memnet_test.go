package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/memnet"
)

// TestHTTPInABubble: a server and its client meet, know each other's addresses, and
// wait for hours in a moment.
func TestHTTPInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &memnet.Network{}
		l := n.Listen()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(3 * time.Hour)
			_, _ = io.WriteString(w, r.RemoteAddr)
		})}
		ended := make(chan error)
		go func() { ended <- srv.Serve(l) }()
		transport := &http.Transport{DialContext: n.Dial}
		begin := time.Now()
		resp, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		from, err := io.ReadAll(resp.Body)
		if host, _, split := net.SplitHostPort(string(from)); err != nil || split != nil || host != "127.0.0.1" || string(from) == l.Addr().String() {
			t.Errorf("the server sees %q (%v)", from, err)
		}
		if took := time.Since(begin); took != 3*time.Hour {
			t.Errorf("took %v", took)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
		srv.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// TestNobodyListens: dialling is refused where nobody listens or listened, and ends
// with its context.
func TestNobodyListens(t *testing.T) {
	n := &memnet.Network{}
	if _, err := n.Dial(t.Context(), "tcp", "127.0.0.1:80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody: %v", err)
	}
	l := n.Listen()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Dial(ctx, "tcp", l.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody accepts: %v", err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
	if _, err := n.Dial(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("closed: %v", err)
	}
}
