package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errState = &Error{
	Status: 403, Code: "state-foreign", EN: "This login was begun in another browser.", ZH: "该登录由其他浏览器发起。",
	NextEN: "Begin again here.", NextZH: "请在本浏览器重新登录。", ErrCode: 40029, RID: "rid-0001", Rule: "group:order", RetryAfter: 1500 * time.Millisecond,
	Err: errors.New("the private cause"),
}

func failing(err error) Handler {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

func TestProblemDocument(t *testing.T) {
	s := newStage(t, Machine(failing(fmt.Errorf("callback: %w", errState))))
	w := s.serve(request(t, "GET", "/oauth/callback/svc?code=CODE-1&state=STATE-1", "192.0.2.7:4711"))

	want := map[string]any{
		"type": "urn:zhanggui:problem:state-foreign", "title": "Forbidden", "status": 403.0, "code": "state-foreign",
		"detail": "This login was begun in another browser. Begin again here.",
		"cause":  "This login was begun in another browser.", "cause_zh": "该登录由其他浏览器发起。",
		"next": "Begin again here.", "next_zh": "请在本浏览器重新登录。",
		"errcode": 40029.0, "rid": "rid-0001", "rule": "group:order", "instance": "urn:zhanggui:request:" + w.Header().Get("X-Request-Id"),
	}
	if diff := cmp.Diff(want, decodeProblem(t, w)); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	if w.Code != 403 || w.Header().Get("Retry-After") != "2" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	line := s.line(t)
	if line["cause"] != "the private cause" || line["code"] != "state-foreign" || line["errcode"] != 40029.0 || line["rid"] != "rid-0001" {
		t.Errorf("log line %v", line)
	}
}

func TestProblemsNeverEchoInput(t *testing.T) {
	const bait = "BAIT-7f3a"
	mux := http.NewServeMux()
	mux.Handle("POST /form", LimitBody(10, Machine(failing(fmt.Errorf("odd value %s", bait)))))
	mux.Handle("GET /private", Machine(failing(&Error{Status: 400, Code: "bad", EN: "Bad.", Err: errors.New(bait)})))
	mux.Handle("/", Machine(NotFound))
	h := newStage(t, CrossOrigin(parseURL(t, "https://keys.example.com"))(mux))
	for _, r := range []*http.Request{
		request(t, "GET", "/"+bait+"?"+bait+"="+bait, "192.0.2.7:1"),
		request(t, "GET", "/private?x="+bait, "192.0.2.7:1", "Accept", bait, "Cookie", "a="+bait),
		request(t, "POST", "/form?"+bait, "192.0.2.7:1", "Sec-Fetch-Site", "cross-site", "Origin", "https://"+bait),
		httptest.NewRequest("POST", "/form", strings.NewReader(strings.Repeat(bait, 10))),
		httptest.NewRequest("POST", "/form", strings.NewReader(bait[:9])),
	} {
		w := h.serve(r)
		if w.Code < 400 {
			t.Errorf("%s %s is answered with %d", r.Method, r.URL.Path, w.Code)
		}
		if strings.Contains(w.Body.String(), bait[:9]) || strings.Contains(fmt.Sprint(w.Header()), bait[:9]) {
			t.Errorf("%s %s echoes input: %v %s", r.Method, r.URL.Path, w.Header(), w.Body)
		}
	}
}

func TestAsError(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"itself", errState, 403, "state-foreign"},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", errState)), 403, "state-foreign"},
		{"joined", errors.Join(boom, errState), 403, "state-foreign"},
		{"cancelled", fmt.Errorf("ask: %w", context.Canceled), 499, "client-gone"},
		{"too large", fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 9}), 413, "body-too-large"},
		{"out of time", context.DeadlineExceeded, 500, "internal"},
		{"anything", boom, 500, "internal"},
	} {
		e := AsError(c.err)
		if e.Status != c.status || e.Code != c.code {
			t.Errorf("%s: %d %s", c.name, e.Status, e.Code)
		}
		if e.EN == "" && e != errState || e.NextZH == "" {
			t.Errorf("%s has no words", c.name)
		}
	}
	if e := AsError(boom); !errors.Is(e, boom) || !strings.Contains(e.Error(), "boom") || strings.Contains(e.EN+e.ZH, "boom") {
		t.Errorf("cause and words are mixed: %v", e)
	}
}

func TestCancelledByUsIsAFault(t *testing.T) {
	s := newStage(t, Machine(failing(context.Canceled)))
	if w := s.serve(request(t, "GET", "/", "192.0.2.7:1")); w.Code != 500 {
		t.Errorf("a cancellation that is not the caller's: %d", w.Code)
	}
	s.log.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.serve(request(t, "GET", "/", "192.0.2.7:1").WithContext(ctx))
	if line := s.line(t); line["status"] != 499.0 || line["level"] != "INFO" {
		t.Errorf("a caller who went away: %v", line)
	}
}

func TestErrorAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	srv := httptest.NewServer(newStage(t, Machine(func(w http.ResponseWriter, _ *http.Request) error {
		fmt.Fprint(w, "half of it")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		return errState
	})))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err == nil {
		defer res.Body.Close()
		_, err = res.Body.Read(make([]byte, 1<<10))
		for err == nil {
			_, err = res.Body.Read(make([]byte, 1<<10))
		}
	}
	if err == nil || err.Error() == "EOF" {
		t.Errorf("a torn answer ends as if whole: %v", err)
	}
}

func TestErrorDropsHeadersOfTheLostBody(t *testing.T) {
	s := newStage(t, Machine(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", "9999")
		w.Header().Set("Location", "https://example.com/")
		w.Header().Set("Set-Cookie", "zg_state=; Max-Age=0")
		return &Error{Status: 401, Code: "key-missing", EN: "No key."}
	}))
	w := s.serve(request(t, "GET", "/", "192.0.2.7:1"))
	for _, k := range []string{"Content-Encoding", "Content-Length", "Location"} {
		if v := w.Header().Get(k); v != "" {
			t.Errorf("%s: %s is kept", k, v)
		}
	}
	if w.Header().Get("Set-Cookie") == "" || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("headers %v", w.Header())
	}
}

func TestHeadHasNoBody(t *testing.T) {
	w := newStage(t, Machine(NotFound)).serve(request(t, "HEAD", "/", "192.0.2.7:1"))
	if w.Code != 404 || w.Body.Len() != 0 {
		t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestSetRetryAfter(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", -time.Second: "", time.Millisecond: "1", time.Second: "1", 61 * time.Second: "61"} {
		h := http.Header{}
		if SetRetryAfter(h, d); h.Get("Retry-After") != want {
			t.Errorf("%s: %q", d, h.Get("Retry-After"))
		}
	}
}
