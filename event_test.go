package zhanggui_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestEvents(t *testing.T) {
	pages := map[string]string{
		"":  `{"items":[{"id":"ev_1","type":"a","shop":"lantian","at":"2026-01-02T08:00:00Z","data":{"x":"1"}}],"next":5,"more":true}`,
		"5": `{"items":[],"next":7,"more":true}`,
		"7": `{"items":[{"id":"ev_9","type":"b","shop":"lantian","at":"2026-01-02T08:00:00Z","data":{}}],"next":9,"more":false}`,
	}
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("shop") != "lantian" || q.Get("events") != "a,b*" || q.Get("limit") != "2" {
			t.Error(r.URL)
		}
		says(pages[q.Get("after")])(w, r)
	})
	all, err := zhanggui.All(c.Events(t.Context(), zhanggui.EventQuery{Shop: "lantian", Types: []string{"a", "b*"}, Limit: 2}))
	if err != nil || len(all) != 2 || all[0].ID != "ev_1" || string(all[0].Data) != `{"x":"1"}` || all[1].Type != "b" {
		t.Errorf("%+v, %v", all, err)
	}
	for range c.Events(t.Context(), zhanggui.EventQuery{Shop: "lantian", Types: []string{"a", "b*"}, Limit: 2}) {
		break // leaving early asks for nothing more
	}
	gone := client(t, answers(http.StatusGone, "application/problem+json", `{"title":"Gone","code":"cursor-gone","cause":"c","cause_zh":"c","next":"n","next_zh":"n"}`))
	_, err = zhanggui.All(gone.Events(t.Context(), zhanggui.EventQuery{After: "ev_1"}))
	if e := failure(t, err); e.Code != "cursor-gone" {
		t.Errorf("%+v", e)
	}
	stuck := client(t, says(`{"items":[],"next":7,"more":true}`))
	if all, err := zhanggui.All(stuck.Events(t.Context(), zhanggui.EventQuery{After: "7"})); len(all) > 0 || err != nil {
		t.Errorf("a cursor that stays: %v, %v", all, err)
	}
}

// line is one connection of a stream, as a test plays it.
type line struct {
	status int
	kind   string
	header map[string]string
	text   string
	hold   bool // the connection stays open and silent
	err    error
}

// streaming plays connections one after the other, and notes where each began. It
// needs a bubble.
func streaming(t *testing.T, began *[]string, lines ...line) *zhanggui.Client {
	t.Helper()
	c, err := zhanggui.New("https://zhanggui.example.com", secret.FromString(clientKey), zhanggui.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		*began = append(*began, r.URL.Query().Get("after"))
		if len(lines) == 0 {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		l := lines[0]
		lines = lines[1:]
		if l.err != nil {
			return nil, l.err
		}
		return l.answer(r), nil
	})))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (l line) answer(r *http.Request) *http.Response {
	res := &http.Response{StatusCode: l.status, Header: http.Header{"Content-Type": {l.kind}}, Request: r}
	for k, v := range l.header {
		res.Header.Set(k, v)
	}
	body := io.Reader(strings.NewReader(l.text))
	if l.hold {
		body = io.MultiReader(body, until{r.Context()})
	}
	res.Body = io.NopCloser(body)
	return res
}

// until reads nothing until a context ends.
type until struct{ ctx context.Context }

func (u until) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, context.Cause(u.ctx)
}

const stream = "text/event-stream"

func frame(id int) string {
	return fmt.Sprintf("id: ev_%d\nevent: a\ndata: {\"id\":\"ev_%d\",\"type\":\"a\",\"shop\":\"lantian\",\"data\":{}}\n\n", id, id)
}

// TestStreamComesBack: a stream that breaks in any way goes on behind the last whole
// event.
func TestStreamComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began []string
		c := streaming(t, &began,
			line{status: 200, kind: stream, text: ": welcome\nid: ev_4\n\n"},           // ends before any event
			line{err: errors.New("cable cut")},                                         // not reached
			line{status: 200, kind: stream, text: frame(5) + ": \n\n" + frame(6)[:20]}, // breaks within an event
			line{status: 503, kind: "application/problem+json", text: `{"title":"later"}`, header: map[string]string{"Retry-After": "30"}},
			line{status: 502, kind: "text/html", text: "<html>"},           // a proxy's page
			line{status: 200, kind: "text/html", text: "<html>"},           // the same, worse
			line{status: 200, kind: stream, text: "id: ev_6\ndata: {\n\n"}, // no JSON
			line{status: 200, kind: stream, text: frame(6), hold: true},    // goes silent
			line{status: 200, kind: stream, text: strings.ReplaceAll(frame(7), "\n", "\r\n")},
		)
		var got []string
		start := time.Now()
		for e, err := range c.Stream(t.Context(), zhanggui.EventQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.ID)
			if e.ID == "ev_7" {
				break
			}
		}
		if diff := cmp.Diff([]string{"ev_5", "ev_6", "ev_7"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"", "ev_4", "ev_4", "ev_5", "ev_5", "ev_5", "ev_5", "ev_5", "ev_6"}, began); diff != "" {
			t.Errorf("connections began (-want +got):\n%s", diff)
		}
		if took := time.Since(start); took < 30*time.Second+45*time.Second || took > 3*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// TestStreamEnds: what waiting does not mend ends the loop, as its context does.
func TestStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began []string
		c := streaming(t, &began, line{status: 401, kind: "application/problem+json", text: `{"title":"Unauthorized","code":"key-unknown","cause_zh":"z","next":"n","next_zh":"n"}`})
		_, err := zhanggui.All(c.Stream(t.Context(), zhanggui.EventQuery{}))
		if e := failure(t, err); e.Code != "key-unknown" || len(began) != 1 {
			t.Errorf("%+v after %d connections", e, len(began))
		}
		elsewhere := streaming(t, &began, line{status: 302, header: map[string]string{"Location": "https://evil.example.com/"}})
		_, err = zhanggui.All(elsewhere.Stream(t.Context(), zhanggui.EventQuery{}))
		if e := failure(t, err); e.Status != 302 || len(began) != 2 {
			t.Errorf("%+v after %d connections", e, len(began))
		}
		enough := errors.New("enough")
		for name, l := range map[string]line{"in a pause": {err: errors.New("cable cut")}, "in a stream": {status: 200, kind: stream, text: frame(1), hold: true}} {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(100*time.Millisecond, func() { cancel(enough) })
			c := streaming(t, &began, l)
			if _, err := zhanggui.All(c.Stream(ctx, zhanggui.EventQuery{})); !errors.Is(err, enough) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
