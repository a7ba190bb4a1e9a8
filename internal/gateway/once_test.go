package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loser is an upstream that answers the first request of a connection and
// closes it after it has read the second one whole, without a word.
type loser struct {
	net.Listener
	wg sync.WaitGroup

	mu       sync.Mutex
	requests []*http.Request
	wire     []string // what stood before each body
}

func newLoser(t *testing.T) *loser {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := &loser{Listener: l}
	up.wg.Go(up.accept)
	t.Cleanup(func() { l.Close(); up.wg.Wait() })
	return up
}

func (l *loser) accept() {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		l.wg.Go(func() {
			defer conn.Close()
			var seen strings.Builder
			in := bufio.NewReader(io.TeeReader(conn, &seen))
			if l.take(in, &seen) == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n"+`{"errcode":0}`)
				_ = l.take(in, &seen)
			}
		})
	}
}

func (l *loser) take(in *bufio.Reader, seen *strings.Builder) error {
	seen.Reset()
	req, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	head, _, _ := strings.Cut(seen.String(), "\r\n\r\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests, l.wire = append(l.requests, req), append(l.wire, head)
	return err
}

func TestACallWhoseAnswerIsLostIsSentOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		method  string
		size    int
		chunked bool
		path    string
	}{
		"GET":                             {"GET", 0, false, writePath},
		"GET with a body":                 {"GET", 2, false, writePath},
		"GET with a stream":               {"GET", KeptBody + 1, false, writePath},
		"GET, length unknown":             {"GET", 2, true, writePath},
		"POST without a body":             {"POST", 0, false, writePath},
		"POST":                            {"POST", 2, false, writePath},
		"POST with a stream":              {"POST", KeptBody + 1, false, writePath},
		"POST, length unknown":            {"POST", 2, true, writePath},
		"POST, nothing chunked":           {"POST", 0, true, writePath},
		"GET that reads by its name only": {"GET", 0, false, "/channels/ec/neu/get"},
	} {
		t.Run(name, func(t *testing.T) {
			up := newLoser(t)
			r := rigFor(t, func(c *Config) { c.APIHosts = []string{"http://" + up.Addr().String()} })
			if a := r.post(t, readPath, `{}`); a.StatusCode != 200 { // warms the connection
				t.Fatal(a.StatusCode, a.body)
			}
			body := io.Reader(strings.NewReader(strings.Repeat("x", tc.size)))
			if tc.chunked {
				body = io.MultiReader(body)
			}
			req, _ := http.NewRequestWithContext(t.Context(), tc.method, r.front.URL+"/wx/lantian"+tc.path, body)
			req.Header.Set("Authorization", "Bearer "+writeKey)
			req.Header.Set("Idempotency-Key", "1") // net/http repeats a POST that has one
			res, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			a := answer{res, string(b)}
			if p := problemBody(t, a); a.StatusCode != 502 || p["code"] != "wechat-cut" || a.Header.Get(headerAttempt) != "1" {
				t.Errorf("%d, attempt %s: %s", a.StatusCode, a.Header.Get(headerAttempt), a.body)
			}
			up.mu.Lock()
			defer up.mu.Unlock()
			if len(up.requests) != 2 {
				t.Errorf("WeChat got the call %d times", len(up.requests)-1)
			}
			r.clean(t, a.body)
		})
	}
}

// The trick that keeps net/http from repeating a GET must not be seen.
func TestAGETWithoutABodyLooksLikeOne(t *testing.T) {
	up := newLoser(t)
	r := rigFor(t, func(c *Config) { c.APIHosts = []string{"http://" + up.Addr().String()} })
	if a := r.do(t, "GET", writeKey, "/wx/lantian"+writePath, "", "User-Agent", "erp/1", "Expect", "100-continue"); a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body)
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	want := "GET " + writePath + "?access_token=" + tokenOf(0).RevealString() + " HTTP/1.1\r\nHost: " + up.Addr().String() + "\r\nUser-Agent: erp/1"
	if diff := cmp.Diff(want, up.wire[0]); diff != "" {
		t.Error(diff)
	}
}

// A read may be sent again, over a fresh connection, when a kept one turns out to be
// dead: the caller need not hear of it.
func TestAReadIsSentAgainOverAFreshConnection(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "POST": 502} {
		t.Run(method, func(t *testing.T) {
			up := newLoser(t)
			r := rigFor(t, func(c *Config) { c.APIHosts = []string{"http://" + up.Addr().String()} })
			for _, want := range []int{200, want} { // the first one warms the connection
				if a := r.do(t, method, writeKey, "/wx/lantian"+readPath, ""); a.StatusCode != want {
					t.Errorf("%d %s, want %d", a.StatusCode, a.body, want)
				}
			}
		})
	}
}
