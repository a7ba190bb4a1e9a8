package gateway

import (
	"context"
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

// One path is one, in whichever tree it is asked for.
func TestAnotherSpellingIsNoOtherPath(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"errcode":40001}`) })
	for _, path := range []string{"/channels/ec/funds/neu", "/shop/ec/funds/neu", "/shop/funds/Neu"} {
		r.post(t, path, `{}`)
	}
	if got := r.tokens.reported(); got != 1 {
		t.Errorf("%d reports", got)
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
	r := newRig(t, mortals(&dead))
	for i := range 5 {
		dead.Store(int64(i))
		if a := r.post(t, readPath, `{}`); a.body != `{"errcode":0}` || a.Header.Get(headerAttempt) != "2" {
			t.Errorf("death %d: attempt %s, %s", i, a.Header.Get(headerAttempt), a.body)
		}
	}
}

// slowTokens is a keeper whose reports take until they are let go.
type slowTokens struct {
	*fakeTokens
	began chan struct{}
	let   chan struct{}
	call  *atomic.Pointer[context.Context] // the newest that took a token
}

func newSlowTokens(f *fakeTokens) slowTokens {
	return slowTokens{f, make(chan struct{}), make(chan struct{}), new(atomic.Pointer[context.Context])}
}

func (s slowTokens) Token(ctx context.Context, shop string) (Token, error) {
	s.call.Store(&ctx)
	return s.fakeTokens.Token(ctx, shop)
}

func (s slowTokens) Report(ctx context.Context, c Complaint) (Token, error) {
	s.began <- struct{}{}
	select {
	case <-s.let:
		return s.fakeTokens.Report(ctx, c)
	case <-ctx.Done():
		return Token{}, context.Cause(ctx)
	}
}

// leaveIn calls path and leaves while the report is under way.
func (r *rig) leaveIn(t *testing.T, slow slowTokens, path string) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", r.front.URL+"/wx/lantian"+path, strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+writeKey)
	go func() {
		<-slow.began
		leave()
	}()
	if res, err := r.client.Do(req); err == nil {
		_ = res.Body.Close()
		t.Fatal("the caller stayed")
	}
	<-(*slow.call.Load()).Done() // the caller knows it before the gateway does
	slow.let <- struct{}{}
	r.settle()
}

// mortals is an upstream for which every token up to dead is dead.
func mortals(dead *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for g := range dead.Load() + 1 {
			if r.URL.Query().Get("access_token") == tokenOf(g).RevealString() {
				io.WriteString(w, `{"errcode":40001}`)
				return
			}
		}
		io.WriteString(w, `{"errcode":0}`)
	}
}

// TestWhoLeavesLeavesNoDoubt: the next death of a token is heard from a path whose
// last caller left before anybody saw whether its word was good.
func TestWhoLeavesLeavesNoDoubt(t *testing.T) {
	for name, nothingNewer := range map[string]bool{"a newer token came": false, "none came": true} {
		t.Run(name, func(t *testing.T) {
			var dead atomic.Int64
			r := newRig(t, mortals(&dead))
			slow := newSlowTokens(r.tokens)
			r.Config.Tokens, r.tokens.stuck = slow, nothingNewer
			r.leaveIn(t, slow, readPath)
			if got := r.tokens.reported(); got != 1 {
				t.Fatalf("%d reports: the caller took the report along", got)
			}
			r.Config.Tokens, r.tokens.stuck, r.tokens.generation = r.tokens, false, 1
			dead.Store(1)
			if a := r.post(t, readPath, `{}`); a.body != `{"errcode":0}` || a.Header.Get(headerAttempt) != "2" {
				t.Errorf("attempt %s, %s", a.Header.Get(headerAttempt), a.body)
			}
		})
	}
}

// TestLeavingIsNoWayToReportWithoutEnd: whoever leaves each time is not heard for
// long.
func TestLeavingIsNoWayToReportWithoutEnd(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, wrongKind(&calls))
	slow := newSlowTokens(r.tokens)
	r.Config.Tokens = slow
	for range stubbornExcuses + 1 {
		r.leaveIn(t, slow, deafPath)
	}
	for range 3 {
		if a := r.post(t, deafPath, `{}`); a.Header.Get(headerAttempt) != "1" {
			t.Errorf("attempt %s", a.Header.Get(headerAttempt))
		}
	}
	if got := r.tokens.reported(); got != stubbornExcuses+1 {
		t.Errorf("%d reports", got)
	}
}

// TestAStubbornPathGetsTheNewerToken: a path that is not heard, and whose token died
// between the keeper and WeChat, is called again with the one that is kept by then.
func TestAStubbornPathGetsTheNewerToken(t *testing.T) {
	var dead atomic.Int64
	answers := mortals(&dead)
	var renewed func()
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		renewed()
		answers(w, req)
	})
	renewed = func() {}
	path := shopPath{"lantian", readPath}
	r.stubborn.believe(path, 0)
	r.stubborn.condemn(path, 1)
	if a := r.post(t, readPath, `{}`); a.Header.Get(headerAttempt) != "1" || !strings.Contains(a.body, "40001") {
		t.Errorf("nothing newer is kept: attempt %s, %s", a.Header.Get(headerAttempt), a.body)
	}
	renewed = func() { // somebody else reported it
		r.tokens.mu.Lock()
		defer r.tokens.mu.Unlock()
		r.tokens.generation = 1
	}
	if a := r.post(t, readPath, `{}`); a.Header.Get(headerAttempt) != "2" || a.body != `{"errcode":0}` {
		t.Errorf("a newer one is kept: attempt %s, %s", a.Header.Get(headerAttempt), a.body)
	}
	dead.Store(1)
	if a := r.post(t, readPath, `{}`); a.Header.Get(headerAttempt) != "1" {
		t.Errorf("dead as well: attempt %s", a.Header.Get(headerAttempt))
	}
	if got := r.tokens.reported(); got != 0 {
		t.Errorf("%d reports of a path that is not heard", got)
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
		{"excuse", 11, false}, // who reported it left
		{"believe", 12, true},
		{"excuse", 11, false},  // an older one of them
		{"condemn", 12, false}, // the one in doubt itself
		{"believe", 12, true},
		{"excuse", 12, false},
		{"excuse", 12, false}, // many leave at once
		{"believe", 13, true},
		{"excuse", 13, false},
		{"believe", 14, true},
		{"excuse", 14, false}, // once too often
		{"believe", 15, false},
		{"a day", 0, false},
		{"believe", 16, true},
		{"excuse", 16, false},
		{"condemn", 17, false}, // somebody else saw it
		{"believe", 18, false},
	} {
		switch step.do {
		case "believe":
			if got := s.believe(p, step.generation); got != step.want {
				t.Errorf("step %d: believe(%d) = %v", i, step.generation, got)
			}
		case "trust":
			s.trust(p)
		case "excuse":
			s.excuse(p, step.generation)
		case "condemn":
			s.condemn(p, step.generation)
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
