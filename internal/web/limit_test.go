package web

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallersOverTheLimitWaitAndAreServed(t *testing.T) {
	const limit, strangers = 3, 10
	synctest.Test(t, func(t *testing.T) {
		public, ops := newPipeListener(), newPipeListener()
		startServer(t, Limit(public, limit), stallRoutes())
		startServer(t, ops, stallRoutes())
		var wg sync.WaitGroup
		defer wg.Wait()
		for range strangers {
			wg.Go(func() { stall(t, public.dial(), "POST /at-once HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n") })
		}
		synctest.Wait()
		const good = "GET /silent HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		if took := stall(t, ops.dial(), good); took != 0 {
			t.Errorf("another listener waited for %v", took)
		}
		start := time.Now()
		stall(t, public.dial(), good) // dial waits until it is accepted
		// Three at a time, each for the time of a body and a moment for closing.
		if took := time.Since(start); took < bodyTimeout || took > 4*(bodyTimeout+time.Second) {
			t.Errorf("waited for %v", took)
		}
	})
}

func TestClosingALimitedListenerEndsAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipeListener()
		l := Limit(inner, 1)
		go func() { defer inner.dial().Close() }()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept: %v", err)
			}
		})
		synctest.Wait() // the listener is full
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestHTTP2OverALimitedTLSListener(t *testing.T) {
	maker := httptest.NewTLSServer(nil) // only for its certificate
	certificates, client := maker.TLS.Certificates, maker.Client()
	maker.Close()
	tcp, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: certificates, NextProtos: []string{"h2", "http/1.1"}}
	startServer(t, tls.NewListener(Limit(tcp, 10), config), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.TLS == nil || string(body) != "abc" {
			t.Errorf("%q, %v, TLS %v", body, err, r.TLS)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	for name, version := range map[string]int{"HTTP/1.1": 1, "HTTP/2": 2} {
		roots := client.Transport.(*http.Transport).TLSClientConfig.RootCAs
		transport := &http.Transport{ForceAttemptHTTP2: version == 2, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
		defer transport.CloseIdleConnections()
		pr, pw := io.Pipe()
		go func() { _, _ = io.WriteString(pw, "abc"); pw.Close() }()
		req, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+tcp.Addr().String(), pr)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		res.Body.Close()
		if res.ProtoMajor != version || res.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s %d", name, res.Proto, res.StatusCode)
		}
	}
}

func TestConnsWith(t *testing.T) {
	for files, want := range map[uint64]int{
		0: 1, 1: 1, 3: 1, 8: 3, 64: 24, 256: 96, 1024: 480, 20_063: 9_999, 20_064: 10_000, 1 << 20: 10_000, math.MaxUint64: 10_000,
	} {
		if got := connsWith(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}

func TestMaxConnsIsInItsRange(t *testing.T) {
	if n := MaxConns(); n < 1 || n > maxConns || uint64(n) > openFiles() {
		t.Errorf("%d connections with %d files", n, openFiles())
	}
}
