package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/web"
)

func TestWhyThereIsNoToken(t *testing.T) {
	down := errors.New("dial postgres: refused, password " + bait)
	for _, tc := range []struct {
		name   string
		err    error
		status int
		code   string
		retry  string
	}{
		{"unknown shop", &TokenError{Reason: ErrNoShop}, 403, "shop-not-held", ""},
		{"revoked", &TokenError{Reason: ErrRevoked, RetryAfter: time.Minute}, 403, "grant-revoked", ""},
		{"needs owner", &TokenError{Reason: ErrNeedsOwner}, 403, "grant-needs-owner", ""},
		{"held for another system", &TokenError{Reason: ErrHeld}, 503, "grant-held", "1"},
		{"another system's token", &TokenError{Reason: ErrFollows, RetryAfter: 5 * time.Second}, 503, "grant-follows", "5"},
		{"stopped", &TokenError{Reason: ErrStopped, ErrCode: 40164, RetryAfter: time.Minute}, 503, "grant-stopped", "60"},
		{"changed by hand", &TokenError{Reason: ErrUnreadable}, 503, "grant-unreadable", "1"},
		{"stopped, nobody knows why", &TokenError{Reason: ErrStopped}, 503, "grant-stopped", "1"},
		{"not yet", &TokenError{Reason: ErrNotYet, RetryAfter: 1500 * time.Millisecond, Err: down}, 503, "token-not-yet", "2"},
		{"something else", down, 503, "token-not-yet", "5"},
		{"too late", context.DeadlineExceeded, 503, "token-not-yet", "5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, untouched(t))
			r.tokens.err = tc.err
			a := r.post(t, readPath, `{}`)
			p := problemBody(t, a)
			if a.StatusCode != tc.status || p["code"] != tc.code || a.Header.Get("Retry-After") != tc.retry {
				t.Errorf("%d %v, Retry-After %q", a.StatusCode, p["code"], a.Header.Get("Retry-After"))
			}
			if p["next"] == nil || p["next_zh"] == nil || p["cause"] == nil {
				t.Errorf("no next step: %v", p)
			}
			if tc.name == "stopped" && p["errcode"] != 40164.0 {
				t.Errorf("no errcode: %v", p)
			}
			refused := len(r.notes.refusals) == 1
			if want := tc.status == 403; refused != want {
				t.Errorf("refusal noted: %v", refused)
			}
		})
	}
}

func TestTokenErrorKeepsItsCause(t *testing.T) {
	low := errors.New("low")
	err := error(&TokenError{Reason: ErrNotYet, Err: low})
	if !errors.Is(err, ErrNotYet) || !errors.Is(err, low) || errors.Is(err, ErrRevoked) {
		t.Error("the chain is broken:", err)
	}
	if bare := (&TokenError{Reason: ErrRevoked}); bare.Error() != ErrRevoked.Error() || len(bare.Unwrap()) != 1 {
		t.Error(bare)
	}
}

func TestAnEmptyTokenIsNeverSent(t *testing.T) {
	r := newRig(t, untouched(t), func(c *Config) { c.Tokens = noTokens{} })
	if a := r.post(t, readPath, `{}`); a.StatusCode != 503 {
		t.Errorf("answer %d %s", a.StatusCode, a.body)
	}
}

type noTokens struct{}

func (noTokens) Token(context.Context, string) (Token, error)     { return Token{}, nil }
func (noTokens) Report(context.Context, Complaint) (Token, error) { return Token{}, nil }
func (noTokens) Proved(string, int64)                             {}

// broken is a way out that fails in one way, and names the URL as net/http's
// client does.
type broken struct {
	err     error
	reached bool
}

func (b broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.reached {
		return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: b.err}
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &url.Error{Op: "Post", URL: r.URL.String(), Err: b.err}}
}

func TestFailuresOfTheWayOutShowNoURL(t *testing.T) {
	r := rigFor(t, func(c *Config) {
		c.Transports = func(string) (http.RoundTripper, error) {
			return broken{err: errors.New("no route for " + tokenOf(0).RevealString())}, nil
		}
	})
	a := r.post(t, readPath, `{}`)
	if p := problemBody(t, a); a.StatusCode != 502 || p["code"] != "wechat-unreachable" || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.StatusCode, p)
	}
	r.clean(t, a.body)
	if got := r.log.String(); got == "" {
		t.Error("nothing was logged")
	}
}

func TestNobodyListens(t *testing.T) {
	r := rigFor(t, func(c *Config) { c.APIHosts = []string{"http://127.0.0.1:1", "http://127.0.0.1:2"} })
	a := r.post(t, writePath, `{}`)
	if p := problemBody(t, a); a.StatusCode != 502 || p["code"] != "wechat-unreachable" {
		t.Errorf("%d %v", a.StatusCode, p)
	}
	r.clean(t, a.body)
}

func TestWeChatIsTooSlow(t *testing.T) {
	for name, upstream := range map[string]func(http.ResponseWriter){
		"no headers":  func(http.ResponseWriter) {},
		"no body":     func(w http.ResponseWriter) { w.WriteHeader(200); w.(http.Flusher).Flush() },
		"half a head": func(w http.ResponseWriter) { io.WriteString(w, `{"errcode":`); w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			ways := NewTransports(EgressOptions{HeaderTimeout: 50 * time.Millisecond})
			t.Cleanup(ways.CloseIdle)
			r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadAll(r.Body) // so that the server notices who leaves
				upstream(w)
				<-r.Context().Done()
			}, func(c *Config) {
				c.AnswerTimeout = 50 * time.Millisecond
				c.Transports = ways.For
			})
			a := r.post(t, writePath, `{}`)
			if p := problemBody(t, a); a.StatusCode != 504 || p["code"] != "wechat-timeout" {
				t.Errorf("%d %v", a.StatusCode, p)
			}
			r.clean(t, a.body)
		})
	}
}

func TestTheStoreIsDown(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	r.post(t, readPath, `{}`)
	r.store.with(func(s *fakeStore) { s.err = errors.New("disk on fire " + bait) })
	r.advance(cacheGrace - time.Second)
	if a := r.post(t, readPath, `{}`); a.StatusCode != 200 {
		t.Errorf("in the time of grace: %d %s", a.StatusCode, a.body)
	}
	r.advance(2 * time.Second)
	a := r.post(t, readPath, `{}`)
	if p := problemBody(t, a); a.StatusCode != 503 || p["code"] != "store-unavailable" {
		t.Errorf("after it: %d %v", a.StatusCode, p)
	}
}

// TestTheDatabaseIsAway: a store that says so is told as every door tells it, whether
// the caller, the shop or the token could not be read.
func TestTheDatabaseIsAway(t *testing.T) {
	away := fmt.Errorf("store: read: %w", &outage.Error{Kind: outage.Away, Err: errors.New("no server at db.internal")})
	for name, fail := range map[string]func(*rig){
		"the store's": func(r *rig) { r.store.with(func(s *fakeStore) { s.err = away }) },
		"the keeper's": func(r *rig) {
			r.tokens.mu.Lock()
			defer r.tokens.mu.Unlock()
			r.tokens.err = &TokenError{Reason: ErrNotYet, RetryAfter: time.Minute, Err: away}
		},
	} {
		r := newRig(t, func(http.ResponseWriter, *http.Request) {})
		fail(r)
		a := r.post(t, readPath, `{}`)
		if p := problemBody(t, a); a.StatusCode != 503 || p["code"] != web.CodeDatabase || a.Header.Get("Retry-After") != "5" {
			t.Errorf("%s: %d %v, Retry-After %q", name, a.StatusCode, p, a.Header.Get("Retry-After"))
		}
		if strings.Contains(string(a.body), "db.internal") {
			t.Errorf("%s: the cause is sent: %s", name, a.body)
		}
	}
}
