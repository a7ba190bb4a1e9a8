package web

import (
	"net/http"
	"testing"
)

func TestCrossOrigin(t *testing.T) {
	h := newStage(t, CrossOrigin(parseURL(t, "https://keys.example.com/zhanggui"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	for _, c := range []struct {
		name, method string
		headers      []string
		status       int
	}{
		{"our page", "POST", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"typed in", "POST", []string{"Sec-Fetch-Site", "none"}, 200},
		{"another site", "POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a sibling", "POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"another site, PUT", "PUT", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, odd method", "QUERY", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a link from another site", "GET", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		{"old browser, another origin", "POST", []string{"Origin", "https://evil.example"}, 403},
		{"old browser, hidden origin", "POST", []string{"Origin", "null"}, 403},
		{"old browser, our origin", "POST", []string{"Origin", "https://keys.example.com"}, 200},
		{"proxy rewrote the host", "POST", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://keys.example.com"}, 200},
		{"not a browser", "POST", nil, 200},
	} {
		r := request(t, c.method, "http://inner:8080/members", "192.0.2.7:1", c.headers...)
		w := h.serve(r)
		if w.Code != c.status {
			t.Errorf("%s: %d", c.name, w.Code)
		}
		if c.status == 403 && decodeProblem(t, w)["code"] != "cross-origin" {
			t.Errorf("%s: %s", c.name, w.Body)
		}
	}
}
