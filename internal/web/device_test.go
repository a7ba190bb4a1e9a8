package web

import (
	"slices"
	"strings"
	"testing"
)

func TestDeviceName(t *testing.T) {
	for ua, want := range map[string]string{
		"Mozilla/5.0 (Linux; Android 14; Pixel) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 XWEB/1260059 MicroMessenger/8.0.50 WeChat/arm64": "微信 · Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI":                    "微信 · iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781 WindowsWechat/WMPF":                   "微信 · Windows",
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/116.0 Mobile Safari/537.36 wxwork/4.1.22 MicroMessenger/7.0.1":                                                         "企业微信 · Android",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                                                                 "Chrome · Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0":                                                       "Edge · Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                                                           "Safari · macOS",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                                                          "Firefox · Linux",
		"Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile HuaweiBrowser/5.0.4":                            "华为浏览器 · HarmonyOS",
		"curl/8.5.0": "curl", "Something (Android 9)": "Android", "": "未知设备", "<script>": "未知设备",
	} {
		if got := DeviceName(ua); got != want {
			t.Errorf("DeviceName(%q) = %q, want %q", ua, got, want)
		}
		if system := SystemName(ua); want != "未知设备" && !strings.HasSuffix(want, system) || system == "" && strings.Contains(want, "·") {
			t.Errorf("SystemName(%q) = %q in %q", ua, system, want)
		}
	}
	if got := SystemName("MOZILLA/5.0 (WINDOWS NT 10.0)"); got != "Windows" {
		t.Errorf("in other letters: %q", got)
	}
	for i, m := range systems {
		if strings.ToLower(spelled[i]) != m.word {
			t.Errorf("%q is spelled %q", m.word, spelled[i])
		}
	}
}

func FuzzDeviceName(f *testing.F) {
	f.Add("Mozilla/5.0 (iPhone) MicroMessenger/8.0")
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, ua string) {
		name := DeviceName(ua)
		for part := range strings.SplitSeq(name, " · ") {
			known := func(m mark) bool { return m.name == part }
			if part != "未知设备" && !slices.ContainsFunc(browsers, known) && !slices.ContainsFunc(systems, known) {
				t.Errorf("DeviceName(%q) = %q holds a word of its own", ua, name)
			}
		}
	})
}
