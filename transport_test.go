package zhanggui_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestTransport(t *testing.T) {
	for name, x := range map[string]struct{ url, want string }{
		"plain":         {"https://api.weixin.qq.com/channels/ec/order/get?access_token=t", "/wx/lantian/channels/ec/order/get"},
		"other pairs":   {"https://api.weixin.qq.com/a?b=1&access_token=t&c=%20&d=+", "/wx/lantian/a?b=1&c=%20&d=+"},
		"hidden":        {"https://api.weixin.qq.com/a?%61ccess_token=t&ACCESS_TOKEN=u&component_access_token=v&b=1", "/wx/lantian/a?b=1"},
		"port and case": {"https://API.weixin.qq.com:443/a", "/wx/lantian/a"},
		"one site":      {"https://sh.api.weixin.qq.com/a?access_token=t", "/wx/lantian/a"},
	} {
		var got string
		c := client(t, func(_ http.ResponseWriter, r *http.Request) { got = r.URL.String() })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, x.url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer other")
		res, err := (&http.Client{Transport: c.Transport("lantian", nil)}).Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = res.Body.Close()
		if got != x.want {
			t.Errorf("%s: %s, want %s", name, got, x.want)
		}
		if res.Request.Header.Get("Authorization") != "Bearer other" || req.URL.String() != x.url {
			t.Errorf("%s: the program's request was changed: %v", name, res.Request.Header)
		}
	}
}

// TestTransportKeepsTheKey: no other host gets the key, whatever leads there.
func TestTransportKeepsTheKey(t *testing.T) {
	hop := client(t, func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		if to == "" {
			_, _ = w.Write([]byte("home"))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	var seen []*http.Request
	fallback := roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r)
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
	})
	for _, to := range []string{
		"https://evil.example.com/", "http://api.weixin.qq.com/a", "https://api.weixin.qq.com.evil.example.com/a", "https://x@api.weixin.qq.com/a",
		"https://api.weixin.qq.com:8443/a", "//evil.example.com/",
	} {
		seen = nil
		res, err := (&http.Client{Transport: hop.Transport("lantian", fallback)}).Get("https://api.weixin.qq.com/a?to=" + url.QueryEscape(to))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if len(seen) != 1 || seen[0].Header.Get("Authorization") != "" && !strings.HasPrefix(seen[0].Header.Get("Authorization"), "Basic ") {
			t.Errorf("%s: %v", to, seen)
		}
		if _, err := (&http.Client{Transport: hop.Transport("lantian", nil)}).Get("https://api.weixin.qq.com/a?to=" + url.QueryEscape(to)); err == nil || strings.Contains(err.Error(), "BAIT") {
			t.Errorf("%s without a fallback: %v", to, err)
		}
	}
	res, err := (&http.Client{Transport: hop.Transport("lantian", nil)}).Get("https://api.weixin.qq.com/a?to=/b")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); string(b) != "home" || err != nil {
		t.Errorf("a redirect within WeChat: %q, %v", b, err)
	}
}

// closed tells whether a body was closed.
type closed struct {
	io.Reader
	was bool
}

func (c *closed) Close() error { c.was = true; return nil }

func TestTransportRefuses(t *testing.T) {
	c, err := zhanggui.New("https://zhanggui.example.com", secret.FromString(clientKey), zhanggui.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s was sent", r.URL)
		return nil, errors.New("no")
	})))
	if err != nil {
		t.Fatal(err)
	}
	for shop, all := range map[string][]string{
		"lantian": {"https://api.weixin.qq.com/../v1/clients", "https://api.weixin.qq.com/a%2fb", "https://api.weixin.qq.com//a", "https://api.weixin.qq.com/a/", "https://api.weixin.qq.com/a?%zz=1", "https://store.weixin.qq.com/"},
		"../x":    {"https://api.weixin.qq.com/a"},
	} {
		for _, text := range all {
			body := &closed{Reader: strings.NewReader("{}")}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, text, body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := c.Transport(shop, nil).RoundTrip(req)
			if failure(t, err); res != nil || !body.was {
				t.Errorf("%s: %v, the body closed: %v", text, res, body.was)
			}
		}
	}
}

// TestTransportStandsInForTokens: a program that fetches a token gets a word for it,
// and its secret goes nowhere.
func TestTransportStandsInForTokens(t *testing.T) {
	c := client(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked", r.URL) })
	program := &http.Client{Transport: c.Transport("lantian", nil)}
	get, err := program.Get("https://api.weixin.qq.com/cgi-bin/token?grant_type=client_credential&appid=wx00000000000000c1&secret=s")
	if err != nil {
		t.Fatal(err)
	}
	post, err := program.Post("https://api.weixin.qq.com/cgi-bin/stable_token", "application/json", strings.NewReader(`{"secret":"s"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range []*http.Response{get, post} {
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(b) != `{"access_token":"kept-by-zhanggui","expires_in":7200}` {
			t.Errorf("%s, %v", b, err)
		}
	}
}
