package gateway

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// dial writes text to the gateway's socket and gives the connection.
func dial(t testing.TB, r *rig, text string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", r.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, text) // the server may have closed already
	return conn.(*net.TCPConn)
}

// raw sends text, says that nothing follows, and gives all that comes back.
func raw(t testing.TB, r *rig, text string) string {
	t.Helper()
	conn := dial(t, r, text)
	_ = conn.CloseWrite()
	got, _ := io.ReadAll(conn)
	return string(got)
}

// rawOpen is raw for a sender who stays and says nothing.
func rawOpen(t testing.TB, r *rig, text string) string {
	t.Helper()
	got, err := io.ReadAll(dial(t, r, text))
	if err != nil {
		t.Log(err) // reset: the server closed with bytes unread
	}
	return string(got)
}

func TestSmuggledRequestsAreNotSeen(t *testing.T) {
	const start = "POST /wx/lantian" + readPath + " HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + writeKey + "\r\n"
	const hidden = "GET /wx/lantian/channels/ec/hidden HTTP/1.1\r\nHost: gateway\r\nX: "
	for name, text := range map[string]string{
		"CL.TE":            start + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"TE.CL":            start + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + hidden + "\r\n0\r\n\r\n",
		"TE.TE":            start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"TE twice chunked": start + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + hidden,
		"TE with tab":      start + "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"TE xchunked":      start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"space before ':'": start + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":      start + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + hidden,
		"length list":      start + "Content-Length: 0, 5\r\n\r\n" + hidden,
		"length with plus": start + "Content-Length: +5\r\n\r\n" + hidden,
		"obs-fold":         start + "X-Folded: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
		"folded length":    start + "Content-Length:\r\n 0\r\n\r\n" + hidden,
		"bad chunk size":   start + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
		"chunk extension":  start + "Transfer-Encoding: chunked\r\n\r\n2;a=\"\n\"\r\n{}\r\n0\r\n\r\n",
		"bare LF":          strings.ReplaceAll(start, "\r\n", "\n") + "Content-Length: 2\n\n{}",
		"bare CR":          start + "X: a\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
		"NUL in a header":  start + "X: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
		"two hosts":        start + "Host: evil\r\nContent-Length: 2\r\n\r\n{}",
		"absolute form":    "GET http://evil.example/wx/lantian" + readPath + " HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer " + writeKey + "\r\n\r\n",
		"CONNECT":          "CONNECT api.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + writeKey + "\r\n\r\n",
		"header bomb":      start + strings.Repeat("X-Bomb: "+strings.Repeat("b", 1000)+"\r\n", 200) + "\r\n",
		"long line":        "GET /wx/lantian/" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"websocket":        start + "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}",
		"folded key":       "POST /wx/lantian" + readPath + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n " + writeKey + "\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 with TE": "POST /wx/lantian" + readPath + " HTTP/1.0\r\nAuthorization: Bearer " + writeKey + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			seen := 0
			r := newRig(t, func(_ http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				seen++
				if r.URL.Path != readPath || strings.Contains(string(b), "Transfer") || len(r.URL.Query()["access_token"]) != 1 {
					t.Errorf("WeChat saw %s %s %q", r.Method, r.URL.Path, b)
				}
				for _, h := range []string{"X", "X-Folded", "Upgrade", "Authorization"} {
					if r.Header.Get(h) != "" {
						t.Errorf("WeChat saw %s: %q", h, r.Header.Get(h))
					}
				}
			})
			got := raw(t, r, text)
			mu.Lock()
			defer mu.Unlock()
			if seen > 1 {
				t.Errorf("WeChat saw %d requests: %s", seen, got)
			}
			if strings.Contains(got, "101 Switching") || !strings.HasPrefix(got, "HTTP/1.") && got != "" {
				t.Errorf("answer %.200s", got)
			}
			if strings.Contains(got, bait) {
				t.Error("the token shows")
			}
		})
	}
}

// An answer that begins before the body was read must be the last one: the rest
// of the body would be read as a request.
func TestTheRestOfABodyIsNoRequest(t *testing.T) {
	for name, keep := range map[string]bool{"answered": true, "failed": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
				if !keep {
					panic(http.ErrAbortHandler)
				}
				_ = http.NewResponseController(w).EnableFullDuplex()
				_, _ = io.ReadFull(r.Body, make([]byte, 5))
				io.WriteString(w, `{"errcode":0}`)
			}, func(c *Config) { c.CallerTimeout = 100 * time.Millisecond })
			got := rawOpen(t, r, "POST /wx/lantian"+writePath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+writeKey+
				"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			if !strings.Contains(got, "Connection: close") || strings.Count(got, "HTTP/1.1 ") != 1 {
				t.Errorf("answers %s", got)
			}
		})
	}
}
