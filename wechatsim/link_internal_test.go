package wechatsim

import (
	"net/url"
	"strings"
	"testing"
)

func FuzzParseAuthorize(f *testing.F) {
	const ok = "appid=wx00000000000000a1&redirect_uri=https%3A%2F%2Fa.example.com%2Fcb%3Fx%3D1%23f&response_type=code&scope=snsapi_base&state=abc"
	f.Add(ok)
	f.Add(ok + "&forcePopup=true&forceSnapShot=false&component_appid=wx1&connect_redirect=1")
	f.Add("&&=&redirect_uri=%")
	f.Add("appid=%00&redirect_uri=https%253A")
	f.Add("redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A80")
	f.Fuzz(func(t *testing.T, raw string) {
		for _, sw := range []Switches{StrictSwitches(), LenientSwitches()} {
			l, bad := parseAuthorize(raw, sw)
			if bad != nil {
				if bad.Text == "" {
					t.Errorf("%q: an error page without text", raw)
				}
				continue
			}
			checkCallback(t, raw, &l)
			redactQuery(raw)
		}
	})
}

// checkCallback holds what must be true of every callback: it parses, goes to
// the very host that was checked, and carries our code and state last.
func checkCallback(t *testing.T, raw string, l *link) {
	t.Helper()
	u, err := url.Parse(l.callback("CODE"))
	if err != nil {
		t.Fatalf("%q: the callback does not parse: %v", raw, err)
	}
	if u.Host != l.redirectURI.Host || u.Scheme != l.redirectURI.Scheme || u.Fragment != l.redirectURI.Fragment {
		t.Errorf("%q: callback %s leaves %s", raw, u, l.redirectURI)
	}
	tail := "code=CODE"
	if l.state != "" {
		tail += "&state=" + l.state
	}
	if !strings.HasSuffix(u.RawQuery, tail) {
		t.Errorf("%q: query %q does not end in %q", raw, u.RawQuery, tail)
	}
}

func FuzzRedactQuery(f *testing.F) {
	f.Add("access_token", "s3cret")
	f.Add("SECRET", "a b&c=d%")
	f.Add("code", "\x00")
	f.Fuzz(func(t *testing.T, name, value string) {
		if len(value) < 6 || !hidden[strings.ToLower(name)] {
			return
		}
		// Whatever else is in the query, a hidden value written properly is
		// gone, unless its digest happens to spell it.
		got := redactQuery("a=1&" + url.QueryEscape(name) + "=" + url.QueryEscape(value))
		if strings.Contains(got, url.QueryEscape(value)) && !strings.Contains(Digest(value), value) && !strings.Contains("a=1&"+name+"=~", value) {
			t.Errorf("redacted query %q shows %q", got, value)
		}
	})
}
