package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Headers that the gateway adds to an answer.
const (
	headerErrcode = "X-Zhanggui-Errcode" // WeChat's errcode, when the first bytes told one
	headerRID     = "X-Zhanggui-Rid"     // WeChat's request id
	headerAttempt = "X-Zhanggui-Attempt" // how often WeChat was asked: 1 or 2
	headerCause   = "X-Zhanggui-Cause"   // what the errcode means, in English
	headerRequest = "X-Zhanggui-Request" // our request id
)

// passedOn are the request headers that reach WeChat; true: with all their
// values, false: with the first. It is a list of what passes, since what some
// server obeys (X-Original-Url, X-Http-Method-Override) has no end.
var passedOn = map[string]bool{
	"Accept":            true,
	"Accept-Encoding":   true,
	"Accept-Language":   true,
	"Cache-Control":     true,
	"Content-Encoding":  true,
	"Content-Language":  false,
	"Content-Type":      false,
	"Expect":            false,
	"If-Modified-Since": false,
	"If-None-Match":     true,
	"If-Range":          false,
	"Range":             false,
	"User-Agent":        false,
	// WeChat's second layer of signature and encryption:
	// developers.weixin.qq.com/doc/oplatform/developers/dev/api_signature
	"Wechatmp-Appid":     false,
	"Wechatmp-Timestamp": false,
	"Wechatmp-Signature": false,
}

// pickHeaders gives what may pass of in, as a new map.
func pickHeaders(in http.Header) http.Header {
	out := make(http.Header, len(in))
	for name, values := range in {
		switch all, ok := passedOn[name]; {
		case ok && all:
			out[name] = values
		case ok:
			out[name] = values[:1]
		}
	}
	return out
}

// kept tells which headers of WeChat's answer reach the caller: all but those
// that would speak for our own host, and those that only we may set.
func kept(name string) bool {
	switch name {
	case "Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Clear-Site-Data",
		"Alt-Svc", "Nel", "Report-To", "Www-Authenticate":
		return false
	}
	return !strings.HasPrefix(name, "Access-Control-") && !strings.HasPrefix(name, "X-Zhanggui-")
}

// cleanAnswer drops headers that must not reach the caller and blots out the
// token where WeChat repeats it, as in the Location of a redirect.
func cleanAnswer(h http.Header, token secret.Value) {
	plain := token.RevealString()
	for name, values := range h {
		if !kept(name) {
			delete(h, name)
			continue
		}
		for i, v := range values {
			if name == "Location" || strings.Contains(v, plain) {
				values[i] = secret.Mask(v, token)
			}
		}
	}
}

func setIfAny(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// attempt is the value of headerAttempt.
func attempt(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
