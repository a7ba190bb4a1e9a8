package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// wrongKind is an upstream that calls every token dead under /wxa/ and none
// elsewhere.
func wrongKind(calls *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(strings.ToLower(r.URL.Path), "/wxa/") {
			io.WriteString(w, `{"errcode":40001,"errmsg":"invalid credential"}`)
			return
		}
		io.WriteString(w, `{"errcode":0}`)
	}
}

const deafPath = "/wxa/getwxacode"

func (f *fakeTokens) reported() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reports)
}

func TestAPathThatRefusesEveryTokenIsReportedOnceADay(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, wrongKind(&calls))
	if a := r.post(t, deafPath, `{}`); a.Header.Get(headerAttempt) != "2" {
		t.Errorf("the first call: attempt %s", a.Header.Get(headerAttempt))
	}
	for i, path := range []string{deafPath, deafPath, "/wxa/GetWxaCode"} {
		a := r.post(t, path, `{}`)
		if a.Header.Get(headerAttempt) != "1" || a.body != `{"errcode":40001,"errmsg":"invalid credential"}` || a.Header.Get(headerErrcode) != "40001" {
			t.Errorf("call %d: attempt %s, %s", i, a.Header.Get(headerAttempt), a.body)
		}
	}
	if got := r.tokens.reported(); got != 1 || calls.Load() != 5 {
		t.Errorf("%d reports, %d calls", got, calls.Load())
	}
	// Other paths of the shop, and this path of other shops, are believed.
	r.post(t, "/wxa/other", `{}`)
	r.do(t, "POST", otherKey, "/wx/baiyun"+deafPath, `{}`)
	if got := r.tokens.reported(); got != 3 {
		t.Errorf("%d reports", got)
	}
	r.advance(stubbornFor - time.Second)
	r.post(t, deafPath, `{}`)
	if got := r.tokens.reported(); got != 3 {
		t.Errorf("%d reports within a day", got)
	}
	r.advance(time.Second)
	r.post(t, deafPath, `{}`)
	if got := r.tokens.reported(); got != 4 {
		t.Errorf("%d reports after a day", got)
	}
}

// A body that is not kept cannot be sent a second time, so it takes a second
// call to find out.
func TestAStreamCannotGoOnReporting(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, wrongKind(&calls))
	for range 5 {
		if a := r.post(t, deafPath, strings.Repeat("x", KeptBody+1)); a.Header.Get(headerAttempt) != "1" {
			t.Errorf("attempt %s", a.Header.Get(headerAttempt))
		}
	}
	if got := r.tokens.reported(); got != 1 {
		t.Errorf("%d reports", got)
	}
}

func TestADeadTokenIsReportedAsOftenAsItIsDead(t *testing.T) {
	var dead atomic.Int64 // the newest generation that is dead
	dead.Store(-1)
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		for g := range dead.Load() + 1 {
			if r.URL.Query().Get("access_token") == tokenOf(g).RevealString() {
				io.WriteString(w, `{"errcode":40001}`)
				return
			}
		}
		io.WriteString(w, `{"errcode":0}`)
	})
	for i := range 5 {
		dead.Store(int64(i))
		if a := r.post(t, readPath, `{}`); a.body != `{"errcode":0}` || a.Header.Get(headerAttempt) != "2" {
			t.Errorf("death %d: attempt %s, %s", i, a.Header.Get(headerAttempt), a.body)
		}
	}
}

func TestStubborn(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newStubborn(func() time.Time { return now })
	p := shopPath{"lantian", "/wxa/x"}
	for i, step := range []struct {
		do         string
		generation int64
		want       bool
	}{
		{"believe", 5, true},
		{"believe", 5, true}, // others who still hold that token
		{"believe", 4, true},
		{"trust", 0, false},
		{"believe", 7, true}, // it worked in between
		{"believe", 8, false},
		{"believe", 9, false},
		{"trust", 0, false}, // nothing clears what is proven
		{"believe", 10, false},
		{"a day", 0, false},
		{"believe", 11, true},
	} {
		switch step.do {
		case "believe":
			if got := s.believe(p, step.generation); got != step.want {
				t.Errorf("step %d: believe(%d) = %v", i, step.generation, got)
			}
		case "trust":
			s.trust(p)
		default:
			now = now.Add(stubbornFor)
		}
	}
}

func TestStubbornIsBounded(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newStubborn(func() time.Time { return now })
	path := func(i int) shopPath { return shopPath{"lantian", fmt.Sprint("/wxa/", i)} }
	for i := range 2 * stubbornPaths {
		s.believe(path(i), 1)
		s.believe(path(i), 2)
		now = now.Add(time.Second)
	}
	if len(s.paths) != stubbornPaths {
		t.Errorf("%d paths", len(s.paths))
	}
	if s.believe(path(2*stubbornPaths-1), 3) || !s.believe(path(0), 3) {
		t.Error("the oldest go first")
	}
	now = now.Add(stubbornFor)
	if s.believe(path(0), 4); len(s.paths) != 1 {
		t.Errorf("%d paths when all are over", len(s.paths))
	}
}
