package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener is a net.Listener over in-memory pipes, which work inside a
// synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// startServer runs a Server on l until the test ends.
func startServer(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	srv := Server(h, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { srv.Close(); wg.Wait() })
}

func TestSlowHeadersAreCutAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		startServer(t, l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") }))
		conn := l.dial()
		defer conn.Close()
		start := time.Now()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { // one byte a second, for as long as the server listens
			for _, b := range []byte("GET / HTTP/1.1\r\nHost: keys.example.com\r\nX-Slow: " + strings.Repeat("a", 200)) {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				<-time.After(time.Second)
			}
		})
		answer, err := io.ReadAll(conn)
		if took := time.Since(start); took < 9*time.Second || took > 16*time.Second {
			t.Errorf("cut after %s, with %q and %v", took, answer, err)
		}
	})
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		startServer(t, l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		conn := l.dial()
		defer conn.Close()
		go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }()
		start := time.Now()
		if _, err := io.ReadAll(conn); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != idleTimeout {
			t.Errorf("closed after %s", took)
		}
	})
}

func TestSlowBodyIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		failed := make(chan error, 1)
		startServer(t, l, LimitBody(16<<10, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			failed <- err
		})))
		conn := l.dial()
		defer conn.Close()
		start := time.Now()
		go func() { _, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc") }()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		if err := <-failed; err == nil {
			t.Error("a body that never ends was read")
		}
		if took := time.Since(start); took != bodyTime(16<<10) {
			t.Errorf("cut after %s", took)
		}
	})
}

func TestDeadlineOfTheBodyDoesNotCancelTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		startServer(t, l, LimitBody(10, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				t.Errorf("cancelled: %v", context.Cause(r.Context()))
			case <-time.After(time.Hour):
			}
			w.WriteHeader(http.StatusNoContent)
		})))
		conn := l.dial()
		defer conn.Close()
		go func() {
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
		}()
		answer, _ := io.ReadAll(conn)
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 204")) {
			t.Errorf("answer %q", answer)
		}
	})
}

func liveServer(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = Server(h, nil)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

func TestHeaderBombIs431(t *testing.T) {
	srv := liveServer(t, Machine(NotFound))
	for name, r := range map[string]func(*http.Request){
		"one huge header": func(r *http.Request) { r.Header.Set("X-Bomb", strings.Repeat("a", 64<<10)) },
		"many headers": func(r *http.Request) {
			for range 4000 {
				r.Header.Add("X-Bomb", "aaaaaaaaaa")
			}
		},
		"a huge cookie": func(r *http.Request) { r.Header.Set("Cookie", "a="+strings.Repeat("a", 64<<10)) },
		"a huge query":  func(r *http.Request) { r.URL.RawQuery = strings.Repeat("a=1&", 16<<10) },
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r(req)
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// zeros is n bytes that take no memory.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestHugeBodyIs413AndCostsNoMemory(t *testing.T) {
	const huge = 100 << 20
	h := newStage(t, LimitBody(1<<20, Machine(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	})))
	srv := liveServer(t, h)
	// A client that waits for "100 Continue" reads the refusal before it sends.
	srv.Client().Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, announced := range map[string]int64{"announced": huge, "chunked": -1} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, zeros(huge))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = announced
		req.Header.Set("Expect", "100-continue")
		res, err := srv.Client().Do(req)
		if err != nil && announced < 0 {
			continue // the server closed the connection while we still sent
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("two refused bodies allocated %d MiB", grown>>20)
	}
}

func TestBodyOverItsLimit(t *testing.T) {
	read := Machine(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	})
	for _, c := range []struct {
		name, body string
		announced  int64
		status     int
	}{
		{"empty", "", 0, 200},
		{"at the limit", "0123456789", 10, 200},
		{"over, announced", "0123456789a", 11, 413},
		{"over, chunked", "0123456789a", -1, 413},
		{"at the limit, chunked", "0123456789", -1, 200},
	} {
		s := newStage(t, LimitBody(10, read))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(c.body))
		r.ContentLength = c.announced
		w := s.serve(r)
		if w.Code != c.status {
			t.Errorf("%s: %d", c.name, w.Code)
		}
		if c.status == 413 && decodeProblem(t, w)["code"] != "body-too-large" {
			t.Errorf("%s: %s", c.name, w.Body)
		}
	}
}

func TestTLSBelow12IsRefused(t *testing.T) {
	var log bytes.Buffer
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = Server(Machine(NotFound), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	srv.TLS = srv.Config.TLSConfig
	srv.StartTLS()
	old := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if c, err := tls.Dial("tcp", srv.Listener.Addr().String(), old); err == nil {
		c.Close()
		t.Error("TLS 1.1 is spoken")
	}
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	srv.Close()
	if !strings.Contains(log.String(), "connection trouble") || !strings.Contains(log.String(), "level=DEBUG") {
		t.Errorf("log %q", log.String())
	}
}
