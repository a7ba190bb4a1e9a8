package wechatsim

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))

// PageError is an error page of open.weixin.qq.com. The person sees a white
// page with a text; the app's server hears nothing. The emulator puts Code
// into the attribute data-errcode as well.
type PageError struct {
	// Code is the number WeChat shows, or -1 for a page without a number.
	Code int
	// Text is what the person reads.
	Text string
	// Detail says what the emulator found wrong; WeChat does not tell.
	Detail string

	refused bool
}

// Error says code, text and what the emulator found wrong.
func (e *PageError) Error() string {
	msg := "error page " + strconv.Itoa(e.Code) + ": " + e.Text
	if e.Detail != "" {
		msg += " (" + e.Detail + ")"
	}
	return msg
}

// pageTexts are the texts of the numbered error pages.
var pageTexts = map[int]string{
	10003: "redirect_uri 域名与后台配置不一致",
	10004: "此公众号被封禁",
	10005: "此公众号没有这些 scope 的权限",
	10006: "必须关注此测试号",
	10009: "操作太频繁了,请稍后重试",
	10010: "scope 不能为空",
	10011: "redirect_uri 不能为空",
	10012: "appid 不能为空",
	10013: "state 不能为空",
	10015: "公众号未授权第三方平台,请检查授权状态",
	10016: "不支持微信开放平台的 AppID,请使用公众号 AppID",
}

func pageError(code int, detail string) *PageError {
	return &PageError{Code: code, Text: pageTexts[code], Detail: detail}
}

// unreachable is the page that WeChat shows for a link whose form is wrong.
func unreachable(detail string) *PageError {
	return &PageError{Code: -1, Text: "该链接无法访问", Detail: detail}
}

// Data of the templates.
type (
	outsideData struct {
		Loopback bool
		Back     string
	}
	chooseData struct {
		People []Person
		Back   string
	}
	consentData struct{ App, Scope, Person, Nickname, Ticket string }
	qrData      struct {
		App, Ticket string
		Picture     template.HTML
	}
	componentData struct {
		App, Ticket, Action string
		Sets                []int
		Accounts            []App
	}
	scanData struct {
		App, Ticket string
		People      []Person
	}
)

// renderPage makes a page. Pages show tickets and names, so nothing may cache
// them.
func renderPage(name string, status int, data any) answer {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name+".html", data); err != nil {
		panic(fmt.Sprintf("wechatsim: page %s does not render: %v", name, err))
	}
	return answer{status: status, body: b.Bytes(), header: http.Header{
		"Content-Type":    {"text/html; charset=utf-8"},
		"Cache-Control":   {"no-store"},
		"Referrer-Policy": {"same-origin"},
	}}
}

// errorPage shows e with HTTP 200, as WeChat does.
func errorPage(e *PageError) answer {
	shown := *e
	shown.Text = cmp.Or(shown.Text, "error "+strconv.Itoa(e.Code))
	a := renderPage("error", http.StatusOK, shown)
	a.page, a.errcode = &shown, shown.Code
	return a
}

// mpPage is all that mp.weixin.qq.com serves here.
func mpPage() answer { return renderPage("mp", http.StatusOK, nil) }

// peopleList lists the people in the world's order.
func (s *Sim) peopleList() []Person { return s.world.People }
