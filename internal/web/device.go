package web

import "strings"

// DeviceName describes a browser for a list of sessions, e.g. "微信 · Android"
// or "Chrome · Windows". It answers from a fixed set of words and never echoes
// the user agent.
func DeviceName(ua string) string {
	ua = strings.ToLower(ua)
	app, system := firstMark(ua, browsers), firstMark(ua, systems)
	switch {
	case app == "" && system == "":
		return "未知设备"
	case app == "":
		return system
	case system == "":
		return app
	}
	return app + " · " + system
}

// SystemName gives the system that a browser says it runs on, e.g. "Windows": one of
// the words in [DeviceName], without versions. It is empty when it says none that is
// known.
func SystemName(ua string) string {
	for i, word := range spelled {
		if strings.Contains(ua, word) {
			return systems[i].name
		}
	}
	return firstMark(strings.ToLower(ua), systems)
}

// spelled are the words of systems as browsers spell them, in the same order: most
// user agents need no copy in lower case.
var spelled = []string{
	"iPhone", "iPad", "OpenHarmony", "HarmonyOS", "Android", "Windows", "Mac OS X", "Macintosh", "CrOS ", "Linux",
}

// mark is a word in lower-case user agents and what it means.
type mark struct{ word, name string }

// The order matters: every browser claims to be several older ones, and
// WeCom claims to be WeChat.
var (
	browsers = []mark{
		{"wxwork/", "企业微信"}, {"micromessenger/", "微信"}, {"windowswechat", "微信"},
		{"edg/", "Edge"}, {"edga/", "Edge"}, {"edgios/", "Edge"},
		{"opr/", "Opera"}, {"qqbrowser/", "QQ 浏览器"}, {"ucbrowser/", "UC 浏览器"},
		{"huaweibrowser/", "华为浏览器"}, {"miuibrowser/", "小米浏览器"},
		{"firefox/", "Firefox"}, {"fxios/", "Firefox"},
		{"crios/", "Chrome"}, {"chrome/", "Chrome"}, {"safari/", "Safari"},
		{"curl/", "curl"},
	}
	systems = []mark{
		{"iphone", "iPhone"}, {"ipad", "iPad"}, {"openharmony", "HarmonyOS"}, {"harmonyos", "HarmonyOS"},
		{"android", "Android"}, {"windows", "Windows"}, {"mac os x", "macOS"}, {"macintosh", "macOS"},
		{"cros ", "ChromeOS"}, {"linux", "Linux"},
	}
)

func firstMark(ua string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(ua, m.word) {
			return m.name
		}
	}
	return ""
}
