package relay_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/relay"
	"github.com/zhanggui/zhanggui/internal/web"
)

// say asks the relay's handler with the client's key, or another.
func (w *world) say(method, path, key, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	req := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	rec := httptest.NewRecorder()
	web.Wrap(w.r.Handler(), web.Options{}).ServeHTTP(rec, req)
	return rec
}

// ask is say for what must work.
func (w *world) ask(method, path, body string, out any) {
	w.t.Helper()
	rec := w.say(method, path, w.key, body)
	if rec.Code >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	if out != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			w.t.Fatal(err)
		}
	}
}

type page struct {
	Items []relay.Body
	Next  int64
	More  bool
}

func idsOf(p page) []string {
	var all []string
	for _, b := range p.Items {
		all = append(all, b.ID)
	}
	return all
}

func TestPull(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.happen("channels_ec_order_pay", "tea", "silk", "rice", "tea")
		b := w.happen("product_spu_audit", "rice")
		for query, want := range map[string][]string{
			"":                               {a[0], a[2], a[3], b[0]},
			"?after=0":                       {a[0], a[2], a[3], b[0]},
			"?after=3":                       {a[3], b[0]},
			"?after=ev_3":                    {a[3], b[0]},
			"?limit=2":                       {a[0], a[2]},
			"?shop=tea":                      {a[0], a[3]},
			"?shop=tea&limit=1":              {a[0]},
			"?events=product_*":              {b[0]},
			"?events=grant.healed,product_*": {b[0]},
			"?after=5":                       nil,
		} {
			var p page
			w.ask("GET", "/v1/events"+query, "", &p)
			same(t, query, idsOf(p), want)
			if len(want) > 0 && query != "?limit=2" && query != "?shop=tea&limit=1" && p.More {
				t.Errorf("%s: there is no more", query)
			}
		}
		for query, status := range map[string]int{
			"?shop=silk": 403, "?shop=nowhere": 403, "?after=x": 422, "?after=-1": 422, "?limit=0": 422, "?limit=1001": 422, "?limit=x": 422,
			"?events=a*b": 422, "?after=6": 410, "?after=9999999999999999999": 422,
		} {
			if rec := w.say("GET", "/v1/events"+query, w.key, ""); rec.Code != status {
				t.Errorf("%s: %d, want %d", query, rec.Code, status)
			}
		}
	})
}

// TestPullIsWholeAndDurable: pages of any size together give every event once, also
// over what the client has no right to.
func TestPullIsWholeAndDurable(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var want []string
		for range 30 {
			ids := w.happen("a", "tea", "silk", "silk", "rice")
			want = append(want, ids[0], ids[3])
		}
		var got []string
		for p := (page{More: true}); p.More; {
			after := p.Next
			p = page{}
			w.ask("GET", fmt.Sprintf("/v1/events?limit=7&after=%d", after), "", &p)
			got = append(got, idsOf(p)...)
		}
		same(t, "pulled", got, want)
	})
}

// TestPullSaysWhenEventsAreGone: an old cursor skips nothing without a word.
func TestPullSaysWhenEventsAreGone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.happen("a", "tea", "tea")
		w.clock.ahead.Add(int64(time.Hour))
		b := w.happen("b", "tea")
		if err := w.s.PurgeEvents(t.Context(), w.clock.now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		for after, status := range map[string]int{"0": 410, "1": 410, "2": 200, "3": 200, "4": 410} {
			if rec := w.say("GET", "/v1/events?after="+after, w.key, ""); rec.Code != status {
				t.Errorf("after=%s: %d, want %d", after, rec.Code, status)
			}
		}
		var p page
		w.ask("GET", "/v1/events", "", &p)
		same(t, "from the beginning", idsOf(p), b)
		if err := w.s.PurgeEvents(t.Context(), w.clock.now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		w.ask("GET", "/v1/events?after=3", "", &p)
		same(t, "next of none", p.Next, 3)
	})
}

func TestSubscriptionsOverHTTP(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var made relay.View
		w.ask("POST", "/v1/subscriptions", `{"url":"https://hooks.example.com/x","events":["channels_*"]}`, &made)
		if !strings.HasPrefix(made.Secret, "whsec_") || made.Client != "erp" || made.State != "on" {
			t.Errorf("made %+v", made)
		}
		one := "/v1/subscriptions/" + made.ID
		for _, path := range []string{"/v1/subscriptions", one} {
			if rec := w.say("GET", path, w.key, ""); rec.Code != 200 || strings.Contains(rec.Body.String(), "whsec_") || !strings.Contains(rec.Body.String(), made.ID) {
				t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
			}
		}
		var rotated struct{ Secret string }
		w.ask("POST", one+"/rotate", "", &rotated)
		if rotated.Secret == made.Secret || !strings.HasPrefix(rotated.Secret, "whsec_") {
			t.Error("the secret was not replaced")
		}
		var tried struct {
			Taken  bool
			Reason string
		}
		w.ask("POST", one+"/test", "", &tried)
		if !tried.Taken || w.rc.arrived()[0].Type != "subscription.test" {
			t.Errorf("tried %+v, got %+v", tried, w.rc.ids(""))
		}
		w.ask("POST", one+"/start", "", nil)
		w.ask("GET", one+"/dead", "", nil)
		var replayed struct{ Replayed int }
		w.ask("POST", one+"/replay", `{"events":["ev_1"]}`, &replayed)
		w.ask("DELETE", one, "", nil)
		for _, action := range []string{"subscription.create", "subscription.rotate", "subscription.start", "subscription.remove"} {
			if got := w.entries(action); len(got) != 1 || got[0].Actor.ID != "erp" || strings.Contains(fmt.Sprint(got), "/x") {
				t.Errorf("%s: entries %+v", action, got)
			}
		}
		for _, c := range []struct {
			method, path, body string
			status             int
		}{
			{"GET", one, "", 404}, {"DELETE", one, "", 404}, {"POST", one + "/test", "", 404}, {"POST", "/v1/subscriptions", `{"url":1}`, 422},
			{"POST", "/v1/subscriptions", `{"url":"https://a.example.com/","events":["*"],"allow_private":true}`, 422},
			{"POST", "/v1/subscriptions", `{`, 422}, {"POST", "/v1/subscriptions", ``, 422}, {"POST", "/v1/subscriptions", `{} {}`, 422},
			{"POST", "/v1/subscriptions", strings.Repeat(" ", 70<<10) + `{}`, 413}, {"POST", one + "/replay", `{"events":["x"]}`, 422}, {"PUT", one, "", 404}, {"GET", "/v1/other", "", 404},
		} {
			if rec := w.say(c.method, c.path, w.key, c.body); rec.Code != c.status {
				t.Errorf("%s %s %.20s: %d %s, want %d", c.method, c.path, c.body, rec.Code, rec.Body, c.status)
			}
		}
		stranger, _ := access.NewKey(access.ClientKeyPrefix)
		for _, key := range []string{"", stranger.RevealString(), "zga_x"} {
			for _, path := range []string{"/v1/events", "/v1/events/stream", "/v1/subscriptions"} {
				if rec := w.say("GET", path, key, ""); rec.Code != 401 {
					t.Errorf("%s with a strange key: %d", path, rec.Code)
				}
			}
		}
	})
}

// listener is an open stream.
type listener struct {
	mu     sync.Mutex
	place  string   // the newest id, also of a frame without an event
	ids    []string // of events
	beats  int
	ended  bool
	status int
	cancel context.CancelFunc
}

// flow is a response that is read while it is written, with no socket between.
type flow struct {
	head   http.Header
	w      *io.PipeWriter
	status int
}

func (f *flow) Header() http.Header         { return f.head }
func (f *flow) WriteHeader(status int)      { f.status = status }
func (f *flow) Write(p []byte) (int, error) { return f.w.Write(p) }
func (f *flow) Flush()                      {}

// listen opens a stream.
func (w *world) listen(query, lastID string) *listener {
	ctx, cancel := context.WithCancel(w.t.Context())
	l := &listener{cancel: cancel}
	req := httptest.NewRequestWithContext(ctx, "GET", "/v1/events/stream"+query, nil)
	req.Header.Set("Authorization", "Bearer "+w.key)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	pr, pw := io.Pipe()
	f := &flow{head: http.Header{}, w: pw}
	h := web.Wrap(w.r.Handler(), web.Options{})
	w.wg.Go(func() {
		h.ServeHTTP(f, req)
		l.mu.Lock()
		l.ended, l.status = true, f.status
		l.mu.Unlock()
		pw.Close()
	})
	w.wg.Go(func() {
		in := bufio.NewScanner(pr)
		for in.Scan() {
			l.mu.Lock()
			if id, ok := strings.CutPrefix(in.Text(), "id: "); ok {
				l.place = id
			}
			if strings.HasPrefix(in.Text(), "data: ") {
				l.ids = append(l.ids, l.place)
			}
			if strings.HasPrefix(in.Text(), ":") {
				l.beats++
			}
			l.mu.Unlock()
		}
	})
	w.t.Cleanup(cancel)
	return l
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.ids...)
}

func (l *listener) over() (bool, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended, l.status
}

func TestStream(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		before := w.happen("a", "tea", "tea")
		time.Sleep(time.Second)
		live, back, filtered := w.listen("", ""), w.listen("", before[0]), w.listen("?shop=rice&events=b*", "")
		time.Sleep(time.Second)
		after := w.happen("b", "silk", "rice", "tea")
		time.Sleep(time.Second)
		same(t, "live", live.heard(), after[1:])
		same(t, "resumed", back.heard(), []string{before[1], after[1], after[2]})
		same(t, "filtered", filtered.heard(), after[1:2])
		time.Sleep(time.Minute)
		live.mu.Lock()
		beats := live.beats
		live.mu.Unlock()
		if beats != 1+4 { // a welcome, and one in 15 seconds
			t.Errorf("%d heartbeats in a minute", beats)
		}
		if rec := w.say("GET", "/v1/events/stream?after=99", w.key, ""); rec.Code != 410 {
			t.Errorf("a cursor of another database: %d", rec.Code)
		}
		w.r.End()
		synctest.Wait()
		if over, _ := live.over(); !over {
			t.Error("the stream does not end with the server")
		}
	})
}

// TestStreamEndsWithTheKey within a second, and narrows with the client's rights.
func TestStreamEndsWithTheKey(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		l := w.listen("", "")
		time.Sleep(time.Second)
		w.declare("rice")
		time.Sleep(time.Second)
		ids := w.happen("a", "tea", "rice")
		time.Sleep(time.Second)
		same(t, "heard", l.heard(), ids[1:])
		if err := w.s.RevokeClient(t.Context(), "erp", w.clock.now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		if over, _ := l.over(); !over {
			t.Error("the stream goes on without its key")
		}
	})
}

// TestAStreamSaysWhereItBegins, so that a caller who loses it before the first event
// comes back to the same place.
func TestAStreamSaysWhereItBegins(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		ids := w.happen("a", "tea", "tea")
		l := w.listen("", "")
		time.Sleep(time.Second)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.ids) > 0 || l.place != ids[1] {
			t.Errorf("it begins behind %q with %v, want %s and nothing", l.place, l.ids, ids[1])
		}
	})
}

// TestASlowStreamHoldsUpNoOther: it costs its own connection only.
func TestASlowStreamHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		ctx, cancel := context.WithCancel(t.Context())
		req := httptest.NewRequestWithContext(ctx, "GET", "/v1/events/stream", nil)
		req.Header.Set("Authorization", "Bearer "+w.key)
		pr, pw := io.Pipe() // nobody reads
		w.wg.Go(func() { web.Wrap(w.r.Handler(), web.Options{}).ServeHTTP(&flow{head: http.Header{}, w: pw}, req) })
		quick := w.listen("", "")
		time.Sleep(time.Second)
		var want []string
		for range 20 {
			want = append(want, w.happen("a", "tea", "rice")...)
			time.Sleep(300 * time.Millisecond)
		}
		same(t, "heard", quick.heard(), want)
		cancel()
		pr.Close()
	})
}

func TestStreamsOfOneClientAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.run()
		var all []*listener
		for range 17 {
			all = append(all, w.listen("", ""))
			synctest.Wait()
		}
		if over, status := all[16].over(); !over || status != http.StatusTooManyRequests {
			t.Errorf("the 17th: over %v, status %d", over, status)
		}
		all[0].cancel()
		synctest.Wait()
		if over, _ := w.listen("", "").over(); over {
			t.Error("there is no room after one ended")
		}
		w.r.End()
	})
}

// FuzzRequests: whatever a client with a key sends, it is answered in words.
func FuzzRequests(f *testing.F) {
	for _, s := range []struct{ method, query, body string }{
		{"GET", "after=0&limit=1", ""}, {"GET", "after=ev_9223372036854775807", ""}, {"POST", "", `{"url":"https://a.example.com","events":["*"]}`},
		{"POST", "", `{"url":"https://[::1]/","events":["a*"]}`}, {"POST", "%zz", `[`}, {"GET", "shop=tea&events=a,b*", "x"},
	} {
		f.Add(s.method == "POST", s.query, []byte(s.body))
	}
	f.Fuzz(func(t *testing.T, post bool, query string, body []byte) {
		w := newWorld(t)
		method, path := "GET", "/v1/events"
		if post {
			method, path = "POST", "/v1/subscriptions"
		}
		req := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(body))
		req.URL.RawQuery = query
		req.Header.Set("Authorization", "Bearer "+w.key)
		rec := httptest.NewRecorder()
		web.Wrap(w.r.Handler(), web.Options{}).ServeHTTP(rec, req)
		if rec.Code >= 500 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		if len(body) > 12 && rec.Code >= 300 && strings.Contains(rec.Body.String(), string(body)) {
			t.Error("the answer repeats the input")
		}
	})
}
