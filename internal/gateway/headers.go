package gateway

import (
	"net/http"
	"net/textproto"
	"strings"
)

// Headers that the gateway adds to an answer.
const (
	headerErrcode = "X-Zhanggui-Errcode" // WeChat's errcode, when the first bytes told one
	headerRID     = "X-Zhanggui-Rid"     // WeChat's request id
	headerAttempt = "X-Zhanggui-Attempt" // how often WeChat was asked
	headerCause   = "X-Zhanggui-Cause"   // what the errcode means, or why the call was repeated, in English
	headerRequest = "X-Zhanggui-Request" // our request id
)

// headerWait is how long a caller lets a call be held for a repeat, e.g. "10s".
const headerWait = "X-Zhanggui-Wait"

// passedOn tells whether a request header reaches WeChat, with all its values or with
// the first. It is a list of what passes, since what some server obeys
// (X-Original-Url, X-Http-Method-Override) has no end.
func passedOn(name string) (pass, all bool) {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Encoding", "If-None-Match":
		return true, true
	case "Content-Language", "Content-Type", "Expect", "If-Modified-Since", "If-Range", "Range", "User-Agent",
		// WeChat's second layer of signature and encryption:
		// developers.weixin.qq.com/doc/oplatform/developers/dev/api_signature
		"Wechatmp-Appid", "Wechatmp-Timestamp", "Wechatmp-Signature":
		return true, false
	}
	return false, false
}

// noUserAgent keeps net/http from naming itself.
var noUserAgent = []string{""}

// pickHeaders gives what may pass of in, as a new map. A header named in the
// caller's Connection header is judged like any other, so nothing of ours can be
// stripped that way.
func pickHeaders(in http.Header) http.Header {
	out := make(http.Header, len(in))
	out["User-Agent"] = noUserAgent
	for name, values := range in {
		switch pass, all := passedOn(name); {
		case all:
			out[name] = values
		case pass:
			out[name] = values[:1]
		}
	}
	return out
}

// setIfAny sets one of our headers, whose names are in canonical form.
func setIfAny(h http.Header, name, value string) {
	if value != "" {
		h[name] = []string{value}
	}
}

// upgrades tells whether the caller wants another protocol on this connection. An
// offer of HTTP/2 may be left unheard, and programs make it with every call.
func upgrades(h http.Header) bool {
	for _, value := range h["Upgrade"] {
		for protocol := range strings.SplitSeq(value, ",") {
			if p := textproto.TrimString(protocol); p != "" && !strings.EqualFold(p, "h2c") {
				return true
			}
		}
	}
	return false
}
