package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// readsAll is a handler that wants the whole body.
func readsAll(_ http.ResponseWriter, r *http.Request) error {
	_, err := io.Copy(io.Discard, r.Body)
	return err
}

// stallRoutes are the ways in which handlers treat bodies.
func stallRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/at-once", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/reads-some", func(w http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/duplex", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.WriteString(w, "early")
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler) // else net/http reads what follows as the next request
		}
	})
	mux.Handle("/reads", Machine(readsAll))
	mux.Handle("/limited", LimitBody(2, Machine(readsAll)))
	mux.Handle("/limited/unread", LimitBody(10, Machine(NotFound)))
	return mux
}

// stallPaths reach every one of them, and what no handler gets.
var stallPaths = []string{"/at-once", "/silent", "/abort", "/reads-some", "/duplex", "/reads", "/limited", "/limited/unread", "/nowhere", "*"}

// stalls are requests that stop before their body has ended.
var stalls = map[string]string{
	"announced, nothing sent":  "Content-Length: 9\r\n\r\n",
	"announced, some sent":     "Content-Length: 9\r\n\r\nabc",
	"announced, very large":    "Content-Length: 900000000\r\n\r\nabc",
	"chunked, nothing sent":    "Transfer-Encoding: chunked\r\n\r\n",
	"chunked, a torn chunk":    "Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
	"chunked, no last chunk":   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	"chunked, torn trailer":    "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n3\r\nabc\r\n0\r\nX-A: 1",
	"waits for 100":            "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
	"chunked, waits for 100":   "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
	"announced, asks to close": "Connection: close\r\nContent-Length: 9\r\n\r\n",
}

// stall sends a request that stops short and gives how long the server put up
// with it.
func stall(t *testing.T, conn net.Conn, request string) time.Duration {
	t.Helper()
	defer conn.Close()
	start := time.Now()
	go func() { _, _ = io.WriteString(conn, request) }()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Error(err)
	}
	return time.Since(start)
}

func TestBodiesThatNeverComeHoldNoConnection(t *testing.T) {
	for name, rest := range stalls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				startServer(t, l, Wrap(stallRoutes(), Options{}))
				var wg sync.WaitGroup
				for _, path := range stallPaths {
					method := "POST"
					if path == "*" {
						method = "OPTIONS"
					}
					for range 8 {
						conn := l.dial()
						wg.Go(func() {
							took := stall(t, conn, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\n%s", method, path, rest))
							// net/http keeps a refused connection half a second longer.
							if limit := bodyTime(10) + time.Second; took > limit {
								t.Errorf("%s held a connection for %v, over %v", path, took, limit)
							}
						})
					}
				}
				synctest.Wait() // all of them wait for the server, or it for them
				if took := stall(t, l.dial(), "GET /silent HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); took != 0 {
					t.Errorf("others had to wait for %v", took)
				}
				wg.Wait()
			})
		})
	}
}

// dripped sends a chunked body with a pause before each piece.
func dripped(conn net.Conn, pieces int, pause time.Duration) {
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range pieces {
		<-time.After(pause)
		if _, err := io.WriteString(conn, "3\r\nabc\r\n"); err != nil {
			return
		}
	}
	_, _ = io.WriteString(conn, "0\r\n\r\n")
}

// movingReader moves the deadline before each read, as the gateway does.
type movingReader struct {
	io.Reader
	rc   *http.ResponseController
	wait time.Duration
}

func (m movingReader) Read(p []byte) (int, error) {
	if err := m.rc.SetReadDeadline(time.Now().Add(m.wait)); err != nil {
		return 0, err
	}
	return m.Reader.Read(p)
}

// streams counts a body that may be slow but may not stand still.
func streams(wait time.Duration, duplex bool) http.Handler {
	return Machine(func(w http.ResponseWriter, r *http.Request) error {
		rc := http.NewResponseController(w)
		if duplex {
			if err := rc.EnableFullDuplex(); err != nil {
				return err
			}
		}
		n, err := io.Copy(io.Discard, movingReader{r.Body, rc, wait})
		if err != nil {
			return &Error{Status: http.StatusRequestTimeout, Code: "slow", Err: err}
		}
		_, err = fmt.Fprint(w, n)
		return err
	})
}

func TestASteadyBodyIsNotCutWhereTheHandlerMovesTheDeadline(t *testing.T) {
	const wait = bodyTimeout + 10*time.Second
	for name, c := range map[string]struct {
		pause  time.Duration
		duplex bool
		status int
	}{
		"steady":                    {20 * time.Second, false, 200},
		"steady, full duplex":       {20 * time.Second, true, 200},
		"slower than the first 30s": {bodyTimeout + 5*time.Second, true, 200},
		"stands still":              {wait + time.Second, false, 408},
		"stands still, full duplex": {wait + time.Second, true, 408},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				startServer(t, l, Wrap(streams(wait, c.duplex), Options{}))
				conn := l.dial()
				var wg sync.WaitGroup
				defer wg.Wait()
				defer conn.Close()
				wg.Go(func() { dripped(conn, 100, c.pause) })
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if res.StatusCode != c.status || err != nil || c.status == 200 && string(body) != "300" {
					t.Errorf("%d %s, %v", res.StatusCode, body, err)
				}
			})
		})
	}
}

func TestLimitBodyGivesLargeBodiesLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		startServer(t, l, Wrap(LimitBody(1<<20, Machine(readsAll)), Options{}))
		conn := l.dial()
		var wg sync.WaitGroup
		defer wg.Wait()
		defer conn.Close()
		wg.Go(func() { dripped(conn, 8, 10*time.Second) })
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != 200 {
			t.Errorf("%v, %v", res, err)
		}
	})
}

func TestTheDeadlineOfABodyDoesNotOutliveIt(t *testing.T) {
	routes := map[string]http.Handler{
		"reads, takes its time": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				t.Errorf("cancelled: %v", context.Cause(r.Context()))
			case <-time.After(time.Hour):
			}
		}),
		"does not read": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		"moves it":      streams(time.Second, true),
		"limits":        LimitBody(10, Machine(readsAll)),
	}
	for name, h := range routes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				startServer(t, l, Wrap(h, Options{}))
				conn := l.dial()
				defer conn.Close()
				answers := bufio.NewReader(conn)
				for _, request := range []string{
					"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
					"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
					"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
					"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
				} {
					go func() { _, _ = io.WriteString(conn, request) }()
					res, err := http.ReadResponse(answers, nil)
					if err != nil {
						t.Fatalf("%q: %v", request, err)
					}
					_, _ = io.Copy(io.Discard, res.Body)
					if res.StatusCode != 200 || res.Close {
						t.Errorf("%q: %d, closed: %v", request, res.StatusCode, res.Close)
					}
					<-time.After(idleTimeout - time.Second) // longer than any body may take
				}
			})
		})
	}
}

func TestOptionsOfTheServerReachOurHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		startServer(t, l, Wrap(Machine(NotFound), Options{}))
		conn := l.dial()
		defer conn.Close()
		go func() { _, _ = io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") }()
		if answer, err := io.ReadAll(conn); !strings.HasPrefix(string(answer), "HTTP/1.1 404 ") {
			t.Errorf("%q, %v", answer, err)
		}
	})
}
