package adminapi

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/web"
)

// problem is an RFC 9457 document, in the form that the gateway gives it too:
// detail is the whole message for tools that know only the RFC; cause and next are
// its parts, in both languages. Unlike huma's own it has no "value": that would send
// a rejected body, secrets and all, back to whoever reads answers and logs.
type problem struct {
	Type     string   `json:"type" doc:"urn:zhanggui:problem: and the code"`
	Title    string   `json:"title" doc:"The status in words"`
	Status   int      `json:"status" doc:"The HTTP status"`
	Detail   string   `json:"detail" doc:"Cause and next step in English"`
	Code     string   `json:"code" doc:"For programs to decide by"`
	Cause    string   `json:"cause" doc:"What happened"`
	CauseZH  string   `json:"cause_zh" doc:"The same in Chinese"`
	Next     string   `json:"next" doc:"What to do"`
	NextZH   string   `json:"next_zh" doc:"The same in Chinese"`
	Problems []string `json:"problems,omitempty" doc:"Each mistake of the input with its place"`

	again time.Duration // when asking again makes sense; 0: not said
}

func (p *problem) Error() string  { return p.Code + ": " + p.Detail }
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	web.SetRetryAfter(h, p.again)
	return h
}

// ContentType makes the answer a problem document.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// refuse makes a problem of its words: what happened and what to do, in English
// and in Chinese.
func refuse(status int, code, cause, next, causeZH, nextZH string) *problem {
	return &problem{Type: "urn:zhanggui:problem:" + code, Title: http.StatusText(status), Status: status, Code: code,
		Detail: cause + "; " + next, Cause: cause, CauseZH: causeZH, Next: next, NextZH: nextZH}
}

func errCursor() error {
	return refuse(http.StatusBadRequest, "cursor", "after is no cursor of this list", "send next of the page before as it is, or leave it out to begin again",
		"after 不是此列表的游标", "请原样使用上一页的 next，或省略以从头开始")
}

func errNoTenant() error {
	return refuse(http.StatusUnprocessableEntity, "tenant-unknown", "there is no such tenant", "list the tenants, or declare it first", "没有此租户", "请先列出或声明租户")
}

func errNoShop() error {
	return refuse(http.StatusUnprocessableEntity, "shop-unknown", "the tenant has no such shop", "list the shops, or declare it first", "该租户没有此店铺", "请先列出或声明店铺")
}

func errNoPerson() error {
	return refuse(http.StatusUnprocessableEntity, "person-unknown", "there is no such person", "list the people; somebody who never logged in is invited", "没有此人员", "请先列出人员；从未登录过的人请用邀请")
}

// huma asks a variable of its package for every error. It is set before
// anything is served, since handlers of one server read it while another server
// of the same process is being mounted.
func init() { huma.NewError = newProblem }

// newProblem gives huma's own errors our words: its texts may repeat the input.
func newProblem(status int, _ string, errs ...error) huma.StatusError {
	p := plain(status)
	if status == http.StatusUnsupportedMediaType {
		return p // huma repeats the type that was sent
	}
	for _, err := range errs {
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			p.Problems = append(p.Problems, strings.TrimPrefix(place(d.Location)+": "+d.Message, ": "))
		}
	}
	return p
}

// plain are the words of a status that nothing more is known about.
func plain(status int) *problem {
	switch status {
	case http.StatusUnauthorized:
		return refuse(status, "admin-key", "an administrator's key is needed", "send it as a bearer token, or use the admin socket", "需要管理员密钥", "请以 Bearer 方式发送，或使用管理套接字")
	case http.StatusUnsupportedMediaType:
		return refuse(status, "media-type", "the body is of another type", "send JSON, with Content-Type: application/json", "请求内容的类型不符", "请发送 JSON，并带上 Content-Type: application/json")
	case http.StatusNotAcceptable:
		return refuse(status, "media-type", "answers are JSON", "leave Accept out, or name application/json", "应答为 JSON", "请省略 Accept，或写 application/json")
	case http.StatusRequestEntityTooLarge:
		return refuse(status, "body-too-large", "the body is too large", "send it in parts", "请求内容过大", "请分批发送")
	case http.StatusInternalServerError:
		return refuse(status, "internal", "the request could not be carried out", "the server's log says why", "请求未能完成", "原因见服务器日志")
	}
	return refuse(status, "input", "the request is not what this operation takes", "mend what problems name; the reference at /v1/reference shows what it takes",
		"请求不符合此操作的要求", "请修正 problems 所列之处；格式见 /v1/reference")
}

// fieldForm is what names of fields look like, mistyped ones too.
var fieldForm = regexp.MustCompile(`^[a-z_]{1,40}(\[[0-9]{1,4}\])*$`)

// place tells where in the input something is wrong. A name that looks like no
// field is left out: somebody may have put a secret before the colon.
func place(location string) string {
	segments := strings.Split(location, ".")
	for i, s := range segments {
		if !fieldForm.MatchString(s) {
			return strings.Join(append(segments[:i:i], "…"), ".")
		}
	}
	return location
}

// quoted is a value in a sentence, with the word before it.
var quoted = regexp.MustCompile(`([a-z_]+) "((?:[^"\\]|\\.)*)"`)

// idAfter are the words that an id follows.
var idAfter = regexp.MustCompile(`^(?:app|tenant|shop|client|channel) "[a-z0-9-]{1,40}"$`)

// withoutValues leaves the ids in a sentence, which tell the place, and takes out
// every other value: whoever mixes up AppID and AppSecret must not read the
// secret back from a log.
func withoutValues(text string) string {
	return quoted.ReplaceAllStringFunc(text, func(q string) string {
		if idAfter.MatchString(q) {
			return q
		}
		word, _, _ := strings.Cut(q, " ")
		return word + ` "…"`
	})
}

// noDatabase says that the database does not answer, in the words of every door.
func noDatabase(err error) *problem {
	e := web.AsError(err)
	p := refuse(e.Status, e.Code, e.EN, e.NextEN, e.ZH, e.NextZH)
	p.Detail, p.again = e.EN+" "+e.NextEN, e.RetryAfter
	return p
}

// fail turns an error of the domain into an answer. Others become a 500
// without words of their own.
func fail(err error) error {
	if said, ok := errors.AsType[*problem](err); ok {
		return said
	}
	if _, out := outage.Of(err); out {
		return noDatabase(err)
	}
	if invalid, ok := errors.AsType[*setup.InvalidError](err); ok {
		p := refuse(http.StatusUnprocessableEntity, "manifest", "the manifest cannot be applied", "mend what problems name; nothing was changed", "无法应用此声明", "请修正 problems 所列之处；未作任何更改")
		for _, text := range invalid.Problems {
			p.Problems = append(p.Problems, withoutValues(text))
		}
		return p
	}
	if stays, ok := errors.AsType[*setup.MoveError](err); ok {
		return refuse(http.StatusConflict, "move", stays.Error(), "nothing was changed; the shop is served as before", "店铺的服务方式未能更换", "未作任何更改，店铺照旧服务")
	}
	if invalid, ok := errors.AsType[*grant.Invalid](err); ok {
		return refuse(http.StatusUnprocessableEntity, "input", invalid.EN, "mend the request", invalid.ZH, "请修正请求")
	}
	if needed, ok := errors.AsType[*access.InUseError](err); ok {
		p := refuse(http.StatusConflict, "in-use", "something still needs it", "remove first what problems name", "仍有其他内容依赖于它", "请先移除 problems 所列之处")
		p.Problems = needed.By
		return p
	}
	for _, k := range knownErrors {
		if errors.Is(err, k.err) {
			p := refuse(k.status, k.code, k.en, k.next, k.zh, k.nextZH)
			if k.err == access.ErrInFlight {
				p.again = time.Second
			}
			return p
		}
	}
	return plain(http.StatusInternalServerError)
}

// knownErrors are the words of errors that the domain answers with.
var knownErrors = []struct {
	err            error
	status         int
	code, en, next string
	zh, nextZH     string
}{
	{access.ErrNotFound, http.StatusNotFound, "not-found", "there is nothing with this id", "list what there is", "没有此标识对应的内容", "请先列出现有内容"},
	{grant.ErrNotFound, http.StatusNotFound, "not-found", "there is no such grant", "list the grants", "没有此授权", "请先列出授权"},
	{setup.ErrExists, http.StatusConflict, "exists", "one with this id exists", "change it, or choose another id", "该标识已存在", "请修改现有内容，或换一个标识"},
	{access.ErrLastOwner, http.StatusConflict, "last-owner", "nobody would own it for good", "make somebody else an owner first, without an end, or transfer it", "这样将没有任何人是店主", "请先让另一个人成为店主（不设到期日），或转让店主身份"},
	{access.ErrTransferGone, http.StatusConflict, "transfer-gone", "the transfer is done, stopped or over", "list the transfers", "该转让已完成、已停止或已过期", "请列出转让查看"},
	{access.ErrStale, http.StatusConflict, "changed-meanwhile", "somebody else changed it meanwhile", "repeat the request", "内容已被他人修改", "请重试"},
	{access.ErrCondition, http.StatusPreconditionFailed, "changed-meanwhile", "it is not as If-Match says", "read it again and decide anew", "内容与 If-Match 不符", "请重新读取后再决定"},
	{grant.ErrLost, http.StatusConflict, "changed-meanwhile", "the grant changed meanwhile", "repeat the request", "授权已发生变化", "请重试"},
	{access.ErrWrongCode, http.StatusForbidden, "wrong-code", "the code is not the one shown to the person invited", "ask them to read it again", "确认码与受邀人所见不符", "请让对方重新读一遍"},
	{access.ErrInvitationGone, http.StatusGone, "invitation-gone", "the invitation is used, withdrawn or expired", "make a new one", "邀请已使用、撤回或过期", "请重新邀请"},
	{access.ErrUsed, http.StatusConflict, "used", "it is used already", "make a new one", "已被使用", "请重新创建"},
	{access.ErrKeyReused, http.StatusUnprocessableEntity, "idempotency-key-reused", "this Idempotency-Key came with another request", "choose a new key for each thing to make", "此 Idempotency-Key 已用于另一请求", "请为每次创建使用新的键"},
	{access.ErrInFlight, http.StatusConflict, "in-flight", "the same request is being answered right now", "wait a second and repeat it with the same key", "相同请求正在处理", "请稍候一秒，以相同的键重试"},
	{access.ErrOutcomeUnknown, http.StatusConflict, "outcome-unknown", "the same request came before, and nobody knows what came of it", "list what there is, and use a new key if it was not made", "相同请求曾经到达，但结果未知", "请先查看是否已创建；若没有，请使用新的键"},
}
