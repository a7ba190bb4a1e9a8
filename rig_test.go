package zhanggui_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Keys that must not show up anywhere.
const (
	clientKey = "zgc_BAITBAITBAITBAITBAITBAIT22"
	adminKey  = "zga_BAITBAITBAITBAITBAITBAIT22"
)

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// server answers with h and checks that every request carries the key.
func server(t *testing.T, key string, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("%s came with %q", r.URL, r.Header["Authorization"])
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// client is a client of a server that answers with h.
func client(t *testing.T, h http.HandlerFunc, options ...zhanggui.Option) *zhanggui.Client {
	t.Helper()
	c, err := zhanggui.New(server(t, clientKey, h), secret.FromString(clientKey), options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// admin is an administrator's client of a server that answers with h.
func admin(t *testing.T, h http.HandlerFunc) *zhanggui.Admin {
	t.Helper()
	a, err := zhanggui.NewAdmin(server(t, adminKey, h), secret.FromString(adminKey))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// says is a handler that answers JSON.
func says(body string) http.HandlerFunc { return answers(http.StatusOK, "application/json", body) }

// answers is a handler that answers the same to all.
func answers(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// failure finds the error of this package in err, and checks that it shows no key.
func failure(t *testing.T, err error) *zhanggui.Error {
	t.Helper()
	e, ok := errors.AsType[*zhanggui.Error](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	if strings.Contains(err.Error(), "BAIT") {
		t.Errorf("the error shows the key: %v", err)
	}
	if e.Cause == "" || e.CauseZH == "" || e.Next == "" || e.NextZH == "" {
		t.Errorf("the error does not say what to do, in two languages: %+v", e)
	}
	return e
}
