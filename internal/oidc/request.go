package oidc

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// The scopes there are. Others are left out of what is granted, as OIDC Core 1.0,
// section 3.1.2.1 says.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopeOffline = "offline_access"
)

// markParameter and shopParameter are ours: that proving oneself was asked for
// already, and which shop was chosen.
const (
	markParameter = "zhanggui_mark"
	shopParameter = "zhanggui_shop"
)

// refusal is an error of the protocol, for programs (RFC 6749, sections 4.1.2.1 and
// 5.2).
type refusal struct {
	code, text string
	why        error // the private cause; may be nil
}

func (e *refusal) Error() string { return "oidc: " + e.code + ": " + e.text }

func (e *refusal) Unwrap() error { return e.why }

func refuse(code, text string) *refusal { return &refusal{code: code, text: text} }

// request is what a program asks of the authorisation endpoint.
type request struct {
	client    access.OIDCClient
	redirect  string
	state     string
	nonce     string
	challenge string
	scope     string
	none      bool // answer without asking anybody anything
	login     bool
	choose    bool
	maxAge    time.Duration // -1: any
	shop      string
	mark      string
}

// maxParameter bounds what is kept of a request or sent back.
const maxParameter = 2048

// addressed reads whom a request is of and where the answer goes. Its errors are
// pages: nobody knows a place to send the browser to.
func (p *Provider) addressed(r *http.Request, q url.Values) (request, error) {
	if len(q["client_id"]) > 1 || len(q["redirect_uri"]) > 1 {
		return request{}, p.page(r, http.StatusBadRequest, "oidc-twice", "")
	}
	client, err := p.o.Store.OIDCClient(r.Context(), q.Get("client_id"))
	if errors.Is(err, access.ErrNotFound) {
		return request{}, p.page(r, http.StatusBadRequest, "oidc-client", "")
	}
	if err != nil {
		return request{}, err
	}
	redirect := q.Get("redirect_uri")
	if !slices.ContainsFunc(client.RedirectURIs, func(declared string) bool { return sameRedirect(declared, redirect) }) {
		return request{}, p.page(r, http.StatusBadRequest, "oidc-redirect", client.ID)
	}
	return request{client: client, redirect: redirect, state: q.Get("state"), maxAge: -1}, nil
}

// sameRedirect compares letter by letter. Programs on the person's own machine listen
// on any port: for a declared address with the number of the machine itself the port
// does not count (RFC 8252, section 7.3).
func sameRedirect(declared, asked string) bool {
	if declared == asked {
		return asked != ""
	}
	want, err := url.Parse(declared)
	if err != nil || want.Scheme != "http" || want.Hostname() != "127.0.0.1" && want.Hostname() != "::1" {
		return false
	}
	got, err := url.Parse(asked)
	if err != nil || got.Hostname() != want.Hostname() || got.User != nil || strings.Contains(asked, "#") {
		return false
	}
	if _, err := strconv.ParseUint(got.Port(), 10, 16); err != nil && got.Port() != "" {
		return false
	}
	got.Host = want.Host
	return got.String() == declared
}

// parse reads the rest. Its errors go back to the program.
func (p *Provider) parse(q url.Values, in *request) *refusal {
	for name, values := range q {
		if len(values) > 1 {
			return refuse("invalid_request", "a parameter is there twice")
		}
		if len(values[0]) > maxParameter || len(name) > maxParameter {
			return refuse("invalid_request", "a parameter is too long")
		}
	}
	switch {
	case q.Has("request"):
		return refuse("request_not_supported", "send the parameters themselves")
	case q.Has("request_uri"):
		return refuse("request_uri_not_supported", "send the parameters themselves")
	case q.Get("response_type") != "code":
		return refuse("unsupported_response_type", "response_type must be code")
	case q.Has("response_mode") && q.Get("response_mode") != "query":
		return refuse("invalid_request", "response_mode must be query")
	}
	asked := strings.Fields(q.Get("scope"))
	if !slices.Contains(asked, scopeOpenID) {
		return refuse("invalid_scope", "scope must contain openid")
	}
	in.scope = strings.Join(granted(in.client, asked), " ")
	in.nonce, in.shop, in.mark = q.Get("nonce"), q.Get(shopParameter), q.Get(markParameter)
	if e := in.readChallenge(q); e != nil {
		return e
	}
	if e := in.readMaxAge(q); e != nil {
		return e
	}
	return in.readPrompt(q)
}

// granted gives those of the scopes that there are for a client.
func granted(c access.OIDCClient, asked []string) []string {
	there := []string{scopeOpenID, scopeProfile, scopeOffline}
	if c.EmailDomain != "" {
		there = append(there, scopeEmail)
	}
	return slices.DeleteFunc(there, func(s string) bool { return !slices.Contains(asked, s) })
}

// readChallenge wants PKCE (RFC 7636) with S256. A request that leaves out the method
// asks for plain, which proves nothing to whom the request was seen by.
func (in *request) readChallenge(q url.Values) *refusal {
	in.challenge = q.Get("code_challenge")
	switch {
	case in.challenge == "" && q.Has("code_challenge_method"), in.challenge == "" && (in.client.Public() || !in.client.WithoutPKCE):
		return refuse("invalid_request", "code_challenge is missing: PKCE is required")
	case in.challenge == "":
		return nil
	case q.Get("code_challenge_method") != "S256":
		return refuse("invalid_request", "code_challenge_method must be S256")
	case len(in.challenge) != 43:
		return refuse("invalid_request", "code_challenge is no SHA-256 in base64url")
	}
	return nil
}

func (in *request) readMaxAge(q url.Values) *refusal {
	if q.Get("max_age") == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(q.Get("max_age"), 10, 31)
	if err != nil {
		return refuse("invalid_request", "max_age is no number of seconds")
	}
	in.maxAge = time.Duration(seconds) * time.Second
	return nil
}

func (in *request) readPrompt(q url.Values) *refusal {
	words := strings.Fields(q.Get("prompt"))
	for _, word := range words {
		switch word {
		case "none":
			in.none = true
		case "login":
			in.login = true
		case "select_account":
			in.choose = true
		case "consent": // whoever declared the client has agreed for everybody
		default:
			return refuse("invalid_request", "prompt has an unknown word")
		}
	}
	if in.none && len(words) > 1 {
		return refuse("invalid_request", "prompt=none stands alone")
	}
	return nil
}

// answer is where the browser goes with an answer. iss says who answered, so that a
// program that uses several providers is not mixed up (RFC 9207).
func (p *Provider) answer(in request, with url.Values) string {
	u, err := url.Parse(in.redirect)
	if err != nil {
		return p.base + "/" // cannot be: it was declared, and checked then
	}
	q := u.Query()
	maps.Copy(q, with)
	if in.state != "" {
		q.Set("state", in.state)
	}
	q.Set("iss", p.issuer)
	u.RawQuery = q.Encode()
	return u.String()
}

// sendBack tells the program why not.
func (p *Provider) sendBack(w http.ResponseWriter, r *http.Request, in request, e *refusal) error {
	p.redirect(w, r, p.answer(in, url.Values{"error": {e.code}, "error_description": {e.text}}))
	return nil
}

// page is a refusal for a human, who is not sent anywhere. It is told to the tally.
func (p *Provider) page(r *http.Request, status int, code, client string) error {
	p.refused(r, "oidc.authorize", client, code)
	words := pageWords[code]
	e := &web.Error{Status: status, Code: code, EN: words.en, ZH: words.zh, NextEN: words.nextEN, NextZH: words.nextZH,
		Link: "/", LinkEN: "To the start page", LinkZH: "返回首页"}
	if words.link != "" {
		e.Link, e.LinkEN, e.LinkZH = words.link, words.linkEN, words.linkZH
	}
	return e
}
