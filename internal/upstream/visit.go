package upstream

import (
	"context"
	"mime"
	"net/http"
	"net/http/httputil"
	"sync"

	"github.com/zhanggui/zhanggui/internal/web"
)

// visit is one request on its way to a back office and back.
type visit struct {
	proxy  *Proxy
	office *office
	w      http.ResponseWriter
	in     *http.Request
	cancel context.CancelFunc

	once  sync.Once
	leave func() // the streams; nil: it is none of them
}

// rewrite addresses the request to the back office. The path is the one that the guard
// judged, in the same spelling.
func (v *visit) rewrite(pr *httputil.ProxyRequest) {
	pr.Out.URL.Scheme, pr.Out.URL.Host = v.office.To.Scheme, v.office.To.Host
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery // old programs use ";" and the like
	pr.Out.Host = v.office.SendHost
	if _, ok := pr.In.Header["User-Agent"]; !ok {
		pr.Out.Header["User-Agent"] = nil // else net/http names itself
	}
	tellForwarded(pr.Out.Header, v.in.Context())
	tellTrace(pr.Out.Header, v.in.Context())
}

// answered looks at the head of the back office's answer.
func (v *visit) answered(resp *http.Response) error {
	cleanAnswer(resp.Header)
	resp.Header.Set("X-Request-Id", web.RequestID(v.in.Context()))
	v.w.Header().Del("X-Request-Id") // what is there is added to
	web.AsItIs(v.w)
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind == "text/event-stream" && !v.endless() {
		return errStopping
	}
	return nil
}

// endless notes that the request may go on for ever, so that [Proxy.End] ends it. It is not
// ok once that has been called.
func (v *visit) endless() (ok bool) {
	ok = true
	v.once.Do(func() {
		v.proxy.mu.Lock()
		defer v.proxy.mu.Unlock()
		if ok = !v.proxy.closed; !ok {
			return
		}
		v.proxy.under.Add(1)
		stop := context.AfterFunc(v.proxy.ended, v.cancel)
		v.leave = func() { stop(); v.proxy.under.Done() }
	})
	return ok
}

func (v *visit) over() {
	if v.leave != nil {
		v.leave()
	}
}

// failed answers in place of the back office.
func (v *visit) failed(_ http.ResponseWriter, _ *http.Request, err error) {
	v.proxy.fail(v.w, v.in, reason(v.in, err))
}
