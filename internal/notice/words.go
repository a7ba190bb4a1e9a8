package notice

import "cmp"

// Text is one text in both languages.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Words are what a kind of notice says: what happened, and what to do next.
type Words struct {
	What Text
	Next Text
}

// Words gives the words of a kind. A kind that this version does not know, as a
// newer one may have written it, says so.
func (k Kind) Words() Words {
	w := words[k]
	w.What.EN, w.What.ZH = cmp.Or(w.What.EN, unknown.What.EN), cmp.Or(w.What.ZH, unknown.What.ZH)
	w.Next.EN, w.Next.ZH = cmp.Or(w.Next.EN, unknown.Next.EN), cmp.Or(w.Next.ZH, unknown.Next.ZH)
	return w
}

var unknown = Words{
	What: Text{"Something happened that this version has no words for.", "发生了此版本无法说明的事情。"},
	Next: Text{"Read the details beside it, and bring all servers to the newest version.", "请查看附带的详情，并将所有服务器升级到最新版本。"},
}

// words holds the texts of every kind.
var words = map[Kind]Words{
	GrantNeedsOwner: {
		What: Text{"An authorisation ended at WeChat; only its owner can renew it.", "一项授权已在微信端失效，只有店主本人可以重新授权。"},
		Next: Text{"Ask the owner to log in again, or send an invitation with `zhanggui invite create`; who bought a service in WeChat's service market authorises it again there.", "请店主重新登录，或用 `zhanggui invite create` 发送邀请；在微信服务市场购买服务的店铺，请店主在服务市场重新授权该服务。"},
	},
	GrantStopped: {
		What: Text{"WeChat refuses to give a token, and asking again will not help.", "微信拒绝发放访问令牌，重试无济于事。"},
		Next: Text{"Look up the errcode in the details, mend the app's setting (AppSecret, IP allowlist, state of the account), then run `zhanggui grant start`.", "请按详情中的 errcode 修正应用设置（AppSecret、IP 白名单、账号状态），然后执行 `zhanggui grant start`。"},
	},
	GrantFailing: {
		What: Text{"A token could not be renewed several times; the server goes on asking.", "令牌多次续期失败，系统会继续重试。"},
		Next: Text{"See the cause in the details and run `zhanggui doctor`; the old token is served while it lives.", "请查看详情中的原因并运行 `zhanggui doctor`；旧令牌在有效期内仍可使用。"},
	},
	GrantHealed: {
		What: Text{"A grant that was reported before works again.", "此前告警的授权已恢复正常。"},
		Next: Text{"Nothing is left to do.", "无需处理。"},
	},
	GrantExpiring: {
		What: Text{"A person's authorisation nears the end of its 30 days.", "一项用户授权即将满 30 天而失效。"},
		Next: Text{"Ask the person to open the back office from WeChat once; that renews it silently.", "请该用户在微信中打开一次后台，即可静默续期。"},
	},
	GrantRevoked: {
		What: Text{"Somebody ended a grant; its tokens are deleted.", "一项授权已被取消，其令牌已删除。"},
		Next: Text{"If nobody meant to, see who did with `zhanggui audit list` and authorise again.", "如非本意，请用 `zhanggui audit list` 查看操作人，并重新授权。"},
	},
	GrantDoubtful: {
		What: Text{"WeChat renews a token and still refuses it in calls.", "微信能够续期令牌，但调用时仍拒绝该令牌。"},
		Next: Text{"Check the shop's permissions and the state of its account at WeChat; for a person's, whether they withdrew their consent.", "请检查店铺在微信端的权限与账号状态；若为用户授权，请确认其是否已取消授权。"},
	},
	GrantKilled: {
		What: Text{"The tokens of a revoked grant are ended at WeChat too.", "已取消授权的令牌在微信端也已失效。"},
		Next: Text{"Nothing is left to do.", "无需处理。"},
	},
	GrantNotKilled: {
		What: Text{"The tokens of a revoked grant could not be ended at WeChat so far; whoever copied one may use it until it expires.", "已取消授权的令牌尚未在微信端失效；若有人复制过，在过期前仍可使用。"},
		Next: Text{"It is tried again by itself; if it must not wait, reset the AppSecret in WeChat's console.", "系统会自动重试；如不能等待，请在微信后台重置 AppSecret。"},
	},
	ClockBack: {
		What: Text{"This machine's clock was set back; logins are stopped, tokens are still served.", "本机时钟被调回过去，登录已停止，令牌仍正常提供。"},
		Next: Text{"Set the clock right and keep it so with NTP; logins go on by themselves.", "请校正时钟并启用 NTP 同步，登录会自动恢复。"},
	},
	ClockSkew: {
		What: Text{"The clock differs from WeChat's by more than 30 seconds.", "本机时钟与微信服务器相差超过 30 秒。"},
		Next: Text{"Set the clock right and keep it so with NTP.", "请校正时钟并启用 NTP 同步。"},
	},
	ClockHealed: {
		What: Text{"The clock is right again.", "时钟已恢复正常。"},
		Next: Text{"Nothing is left to do.", "无需处理。"},
	},
	AuditBroken: {
		What: Text{"What is stored does not agree with the audit log.", "存储内容与审计日志不一致。"},
		Next: Text{"Find out who had access to the database; check it with `zhanggui audit verify`, and restore a backup if need be.", "请查明谁接触过数据库，用 `zhanggui audit verify` 核验，必要时恢复备份。"},
	},
	LoginDenied: {
		What: Text{"A person was shown a QR code to approve a login that they did not begin, and said no.", "有人被诱导扫描并非本人发起的登录二维码，并已拒绝。"},
		Next: Text{"Nobody was logged in. Ask who showed the code, and tell the shop's people never to approve a login for somebody else.", "没有人因此登录。请了解是谁出示了二维码，并提醒店铺人员切勿替他人确认登录。"},
	},
	NewOwner: {
		What: Text{"Somebody became an owner of a tenant.", "有人成为了某商家的店主。"},
		Next: Text{"If nobody meant to, end their role and see who confirmed it with `zhanggui audit list`.", "如非本意，请撤销其角色，并用 `zhanggui audit list` 查看确认人。"},
	},
	OwnerTransfer: {
		What: Text{"Whoever runs the server is making somebody else the owner of a tenant; it happens 24 hours after this.", "系统运营方正在将某商家的店主更换为他人，将于 24 小时后生效。"},
		Next: Text{"If that is not right, any owner stops it on the shop's page, or the operator with `zhanggui people stop-transfer`.", "如有异议，任一店主可在店铺页面停止，或由运营方执行 `zhanggui people stop-transfer`。"},
	},
	StaffVisit: {
		What: Text{"Somebody of the provider's staff entered a tenant to look at its pages; it ends within an hour.", "服务商的工作人员进入某商家查看页面，一小时内自动结束。"},
		Next: Text{"The reason stands on the shop's page; ask the provider if it is not clear.", "原因显示在店铺页面；如有疑问请联系服务商。"},
	},
	TicketMissing: {
		What: Text{"WeChat has pushed no ticket to a third-party platform for half an hour; its tokens end within 12 hours.", "第三方平台已有半小时未收到 component_verify_ticket，其令牌将在 12 小时内失效。"},
		Next: Text{"The push was asked to start again; see that the authorisation event URL is reachable and answers success.", "系统已请求重新开始推送；请检查授权事件接收 URL 是否可访问并返回 success。"},
	},
	TicketBack: {
		What: Text{"Tickets of a third-party platform arrive again.", "第三方平台的 ticket 推送已恢复。"},
		Next: Text{"Nothing is left to do.", "无需处理。"},
	},
	SetsMissing: {
		What: Text{"A shop authorised the third-party platform without all permission sets that are needed.", "店铺授权给第三方平台的权限集不完整。"},
		Next: Text{"See that the sets in the details are published, then have the owner update the authorisation.", "请确认详情中的权限集已全网发布，然后请店主更新授权。"},
	},
	AccountState: {
		What: Text{"WeChat says that a shop's account is not in a normal state.", "微信显示某店铺账号状态异常。"},
		Next: Text{"Ask the owner to look at the notices in the shop's back office.", "请店主在店铺后台查看平台通知。"},
	},
	NotAdopted: {
		What: Text{"A shop authorised the third-party platform, and its tokens could not be fetched so far.", "店铺已授权第三方平台，但至今未能取得其令牌。"},
		Next: Text{"Look up the cause in the details; it is tried again by itself, and at once with `zhanggui reconcile`.", "请查看详情中的原因；系统会自动重试，也可执行 `zhanggui reconcile` 立即处理。"},
	},
	OwnerClaim: {
		What: Text{"Somebody who came from the service market asks to become an owner of a shop that has one.", "有人从服务市场进入，申请成为一家已有店主的店铺的店主。"},
		Next: Text{"If an owner knows them, the owner confirms with the four digits on the shop's page; otherwise do nothing, it ends by itself.", "如店主认识此人，请店主在店铺页输入四位确认码确认；否则无需处理，申请会自动失效。"},
	},
	SubscriptionOff: {
		What: Text{"A client's webhook answered that it is gone; no events are sent there any more.", "某程序的 webhook 应答已停用，不再向其发送事件。"},
		Next: Text{"Ask whoever runs the client; remove the subscription, or mend the address and run `zhanggui subscription start`.", "请联系该程序的维护者；移除订阅，或修复地址后执行 `zhanggui subscription start`。"},
	},
	SessionStolen: {
		What: Text{"A login ended because its cookie seems to have been copied to another browser.", "一个登录会话的 Cookie 疑似被复制到其他浏览器，该会话已被结束。"},
		Next: Text{"The person logs in again; if it happens again, have them look at their devices on the page of logins, and check the computer for programs that read cookies.", "请本人重新登录；如再次发生，请在登录设备页核对设备，并检查电脑上是否有读取 Cookie 的程序。"},
	},
	NewDevice: {
		What: Text{"A person logged in with a browser that was not used for this account before.", "有人使用一台新设备登录了该账号。"},
		Next: Text{"If it was not them, open the link in the details and end this login; it asks nothing else.", "如非本人操作，请打开详情中的链接结束该登录，无需其他验证。"},
	},
	QuotaLow: {
		What: Text{"Programs use up what WeChat lets a shop call of a path today.", "各程序即将用完店铺某接口当日的调用额度。"},
		Next: Text{"See who calls how much with `zhanggui quota`, give programs that can wait a low priority, and set `quota: on`.", "请用 `zhanggui quota` 查看各程序用量，为可等待的程序设置低优先级，并设置 `quota: on`。"},
	},
	NamedCall: {
		What: Text{"A client calls a path of a shop that moves money or shows personal data.", "某程序正在调用店铺的资金或个人信息接口。"},
		Next: Text{"If nobody meant it to, take the path away with `zhanggui client revoke-right`, or end the client with `zhanggui client revoke`; `zhanggui audit list` shows each call.", "如非本意，请用 `zhanggui client revoke-right` 收回该接口，或用 `zhanggui client revoke` 停用该程序；每次调用可用 `zhanggui audit list` 查看。"},
	},
	TokenExported: {
		What: Text{"A client fetched a shop's access token itself; until that token ends it can be used without this server.", "某程序取走了店铺的访问令牌；在该令牌到期前，可绕过本系统使用。"},
		Next: Text{"If nobody meant it to, take the right token:export away, or end the client with `zhanggui client revoke`, which says how long its tokens live.", "如非本意，请收回 token:export 权限，或用 `zhanggui client revoke` 停用该程序，届时会列出其令牌的剩余有效期。"},
	},
	RefreshFailing: {
		What: Text{"Tokens of an app are not renewed as they should be.", "某应用的令牌续期大量失败。"},
		Next: Text{"Look at the cause in the details with `zhanggui doctor`; tokens that are still valid are served meanwhile.", "请用 `zhanggui doctor` 查看详情中的原因；期间仍有效的令牌照常提供。"},
	},
	PushRefused: {
		What: Text{"Pushes to an app are refused.", "某应用收到的推送被拒收。"},
		Next: Text{"Compare token and EncodingAESKey with WeChat's console; `zhanggui doctor` tells which of them does not fit.", "请核对微信后台的 Token 与 EncodingAESKey；`zhanggui doctor` 会指出哪一项不符。"},
	},
	EndpointErrors: {
		What: Text{"Calls of a group of paths fail much more than usual.", "某类接口的调用失败率明显升高。"},
		Next: Text{"Look up the errcode in the details with `zhanggui doctor`; if WeChat answers -1 or not at all, wait.", "请用 `zhanggui doctor` 查询详情中的 errcode；如微信返回 -1 或无应答，请稍候。"},
	},
	LoginFailing: {
		What: Text{"Logins fail much more than usual.", "登录失败明显增多。"},
		Next: Text{"Look at the reason in the details; AppSecret and callback domain of the app are checked by `zhanggui doctor`.", "请查看详情中的原因；应用的 AppSecret 与授权回调域名可用 `zhanggui doctor` 检查。"},
	},
	CallbackRefused: {
		What: Text{"Callbacks of logins are refused much more than usual.", "登录回调被拒绝的次数明显增多。"},
		Next: Text{"If the host is refused, mend the callback domain; otherwise somebody may be trying to log others in: see the addresses with `zhanggui audit list`.", "如因域名被拒，请修正授权回调域名；否则可能有人在尝试伪造登录，请用 `zhanggui audit list` 查看来源。"},
	},
	TokenStranger: {
		What: Text{"Somebody else seems to refresh a shop's token.", "疑似有其他系统在刷新某店铺的令牌。"},
		Next: Text{"Read what is proven and what is guessed in the details; move the other program onto this server, or reset the AppSecret with `zhanggui rotate`.", "请查看详情中的证据与推测；将另一程序改为通过本系统取用令牌，或用 `zhanggui rotate` 更换 AppSecret。"},
	},
	KeyOld: {
		What: Text{"A key or secret is older than it should be.", "某密钥已超过应更换的期限。"},
		Next: Text{"Change it with `zhanggui rotate`, which proves the new one before it counts.", "请用 `zhanggui rotate` 更换，新密钥通过验证后才会生效。"},
	},
	APIChanged: {
		What: Text{"WeChat announced a change of an API that a program uses.", "微信发布了某程序正在使用的接口的变更。"},
		Next: Text{"Read the change log in the details, and tell whoever runs the program.", "请查看详情中的变更日志，并通知该程序的维护者。"},
	},
	ReviewDue: {
		What: Text{"The review of who may do what is due.", "权限复核已到期。"},
		Next: Text{"Run `zhanggui review`, take away what is not needed, and sign it.", "请执行 `zhanggui review`，收回不需要的权限并签署。"},
	},
	GrantOld: {
		What: Text{"An authorisation nears the greatest age that it may have.", "某项授权即将超过允许的最长期限。"},
		Next: Text{"Ask the owner to authorise again with `zhanggui grant renew`.", "请用 `zhanggui grant renew` 请店主重新授权。"},
	},
	WeChatAway: {
		What: Text{"WeChat cannot be reached.", "无法连接微信服务器。"},
		Next: Text{"Look at this server's way out with `zhanggui doctor`; tokens that are still valid are served meanwhile.", "请用 `zhanggui doctor` 检查本机出口网络；期间仍有效的令牌照常提供。"},
	},
	StoreFailing: {
		What: Text{"New tokens cannot be stored.", "新令牌无法写入存储。"},
		Next: Text{"Look at the database and the disk; nothing is lost while this server goes on running.", "请检查数据库与磁盘；只要本进程不退出，令牌不会丢失。"},
	},
	DiskLow: {
		What: Text{"The disk of the data directory is nearly full.", "数据目录所在磁盘空间不足。"},
		Next: Text{"Make room, or move the data directory to a larger disk.", "请清理空间，或将数据目录迁移到更大的磁盘。"},
	},
	ChannelFailing: {
		What: Text{"A channel for alerts takes no messages, or one of its receivers takes none.", "某告警通道或其某个收件人无法送达。"},
		Next: Text{"Try it with `zhanggui channel test`; what it was owed is sent when it works.", "请用 `zhanggui channel test` 测试；恢复后会补发。"},
	},
	CheckpointUnsent: {
		What: Text{"Signed heads of the audit log do not reach the place that keeps them.", "审计日志的签名检查点未能送达存放处。"},
		Next: Text{"Mend the place that is named in the details; heads are sent again by themselves.", "请修复详情中的存放位置；检查点会自动补发。"},
	},
	AlertOver: {
		What: Text{"What was reported before is over.", "此前告警的问题已恢复。"},
		Next: Text{"Nothing is left to do.", "无需处理。"},
	},
	Test: {
		What: Text{"This is a test; the channel works.", "这是一条测试通知，通道工作正常。"},
		Next: Text{"Nothing is left to do.", "无需处理。"},
	},
}
