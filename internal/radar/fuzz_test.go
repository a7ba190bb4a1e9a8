package radar

import (
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// FuzzParse: whatever is pushed, what is kept of it is bounded and clean.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"changelog_url":"https://developers.weixin.qq.com/doc/store/shop/changelog.html","api_changes":[{"chinese_name":"电子面单取号","cgi_path":"/channels/ec/order/get","doc_url":"https://developers.weixin.qq.com/doc","change_content":"更新接口"}],"change_time":"1762492842"}`))
	f.Add([]byte(`{"api_changes":{"cgi_path":"/channels/ec/order/get"},"change_time":1762492842}`))
	f.Add([]byte("{\"api_changes\":[{\"cgi_path\":\"/a\\u0000\\u202e\xff\",\"chinese_name\":7}],\"change_time\":-1e999}"))
	known, at := catalogue.Default(), time.Unix(1762492842, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := parse(grant.Event{ID: 1, ShopID: "lantian", At: at, SeenAt: at, Body: body}, known)
		if (err == nil) == (len(all) == 0) || len(all) > mostChanges {
			t.Fatalf("%d changes, error %v", len(all), err)
		}
		ids := map[string]bool{}
		for _, c := range all {
			if c.Path == "" || ids[c.ID] || c.At.IsZero() {
				t.Errorf("%+v", c)
			}
			ids[c.ID] = true
			for text, most := range map[string]int{c.Path: mostPath, c.Name: mostName, c.Content: mostContent, c.DocURL: mostURL, c.LogURL: mostURL} {
				if utf8.RuneCountInString(text) > max(most, mostURL) || !utf8.ValidString(text) {
					t.Errorf("kept %q", text)
				}
				for _, r := range text {
					if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
						t.Errorf("kept %q in %q", r, text)
					}
				}
			}
		}
	})
}
