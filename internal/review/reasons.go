package review

import (
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// From when on something stands out.
const (
	unusedAfter    = 90 * 24 * time.Hour
	leastCounted   = 29 * 24 * time.Hour // before, what was not called says little
	programUnseen  = 30 * 24 * time.Hour // logins are kept for as long
	staffKeyOld    = 180 * 24 * time.Hour
	clientKeyOld   = 180 * 24 * time.Hour
	sealingKeyOld  = 365 * 24 * time.Hour
	authorisedLong = 365 * 24 * time.Hour
	secretOld      = 365 * 24 * time.Hour
	sessionOld     = 14 * 24 * time.Hour
)

// Why lines stand out.
const (
	StaffNoEnd      = "staff_no_end"
	StaffKeyOld     = "staff_key_old"
	StaffUnseen     = "staff_unseen"
	MemberUnseen    = "member_unseen"
	MemberShutOut   = "member_shut_out"
	InvitationOpen  = "invitation_open"
	ClientNoEnd     = "client_no_end"
	ClientKeyOld    = "client_key_old"
	ClientNamed     = "client_named"
	ClientExport    = "client_export"
	ClientObserve   = "client_observe"
	ClientAnywhere  = "client_anywhere"
	ClientNoShop    = "client_no_shop"
	ClientMakerGone = "client_maker_gone"
	RightUnused     = "right_unused"
	GrantOld        = "grant_old"
	GrantAsked      = "grant_asked"
	GrantWaits      = "grant_waits"
	SetUnneeded     = "set_unneeded"
	SecretOld       = "secret_old"
	KeyOld          = "key_old"
	SessionOld      = "session_old"
	HostPublic      = "host_public"
	HostCross       = "host_cross"
	ProgramUnused   = "program_unused"
	ProgramNoPKCE   = "program_no_pkce"
	ProgramPrivate  = "program_private"
)

// reasons are the words of each code; {} stands for the detail.
var reasons = map[string]notice.Text{
	StaffNoEnd:      {EN: "the key has no end", ZH: "密钥没有到期日"},
	StaffKeyOld:     {EN: "the key is older than 180 days", ZH: "密钥已超过 180 天"},
	StaffUnseen:     {EN: "not seen for 90 days, as far as sessions are kept", ZH: "90 天内未见登录（以保留的会话记录为准）"},
	MemberUnseen:    {EN: "did not log in for 90 days", ZH: "90 天内未登录"},
	MemberShutOut:   {EN: "cannot log in any more: no account of WeChat's is known of them", ZH: "已无法登录：没有对应的微信账号"},
	InvitationOpen:  {EN: "an open invitation: whoever takes it gets this role once it is confirmed", ZH: "尚未完成的邀请：接受并确认后即获得该角色"},
	ClientNoEnd:     {EN: "the key has no end", ZH: "密钥没有到期日"},
	ClientKeyOld:    {EN: "the key is older than 180 days", ZH: "密钥已超过 180 天"},
	ClientNamed:     {EN: "may move money or see personal data: {}", ZH: "可动用资金或查看个人信息：{}"},
	ClientExport:    {EN: "may fetch the access token itself", ZH: "可直接取得 access_token"},
	ClientObserve:   {EN: "what its rights do not name is let through and recorded", ZH: "超出权限的调用仅记录、不拦截"},
	ClientAnywhere:  {EN: "may call from any address", ZH: "可从任意地址调用"},
	ClientNoShop:    {EN: "has no shop", ZH: "没有任何店铺"},
	ClientMakerGone: {EN: "whoever made it has no role any more", ZH: "创建者已不再担任任何角色"},
	RightUnused:     {EN: "not used for {} days", ZH: "{} 天内未使用"},
	GrantOld:        {EN: "authorised more than a year ago", ZH: "授权已超过一年"},
	GrantAsked:      {EN: "somebody is asked to authorise anew, since {}", ZH: "自 {} 起已请求重新授权"},
	GrantWaits:      {EN: "serves nobody: {}", ZH: "当前不可用：{}"},
	SetUnneeded:     {EN: "no path that is granted or called is known to need: {}", ZH: "已授予或已调用的接口均不需要：{}"},
	SecretOld:       {EN: "not changed for a year", ZH: "一年以上未更换"},
	KeyOld:          {EN: "older than a year", ZH: "已超过一年"},
	SessionOld:      {EN: "logged in for more than 14 days", ZH: "登录已超过 14 天"},
	HostPublic:      {EN: "open to strangers: {}", ZH: "对陌生人开放：{}"},
	HostCross:       {EN: "changes that another site's page sends are not refused: {}", ZH: "未拒绝其他网站页面发起的更改：{}"},
	ProgramUnused:   {EN: "nobody was logged into it for 30 days", ZH: "30 天内无人通过它登录"},
	ProgramNoPKCE:   {EN: "does without a code challenge (PKCE)", ZH: "未使用 PKCE"},
	ProgramPrivate:  {EN: "is told of logouts at a private address", ZH: "退出通知发往内网地址"},
}

// Words puts a reason into words.
func (r Reason) Words() notice.Text {
	w, ok := reasons[r.Code]
	if !ok {
		w = notice.Text{EN: r.Code, ZH: r.Code}
	}
	return notice.Text{EN: strings.ReplaceAll(w.EN, "{}", r.Detail), ZH: strings.ReplaceAll(w.ZH, "{}", r.Detail)}
}

// marks collects the reasons of a line.
type marks []Reason

// add adds a reason that holds.
func (m *marks) add(holds bool, code string, detail ...string) {
	if holds {
		*m = append(*m, Reason{Code: code, Detail: strings.Join(detail, " ")})
	}
}
