package gateway

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// dress makes the headers of our answer: WeChat's, as far as they may pass, and
// what we add.
func (c *call) dress(a *answered) {
	c.status = a.StatusCode
	redirect := isRedirect(a.Response)
	if redirect {
		// The note in a redirect repeats the URL, token and all.
		a.first, a.ended = 0, true
	}
	// Our id is in a header of our own, so this name is WeChat's.
	delete(c.own, "X-Request-Id")
	named := namedInConnection(a.Header)
	for name, values := range a.Header {
		if !kept(name) || named[name] || redirect && describesBody(name) || c.alias.ID != "" && keeps(name) {
			continue
		}
		c.own[name] = blot(name, values, c.token.Value)
	}
	c.closeIfUnread()
	c.own[headerAttempt] = attempt(c.attempts)
	if c.attempts > 1 && c.head.Code == 0 {
		setIfAny(c.own, headerCause, printable(c.afterWords()))
	}
	if !c.head.Found {
		return
	}
	c.own[headerErrcode] = errcode(c.head.Code)
	if c.head.Code != 0 || c.head.RID != "" {
		setIfAny(c.own, headerRID, printable(c.head.RID))
	}
	if c.head.Code != 0 {
		setIfAny(c.own, headerCause, printable(c.explain().CauseEN))
	}
}

// keeps tells whether a header lets others keep the answer. Where an alias stands in
// the address, a cache on the way would answer whoever sends the same one, also when
// its key has ended. A key in a header keeps shared caches away by itself.
func keeps(name string) bool { return name == "Cache-Control" || name == "Expires" }

func isRedirect(res *http.Response) bool {
	return res.StatusCode/100 == 3 && res.StatusCode != http.StatusNotModified
}

func describesBody(name string) bool {
	return name == "Content-Length" || name == "Content-Type" || name == "Content-Encoding"
}

// kept tells which headers of WeChat's answer reach the caller: all but those
// that are for one connection, those that would speak for our own host, and those
// that only we may set.
func kept(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return false
	case "Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Clear-Site-Data",
		"Alt-Svc", "Nel", "Report-To", "Reporting-Endpoints", "Www-Authenticate":
		return false
	case "Content-Security-Policy", "Content-Security-Policy-Report-Only", "X-Content-Type-Options", "X-Frame-Options",
		"Referrer-Policy", "Permissions-Policy", "Service-Worker-Allowed", "Refresh":
		return false // what passes may be a page that somebody uploaded
	}
	return !strings.HasPrefix(name, "Access-Control-") && !strings.HasPrefix(name, "Cross-Origin-") && !strings.HasPrefix(name, "X-Zhanggui-")
}

// namedInConnection gives the headers that Connection says are for one connection.
// Nearly always there are none but those that are anyway.
func namedInConnection(h http.Header) map[string]bool {
	var named map[string]bool
	for _, value := range h["Connection"] {
		if value == "keep-alive" || value == "close" {
			continue
		}
		for name := range strings.SplitSeq(value, ",") {
			if named == nil {
				named = make(map[string]bool)
			}
			named[textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))] = true
		}
	}
	return named
}

// printable gives s when it can stand in a header.
func printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return ""
		}
	}
	return s
}

// What most answers carry, made once. Nobody writes into the values of a header.
var (
	attemptOnce = []string{"1"}
	errcodeZero = []string{"0"}
)

// attempt is the value of headerAttempt, nil for none.
func attempt(n int) []string {
	switch n {
	case 0:
		return nil
	case 1:
		return attemptOnce
	}
	return []string{strconv.Itoa(n)}
}

// errcode is the value of headerErrcode.
func errcode(code int) []string {
	if code == 0 {
		return errcodeZero
	}
	return []string{strconv.Itoa(code)}
}
