package wechat

import "strings"

// IsWeChatUA reports whether a browser's User-Agent is WeChat's own browser,
// where the silent login works. WeCom (企业微信) names MicroMessenger too but
// is another product; it also says wxwork.
func IsWeChatUA(ua string) bool {
	ua = strings.ToLower(ua)
	return strings.Contains(ua, "micromessenger") && !strings.Contains(ua, "wxwork")
}
