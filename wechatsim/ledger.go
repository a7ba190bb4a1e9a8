package wechatsim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"
)

// Entry is one request in the ledger.
type Entry struct {
	// Seq counts requests from 1 and never goes back.
	Seq int64 `json:"seq"`
	// Time is when the answer was decided, on the emulator's clock.
	Time time.Time `json:"time"`
	// Method, Host (open, api, mp or sim) and Path say what was asked.
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	// Query is the query with secrets, tokens, codes and states replaced by
	// their [Digest].
	Query string `json:"query,omitempty"`
	// Body is the digest of the request body; "" if there was none.
	Body string `json:"body,omitempty"`
	// Status is the HTTP status and ErrCode the errcode of the answer.
	Status  int `json:"status"`
	ErrCode int `json:"errcode"`
	// RID is the id at the end of the error text.
	RID string `json:"rid,omitempty"`
	// AppID is whose secret or token was used, as far as that is known.
	AppID string `json:"appid,omitempty"`
	// Component is the component that the request came from, when it used the
	// token of an account. Account is the account that a component's request
	// was about.
	Component string `json:"component,omitempty"`
	Account   string `json:"account,omitempty"`
	// Token is the digest of the access or refresh token that was sent, and
	// TokenKind cgi, stable, component, authorizer, user or unknown.
	Token     string `json:"token,omitempty"`
	TokenKind string `json:"token_kind,omitempty"`
	// Person is who opened a page.
	Person string `json:"person,omitempty"`
	// Fault is the kind of the fault that met the request.
	Fault string `json:"fault,omitempty"`
	// Lost: the caller got no answer. Whether the request took effect shows
	// in Fault: after lost_after it did, after lost_before it did not.
	Lost bool `json:"lost,omitempty"`
	// RemoteIP is the caller's address.
	RemoteIP string `json:"remote_ip"`
	// UserAgent is what the caller said it is.
	UserAgent string `json:"user_agent,omitempty"`
	// RawQuery and RawBody are kept only with [Options.KeepRaw].
	RawQuery string `json:"raw_query,omitempty"`
	RawBody  string `json:"raw_body,omitempty"`
}

// Digest is the short stable stand-in that the ledger shows for a secret
// value, so that a test can find its own token: 12 hexadecimal digits.
func Digest(value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("wechatsim ledger\x00" + value))
	return hex.EncodeToString(sum[:6])
}

// hidden are the query parameters that the ledger never shows.
var hidden = map[string]bool{
	"access_token": true, "refresh_token": true, "secret": true, "appsecret": true,
	"code": true, "js_code": true, "state": true, "component_access_token": true, "ticket": true,
	"pre_auth_code": true, "auth_code": true,
}

// redactQuery replaces hidden values in a raw query and leaves the rest, order
// and all, as it came. What does not decode is hidden whole: it may be anything.
func redactQuery(raw string) string {
	if raw == "" {
		return ""
	}
	parts := strings.Split(raw, "&")
	for i, p := range parts {
		k, v, _ := strings.Cut(p, "=")
		name, err := url.QueryUnescape(k)
		if err != nil {
			parts[i] = "~" + Digest(p)
			continue
		}
		if hidden[strings.ToLower(name)] {
			plain, err := url.QueryUnescape(v)
			if err != nil {
				plain = v
			}
			parts[i] = k + "=~" + Digest(plain)
		}
	}
	return strings.Join(parts, "&")
}

// ring keeps the last size entries.
type ring[E any] struct {
	size    int
	seq     int64 // how many there were
	entries []E
}

// add keeps the entry that is made for the next number.
func (l *ring[E]) add(e func(seq int64) E) {
	l.seq++
	if len(l.entries) < l.size {
		l.entries = append(l.entries, e(l.seq))
		return
	}
	l.entries[int((l.seq-1)%int64(l.size))] = e(l.seq)
}

// since returns the entries after seq that are wanted, oldest first.
func (l *ring[E]) since(seq int64, wanted func(E) bool) []E {
	out := []E{}
	for i := max(seq, l.seq-int64(len(l.entries))) + 1; i <= l.seq; i++ {
		if e := l.entries[int((i-1)%int64(l.size))]; wanted(e) {
			out = append(out, e)
		}
	}
	return out
}

// every wants all entries.
func every[E any](E) bool { return true }

func matchAny(patterns []string, path string) bool {
	for _, p := range patterns {
		if matchPath(p, path) {
			return true
		}
	}
	return len(patterns) == 0
}

// matchPath compares exactly, or by prefix if the pattern ends in '*'.
func matchPath(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

// Ledger returns the requests seen so far, oldest first. Paths narrow it: an
// exact path, or a prefix that ends in '*'. It holds every request to the open,
// api and mp hosts, and those requests to the control API that change
// something.
func (s *Sim) Ledger(paths ...string) []Entry { return s.LedgerSince(0, paths...) }

// LedgerSince is [Sim.Ledger] for entries whose Seq is greater than seq.
func (s *Sim) LedgerSince(seq int64, paths ...string) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.since(seq, func(e Entry) bool { return matchAny(paths, e.Path) })
}

// finish writes the request into the ledger.
func (s *Sim) finish(c *call, a answer) {
	e := Entry{
		Time: s.Now(), Method: c.r.Method, Host: c.host, Path: c.r.URL.Path,
		Query: redactQuery(c.r.URL.RawQuery), Body: Digest(string(c.body)),
		Status: a.status, ErrCode: a.errcode, RID: a.rid, AppID: c.appid,
		Component: c.component, Account: c.account, Token: Digest(c.token), TokenKind: c.tokenKind, Person: c.person, Fault: c.fault,
		Lost: a.lost, RemoteIP: remoteIP(c.r), UserAgent: c.r.UserAgent(),
	}
	if s.keepRaw {
		e.RawQuery, e.RawBody = c.r.URL.RawQuery, string(c.body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.add(func(seq int64) Entry { e.Seq = seq; return e })
	s.remember(c, a)
}

// identify finds out whose request it is, for the ledger and for faults that
// are meant for one app. It judges nothing.
func (s *Sim) identify(c *call) {
	c.appid = cmp.Or(c.q.Get("appid"), bodyAppID(c))
	c.token = cmp.Or(c.q.Get("access_token"), c.q.Get("refresh_token"), c.q.Get("component_access_token"))
	if c.token == "" {
		return
	}
	c.tokenKind = "unknown"
	if g := s.globals[c.token]; g != nil {
		c.tokenKind, c.appid, c.component = g.kind, g.appid, g.component
	}
	if p := cmp.Or(s.access[c.token], s.refresh[c.token]); p != nil {
		c.tokenKind, c.appid, c.person = "user", p.appid, p.person
	}
}

// bodyAppID reads the appid that stable_token and the calls of components
// carry in their bodies, and the account that is asked about.
func bodyAppID(c *call) string {
	var b struct {
		AppID      string `json:"appid"`
		Component  string `json:"component_appid"`
		Authorizer string `json:"authorizer_appid"`
	}
	path := c.r.URL.Path
	market := strings.HasPrefix(path, "/wxa/servicemarket/")
	if path != "/cgi-bin/stable_token" && !strings.HasPrefix(path, "/cgi-bin/component/") && !market || decodeBody(c.body, &b) != nil {
		return ""
	}
	if market {
		c.account = b.AppID
		return ""
	}
	c.account = b.Authorizer
	return cmp.Or(b.Component, b.AppID)
}
