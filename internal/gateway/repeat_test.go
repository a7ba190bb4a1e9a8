package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mortal is an upstream that refuses the tokens of the first n generations
// with errcode and echoes the body otherwise.
func mortal(n int64, errcode int, calls *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		b, _ := io.ReadAll(r.Body)
		for g := range n {
			if r.URL.Query().Get("access_token") == tokenOf(g).RevealString() {
				fmt.Fprintf(w, `{"errcode":%d,"errmsg":"access_token expired rid: 61725984-6126f6f9-040f19c4"}`, errcode)
				return
			}
		}
		w.Write(b)
	}
}

func TestADeadTokenIsReplacedAndTheCallRepeatedOnce(t *testing.T) {
	small, large := `{"num":10}`, strings.Repeat("x", KeptBody+1)
	for _, tc := range []struct {
		name            string
		method, body    string
		dead            int64
		errcode         int
		stuck, chunked  bool
		calls, reported int
		again           bool // the caller sees the answer of a good token
	}{
		{"40001", "POST", small, 1, 40001, false, false, 2, 1, true},
		{"40014", "POST", small, 1, 40014, false, false, 2, 1, true},
		{"42001", "POST", small, 1, 42001, false, false, 2, 1, true},
		{"a GET", "GET", "", 1, 42001, false, false, 2, 1, true},
		{"the largest kept body", "POST", large[1:], 1, 42001, false, false, 2, 1, true},
		{"the second answer passes", "POST", small, 2, 42001, false, false, 2, 1, false},
		{"too large to keep", "POST", large, 1, 42001, false, false, 1, 1, false},
		{"unknown length", "POST", small, 1, 42001, false, true, 1, 1, false},
		{"no newer token", "POST", small, 1, 42001, true, false, 1, 1, false},
		{"another errcode", "POST", small, 1, 45009, false, false, 1, 0, false},
		{"system busy is not repeated", "POST", small, 1, -1, false, false, 1, 0, false},
		{"password changed", "POST", small, 1, 42007, false, false, 1, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var calls atomic.Int32
			r := newRig(t, mortal(tc.dead, tc.errcode, &calls))
			r.tokens.stuck = tc.stuck
			var body io.Reader = strings.NewReader(tc.body)
			if tc.chunked {
				body = io.MultiReader(body)
			}
			req, err := http.NewRequestWithContext(t.Context(), tc.method, r.front.URL+"/wx/lantian"+readPath, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+writeKey)
			res, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got, _ := io.ReadAll(res.Body)
			want := tc.body
			if !tc.again {
				want = fmt.Sprintf(`{"errcode":%d,"errmsg":"access_token expired rid: 61725984-6126f6f9-040f19c4"}`, tc.errcode)
				if res.Header.Get(headerErrcode) != fmt.Sprint(tc.errcode) {
					t.Errorf("%s: %q", headerErrcode, res.Header.Get(headerErrcode))
				}
			}
			if string(got) != want || res.StatusCode != 200 {
				t.Errorf("answer %d, %d bytes", res.StatusCode, len(got))
			}
			if int(calls.Load()) != tc.calls || res.Header.Get(headerAttempt) != fmt.Sprint(tc.calls) || len(r.tokens.reports) != tc.reported {
				t.Errorf("%d calls, attempt %s, %d reports; want %d calls, %d reports",
					calls.Load(), res.Header.Get(headerAttempt), len(r.tokens.reports), tc.calls, tc.reported)
			}
			if got := r.last().attempts; got != tc.calls {
				t.Errorf("observed %d attempts", got)
			}
			r.clean(t)
		})
	}
}

// TestTheKeeperHearsWhoAndWhat: a complaint names the client, and a good answer
// proves the token it came to.
func TestTheKeeperHearsWhoAndWhat(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, mortal(1, 42001, &calls))
	r.post(t, readPath, `{"errcode":0}`)
	r.post(t, readPath, `{"errcode":0}`)
	r.post(t, readPath, `{"errcode":48001}`) // says nothing of the token
	r.tokens.mu.Lock()
	defer r.tokens.mu.Unlock()
	want := []Complaint{{Shop: "lantian", Generation: 0, ErrCode: 42001, Client: "erp"}}
	if diff := cmp.Diff(want, r.tokens.reports); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{1, 1}, r.tokens.proved); diff != "" {
		t.Errorf("proved generations (-want +got):\n%s", diff)
	}
}

func TestWhenTheKeeperHasNothingNewerWeChatsWordsPass(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, mortal(1, 42001, &calls))
	r.post(t, readPath, `{}`) // fills the caches and moves on to generation 1
	r.tokens.mu.Lock()
	r.tokens.generation = 0
	r.tokens.mu.Unlock()
	r.Config.Tokens = &failingReport{r.tokens}
	a := r.post(t, readPath, `{}`)
	if a.StatusCode != 200 || !strings.Contains(a.body, "42001") || a.Header.Get(headerAttempt) != "1" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

type failingReport struct{ *fakeTokens }

func (failingReport) Report(context.Context, Complaint) (Token, error) {
	return Token{}, errors.New("the store is down")
}

func TestWhatIsNotAnErrcodeInTheHeadIsNotRepeated(t *testing.T) {
	late := `{"data":"` + strings.Repeat("x", 5000) + `","errcode":42001}`
	for name, body := range map[string]string{
		"beyond the head": late,
		"nested":          `{"data":{"errcode":42001},"errcode":0}`,
		"html":            `<html>{"errcode":42001}</html>`,
		"array":           `[{"errcode":42001}]`,
		"text":            `errcode 42001`,
		"empty":           ``,
		"cut json":        `{"errcode":4200`,
		"binary":          "\xff\xd8\xff{\"errcode\":42001}",
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				io.WriteString(w, body)
			})
			if a := r.post(t, readPath, `{}`); a.body != body || calls.Load() != 1 || a.StatusCode != 200 {
				t.Errorf("%d calls, answer %d %.80s", calls.Load(), a.StatusCode, a.body)
			}
		})
	}
}

func TestACallWithAnUnknownOutcomeIsNotRepeated(t *testing.T) {
	for name, upstream := range map[string]func(http.ResponseWriter){
		"cut before the answer": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"cut in the head": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"errcode":42001,`)
			panic(http.ErrAbortHandler)
		},
		"500": func(w http.ResponseWriter) { w.WriteHeader(500) },
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				upstream(w)
			})
			a := r.post(t, writePath, `{}`)
			if calls.Load() != 1 || a.StatusCode < 500 || len(r.tokens.reports) != 0 {
				t.Errorf("%d calls, answer %d, reports %v", calls.Load(), a.StatusCode, r.tokens.reports)
			}
			if name != "500" {
				p := problemBody(t, a)
				if diff := cmp.Diff("wechat-cut", p["code"]); diff != "" || !strings.Contains(fmt.Sprint(p["cause"]), "may have been carried out") {
					t.Errorf("problem %v", p)
				}
			}
			r.clean(t, a.body)
		})
	}
}
