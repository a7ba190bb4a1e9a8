package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/web"
)

var (
	errMethod = &web.Error{
		Status: http.StatusMethodNotAllowed, Code: "office-method",
		EN: "This method is not passed on.", ZH: "不转发此请求方法。",
		NextEN: "Use another method than CONNECT and TRACE.", NextZH: "请使用 CONNECT、TRACE 以外的方法。",
	}
	errStopping = &web.Error{
		Status: http.StatusServiceUnavailable, Code: "office-stopping",
		EN: "This server is about to stop.", ZH: "服务器即将停止。",
		NextEN: "Connect again in a moment.", NextZH: "请稍后重新连接。",
	}
)

// fail answers a request that did not get through: with a page for people, a problem
// document for programs.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	say := func(http.ResponseWriter, *http.Request) error { return err }
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		p.page(say).ServeHTTP(w, r)
		return
	}
	web.Machine(say).ServeHTTP(w, r)
}

// reason says what went wrong, in words for people. The cause is for the log.
func reason(r *http.Request, err error) error {
	if e, ok := errors.AsType[*web.Error](err); ok {
		return e
	}
	if r.Context().Err() != nil {
		return context.Cause(r.Context())
	}
	e := &web.Error{
		Status: http.StatusBadGateway, Code: "office-away", Err: err,
		EN: "The back office cannot be reached.", ZH: "暂时无法连接后台系统。",
		NextEN: "Try again in a minute. If it stays so, tell whoever looks after the back office; you are still logged in.",
		NextZH: "请一分钟后重试；若仍无法打开，请联系后台系统的维护人员。您的登录不受影响。",
		Link:   "/", LinkEN: "Try again", LinkZH: "重试",
	}
	timeout, _ := errors.AsType[net.Error](err)
	switch _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); {
	case untrusted:
		e.Code = "office-certificate"
		e.EN, e.ZH = "The back office's certificate is not trusted.", "后台系统的证书不受信任。"
		e.NextEN = "Tell whoever looks after this server: the setting upstreams[].ca names the file of who signed it."
		e.NextZH = "请联系本服务的管理员：在 upstreams[].ca 中指定签发该证书的 CA 文件。"
	case timeout != nil && timeout.Timeout():
		e.Status, e.Code = http.StatusGatewayTimeout, "office-slow"
		e.EN, e.ZH = "The back office does not answer.", "后台系统没有响应。"
		e.NextEN = "Look first whether what you did took effect; then try again."
		e.NextZH = "请先确认刚才的操作是否已生效，再重试。"
	}
	return e
}
