package wechat

import "strings"

// IsWeChatUA reports whether a browser's User-Agent is WeChat's own browser,
// where the silent login works. WeCom (企业微信) names MicroMessenger too but
// is another product; it also says wxwork.
func IsWeChatUA(ua string) bool {
	ua = strings.ToLower(ua)
	return strings.Contains(ua, "micromessenger") && !strings.Contains(ua, "wxwork")
}

// IsMiniProgramUA reports whether a browser's User-Agent is the web-view of a
// mini program: developers.weixin.qq.com/miniprogram/dev/component/web-view. A
// User-Agent proves nothing; it only tells which page fits.
func IsMiniProgramUA(ua string) bool {
	return IsWeChatUA(ua) && strings.Contains(strings.ToLower(ua), "miniprogram")
}
