package wechatsim

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// link is an authorize or qrconnect link after the strict check of its form.
type link struct {
	path         string
	appid        string
	redirectURI  *url.URL
	scope        string
	state        string
	forcePopup   bool
	forceSnap    bool
	hasComponent bool
}

const (
	authorizePath = "/connect/oauth2/authorize"
	qrconnectPath = "/connect/qrconnect"
)

// authorizeOrder is the order in which WeChat's pattern wants the parameters.
// The fragment #wechat_redirect behind them never reaches a server, so only
// the scripted browser ([Sim.Visit]) can insist on it.
var authorizeOrder = []string{"appid", "redirect_uri", "response_type", "scope", "state",
	"forcePopup", "forceSnapShot", "component_appid", "connect_redirect"}

// qrconnectNames are the parameters of qrconnect; no order is documented.
var qrconnectNames = []string{"appid", "redirect_uri", "response_type", "scope", "state", "lang"}

// parseAuthorize checks the form of an authorize link. It does not know apps.
func parseAuthorize(rawQuery string, sw Switches) (link, *PageError) {
	params, err := splitQuery(rawQuery)
	if err != nil {
		return link{}, err
	}
	last, seen := -1, map[int]bool{}
	for _, p := range params {
		at := slices.Index(authorizeOrder, p.name)
		if at < 0 || p.name == "connect_redirect" && (!sw.AcceptConnectRedirect || p.raw != "1") {
			return link{}, unreachable("参数 " + p.name + " 不被接受 parameter not accepted")
		}
		if seen[at] || (at < last && !sw.AnyParameterOrder) {
			return link{}, unreachable("参数顺序错误或重复 parameter out of order or repeated: " + p.name)
		}
		last, seen[at] = at, true
	}
	l, err := parseCommon(params, sw)
	if err != nil {
		return link{}, err
	}
	l.path = authorizePath
	_, l.hasComponent = get(params, "component_appid")
	if l.forcePopup, err = truth(params, "forcePopup"); err != nil {
		return link{}, err
	}
	l.forceSnap, err = truth(params, "forceSnapShot")
	return l, err
}

// parseQRConnect checks the form of a qrconnect link.
func parseQRConnect(rawQuery string, sw Switches) (link, *PageError) {
	params, err := splitQuery(rawQuery)
	if err != nil {
		return link{}, err
	}
	seen := map[string]bool{}
	for _, p := range params {
		if !slices.Contains(qrconnectNames, p.name) || seen[p.name] {
			return link{}, unreachable("参数 " + p.name + " 不被接受 parameter not accepted or repeated")
		}
		seen[p.name] = true
	}
	if lang, ok := get(params, "lang"); ok && lang != "cn" && lang != "en" {
		return link{}, unreachable("lang 参数错误 lang must be cn or en")
	}
	l, err := parseCommon(params, sw)
	l.path = qrconnectPath
	return l, err
}

// param is one query parameter with its value as it was written.
type param struct{ name, raw string }

func get(params []param, name string) (string, bool) {
	for _, p := range params {
		if p.name == name {
			return p.raw, true
		}
	}
	return "", false
}

func truth(params []param, name string) (bool, *PageError) {
	v, ok := get(params, name)
	if ok && v != "true" && v != "false" {
		return false, unreachable(name + " 参数错误 must be true or false")
	}
	return v == "true", nil
}

// splitQuery splits without decoding, since the encoding itself is checked. A
// redirect_uri that was not encoded is told before anything else: its own
// parameters would otherwise be blamed.
func splitQuery(raw string) ([]param, *PageError) {
	var params []param
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == "redirect_uri" && value != "" && !encodedOnce.MatchString(value) {
			return nil, pageError(10003, "not percent-encoded exactly once")
		}
		params = append(params, param{name, value})
	}
	return params, nil
}

var (
	// encodedOnce is what encodeURIComponent and url.QueryEscape leave.
	encodedOnce = regexp.MustCompile(`^(?:[A-Za-z0-9._~!*'()-]|%[0-9A-Fa-f]{2})+$`)
	stateForm   = regexp.MustCompile(`^[A-Za-z0-9]{1,128}$`)
	stateDashed = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
)

// parseCommon checks what both pages share.
func parseCommon(params []param, sw Switches) (link, *PageError) {
	var l link
	appid, _ := get(params, "appid")
	redirect, _ := get(params, "redirect_uri")
	scope, _ := get(params, "scope")
	state, hasState := get(params, "state")
	switch {
	case appid == "":
		return l, pageError(10012, "")
	case redirect == "":
		return l, pageError(10011, "")
	case scope == "":
		return l, pageError(10010, "")
	case state == "" && (hasState || sw.StateRequired):
		return l, pageError(10013, "")
	}
	if rt, _ := get(params, "response_type"); rt != "code" {
		return l, unreachable("response_type 必须为 code must be code")
	}
	form := stateForm
	if sw.StateDashes {
		form = stateDashed
	}
	if hasState && !form.MatchString(state) {
		return l, unreachable("state 参数错误 use at most 128 of a-zA-Z0-9")
	}
	u, err := parseRedirect(redirect)
	l.appid, l.redirectURI, l.scope, l.state = appid, u, scope, state
	return l, err
}

// parseRedirect decodes once and wants an absolute http(s) URL.
func parseRedirect(raw string) (*url.URL, *PageError) {
	plain, err := url.QueryUnescape(raw)
	if err != nil {
		return nil, pageError(10003, "not percent-encoded")
	}
	u, err := url.Parse(plain)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return nil, pageError(10003, "no absolute URL after decoding once")
	}
	return u, nil
}

// checkRedirect compares a redirect_uri with the app's callback domain.
func checkRedirect(u *url.URL, a *App, loopback bool) *PageError {
	if loopback && isLoopback(u.Hostname()) {
		return nil
	}
	if u.Scheme != "https" {
		return pageError(10003, "https is required")
	}
	if u.Port() != "" || strings.HasSuffix(u.Host, ":") {
		return pageError(10003, "a port is not allowed")
	}
	host, dir, _ := strings.Cut(a.CallbackDomain, "/")
	if host == "" || u.Host != host {
		return pageError(10003, "the host is not the callback domain of the app")
	}
	dir = "/" + strings.Trim(dir, "/")
	if dir != "/" && u.Path != dir && !strings.HasPrefix(u.Path, dir+"/") {
		return pageError(10003, "the path is outside the callback domain's path")
	}
	return nil
}

// isLoopback tells the three host forms that the loopback rule is about.
func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || strings.HasSuffix(host, ".localhost")
}

// callback appends code and state to the redirect_uri: the query that is there
// stays, and the new part goes before any fragment.
func (l *link) callback(code string) string {
	u := *l.redirectURI
	var add []string
	if u.RawQuery != "" {
		add = append(add, u.RawQuery)
	}
	if code != "" {
		add = append(add, "code="+url.QueryEscape(code))
	}
	if l.state != "" {
		add = append(add, "state="+url.QueryEscape(l.state))
	}
	u.RawQuery = strings.Join(add, "&")
	return u.String()
}
