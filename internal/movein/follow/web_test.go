package follow

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWeb(t *testing.T) {
	var clk *clock
	var took time.Duration
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer the bearer" || r.URL.Path != "/keys/"+account || r.URL.Query().Get("of") != platform {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		clk.move(took)
		io.WriteString(w, `{"access_token":"token-of-theirs","expires_in":7200,"refresh_token":"refresh-of-theirs"}`) //nolint:errcheck // the client would tell
	}))
	t.Cleanup(srv.Close)
	s, c := newSet(t, Place{URL: srv.URL + "/keys/{appid}?of={platform}", Secret: secretOf("the bearer")})
	clk, took = c, 3*time.Second
	if got, err := kept(t, s); err != nil || got != "token-of-theirs 1h59m57s refresh-of-theirs" {
		t.Errorf("%s, %v; the end counts from before the question", got, err)
	}
}

func TestWebAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string // what is kept, or what the error says
	}{
		"their names":   {200, `{"authorizer_access_token":"token-of-theirs","expires_in":"60"}`, "token-of-theirs 1m0s "},
		"no end":        {200, `{"access_token":"token-of-theirs"}`, "token-of-theirs 1m0s "},
		"an odd end":    {200, `{"access_token":"token-of-theirs","expires_in":-5}`, "token-of-theirs 0s "},
		"half a token":  {200, `{"access_token":"token-of-theirs","refresh_token":"a b"}`, "token-of-theirs 1m0s "},
		"unknown":       {404, `{"error":"token-of-theirs"}`, "keeps no token"},
		"a page":        {200, `<html>password</html>`, "keeps no token"},
		"an error":      {200, `{"errcode":40001}`, "keeps no token"},
		"a number":      {200, `{"access_token":7}`, "keeps no token"},
		"not allowed":   {401, ``, "answered 401"},
		"elsewhere":     {302, ``, "answered 302"},
		"far too much":  {200, `{"access_token":"token-of-theirs","x":"` + strings.Repeat("x", maxAnswer) + `"}`, "too long"},
		"out of order":  {502, `Bad Gateway`, "answered 502"},
		"a list":        {200, `[{"access_token":"token-of-theirs"}]`, "keeps no token"},
		"nothing":       {200, ``, "keeps no token"},
		"a blank token": {200, `{"access_token":""}`, "keeps no token"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body) //nolint:errcheck // the client would tell
			}))
			t.Cleanup(srv.Close)
			s, _ := newSet(t, Place{URL: srv.URL + "/{appid}"})
			got, err := kept(t, s)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, c.want) || errors.Is(err, ErrNone) != strings.Contains(c.want, "keeps no") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestWebIsGuarded: private addresses are reached only where that is allowed.
func TestWebIsGuarded(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:9/{appid}", "redis://127.0.0.1:9"} {
		s, err := New(&oneApp{}, time.Now, Place{App: "platform", URL: address})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kept(t, s); err == nil || !strings.Contains(err.Error(), "allow_private") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestSet(t *testing.T) {
	s, _ := newSet(t, Place{URL: "https://old.example.com/{appid}"})
	if !s.Follows("platform") || s.Follows("another") {
		t.Error("it follows the wrong platform")
	}
	if _, err := s.Refresh(t.Context(), "another", account); err == nil || !strings.Contains(err.Error(), "moving[].follow") {
		t.Errorf("another platform: %v", err)
	}
	for _, bad := range []string{"ftp://old.example.com", "://", ""} {
		if _, err := New(&oneApp{}, time.Now, Place{App: "platform", URL: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	unknown, err := New(&oneApp{}, time.Now, Place{App: "nobody", URL: "https://old.example.com/{appid}"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unknown.Refresh(t.Context(), "nobody", account); err == nil {
		t.Error("a platform that is not declared is followed")
	}
}

// FuzzKept: whatever the other system answers, only what can be a token is one.
func FuzzKept(f *testing.F) {
	for _, seed := range []string{`{"access_token":"a","expires_in":7200}`, `{"accessToken":"a","expires_in":1e9}`, `[]`, `{`, `{"access_token":{"a":1}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		k, err := keptIn(body)
		if err == nil && (k.Access.IsZero() || k.Left < 0 || k.Left > maxLeft) || err != nil && !k.Access.IsZero() {
			t.Errorf("%v: lives %v", err, k.Left)
		}
	})
}
