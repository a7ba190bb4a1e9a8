package dropin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzBody: any body gets an answer in WeChat's shape, with a token only for the key,
// and none shows what was sent.
func FuzzBody(f *testing.F) {
	r := newRig(f)
	f.Add("stable_token", stableBody(shopAppID, key, ""))
	f.Add("stable_token", stableBody(shopAppID, key, `,"force_refresh":{}`))
	f.Add("component/api_component_token", `{"component_appid":"`+platform+`","component_appsecret":"`+key+`"}`)
	f.Add("component/api_authorizer_token", `{"component_appid":1e999}`)
	f.Add("token", "")
	f.Fuzz(func(t *testing.T, path, body string) {
		target := "/cgi-bin/" + strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' || c == '_' || c == '/' {
				return c
			}
			return -1
		}, path)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body)))
		var got struct {
			ErrCode   *int   `json:"errcode"`
			ErrMsg    string `json:"errmsg"`
			Token     string `json:"access_token"`
			Component string `json:"component_access_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s %q: %d %q", target, body, w.Code, w.Body)
		}
		if given := got.Token + got.Component; (given == "") == (got.ErrCode == nil) {
			t.Errorf("%s %q: %s", target, body, w.Body)
		}
		if strings.Contains(w.Body.String(), "zgc_E") {
			t.Errorf("%s %q: the key shows in %s", target, body, w.Body)
		}
	})
}
