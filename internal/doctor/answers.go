package doctor

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat"
)

// NoToken is the error of a [WeChat] that has no token to ask with, and why.
type NoToken struct {
	Cause, Next notice.Text
	ErrCode     int // WeChat's, at the last try for a token
}

// Error implements error.
func (e *NoToken) Error() string { return e.Cause.EN + "; " + e.Next.EN }

// addressCodes are the codes about the address that a call came from.
var addressCodes = []int{40164, 45035, 61004, 89501, 89502, 89503, 89504, 89505, 89506, 89507}

// aboutAddress tells whether WeChat refused the address of this server.
func aboutAddress(e *wechat.Error) bool {
	return slices.Contains(addressCodes, e.Code) || e.Code == 0 && e.HTTPStatus == http.StatusForbidden
}

// refused says what an error of WeChat's means for a place.
func (d *Doctor) refused(at place, err error) Finding {
	if none, ok := errors.AsType[*NoToken](err); ok {
		f := ill(Wrong, none.Cause, none.Next, "/shops/"+at.shop.ID)
		if f.ErrCode = none.ErrCode; none.ErrCode != 0 {
			f.Proof = append(f.Proof, count("errcode", none.ErrCode))
		}
		return f
	}
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok {
		return unasked()
	}
	x := e.Explain()
	f := ill(verdictOf(x.Class), text(x.CauseEN, x.CauseZH), text(x.NextEN, x.NextZH), pageOf(e.Kind, e.Code), fact("call", e.Op))
	f.ErrCode = e.Code
	if e.Code != 0 {
		f.Proof = append(f.Proof, count("errcode", e.Code))
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != http.StatusOK {
		f.Proof = append(f.Proof, count("http_status", e.HTTPStatus))
	}
	if e.RID != "" {
		f.Proof = append(f.Proof, fact("rid", plain(e.RID, 64)))
	}
	if aboutAddress(e) {
		f.onAddress(e, at.app.Kind)
	}
	return f
}

// refusedShop is refused for what was asked about a shop. The address that a platform
// calls from is the operator's affair, and its own check names it: the shop's merchant
// learns that others must act.
func (d *Doctor) refusedShop(at place, err error) []Finding {
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok || at.app.Kind != access.Component || !aboutAddress(e) {
		return []Finding{d.refused(at, err)}
	}
	f := ill(Wrong, text("WeChat does not take calls from the provider's server", "微信不接受来自服务商服务器的请求"),
		text("the provider must enter its address at WeChat; see the check address of the app", "请服务商在微信后台登记服务器 IP，见该应用的 address 检查"), "", count("errcode", e.Code))
	f.ErrCode = e.Code
	return []Finding{f}
}

// beside is refusedShop for a check whose answer is not the first that such an error
// stops: the check shop has said it by then.
func (d *Doctor) beside(at place, err error) []Finding {
	if e, ok := errors.AsType[*wechat.Error](err); ok && aboutAddress(e) {
		return nil
	}
	if _, ok := errors.AsType[*NoToken](err); ok {
		return nil
	}
	return []Finding{d.refused(at, err)}
}

// onAddress makes the finding one about our address, and says which to enter where.
func (f *Finding) onAddress(e *wechat.Error, kind access.AppKind) {
	f.Check = "address"
	if ip := e.IP(); ip.IsValid() {
		f.Proof = append(f.Proof, fact("address_seen", ip.String()))
	}
	f.Page = consoleOf(kind)
}

// verdictOf is how bad an answer of a class is for whoever only wanted to know.
func verdictOf(c wechat.Class) Verdict {
	switch c {
	case wechat.ClassRetry, wechat.ClassUnknown:
		return Unknown
	case wechat.ClassSlow:
		return Warning
	}
	return Wrong
}

// unasked is for a question that never reached WeChat for a reason of ours.
func unasked() Finding {
	return ill(Unknown, text("WeChat could not be asked", "未能询问微信"),
		text("repeat it in a minute; the server's log says more", "请一分钟后重试；详情见服务器日志"), "")
}

// askShop asks as a shop.
func (d *Doctor) askShop(ctx context.Context, at place, method, path string, in, out any) error {
	return d.o.WeChat.Call(ctx, at.shop.ID, method, path, in, out)
}

// callsKey holds the count of an examination's calls.
type callsKey struct{}

// counted counts the calls to WeChat for whom the context belongs to.
type counted struct{ WeChat }

func oneMore(ctx context.Context) {
	if n, ok := ctx.Value(callsKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
}

// Secret implements [WeChat].
func (c counted) Secret(ctx context.Context, app access.App) error {
	oneMore(ctx)
	return c.WeChat.Secret(ctx, app)
}

// Call implements [WeChat].
func (c counted) Call(ctx context.Context, shop, method, path string, in, out any) error {
	oneMore(ctx)
	return c.WeChat.Call(ctx, shop, method, path, in, out)
}

// CallPlatform implements [WeChat].
func (c counted) CallPlatform(ctx context.Context, app access.App, method, path string, in, out any) error {
	oneMore(ctx)
	return c.WeChat.CallPlatform(ctx, app, method, path, in, out)
}
