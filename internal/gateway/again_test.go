package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
)

// scripted is a WeChat that answers with one errcode after the other, and with the
// last for ever. It notes when it was asked, with which token and body.
type scripted struct {
	codes  []int
	began  time.Time
	at     []time.Duration
	tokens []string
	bodies []string
}

func (s *scripted) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	code := s.codes[min(len(s.at), len(s.codes)-1)]
	s.at = append(s.at, time.Since(s.began))
	s.tokens = append(s.tokens, req.URL.Query().Get("access_token"))
	s.bodies = append(s.bodies, body)
	return canned(fmt.Sprintf(`{"errcode":%d,"errmsg":"x"}`, code)).RoundTrip(req)
}

// asked is one call to a gateway in front of s. It must be made in a bubble.
type asked struct {
	s      *scripted
	tokens *fakeTokens
	config func(*Config)
}

func (a *asked) serve(t *testing.T, req *http.Request) *http.Response {
	t.Helper()
	store := newStore()
	a.s.began = time.Now()
	if a.tokens == nil {
		a.tokens = &fakeTokens{}
	}
	c := Config{Clients: store, Directory: store, Tokens: a.tokens, Transports: func(string) (http.RoundTripper, error) { return a.s, nil }}
	if a.config != nil {
		a.config(&c)
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	// A bubble begins before the keys of the tests end.
	req.Header.Set("Authorization", "Bearer "+writeKey)
	rec := httptest.NewRecorder()
	g.ServeHTTP(rec, req)
	return rec.Result()
}

func request(ctx context.Context, path, body, wait string) *http.Request {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/wx/lantian"+path, strings.NewReader(body))
	if wait != "" {
		req.Header.Set(headerWait, wait)
	}
	return req
}

func TestWhatWeChatCouldNotTakeIsRepeated(t *testing.T) {
	const unknownRead, unknownWrite = "/channels/ec/neu/get", "/channels/ec/neu/set"
	for _, tc := range []struct {
		name, path, wait string
		codes            []int
		within           []time.Duration // the least pause before each repeat, of which a quarter more is the most
		want             int             // errcode
	}{
		{"busy, then well", readPath, "10s", []int{-1, 0}, []time.Duration{time.Second}, 0},
		{"busy three times", readPath, "10s", []int{-1, -1, -1, 0}, []time.Duration{1e9, 2e9, 4e9}, 0},
		{"busy for ever", readPath, "1m", []int{-1}, []time.Duration{1e9, 2e9, 4e9}, -1},
		{"busy, a second's patience too little", readPath, "1s", []int{-1, 0}, nil, -1},
		{"busy, nothing said", readPath, "", []int{-1, -1, 0}, []time.Duration{1e9}, -1},
		{"busy, no patience", readPath, "0", []int{-1, 0}, nil, -1},
		{"busy, a write", writePath, "10s", []int{-1, 0}, nil, -1},
		{"busy, a path that reads by its name only", unknownRead, "10s", []int{-1, 0}, nil, -1},
		{"throttled, a path that reads by its name only", unknownRead, "10s", []int{44990, 0}, []time.Duration{1e9}, 0},
		{"busy, an unknown path", unknownWrite, "10s", []int{-1, 0}, nil, -1},
		{"throttled, a write", writePath, "", []int{44990, 0}, []time.Duration{1e9}, 0},
		{"throttled, too long", writePath, "", []int{44990, 44990, 0}, []time.Duration{1e9}, 44990},
		{"the minute is used up, nothing said", writePath, "", []int{45011, 0}, nil, 45011},
		{"the day is used up", readPath, "1m", []int{45009, 0}, nil, 45009},
		{"anything else", readPath, "1m", []int{48001, 0}, nil, 48001},
		{"a dead token between", readPath, "10", []int{-1, 42001, -1, 0}, []time.Duration{1e9, 0, 2e9}, 0},
		{"a token that is dead twice", readPath, "10s", []int{42001, -1, 42001, 0}, []time.Duration{0, 1e9}, 42001},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := asked{s: &scripted{codes: tc.codes}}
				res := a.serve(t, request(t.Context(), tc.path, `{"n":1}`, tc.wait))
				last := time.Duration(0)
				for i, least := range tc.within {
					if i+1 >= len(a.s.at) {
						t.Fatalf("asked at %v", a.s.at)
					}
					if pause := a.s.at[i+1] - last; pause < least || pause > least+least/4 {
						t.Errorf("repeat %d after %v, want %v", i+1, pause, least)
					}
					last = a.s.at[i+1]
				}
				if len(a.s.at) != len(tc.within)+1 || res.Header.Get(headerAttempt) != fmt.Sprint(len(a.s.at)) || res.Header.Get(headerErrcode) != fmt.Sprint(tc.want) {
					t.Errorf("asked at %v: %v", a.s.at, res.Header)
				}
				if cause := res.Header.Get(headerCause); (tc.want != 0) == strings.HasPrefix(cause, "repeated after errcode ") || cause == "" {
					t.Errorf("%s: %q", headerCause, cause)
				}
				for _, body := range a.s.bodies {
					if body != `{"n":1}` {
						t.Errorf("body %q", body)
					}
				}
			})
		})
	}
}

// A minute's quota is there again with the next minute.
func TestTheNextMinuteIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(42 * time.Second) // of a minute; the bubble's clock begins with one
		a := asked{s: &scripted{codes: []int{45011, 0}}}
		a.serve(t, request(t.Context(), writePath, `{}`, "20s"))
		if len(a.s.at) != 2 || a.s.at[1] < 18*time.Second || a.s.at[1] > 19*time.Second {
			t.Errorf("asked at %v", a.s.at)
		}
	})
}

func TestAWaitIsForTheCallerToEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		ends  func(context.Context) (context.Context, context.CancelFunc)
		calls int
		gone  bool
	}{
		"deadline before the repeat": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 500*time.Millisecond)
		}, 1, false},
		"leaves while it is held": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(500*time.Millisecond, cancel)
			return ctx, cancel
		}, 1, true},
		"deadline later": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 5*time.Second)
		}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := tc.ends(t.Context())
				defer cancel()
				a, began := asked{s: &scripted{codes: []int{-1, 0}}}, time.Now()
				a.serve(t, request(ctx, readPath, `{}`, "10s"))
				if len(a.s.at) != tc.calls || (ctx.Err() != nil) != tc.gone || tc.gone && time.Since(began) != 500*time.Millisecond {
					t.Errorf("asked at %v, over after %v: %v", a.s.at, time.Since(began), ctx.Err())
				}
			})
		})
	}
}

func TestABodyThatWasNotKeptIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := asked{s: &scripted{codes: []int{44990, 0}}}
		if a.serve(t, request(t.Context(), readPath, strings.Repeat("x", KeptBody+1), "10s")); len(a.s.at) != 1 {
			t.Errorf("asked at %v", a.s.at)
		}
	})
}

// What was renewed during a wait is used; when the token was taken away, WeChat's
// first words pass.
func TestATokenIsTakenAnewAfterAWait(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*fakeTokens)
		want   []string
		code   string
	}{
		"renewed": {func(f *fakeTokens) { f.generation++ }, []string{tokenOf(0).RevealString(), tokenOf(1).RevealString()}, "0"},
		"revoked": {func(f *fakeTokens) { f.err = &TokenError{Reason: ErrRevoked} }, []string{tokenOf(0).RevealString()}, "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := asked{s: &scripted{codes: []int{-1, 0}}, tokens: &fakeTokens{}}
				time.AfterFunc(500*time.Millisecond, func() {
					a.tokens.mu.Lock()
					defer a.tokens.mu.Unlock()
					tc.change(a.tokens)
				})
				res := a.serve(t, request(t.Context(), readPath, `{}`, "10s"))
				if diff := cmp.Diff(tc.want, a.s.tokens); diff != "" || res.StatusCode != 200 || res.Header.Get(headerErrcode) != tc.code {
					t.Errorf("%d %v %s", res.StatusCode, res.Header, diff)
				}
			})
		})
	}
}

// The server says how long calls are held at most, and how many.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := asked{s: &scripted{codes: []int{-1, 0}}, config: func(c *Config) { c.MaxWait = time.Second }}
		if a.serve(t, request(t.Context(), readPath, `{}`, "1h")); len(a.s.at) != 1 {
			t.Errorf("asked at %v", a.s.at)
		}
	})
	g := &Gateway{}
	g.held.Store(mostHeld)
	c := &call{g: g, in: request(t.Context(), readPath, "", ""), wait: time.Hour}
	if held, err := c.hold(time.Minute); held || err != nil || g.held.Load() != mostHeld {
		t.Errorf("held %v, %v, %d", held, err, g.held.Load())
	}
}

func TestAWaitThatCannotBeReadIsRefused(t *testing.T) {
	for _, wait := range [][]string{{"soon"}, {"-1s"}, {"-1"}, {""}, {"1s", "2s"}, {"99999999"}, {"1e3"}} {
		req := request(t.Context(), readPath, `{}`, "")
		req.Header[headerWait] = wait
		a := asked{s: &scripted{codes: []int{0}}, config: func(c *Config) { c.Now = rigTime }}
		if res := a.serve(t, req); res.StatusCode != 400 || len(a.s.at) != 0 {
			t.Errorf("%q: %d", wait, res.StatusCode)
		}
	}
	for text, want := range map[string]time.Duration{"10s": 10e9, "10": 10e9, "1500ms": 15e8, "0": 0, "1m": 60e9} {
		if got, ok := parseWait([]string{text}); !ok || got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func rigTime() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }

// TestTheWaitReachesUs: the headers that callers must not send are taken off by then.
func TestTheWaitReachesUs(t *testing.T) {
	r := newRig(t, untouched(t))
	if a := r.post(t, readPath, `{}`, headerWait, "soon"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// roundTrip is a way out that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestAHeldCallIsAskedAboutAgain: a key that ends while its call waits is not used.
func TestAHeldCallIsAskedAboutAgain(t *testing.T) {
	for name, change := range map[string]func(c *access.Client){
		"revoked":          func(c *access.Client) { c.RevokedAt = time.Now() },
		"without the shop": func(c *access.Client) { c.Shops = []string{"removed"} },
		"without the path": func(c *access.Client) { c.Rights.Groups = []string{"stock"} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := asked{s: &scripted{codes: []int{codeMinute, 0}}}
				a.config = func(c *Config) {
					store := c.Clients.(*fakeStore)
					c.Transports = func(string) (http.RoundTripper, error) {
						return roundTrip(func(req *http.Request) (*http.Response, error) {
							store.with(func(s *fakeStore) {
								client := s.clients[string(access.HashKey(writeKey))]
								change(&client)
								s.clients[string(access.HashKey(writeKey))] = client
							})
							return a.s.RoundTrip(req)
						}), nil
					}
				}
				res := a.serve(t, request(t.Context(), readPath, `{}`, "75s"))
				if body, _ := io.ReadAll(res.Body); len(a.s.at) != 1 || !strings.Contains(string(body), "45011") {
					t.Errorf("asked %d times, answered %s", len(a.s.at), body)
				}
			})
		})
	}
}
