package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// says starts an upstream that answers every request with the same bytes.
func says(t *testing.T, text string) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.Copy(io.Discard, req.Body)
					_, _ = io.WriteString(conn, text)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return rigFor(t, func(c *Config) { c.APIHosts = []string{"http://" + l.Addr().String()} })
}

func TestTrailersAreDropped(t *testing.T) {
	token := tokenOf(0).RevealString()
	const chunks = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nd\r\n" + `{"errcode":0}` + "\r\n0\r\n"
	for name, text := range map[string]string{
		"announced":     "Trailer: X-Echo, Set-Cookie\r\n" + chunks + "X-Echo: " + token + "\r\nSet-Cookie: a=b\r\n\r\n",
		"not announced": chunks + "X-Echo: " + token + "\r\nX-Zhanggui-Person: p\r\n\r\n",
		"one of two":    "Trailer: X-Sum\r\n" + chunks + "X-Sum: 1\r\nX-Echo: " + token + "\r\n\r\n",
		"only the word": "Trailer: Set-Cookie\r\nContent-Length: 13\r\n\r\n" + `{"errcode":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := says(t, "HTTP/1.1 200 OK\r\n"+text)
			got := rawOpen(t, r, "GET /wx/lantian"+readPath+" HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close, TE\r\nAuthorization: Bearer "+writeKey+"\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, `{"errcode":0}`) {
				t.Errorf("answer %s", got)
			}
			for _, never := range []string{bait, "Trailer", "X-Echo", "X-Sum", "Set-Cookie", "Person"} {
				if strings.Contains(got, never) {
					t.Errorf("%s reached the caller: %s", never, got)
				}
			}
		})
	}
}

func TestAStatusThatEndsNoAnswer(t *testing.T) {
	for status, want := range map[string]int{"099": 502, "000": 502, "001": 502, "101": 502, "200": 200, "599": 599, "999": 999} {
		t.Run(status, func(t *testing.T) {
			r := says(t, "HTTP/1.1 "+status+" Odd\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
			a := r.post(t, readPath, `{}`)
			if a.StatusCode != want {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if want != 502 {
				return
			}
			if p := problemBody(t, a); p["code"] != "wechat-cut" || a.Header.Get(headerAttempt) != "1" {
				t.Errorf("problem %v", p)
			}
			if got := r.last(); got.class != "wechat-cut" || strings.Contains(r.log.String(), "panic") {
				t.Errorf("observed %+v, log %s", got, r.log)
			}
		})
	}
}
