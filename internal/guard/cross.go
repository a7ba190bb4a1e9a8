package guard

import (
	"net/http"
	"strings"
)

// changes tells whether a request may change something. A WebSocket begins with a GET,
// and what goes through it is not asked about again.
func changes(method string, h http.Header) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return websocket(h)
	}
	return true
}

// websocket tells whether a request asks for a WebSocket. Proxies drop Upgrade from
// what they ask us; browsers send the other headers with every one.
func websocket(h http.Header) bool {
	return h.Get("Sec-Websocket-Key") != "" || h.Get("Sec-Fetch-Mode") == "websocket" || strings.EqualFold(h.Get("Upgrade"), "websocket")
}

// foreign tells whether another site's page sent a request, sibling hosts included.
// Page scripts cannot set Sec-Fetch-Site and Origin; the first is the surer word,
// which older browsers do not know. Programs send neither.
func foreign(h http.Header, origin string) bool {
	sites := h["Sec-Fetch-Site"]
	for _, site := range sites {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	if len(sites) > 0 {
		return false
	}
	for _, o := range h["Origin"] {
		if !strings.EqualFold(o, origin) {
			return true
		}
	}
	return false
}

// looking tells whether somebody looks at a page, so that a redirect leads them on.
// Programs and scripts would take the login page for their answer.
func looking(method string, h http.Header) bool {
	if method != http.MethodGet && method != http.MethodHead {
		return false
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return h.Get("X-Requested-With") == "" && readsPages(h)
}

// readsPages tells whether whoever asks shows an answer to people.
func readsPages(h http.Header) bool {
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return strings.Contains(h.Get("Accept"), "text/html")
}
