package upstream

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzCookies: whatever the text, no cookie of ours gets through in either direction, and
// others stay.
func FuzzCookies(f *testing.F) {
	for _, s := range []string{"", "a=1", "zg_child=1", "a=1; __Host-zg_child=2; b=3", "=zg_child=1", " = zg_child = 1", "__Host-__Host-zg_a", ";;;=;", "ZG_lang"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := http.Header{"Cookie": {s, "keep=1"}, "Set-Cookie": {s, "keep=1"}}
		cleanRequest(h)
		cleanAnswer(h)
		left := (&http.Request{Header: h}).Cookies()
		left = append(left, (&http.Response{Header: h}).Cookies()...)
		kept := 0
		for _, c := range left {
			if strings.HasPrefix(strings.ToLower(strings.TrimPrefix(c.Name, "__Host-")), "zg_") {
				t.Errorf("%q leaves %q", s, c.Name)
			}
			if c.Name == "keep" {
				kept++
			}
		}
		if kept < 2 {
			t.Errorf("%q takes others away: %v", s, h)
		}
	})
}
