package review

import "github.com/zhanggui/zhanggui/internal/notice"

// Credential says of one kind of credential whether it can be rotated, by whom and how.
type Credential struct {
	Kind string `json:"kind" doc:"which credential"`
	// Rotates is yes, no, or by hand: only a human in a console of WeChat's can.
	Rotates string      `json:"rotates" enum:"yes,no,by_hand" doc:"by_hand: only a human in a console of WeChat's can"`
	Who     notice.Text `json:"who" doc:"who can"`
	How     notice.Text `json:"how" doc:"what is done for it"`
	Page    string      `json:"page,omitempty" doc:"where WeChat says so, under developers.weixin.qq.com; left out: it is ours"`
}

// text says something in both languages.
func text(en, zh string) notice.Text { return notice.Text{EN: en, ZH: zh} }

// Who can rotate a credential.
const (
	rotates       = "yes"
	rotatesNot    = "no"
	rotatesByHand = "by_hand"
)

// developers is where WeChat documents things.
const developers = "developers.weixin.qq.com"

// Credentials lists every kind of credential that is kept here or handed out.
func Credentials() []Credential {
	nobody, us := text("nobody", "无人"), text("an operator", "运维人员")
	return []Credential{
		{"app_secret", rotatesByHand, text("the account's administrator, in WeChat's console", "账号管理员，在微信后台"),
			text("reset it there and enter the new one here; the old one stops at once", "在微信后台重置后在此录入；旧密钥立即失效"),
			developers + "/doc/oplatform/developers/dev/api"},
		{"component_secret", rotatesByHand, text("the platform's administrator, in WeChat's console", "第三方平台管理员，在微信后台"),
			text("reset it there and enter the new one here; the old one stops at once", "在微信后台重置后在此录入；旧密钥立即失效"),
			developers + "/doc/oplatform/developers/dev/api"},
		{"authorizer_refresh_token", rotatesNot, text("only the shop, by authorising again", "仅店铺重新授权时"),
			text("the owner withdraws at WeChat and authorises again; zhanggui grant renew asks for it", "店主在微信取消授权后重新授权；可用 zhanggui grant renew 提出请求"),
			developers + "/doc/knowledge/07e2d7fc2d6a1edf"},
		{"user_refresh_token", rotatesNot, text("only the person, by logging in again", "仅本人重新登录时"),
			text("it lives 30 days, and using it makes that no longer; a login gives a new one", "有效期 30 天，刷新不会延长；重新登录后获得新的"),
			developers + "/doc/service/api/webdev/access/api_snsrefreshtoken"},
		{"access_token", rotates, text("this server", "本服务"),
			text("it lives two hours and is renewed by itself; of a shop's own key, a forced refresh ends it early", "有效期两小时，自动续期；店铺自有密钥可强制刷新使其提前失效"),
			developers + "/doc/store/shop/API/apimgnt/common/api_getstableaccesstoken"},
		{"component_verify_ticket", rotates, text("WeChat", "微信"),
			text("WeChat pushes a new one every ten minutes", "微信每十分钟推送新的"),
			developers + "/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket"},
		{"push_token_and_aes_key", rotatesByHand, text("the account's administrator, in WeChat's console", "账号管理员，在微信后台"),
			text("change it there and here; the one before is taken for a while", "在微信后台与此处同时更换；旧值在一段时间内仍可用"),
			developers + "/doc/oplatform/Third-party_Platforms/2.0/Before_Develop/message_push"},
		{"client_key", rotates, us, text("make a new client or key, move the program, revoke the old one", "新建密钥，切换程序后撤销旧密钥"), ""},
		{"admin_key", rotates, us, text("zhanggui admin create, then zhanggui admin revoke", "先 zhanggui admin create，再 zhanggui admin revoke"), ""},
		{"sealing_key", rotates, us, text("zhanggui key rotate; older ones still open", "zhanggui key rotate；旧密钥仍可解密"), ""},
		{"signing_key", rotates, text("this server", "本服务"), text("by itself, in time; zhanggui key sign replaces it at once", "到期自动更换；zhanggui key sign 可立即更换"), ""},
		{"audit_key", rotatesNot, nobody, text("it proves what was written before; keep it where it is", "它用于证明既往记录，请妥善保管"), ""},
	}
}
