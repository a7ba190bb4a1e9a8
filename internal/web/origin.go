package web

import (
	"net/http"
	"net/url"
)

// CrossOrigin refuses changes (every method but GET, HEAD and OPTIONS) that
// another site's page sent with our visitor's cookies. It goes by the
// Sec-Fetch-Site and Origin headers, which page scripts cannot set. publicURL
// is named as trusted so that a proxy may rewrite Host; nil names none.
func CrossOrigin(publicURL *url.URL) func(http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	if publicURL != nil {
		// The only error is an origin that is none, which then matches nothing.
		_ = guard.AddTrustedOrigin(publicURL.Scheme + "://" + publicURL.Host)
	}
	guard.SetDenyHandler(Machine(func(http.ResponseWriter, *http.Request) error { return errCrossOrigin }))
	return guard.Handler
}

var errCrossOrigin = &Error{
	Status: http.StatusForbidden, Code: "cross-origin",
	EN: "The request came from another website.", ZH: "请求来自其他网站。",
	NextEN: "Open the page here and send the form again.", NextZH: "请在本站打开页面后重新提交。",
	Link: "/", LinkEN: "To the start page", LinkZH: "返回首页",
}
