package rotate

import (
	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Explain says, a step each, what a rotation of this kind will do and what cannot be
// undone. app is the app whose secret it is, the zero one for a client.
func Explain(kind access.RotationKind, app access.App) []notice.Text {
	switch kind {
	case access.RotateAppSecret, access.RotateComponentSecret:
		return secretSteps(app.Kind)
	case access.RotatePushToken, access.RotateAESKey:
		return pushSteps
	}
	return clientSteps
}

// Where secrets are reset: developers.weixin.qq.com/doc/oplatform/developers/dev/api.
var places = map[access.AppKind]notice.Text{
	access.ShopApp:        {EN: "store.weixin.qq.com, 服务市场 → 经营工具 → 我的服务 → 自研", ZH: "微信小店后台 store.weixin.qq.com：服务市场 → 经营工具 → 我的服务 → 自研"},
	access.ServiceAccount: {EN: "the WeChat developer platform, 我的业务 → 服务号 → 基础信息 → 开发密钥", ZH: "微信开发者平台：我的业务 → 服务号 → 基础信息 → 开发密钥"},
	access.Website:        {EN: "open.weixin.qq.com, 管理中心 → 网站应用 → 详情", ZH: "微信开放平台 open.weixin.qq.com：管理中心 → 网站应用 → 详情"},
	access.Component:      {EN: "open.weixin.qq.com, 管理中心 → 第三方平台 → 详情", ZH: "微信开放平台 open.weixin.qq.com：管理中心 → 第三方平台 → 详情"},
	access.MiniProgram:    {EN: "mp.weixin.qq.com, 管理 → 开发管理 → 开发设置", ZH: "微信公众平台 mp.weixin.qq.com：管理 → 开发管理 → 开发设置"},
}

// proofs say how a secret is proved, and what that costs.
var proofs = map[access.AppKind]notice.Text{
	access.ShopApp:        {EN: "The new secret is proved with one ordinary stable_token call of the 500,000 a day; it brings the token that lives and ends none.", ZH: "新密钥用一次普通的 stable_token 调用验证（每日额度 50 万次），返回的仍是现有令牌，不会使任何令牌失效。"},
	access.ServiceAccount: {EN: "The new secret is proved with one ordinary stable_token call of the 500,000 a day; it ends no token.", ZH: "新密钥用一次普通的 stable_token 调用验证（每日额度 50 万次），不会使任何令牌失效。"},
	access.MiniProgram:    {EN: "The new secret is proved with one ordinary stable_token call of the 500,000 a day; it ends no token.", ZH: "新密钥用一次普通的 stable_token 调用验证（每日额度 50 万次），不会使任何令牌失效。"},
	access.Component:      {EN: "The new secret is proved with one api_component_token call, of which WeChat publishes no daily number; its answer is kept and used.", ZH: "新密钥用一次 api_component_token 调用验证（微信未公布每日额度），返回的令牌即被保存使用。"},
	access.Website:        {EN: "No harmless call proves this secret: log in through the app once after the change, and take the way back if that fails.", ZH: "没有可无损验证此密钥的接口：更换后请登录一次，若失败请回退。"},
}

func secretSteps(kind access.AppKind) []notice.Text {
	place := places[kind]
	steps := []notice.Text{
		{EN: "The secret is reset by hand at " + place.EN + ". WeChat ends the old one at that moment, for every program that has it, keeps no copy of the new one and shows it once. That cannot be undone.",
			ZH: "请在 " + place.ZH + " 手动重置密钥。旧密钥立即对所有程序失效，微信不保存新密钥且只显示一次；此操作不可撤销。"},
	}
	switch kind {
	case access.ServiceAccount, access.MiniProgram:
		steps = append(steps, notice.Text{EN: "Logins through this app fail from the reset until the new secret is entered. Freezing is no gentler: it counts after ten minutes, and calls answer 40243.",
			ZH: "从重置到录入新密钥之间，经此应用的登录会失败。冻结并不更平缓：十分钟后生效，调用返回 40243。"})
	case access.Website:
		steps = append(steps, notice.Text{EN: "Logins through this app fail from the reset until the new secret is entered. It cannot be frozen.", ZH: "从重置到录入新密钥之间，经此应用的登录会失败。此密钥不能冻结。"})
	default:
		steps = append(steps, notice.Text{EN: "Calls go on with the token that is kept, until its end at most; it cannot be renewed before the new secret is entered. WeChat's pages do not say that a reset ends tokens that live. This secret cannot be frozen.",
			ZH: "调用继续使用现有令牌，最长至其到期；录入新密钥前无法续期。微信文档未说明重置会使现有令牌失效。此密钥不能冻结。"})
	}
	return append(steps, proofs[kind],
		notice.Text{EN: "The one before is kept sealed for a day. A reset cannot be taken back: the way back works only if WeChat still takes it.", ZH: "旧密钥密封保存一天。重置无法撤回：仅当微信仍接受旧密钥时才能回退。"})
}

var pushSteps = []notice.Text{
	{EN: "From now on pushes are taken with the old one and with the new one.", ZH: "自现在起，旧的与新的都可接收推送。"},
	{EN: "Enter the new one at WeChat, where the push settings are; its check of the address succeeds with either.", ZH: "请在微信后台的消息推送配置中填入新的；地址校验用任意一个都能通过。"},
	{EN: "Which one WeChat uses is seen by itself. The old one is deleted when it was not seen for a day, or by rotate finish.", ZH: "系统会自动识别微信使用哪一个。旧的一天未出现后自动删除，也可用 rotate finish 删除。"},
}

var clientSteps = []notice.Text{
	{EN: "The client has two keys from now on, with the same rights; the new one is shown this once.", ZH: "自现在起该程序有两个密钥，权限相同；新密钥仅显示这一次。"},
	{EN: "Give the program the new one; rotate status shows when each was used last.", ZH: "请在程序中换上新密钥；rotate status 会显示每个密钥的最近使用时间。"},
	{EN: "The old one ends with rotate finish, or at the date; what it fetched with the right token:export lives on at WeChat until its end.", ZH: "旧密钥在 rotate finish 或到期日失效；它凭 token:export 取走的令牌在微信侧仍有效至到期。"},
}
