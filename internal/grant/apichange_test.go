package grant_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/grant"
)

func TestDocLink(t *testing.T) {
	good := "https://developers.weixin.qq.com/doc/store/shop/changelog.html"
	for raw, want := range map[string]string{
		good:                                  good,
		"http://developers.weixin.qq.com/doc": "",
		"https://developers.weixin.qq.com.example.com/doc":       "",
		"https://developers.weixin.qq.com@example.com/doc":       "",
		"https://developers.weixin.qq.com:8443/doc":              "",
		"https://example.com/developers.weixin.qq.com":           "",
		"//developers.weixin.qq.com/doc":                         "",
		"javascript:alert(1)//https://developers.weixin.qq.com/": "",
		"https:developers.weixin.qq.com/doc":                     "",
		"https://developers.weixin.qq.com\x00/doc":               "",
		"": "",
	} {
		if got := grant.DocLink(raw); got != want {
			t.Errorf("%q: link %q, want %q", raw, got, want)
		}
	}
}
