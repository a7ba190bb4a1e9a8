package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Why there is no token. A [*TokenError] wraps one of them.
var (
	ErrNoShop     = errors.New("gateway: no grant is kept for this shop; declare it first")
	ErrRevoked    = errors.New("gateway: the shop's grant was revoked; authorise the shop again")
	ErrNeedsOwner = errors.New("gateway: the owner must authorise again; send them an invitation")
	ErrStopped    = errors.New("gateway: an operator must mend a setting; run doctor")
	ErrHeld       = errors.New("gateway: another system still renews the shop's grant; take it over first")
	ErrFollows    = errors.New("gateway: another system renews the shop's grant and gives no usable token; look there, or take it over")
	ErrUnreadable = errors.New("gateway: what is kept of the shop cannot be opened; apply its secret again, or restore a backup")
	ErrNotYet     = errors.New("gateway: no token right now; repeat after the given time")
)

// TokenError says why there is no token for a shop.
type TokenError struct {
	Reason     error         // one of ErrNoShop, ErrRevoked, ErrNeedsOwner, ErrStopped, ErrHeld, ErrFollows, ErrUnreadable, ErrNotYet
	ErrCode    int           // WeChat's, 0 when it said none
	RetryAfter time.Duration // when asking again makes sense; 0: not known
	Err        error         // what went wrong below; may be nil
}

// Error returns the reason and what went wrong below.
func (e *TokenError) Error() string {
	if e.Err == nil {
		return e.Reason.Error()
	}
	return fmt.Sprintf("%v: %v", e.Reason, e.Err)
}

// Unwrap returns the reason and the cause.
func (e *TokenError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// retrySoon is told to callers when nobody knows better.
const retrySoon = 5 * time.Second

func errKey(err error) error {
	return &web.Error{
		Status: http.StatusUnauthorized, Code: "key-unknown", Err: err,
		EN: "The client key is missing, unknown, expired or revoked.", ZH: "客户端密钥缺失、无效、已过期或已被撤销。",
		NextEN: "Send one header \"Authorization: Bearer zgc_…\" with a key that the operator gave you.",
		NextZH: "请在请求头中携带一次 Authorization: Bearer zgc_…,密钥由管理员发放。",
	}
}

func errMethod() error {
	return &web.Error{
		Status: http.StatusMethodNotAllowed, Code: "method",
		EN: "WeChat's shop APIs know GET and POST only.", ZH: "微信小店接口只支持 GET 和 POST。",
		NextEN: "Use the method that WeChat's page for this API names.", NextZH: "请使用微信接口文档中注明的方法。",
	}
}

func errUpgrade() error {
	return &web.Error{
		Status: http.StatusBadRequest, Code: "upgrade",
		EN: "WeChat's shop APIs speak HTTP only; a connection cannot change to another protocol.", ZH: "微信小店接口仅支持 HTTP，不支持切换到其他协议。",
		NextEN: "Send the call without an Upgrade header.", NextZH: "请去掉 Upgrade 请求头后重新发送。",
	}
}

func errWait() error {
	return &web.Error{
		Status: http.StatusBadRequest, Code: "wait",
		EN: "The header X-Zhanggui-Wait cannot be read.", ZH: "无法识别请求头 X-Zhanggui-Wait。",
		NextEN: "Send it once, as \"10s\" or as a number of seconds, or leave it out.", NextZH: "请只发送一次，写成 10s 或秒数，或省略该请求头。",
	}
}

func errTarget(err error) error {
	return &web.Error{
		Status: http.StatusBadRequest, Code: "target", Err: err,
		EN: "The address can be read in more than one way.", ZH: "请求地址存在歧义，已拒绝。",
		NextEN: "Write /wx/{shop}/ and WeChat's path in plain letters, digits, '-' and '_', and separate the query with '&'.",
		NextZH: "请使用 /wx/{店铺}/ 加微信接口路径(仅字母、数字、- 和 _),查询参数用 & 分隔。",
	}
}

// errShop is for a shop that the client does not hold, whether it exists or
// not.
func errShop() error {
	return &web.Error{
		Status: http.StatusForbidden, Code: "shop-not-held",
		EN: "This client has no right to a shop of this name.", ZH: "该客户端无权访问此店铺。",
		NextEN: "Check the shop id, or ask the operator to add the shop to this client.",
		NextZH: "请核对店铺标识，或请管理员为该客户端添加此店铺。",
	}
}

func errClosed(why string) error {
	e := &web.Error{
		Status: http.StatusForbidden, Code: "path-closed", Err: closedError(why),
		EN: "This path is not passed on for anybody.", ZH: "此路径不通过网关转发。",
		NextEN: "Paths that make or show secrets or reset shared limits stay with the server. Use the paths of the shop API.",
		NextZH: "涉及密钥、令牌或共享配额的路径由服务器保管，请使用店铺业务接口。",
	}
	if why == whyUser {
		e.NextEN = "Paths under /sns/ take a person's token. The gateway carries a shop's token; use the shop's paths here."
		e.NextZH = "/sns/ 下的接口使用用户令牌；网关只携带店铺令牌，请在此使用店铺接口。"
	}
	return e
}

// errStore passes on the words of whoever knows more.
func errStore(err error) error {
	if e, ok := web.Said(err); ok {
		return e
	}
	return &web.Error{
		Status: http.StatusServiceUnavailable, Code: "store-unavailable", RetryAfter: retrySoon, Err: err,
		EN: "The server cannot read its own records right now. WeChat was not asked.", ZH: "服务器暂时无法读取自身数据，尚未请求微信。",
		NextEN: "Repeat after the given time.", NextZH: "请在提示的时间后重试。",
	}
}

// tokenProblem turns a failure to get a token into what the caller is told.
func (c *call) tokenProblem(err error) error {
	if gone := c.in.Context().Err(); gone != nil {
		return gone
	}
	if e, ok := web.Said(err); ok {
		return e
	}
	e := &web.Error{
		Status: http.StatusServiceUnavailable, Code: "token-not-yet", RetryAfter: retrySoon, Err: secret.Scrub(err),
		EN: "The shop has no usable token right now. WeChat was not asked.", ZH: "店铺暂无可用令牌，尚未请求微信。",
		NextEN: "Repeat after the given time; renewal goes on by itself.", NextZH: "请在提示的时间后重试，系统会自动续期。",
	}
	if t, ok := errors.AsType[*TokenError](err); ok {
		e.ErrCode = t.ErrCode
		e.RetryAfter = max(t.RetryAfter, time.Second)
	}
	switch {
	case errors.Is(err, ErrNoShop):
		return c.refused(errShop())
	case errors.Is(err, ErrRevoked):
		return c.refused(ended(e, "grant-revoked", "The shop's authorisation was revoked here.", "此店铺的授权已在本系统中撤销。",
			"Ask the operator to authorise the shop again.", "请联系管理员重新授权此店铺。"))
	case errors.Is(err, ErrNeedsOwner):
		return c.refused(ended(e, "grant-needs-owner", "The shop's authorisation has ended; the owner must give it again.", "此店铺的授权已失效，需要店主重新授权。",
			"Send the owner an invitation link.", "请向店主发送授权邀请链接。"))
	case errors.Is(err, ErrUnreadable):
		e.Code, e.EN, e.ZH = "grant-unreadable", "What the server keeps of this shop cannot be opened: its row in the database was changed or moved by hand.", "服务器保存的此店铺凭据无法解密：数据库中的记录被人为改动或移动过。"
		e.NextEN, e.NextZH = "Ask the operator to apply the shop's secret again, or to restore the database from a backup.", "请管理员重新配置此店铺的密钥，或从备份恢复数据库。"
	case errors.Is(err, ErrHeld):
		e.Code, e.EN, e.ZH = "grant-held", "Another system still serves this shop; its grant is only kept here.", "此店铺仍由另一系统提供服务，本系统仅保管其授权。"
		e.NextEN, e.NextZH = "Call the other system, or ask the operator to take the shop over.", "请继续使用原系统，或请管理员完成切换。"
	case errors.Is(err, ErrFollows):
		e.Code, e.EN, e.ZH = "grant-follows", "Another system renews this shop's token, and gives none that can be used right now.", "此店铺的令牌由另一系统续期，目前未能取得可用令牌。"
		e.NextEN, e.NextZH = "Repeat after the given time; the operator can look at the other system, or take the shop over.", "请在提示的时间后重试；管理员可检查原系统，或完成切换。"
	case errors.Is(err, ErrStopped):
		e.Code, e.EN, e.ZH = "grant-stopped", "WeChat refuses the shop's own credentials or address.", "微信拒绝了此店铺的凭据或服务器地址。"
		e.NextEN, e.NextZH = stoppedNext(e.ErrCode)
	}
	return e
}

// ended makes e a refusal that waiting does not mend.
func ended(e *web.Error, code, en, zh, nextEN, nextZH string) error {
	e.Status, e.Code, e.RetryAfter = http.StatusForbidden, code, 0
	e.EN, e.ZH, e.NextEN, e.NextZH = en, zh, nextEN, nextZH
	return e
}

// stoppedNext says what to mend, from WeChat's errcode when there is one.
func stoppedNext(errcode int) (en, zh string) {
	if errcode == 0 {
		return "Ask the operator to run doctor for this shop.", "请管理员对此店铺运行 doctor 诊断。"
	}
	x := wechat.Explain(wechat.KindTokenCall, errcode)
	return "Ask the operator: " + x.NextEN + ".", "请管理员处理:" + x.NextZH + "。"
}

// problem turns a failed exchange with WeChat into what the caller is told,
// above all whether the call may have been carried out.
func (c *call) problem(err error) error {
	err = secret.Scrub(err, c.token.Value)
	if failure := c.body.failure(); failure != nil {
		return c.uploadProblem(failure)
	}
	switch gone := c.in.Context().Err(); {
	case gone != nil && c.reached:
		return errGone(gone)
	case gone != nil:
		return gone
	}
	if !c.reached {
		return &web.Error{
			Status: http.StatusBadGateway, Code: "wechat-unreachable", RetryAfter: retrySoon, Err: err,
			EN: "WeChat could not be connected to. The call was not sent.", ZH: "无法连接微信，请求未发出。",
			NextEN: "Repeat after the given time.", NextZH: "请在提示的时间后重试。",
		}
	}
	e := &web.Error{
		Status: http.StatusBadGateway, Code: "wechat-cut", Err: err,
		EN:     "The connection to WeChat broke before an answer came. The call may have been carried out.",
		ZH:     "与微信的连接在应答前中断，请求可能已被执行。",
		NextEN: "If it only reads, repeat it. If it writes, look first whether it took effect.",
		NextZH: "只读请求可直接重试；写入请求请先确认是否已生效。",
	}
	if isTimeout(err) || errors.Is(err, errAnswerTimeout) {
		e.Status, e.Code = http.StatusGatewayTimeout, "wechat-timeout"
		e.EN = "WeChat did not answer in time. The call may have been carried out."
		e.ZH = "微信未在限定时间内应答，请求可能已被执行。"
	}
	return e
}

// errGone is for a caller who leaves while WeChat is asked. They may have closed their
// half of the connection only, and read this.
func errGone(err error) error {
	return &web.Error{
		Status: web.StatusClientGone, Code: "client-gone", Err: err,
		EN: "The request was cancelled. The call may have been carried out.", ZH: "请求已取消，但可能已被执行。",
		NextEN: "If it writes, look first whether it took effect.", NextZH: "写入请求请先确认是否已生效。",
	}
}

// gone is for a caller who does not take the answer: who left, or stood still.
func (c *call) gone(err error) error {
	e := web.AsError(context.Canceled)
	e.Err = err
	return e
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
