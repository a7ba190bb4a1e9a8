package web

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnswersThatNobodyReads end after their time; with the bound lifted they
// may last.
func TestAnswersThatNobodyReads(t *testing.T) {
	big := bytes.Repeat([]byte("a"), 1<<20)
	for name, tt := range map[string]struct {
		bound time.Duration
		ends  bool
	}{"bounded": {AnswerTimeout, true}, "lifted": {0, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				wrote := make(chan error, 1)
				startServer(t, l, AnswerWithin(tt.bound, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					_, err := w.Write(big)
					wrote <- err
				})))
				conn := l.dial()
				defer conn.Close()
				go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }()
				start := time.Now()
				select {
				case err := <-wrote:
					if !tt.ends || err == nil || time.Since(start) != tt.bound {
						t.Errorf("ended after %s with %v", time.Since(start), err)
					}
				case <-time.After(24 * time.Hour):
					if tt.ends {
						t.Error("an answer that nobody reads lasts for a day")
					}
				}
			})
		})
	}
}

// TestTheNextAnswerHasItsOwnTime on a connection that is kept.
func TestTheNextAnswerHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		startServer(t, l, AnswerWithin(AnswerTimeout, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-time.After(AnswerTimeout * 3 / 4)
			_, _ = io.WriteString(w, "ok")
		})))
		client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return l.dial(), nil }}}
		defer client.CloseIdleConnections()
		for range 3 {
			resp, err := client.Get("http://keys.example.com/")
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "ok" {
				t.Errorf("%q, %v", b, err)
			}
			resp.Body.Close()
		}
	})
}
