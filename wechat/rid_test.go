package wechat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestRID(t *testing.T) {
	for errmsg, want := range map[string]string{
		"":   "",
		"ok": "",
		"invalid code, rid: 61725984-6126f6f9-040f19c4":                   "61725984-6126f6f9-040f19c4",
		"invalid credential rid:61725984-6126f6f9-040f19c4 ":              "61725984-6126f6f9-040f19c4",
		"code不存在 rid: 6350ba59-531186f6-55662d08":                         "6350ba59-531186f6-55662d08",
		"rid: 00000000-00000000-00000000 rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c": "1a1a1a1a-2b2b2b2b-3c3c3c3c",
		"invalid code, hints: [ req_id: oJfQBA0123 ]":                     "req_id: oJfQBA0123",
		"invalid appid hint: [Abc0123vr20]":                               "Abc0123vr20",
		"hint: [] rid: zzz":                                               "",
		"rid: 61725984-6126f6f9":                                          "",
		"hybrid: 61725984-6126f6f9-040f19c4":                              "",
	} {
		if got := wechat.RID(errmsg); got != want {
			t.Errorf("RID(%q) = %q, want %q", errmsg, got, want)
		}
	}
}

func FuzzRID(f *testing.F) {
	f.Add("invalid code, rid: 61725984-6126f6f9-040f19c4")
	f.Add("hint: [a] hints: [b]")
	f.Add("rid: rid: \xff")
	f.Fuzz(func(t *testing.T, errmsg string) {
		rid := wechat.RID(errmsg)
		if !strings.Contains(errmsg, rid) {
			t.Errorf("%q is not part of %q", rid, errmsg)
		}
		if len(rid) > 64 || strings.ContainsAny(rid, "[]") && !strings.Contains(errmsg, "hint") {
			t.Errorf("odd rid %q", rid)
		}
	})
}

func TestIP(t *testing.T) {
	for _, tc := range []struct {
		code    int
		message string
		want    string
	}{
		{40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c", "203.0.113.7"},
		{40164, "invalid ip ipv6 ::ffff:203.0.113.7, not in whitelist", "203.0.113.7"},
		{40164, "invalid ip 2001:db8::1.", "2001:db8::1"},
		{61004, "access clientip is not registered, clientip: 198.51.100.4", "198.51.100.4"},
		{45035, "access clientip is not registered, not in ip-white-list", ""},
		{89503, "ip 192.0.2.1 needs confirm", "192.0.2.1"},
		{40001, "invalid credential 203.0.113.7", ""},
		{40164, "invalid ip 999.1.1.1", ""},
	} {
		got := ""
		if ip := (&wechat.Error{Code: tc.code, Message: tc.message}).IP(); ip.IsValid() {
			got = ip.String()
		}
		if got != tc.want {
			t.Errorf("%d %q: IP = %q, want %q", tc.code, tc.message, got, tc.want)
		}
	}
}

func TestIsWeChatUA(t *testing.T) {
	for ua, want := range map[string]bool{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.49(0x1800312b) NetType/WIFI Language/zh_CN": true,
		"Mozilla/5.0 (Windows NT 10.0) MicroMessenger/7.0.20 WindowsWechat":                                                    true,
		"mozilla micromessenger/8":                      true,
		"Mozilla/5.0 wxwork/4.1.0 MicroMessenger/7.0.1": false,
		"Mozilla/5.0 WXWork/4.1.0 MicroMessenger/7.0.1": false,
		"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0": false,
		"": false,
	} {
		if got := wechat.IsWeChatUA(ua); got != want {
			t.Errorf("IsWeChatUA(%q) = %v", ua, got)
		}
	}
}

func TestIsMiniProgramUA(t *testing.T) {
	for ua, want := range map[string]bool{
		"Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50 Weixin NetType/WIFI MiniProgramEnv/android miniProgram/wx00000000000000e1": true,
		"Mozilla/5.0 (iPhone) MicroMessenger/8.0.49 miniProgram/wx00000000000000e1":                                                       true,
		"Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50":                                                                           false,
		"Mozilla/5.0 (Windows NT 10.0) miniProgram":                                                                                       false,
		"Mozilla/5.0 wxwork/4.1.0 MicroMessenger/7.0.1 miniProgram":                                                                       false,
	} {
		if got := wechat.IsMiniProgramUA(ua); got != want {
			t.Errorf("IsMiniProgramUA(%q) = %v", ua, got)
		}
	}
}

// TestMiniLoginKeepsNoSessionKey: what the answer holds besides the person goes
// nowhere.
func TestMiniLoginKeepsNoSessionKey(t *testing.T) {
	body := `{"session_key":"bait-session-key","openid":"` + openID + `","unionid":"u_demo_0001"}`
	c := newClient(t, answering(200, "text/plain", strings.NewReader(body)))
	m, err := c.MiniLogin(t.Context(), appID, secret.FromString(appSecret), secret.FromString(loginCode))
	if err != nil || m.OpenID != openID || m.UnionID != "u_demo_0001" {
		t.Fatalf("%+v, %v", m, err)
	}
	noBait(t, fmt.Sprintf("%+v", m))
}
