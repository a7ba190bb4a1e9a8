package upstream

import (
	"context"
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/trace"
	"github.com/zhanggui/zhanggui/internal/web"
)

// cleanRequest takes out of a request's headers what the back office must not get or
// believe. What a server may read as one of these names goes too.
func cleanRequest(h http.Header) {
	upgrading := upgrades(h)
	for name := range h {
		if forwarding(name) {
			delete(h, name)
		}
	}
	// Only the names that are always about one connection are removed on the way. Others
	// that a visitor lists here could be those that say who it is.
	delete(h, "Connection")
	if upgrading {
		h.Set("Connection", "Upgrade")
	}
	cleanCookies(h)
}

// upgrades tells whether a request asks for another protocol on its connection.
func upgrades(h http.Header) bool {
	for _, line := range h["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return h.Get("Upgrade") != ""
			}
		}
	}
	return false
}

// forwarding tells of headers in which proxies say where a request comes from, and of
// Proxy, which CGI programs take for the address of one.
func forwarding(name string) bool {
	plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	switch plain {
	case "forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "x-cluster-client-ip", "proxy":
		return true
	}
	return strings.HasPrefix(plain, "x-forwarded-") || strings.HasPrefix(plain, "x-original-") || strings.HasPrefix(plain, "x-rewrite-")
}

// tellForwarded says what the visitor used, as the server learnt it.
func tellForwarded(h http.Header, ctx context.Context) {
	if a := web.ClientAddr(ctx); a.IsValid() {
		h.Set("X-Forwarded-For", a.String())
		h.Set("X-Real-Ip", a.String())
	}
	h.Set("X-Forwarded-Host", web.EffectiveHost(ctx))
	h.Set("X-Forwarded-Proto", web.Scheme(ctx))
}

// tellTrace has a traced request go on as a part of our trace. Of others the visitor's
// word passes, as that of anybody on the way who does not take part.
func tellTrace(h http.Header, ctx context.Context) {
	if s := trace.FromContext(ctx); s != nil {
		h.Set(trace.Header, s.Parent())
		h.Del("Tracestate") // it belongs to the parent that was replaced
	}
}

// cleanCookies takes our own cookies out: they open other doors than this one.
func cleanCookies(h http.Header) {
	var kept []string
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			if part = strings.Trim(part, " \t"); part != "" && !ourCookie(part) {
				kept = append(kept, part)
			}
		}
	}
	delete(h, "Cookie")
	if len(kept) > 0 {
		h.Set("Cookie", strings.Join(kept, "; "))
	}
}

// cleanAnswer takes out of an answer what is not the back office's to say: our cookies, and
// headers in which we speak.
func cleanAnswer(h http.Header) {
	kept := h["Set-Cookie"][:0:0]
	for _, line := range h["Set-Cookie"] {
		if !ourCookie(line) {
			kept = append(kept, line)
		}
	}
	delete(h, "Set-Cookie")
	if len(kept) > 0 {
		h["Set-Cookie"] = kept
	}
	for name := range h {
		if strings.HasPrefix(name, "X-Zhanggui-") {
			delete(h, name)
		}
	}
}

// ourCookie tells whether a cookie's text begins with a name of ours. One without a name
// is sent back as its value alone, which may look like a name with a value.
func ourCookie(text string) bool {
	name, rest, _ := strings.Cut(text, "=")
	if strings.Trim(name, " \t") == "" {
		name, _, _ = strings.Cut(rest, "=")
	}
	name, _, _ = strings.Cut(name, ";")
	name = strings.ToLower(strings.Trim(name, " \t"))
	for _, prefix := range []string{"__host-", "__secure-", "__http-"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return strings.HasPrefix(name, "zg_")
}
