package upstream_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// echo is a back office that speaks another protocol, as a WebSocket is one, and stands
// still at /events.
func echo(w http.ResponseWriter, in *http.Request) {
	if in.URL.Path == "/events" {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-in.Context().Done()
		return
	}
	if in.Header.Get("Connection") != "Upgrade" || in.Header.Get("Upgrade") != "websocket" {
		http.Error(w, "no upgrade", http.StatusBadRequest)
		return
	}
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Set-Cookie", "zg_child=evil")
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // the test is over
	_, _ = io.Copy(conn, rw)
}

// switched opens a WebSocket as far as the proxy sees one.
func switched(t *testing.T, r *rig) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn := dial(t, r)
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", r.host)
	read := bufio.NewReader(conn)
	resp, err := http.ReadResponse(read, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Content-Security-Policy") != "" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	return conn, read
}

// TestStreams: bytes go both ways at once; End ends what streams, and there is nothing
// left at the back office.
func TestStreams(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo, nil)
	conn, read := switched(t, r)
	for _, word := range []string{"one\n", "two\n"} {
		fmt.Fprint(conn, word)
		if got, err := read.ReadString('\n'); got != word {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	events := r.send(t, "GET", "/events", "")
	from := bufio.NewReader(events.Body)
	if line, err := from.ReadString('\n'); line != "data: 1\n" {
		t.Fatalf("the first event is %q, %v", line, err)
	}
	r.proxy.End()
	if _, err := io.ReadAll(read); err != nil {
		t.Errorf("the WebSocket did not end well: %v", err)
	}
	if _, err := io.ReadAll(from); err == nil {
		t.Error("the events end as if they were whole")
	}
	r.client.CloseIdleConnections()
	r.proxy.Close()
	await(t, "the end of the back office's connections", func() bool { return r.open.Load() == 0 })

	conn = dial(t, r)
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", r.host)
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a WebSocket after the end: %v %v", resp, err)
	}
	if resp := r.send(t, "GET", "/events", ""); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("events after the end: %d", resp.StatusCode)
	}
}

// TestStreamsEndWithTheRequest: the guard ends the context when the session ends.
func TestStreamsEndWithTheRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t, echo, nil)
	var ends []context.CancelFunc
	inner := r.Config.Handler
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		ctx, cancel := context.WithCancel(in.Context())
		ends = append(ends, cancel)
		inner.ServeHTTP(w, in.WithContext(ctx))
	})
	_, read := switched(t, r)
	events := r.send(t, "GET", "/events", "")
	for _, end := range ends {
		end()
	}
	if _, err := io.ReadAll(read); err != nil {
		t.Errorf("the WebSocket did not end well: %v", err)
	}
	if _, err := io.ReadAll(events.Body); err == nil {
		t.Error("the events end as if they were whole")
	}
	r.proxy.Close()
	await(t, "the end of the back office's connections", func() bool { return r.open.Load() == 0 })
}

// TestPace: a visitor is cut off who sends nothing more of an upload for a minute, and not
// one who is slow.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes(t, func(w http.ResponseWriter, in *http.Request) {
			n, err := io.Copy(io.Discard, in.Body)
			if err != nil {
				return
			}
			fmt.Fprintf(w, "%d bytes", n)
		})
		slow := p.visit()
		fmt.Fprintf(slow, "POST / HTTP/1.1\r\nHost: erp.example.com\r\nContent-Length: 10\r\n\r\n")
		for range 10 {
			time.Sleep(50 * time.Second)
			fmt.Fprint(slow, "x")
		}
		resp, err := http.ReadResponse(bufio.NewReader(slow), nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); string(b) != "10 bytes" {
			t.Errorf("a slow upload: %q, %v", b, err)
		}
		still := p.visit()
		began := time.Now()
		fmt.Fprintf(still, "POST / HTTP/1.1\r\nHost: erp.example.com\r\nContent-Length: 10\r\n\r\nxxx")
		b, _ := io.ReadAll(still)
		if took := time.Since(began); took < 30*time.Second || took > 2*time.Minute {
			t.Errorf("one that stands still ended after %v with %q", took, b)
		}
		if strings.Contains(string(b), "200 OK") {
			t.Errorf("half an upload counts: %q", b)
		}
	})
}
