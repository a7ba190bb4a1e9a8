package wechat

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Scope is what a login link asks for.
type Scope string

// The scopes.
const (
	// ScopeBase is silent and tells the openid only.
	ScopeBase Scope = "snsapi_base"
	// ScopeUserInfo asks the person, and tells nickname and picture too.
	// Start it only after a tap on a page of ours, else WeChat may show the
	// snapshot page.
	ScopeUserInfo Scope = "snsapi_userinfo"
	// ScopeLogin is the QR login on a website.
	ScopeLogin Scope = "snsapi_login"
)

// AuthorizeRequest describes a login link for WeChat's own browser.
type AuthorizeRequest struct {
	AppID       string // of a verified service account, wx…
	RedirectURI string // plain, not percent-encoded; https, no port, no fragment
	Scope       Scope  // ScopeBase or ScopeUserInfo
	State       string // 1 to 128 letters and digits
	ForcePopup  bool   // ask for consent even if it was given
	// ForceSnapshot lets WeChat decide about the snapshot page at this visit.
	ForceSnapshot bool
	// ComponentAppID names the third-party platform that asks on behalf of
	// AppID; empty for an account's own login.
	ComponentAppID string
	// ConnectRedirect adds connect_redirect=1, which no page of WeChat's
	// documents. Some found that it stops a double callback.
	ConnectRedirect bool
	// Loopback allows http and a port for localhost, *.localhost and
	// 127.0.0.1, which WeChat never does: for the emulator.
	Loopback bool
}

// QRConnectRequest describes a login link for a PC browser.
type QRConnectRequest struct {
	AppID       string // of an approved website app, wx…
	RedirectURI string // as in AuthorizeRequest
	State       string // as in AuthorizeRequest
	Lang        string // "cn", "en", or "" for WeChat's choice
	Loopback    bool   // as in AuthorizeRequest
}

// AuthorizeURL returns the link of a login inside WeChat:
// developers.weixin.qq.com/doc/service/guide/h5/auth. The order of the
// parameters is part of the link; WeChat once refused any other.
func (c *Client) AuthorizeURL(r AuthorizeRequest) (string, error) {
	if err := r.check(); err != nil {
		return "", fmt.Errorf("wechat: authorize link: %w", err)
	}
	pairs := []pair{
		{"appid", r.AppID}, {"redirect_uri", r.RedirectURI}, {"response_type", "code"},
		{"scope", string(r.Scope)}, {"state", r.State},
	}
	if r.ForcePopup {
		pairs = append(pairs, pair{"forcePopup", "true"})
	}
	if r.ForceSnapshot {
		pairs = append(pairs, pair{"forceSnapShot", "true"})
	}
	if r.ComponentAppID != "" {
		pairs = append(pairs, pair{"component_appid", r.ComponentAppID})
	}
	if r.ConnectRedirect {
		pairs = append(pairs, pair{"connect_redirect", "1"})
	}
	return pageURL(c.open, "/connect/oauth2/authorize", encodePairs(pairs)) + wechatRedirect, nil
}

// QRConnectURL returns the link of a login on a PC:
// developers.weixin.qq.com/doc/oplatform/Website_App/WeChat_Login/Wechat_Login.
func (c *Client) QRConnectURL(r QRConnectRequest) (string, error) {
	if err := r.check(); err != nil {
		return "", fmt.Errorf("wechat: qrconnect link: %w", err)
	}
	pairs := []pair{
		{"appid", r.AppID}, {"redirect_uri", r.RedirectURI}, {"response_type", "code"},
		{"scope", string(ScopeLogin)}, {"state", r.State},
	}
	if r.Lang != "" {
		pairs = append(pairs, pair{"lang", r.Lang})
	}
	return pageURL(c.open, "/connect/qrconnect", encodePairs(pairs)) + wechatRedirect, nil
}

// wechatRedirect ends every login link, opened directly or reached by 302.
const wechatRedirect = "#wechat_redirect"

var (
	appIDForm = regexp.MustCompile(`^wx[0-9A-Za-z]{6,62}$`)
	stateForm = regexp.MustCompile(`^[0-9A-Za-z]{1,128}$`)
)

func (r *AuthorizeRequest) check() error {
	if r.Scope != ScopeBase && r.Scope != ScopeUserInfo {
		return fmt.Errorf("scope %q is not one of this link; use snsapi_base or snsapi_userinfo", r.Scope)
	}
	if r.ComponentAppID != "" && !appIDForm.MatchString(r.ComponentAppID) {
		return errors.New("component_appid does not look like wx and letters and digits; copy it from the Open Platform console")
	}
	return checkLink(r.AppID, r.RedirectURI, r.State, r.Loopback)
}

func (r *QRConnectRequest) check() error {
	if r.Lang != "" && r.Lang != "cn" && r.Lang != "en" {
		return fmt.Errorf("lang %q is not known; use cn or en", r.Lang)
	}
	return checkLink(r.AppID, r.RedirectURI, r.State, r.Loopback)
}

// checkLink checks what both links share.
func checkLink(appid, redirect, state string, loopback bool) error {
	if strings.HasPrefix(appid, "gh_") {
		return errors.New("the appid is an original id (gh_…); use the AppID, which begins with wx")
	}
	if !appIDForm.MatchString(appid) {
		return errors.New("the appid does not look like wx and letters and digits; copy the AppID from the console")
	}
	if !stateForm.MatchString(state) {
		return errors.New("state must be 1 to 128 letters and digits; use 32 random bytes in hexadecimal")
	}
	return CheckRedirectURI(redirect, loopback)
}

// CheckRedirectURI reports why WeChat would refuse a redirect_uri whatever
// callback domain is configured, or nil. WeChat shows such a person error
// 10003 and tells us nothing, so it is found here. With loopback, http and a
// port are fine for localhost, *.localhost and 127.0.0.1.
func CheckRedirectURI(raw string, loopback bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsAny(raw, " \t\r\n"):
		return errors.New("redirect_uri is not a URL; write https://host/path")
	case u.Scheme == "" && strings.Contains(strings.ToLower(raw), "%3a%2f%2f"):
		return errors.New("redirect_uri is percent-encoded already; give it plain, it is encoded once here")
	case u.Host == "" || u.User != nil:
		return errors.New("redirect_uri needs a scheme, a host and no user; write https://host/path")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return errors.New("redirect_uri has a fragment, and WeChat puts the code in front of it; use a path that the server sees")
	case loopback && isLoopback(u.Hostname()):
		return checkScheme(u, "http", "https")
	case u.Port() != "" || strings.HasSuffix(u.Host, ":"):
		return errors.New("redirect_uri has a port, and WeChat serves only the standard ones; remove it")
	case isAddress(u.Hostname()):
		return errors.New("redirect_uri names an address; WeChat wants a registered domain name")
	}
	return checkScheme(u, "https")
}

// checkScheme reports a scheme that is none of those allowed.
func checkScheme(u *url.URL, allowed ...string) error {
	if slices.Contains(allowed, u.Scheme) {
		return nil
	}
	return fmt.Errorf("redirect_uri begins with %s; use %s", u.Scheme, strings.Join(allowed, " or "))
}

// isLoopback reports whether a host is this machine by its name.
func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || strings.HasSuffix(host, ".localhost")
}

// isAddress reports whether a host is an IP address.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
