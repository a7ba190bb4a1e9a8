package staff

import (
	"net/http"

	"github.com/zhanggui/zhanggui/internal/web"
)

// again is the page of a login that cannot be finished. Its cause is for the log.
func again(cause error) error {
	return &web.Error{Status: http.StatusForbidden, Code: "company-login", Err: cause,
		EN: "This login cannot be finished: it is too old, was used, or began elsewhere.", ZH: "此次登录无法完成：已过期、已使用，或不是在此浏览器发起。",
		NextEN: "Begin again.", NextZH: "请重新登录。", Link: Path, LinkEN: "Log in through the company", LinkZH: "通过公司账号登录"}
}

// away is the page while the OP cannot be asked.
func away(cause error) error {
	return &web.Error{Status: http.StatusBadGateway, Code: "company-away", Err: cause,
		EN: "The company's login does not answer.", ZH: "公司登录服务没有应答。",
		NextEN: "Try again in a minute, or use an administrator's key.", NextZH: "请稍后重试，或使用管理员密钥。",
		Link: "/admin/login", LinkEN: "Log in with a key", LinkZH: "使用密钥登录"}
}

// refused is the page of somebody whom the OP did not let in.
func refused() error {
	return &web.Error{Status: http.StatusForbidden, Code: "company-refused",
		EN: "The company did not let you in.", ZH: "公司登录未获批准。",
		NextEN: "Ask whoever looks after accounts there.", NextZH: "请联系公司的账号管理员。", Link: Path, LinkEN: "Try again", LinkZH: "重试"}
}

// stranger is the page of somebody whom no rule fits, or who was revoked here.
func stranger() error {
	return &web.Error{Status: http.StatusForbidden, Code: "company-stranger",
		EN: "Your company account has no access here.", ZH: "您的公司账号没有访问权限。",
		NextEN: "Ask an administrator of this server for it.", NextZH: "请联系本系统的管理员。", Link: "/", LinkEN: "To the start page", LinkZH: "返回首页"}
}
