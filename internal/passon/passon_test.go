package passon_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/passon"
)

// old is the other system: it answers with the statuses in their order and then
// with 200. A status of 0 is a connection that fails, -1 one that says nothing.
type old struct {
	mu      sync.Mutex
	answers []int
	got     []string // what came: address, type, body
	at      []time.Duration
	began   time.Time
	counts  map[string]int
	log     bytes.Buffer
}

func (o *old) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.got = append(o.got, r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body))
	o.at = append(o.at, time.Since(o.began))
	status := http.StatusOK
	if len(o.answers) > 0 {
		status, o.answers = o.answers[0], o.answers[1:]
	}
	o.mu.Unlock()
	switch status {
	case 0:
		return nil, errors.New("connection refused")
	case -1:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}, Body: io.NopCloser(strings.NewReader("success"))}, nil
}

func (o *old) PassedOn(result string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[result]++
}

func (o *old) count(result string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[result]
}

func newOld(answers ...int) (*old, *passon.Passer) {
	o := &old{answers: answers, counts: map[string]int{}, began: time.Now()}
	return o, passon.New(passon.Options{Logger: slog.New(slog.NewTextHandler(&o.log, nil)), Observer: o, Places: map[string]passon.Place{
		"platform": {Auth: "https://old.example.com/auth", Event: "https://old.example.com/event/$APPID$/cb", Way: o},
		"half":     {Auth: "https://old.example.com/half", Way: o},
	}})
}

// TestPass: what came goes on as it is, to the address that its own stood for.
func TestPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := newOld()
		p.Pass("platform", "", "signature=a%2Bb&timestamp=1", "text/xml", []byte("<xml>\r\n\x00</xml>"))
		synctest.Wait()
		p.Pass("platform", "wx00000000000000a1", "b=&b=2&&a", "", []byte("{}"))
		p.Pass("half", "wx00000000000000a1", "", "", nil)
		p.Pass("another", "", "", "", nil)
		p.Close(t.Context())
		want := []string{"POST https://old.example.com/auth?signature=a%2Bb&timestamp=1 text/xml <xml>\r\n\x00</xml>",
			"POST https://old.example.com/event/wx00000000000000a1/cb?b=&b=2&&a  {}"}
		if diff := cmp.Diff(want, o.got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]int{"sent": 2}, o.counts); diff != "" {
			t.Error(diff)
		}
	})
}

// TestRetries: what may pass is tried again by the table, what will not is not, and
// what is dropped is counted and said.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		answers []int
		at      []time.Duration
		counts  map[string]int
	}{
		"taken at last": {[]int{0, 502, 429}, []time.Duration{0, time.Second, 6 * time.Second, 36 * time.Second}, map[string]int{"failed": 3, "sent": 1}},
		"never taken":   {[]int{500, 500, 500, 500}, []time.Duration{0, time.Second, 6 * time.Second, 36 * time.Second}, map[string]int{"failed": 3, "dropped": 1}},
		"refused":       {[]int{403}, []time.Duration{0}, map[string]int{"dropped": 1}},
		"elsewhere":     {[]int{302}, []time.Duration{0}, map[string]int{"dropped": 1}},
		"silent":        {[]int{-1}, []time.Duration{0, 6 * time.Second}, map[string]int{"failed": 1, "sent": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, p := newOld(c.answers...)
				p.Pass("platform", "", "signature=SIGNED", "", []byte("x"))
				time.Sleep(time.Minute)
				p.Close(t.Context())
				if diff := cmp.Diff(c.at, o.at); diff != "" {
					t.Errorf("tried at: %s", diff)
				}
				if diff := cmp.Diff(c.counts, o.counts); diff != "" {
					t.Error(diff)
				}
				if said := o.log.String(); (c.counts["dropped"] > 0) != strings.Contains(said, "app=platform") || strings.Contains(said, "SIGNED") {
					t.Errorf("the log says %q", said)
				}
			})
		})
	}
}

// TestCrowd: an other system that does not answer costs bounded memory, and the log
// one line in ten seconds.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := newOld()
		for range 20_000 {
			o.answers = append(o.answers, 503)
		}
		for range 5000 {
			p.Pass("platform", "", "", "", []byte("x"))
		}
		if got := o.count("dropped"); got != 5000-4096 {
			t.Errorf("%d dropped at once", got)
		}
		time.Sleep(2 * time.Minute)
		if got := o.count("dropped"); got != 5000 {
			t.Errorf("%d dropped in all", got)
		}
		if lines := strings.Count(o.log.String(), "\n"); lines == 0 || lines > 14 {
			t.Errorf("%d lines in the log", lines)
		}
		big := make([]byte, 1<<20)
		for range 33 {
			p.Pass("platform", "", "", "", big)
		}
		if got := o.count("dropped"); got != 5001 {
			t.Errorf("%d dropped; 32 MiB may wait", got)
		}
		p.Close(t.Context())
	})
}

// TestClose: what waits has one more try at once; what does not end in time is
// dropped, and nothing begins afterwards.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p := newOld(500, 500)
		p.Pass("platform", "", "", "", []byte("waits for its next try"))
		synctest.Wait()
		o.mu.Lock()
		o.answers = []int{200}
		o.mu.Unlock()
		p.Close(t.Context())
		if o.count("sent") != 1 || time.Since(o.began) != 0 {
			t.Errorf("%v after %v", o.counts, time.Since(o.began))
		}
		p.Pass("platform", "", "", "", []byte("late"))
		if o.count("dropped") != 1 {
			t.Errorf("after the end: %v", o.counts)
		}

		o, p = newOld(-1)
		p.Pass("platform", "", "", "", []byte("hangs"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.Close(ctx)
		if o.count("dropped") != 1 || time.Since(o.began) != time.Second {
			t.Errorf("%v after %v", o.counts, time.Since(o.began))
		}
	})
}
