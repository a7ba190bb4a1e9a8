package gateway

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInformationalAnswersStayBehind(t *testing.T) {
	const fine = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n" + `{"errcode":0}`
	for name, before := range map[string]string{
		"early hints":   "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\nSet-Cookie: a=b\r\n\r\n",
		"processing":    "HTTP/1.1 102 Processing\r\nX-Zhanggui-Person: p\r\n\r\n",
		"continue":      "HTTP/1.1 100 Continue\r\n\r\n",
		"several":       strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 3),
		"and the token": "HTTP/1.1 103 Early Hints\r\nLink: </" + tokenOf(0).RevealString() + ">\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := says(t, before+fine)
			got := rawOpen(t, r, "GET /wx/lantian"+readPath+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+writeKey+"\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 200 ") || strings.Count(got, "HTTP/1.1") != 1 || !strings.HasSuffix(got, `{"errcode":0}`) {
				t.Errorf("answer %s", got)
			}
			for _, never := range []string{"Link", "Set-Cookie", "Person", bait} {
				if strings.Contains(got, never) {
					t.Errorf("%s reached the caller: %s", never, got)
				}
			}
		})
	}
}

func TestProtocolsDoNotChange(t *testing.T) {
	r := newRig(t, untouched(t))
	for _, offer := range []string{"websocket", "WebSocket", "h2c, websocket", "TLS/1.0", "foo/2"} {
		a := r.do(t, "GET", writeKey, "/wx/lantian"+readPath, "", "Connection", "Upgrade", "Upgrade", offer)
		if p := problemBody(t, a); a.StatusCode != 400 || p["code"] != "upgrade" || p["next"] == "" {
			t.Errorf("%s: %d %v", offer, a.StatusCode, p)
		}
	}
	if a := r.do(t, "GET", "", "/wx/lantian"+readPath, "", "Connection", "Upgrade", "Upgrade", "websocket"); a.StatusCode != 401 {
		t.Errorf("a stranger learns more than that: %d", a.StatusCode)
	}
}

// Programs offer HTTP/2 with every call; the offer may be left unheard.
func TestAnOfferOfHTTP2IsLeftUnheard(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Upgrade") + r.Header.Get("Http2-Settings"); got != "" {
			t.Errorf("WeChat was offered %q", got)
		}
		io.WriteString(w, `{"errcode":0}`)
	})
	a := r.do(t, "GET", writeKey, "/wx/lantian"+readPath, "", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c", "HTTP2-Settings", "AAMAAABkAAQ")
	if a.StatusCode != 200 || a.body != `{"errcode":0}` {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestHeadersOfOneConnectionStayBehind(t *testing.T) {
	for name, tc := range map[string]struct {
		head string
		want map[string]string // what reaches the caller; empty: does not
	}{
		"usual":           {"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nTe: x\r\n", map[string]string{"Keep-Alive": "", "Proxy-Connection": "", "Te": "", "Connection": ""}},
		"named":           {"Connection: keep-alive, x-own , X-Other\r\nX-Own: 1\r\nX-Other: 2\r\nX-Third: 3\r\n", map[string]string{"X-Own": "", "X-Other": "", "X-Third": "3"}},
		"named twice":     {"Connection: X-Own\r\nConnection: X-Other\r\nX-Own: 1\r\nX-Other: 2\r\n", map[string]string{"X-Own": "", "X-Other": ""}},
		"proxy":           {"Proxy-Authenticate: Basic\r\nProxy-Authorization: x\r\n", map[string]string{"Proxy-Authenticate": "", "Proxy-Authorization": ""}},
		"upgrade":         {"Connection: Upgrade\r\nUpgrade: h2\r\n", map[string]string{"Upgrade": "", "Connection": ""}},
		"our own":         {"Connection: X-Zhanggui-Attempt, X-Zhanggui-Request\r\n", map[string]string{headerAttempt: "1"}},
		"WeChat's id":     {"X-Request-Id: theirs\r\n", map[string]string{"X-Request-Id": "theirs"}},
		"several values":  {"Logicret: 1\r\nLogicret: 2\r\n", map[string]string{"Logicret": "1,2"}},
		"nothing between": {"Connection: ,,\r\nX-Third: 3\r\n", map[string]string{"X-Third": "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := says(t, "HTTP/1.1 200 OK\r\n"+tc.head+"Content-Length: 13\r\n\r\n"+`{"errcode":0}`)
			a := r.post(t, readPath, `{}`)
			got := map[string]string{}
			for name := range tc.want {
				got[name] = strings.Join(a.Header.Values(name), ",")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || a.body != `{"errcode":0}` {
				t.Error(a.body, diff)
			}
			if a.Header.Get(headerRequest) == "" {
				t.Error("our own header was named away")
			}
		})
	}
}

func TestHEADIsNoMethodOfWeChats(t *testing.T) {
	r := newRig(t, untouched(t))
	a := r.do(t, "HEAD", writeKey, "/wx/lantian"+readPath, "")
	if a.StatusCode != 405 || a.Header.Get("Allow") != "GET, POST" || a.body != "" {
		t.Errorf("%d, Allow %q, %q", a.StatusCode, a.Header.Get("Allow"), a.body)
	}
}

func TestPiecesOfAnAnswerOfKnownLengthAreNotHeldUp(t *testing.T) {
	goOn := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "15")
		io.WriteString(w, `{"errcode":0,`)
		w.(http.Flusher).Flush()
		<-goOn
		io.WriteString(w, ` }`)
	})
	conn := dial(t, r, "GET /wx/lantian"+readPath+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+writeKey+"\r\n\r\n")
	seen, piece := "", make([]byte, 4096)
	for !strings.HasSuffix(seen, `{"errcode":0,`) {
		n, err := conn.Read(piece)
		if err != nil {
			t.Fatalf("%v after %s", err, seen)
		}
		seen += string(piece[:n])
	}
	close(goOn)
	if rest, err := io.ReadAll(conn); string(rest) != ` }` || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// What broke off is counted as such, although its status was passed on.
func TestATornAnswerIsCounted(t *testing.T) {
	r := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"+`{"errcode":0,`+strings.Repeat(" ", 3000))
	req, _ := http.NewRequestWithContext(t.Context(), "GET", r.front.URL+"/wx/lantian"+readPath, nil)
	req.Header.Set("Authorization", "Bearer "+writeKey)
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("a torn answer looks whole")
	}
	if got := r.last(); got.class != "wechat-cut" {
		t.Errorf("observed %+v", got)
	}
	r.settle()
	if log := r.log.String(); !strings.Contains(log, "code=wechat-cut") || strings.Contains(log, "panic") {
		t.Errorf("log %s", log)
	}
}

// huge answers with more bytes than there is memory for.
type huge int64

func (h huge) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, ContentLength: int64(h), Header: http.Header{"Content-Type": {"video/mp4"}},
		Body: io.NopCloser(io.LimitReader(zeros{}, int64(h))),
	}, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestThreeGigabytesNeedNoMemory(t *testing.T) {
	const size = 3 << 30
	store := newStore()
	g, err := New(Config{
		Clients: store, Directory: store, Tokens: &fakeTokens{},
		Transports: func(string) (http.RoundTripper, error) { return huge(size), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &sink{header: http.Header{}}
	grown := heapPeak(func() {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/wx/lantian/channels/ec/basics/media/get", nil)
		r.Header.Set("Authorization", "Bearer "+writeKey)
		g.ServeHTTP(w, r)
	})
	if w.status != 200 || w.n != size {
		t.Errorf("status %d, %d bytes", w.status, w.n)
	}
	if grown > 4<<20 {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
}

// opened counts the connections of a server that are open.
type opened struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (o *opened) note(c net.Conn, state http.ConnState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if state == http.StateClosed {
		delete(o.conns, c)
		return
	}
	o.conns[c] = true
}

func (o *opened) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.conns)
}

// Calls in turn need one connection, however they end; and none stays when idle
// ones are closed. TestMain looks for goroutines.
func TestNoConnectionIsLost(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(oddly))
	conns := &opened{conns: map[net.Conn]bool{}}
	up.Config.ConnState = conns.note
	up.Start()
	t.Cleanup(up.Close)
	ways := NewTransports(EgressOptions{})
	r := rigFor(t, func(c *Config) {
		c.APIHosts, c.Transports, c.AnswerTimeout = []string{up.URL}, ways.For, 50*time.Millisecond
	})
	for _, end := range []string{"whole", "html", "cut", "redirect", "dead", "large", "late", "whole"} {
		for range 3 {
			req, _ := http.NewRequestWithContext(t.Context(), "POST", r.front.URL+"/wx/lantian"+readPath+"?end="+end, strings.NewReader(`{}`))
			req.Header.Set("Authorization", "Bearer "+writeKey)
			res, err := r.client.Do(req)
			if err != nil {
				t.Fatal(end, err)
			}
			if end != "large" { // whose taker leaves
				_, _ = io.Copy(io.Discard, res.Body)
			}
			res.Body.Close()
			r.settle()
		}
		if n := conns.count(); n > 4 { // a closed one is noticed a moment later
			t.Errorf("%d connections are open after %q", n, end)
		}
	}
	ways.CloseIdle()
	for deadline := time.After(5 * time.Second); conns.count() > 0; {
		select {
		case <-deadline:
			t.Fatalf("%d connections are left", conns.count())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// oddly answers in the way that the query names.
func oddly(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch r.URL.Query().Get("end") {
	case "whole":
		io.WriteString(w, `{"errcode":0}`)
	case "html":
		io.WriteString(w, "<html>busy</html>")
	case "cut":
		io.WriteString(w, `{"errcode":0,`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "redirect":
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	case "dead":
		io.WriteString(w, `{"errcode":40001,"errmsg":"invalid credential"}`)
	case "large":
		_, _ = w.Write(slices.Repeat([]byte(" "), 8<<20))
	case "late":
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}
