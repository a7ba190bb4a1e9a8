package interop_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	exchangePath = "/sns/oauth2/access_token"
	refreshPath  = "/sns/oauth2/refresh_token"
	userinfoPath = "/sns/userinfo"
	authPath     = "/sns/auth"
	stablePath   = "/cgi-bin/stable_token"
	basicsPath   = "/channels/ec/basics/info/get"
	orderPath    = "/channels/ec/order/get"
	service      = wechatsim.DefaultServiceAccount
	website      = wechatsim.DefaultWebsite
	shop         = wechatsim.DefaultShop
	component    = wechatsim.DefaultComponent
	marketShop   = wechatsim.DefaultMarketShop
)

// Reasons of the answers that the emulator never gives.
const (
	oddBytes  = "no page documents these bytes; they were seen, or are what an edge or an attacker might send"
	oddEdge   = "the emulator's edge fails in one way only, HTTP 502 with a page, and refuses in one, HTTP 403"
	oddText   = "a form of older answers"
	oddPerson = "the emulator always answers about the person who was asked for"
)

var beyondTheEmulator = map[string]string{
	"exchange of a snapshot user without tokens": oddBytes,
	"exchange with two scopes":                   "several scopes in one link need a third-party platform",
	"lifetime as a string":                       oddBytes,
	"byte order mark in front":                   oddBytes,
	"white space around":                         oddBytes,
	"unknown members":                            oddBytes,
	"errcode 0 in a success":                     oddBytes,
	"JSON labelled as HTML":                      oddBytes,
	"older answer with a hint":                   oddText,
	"errcode as a string":                        "the switch for it is about /channels/ec/, where an official sample shows it",
	"cut inside the errcode":                     "the emulator cuts in the middle",
	"an HTML page":                               oddEdge,
	"bad gateway with an errcode":                oddEdge,
	"tokens with a server error":                 oddEdge,
	"JSON without errcode and a refusal":         oddEdge,
	"redirect":                                   oddEdge,
	"an array":                                   oddBytes,
	"null":                                       oddBytes,
	"access_token is missing":                    oddBytes,
	"access_token is empty":                      oddBytes,
	"refresh_token is missing":                   oddBytes,
	"openid is missing":                          oddBytes,
	"lifetime is zero":                           oddBytes,
	"lifetime is negative":                       oddBytes,
	"lifetime is words":                          oddBytes,
	"lifetime is huge":                           oddBytes,
	"lifetime is beyond 2^63":                    oddBytes,
	"lifetime is a fraction":                     oddBytes,
	"lifetime is null":                           oddBytes,
	"lifetime is an object":                      oddBytes,
	"lifetime is missing":                        oddBytes,
	"errcode is words":                           oddBytes,
	"refresh without refresh_token":              oddBytes,
	"profile with invalid UTF-8":                 "a world is JSON, which cannot hold such a nickname",
	"profile of another person":                  oddPerson,
	"check without a verdict":                    oddBytes,
	"stable token, throttled at the edge":        oddEdge,
	"stable token missing":                       oddBytes,
	"shop call without errcode":                  "of the calls that omit errcode the emulator has none",
	"errcode deep inside does not count":         oddBytes,
}

type answered = *httptest.ResponseRecorder

// situations drive the emulator into what a vector is about.
var situations = map[string]func(b *bench) answered{
	// The exchange of a code. Without an open-platform account there is no unionid.
	"exchange":                    func(b *bench) answered { b.unbind(); return b.exchange("owner") },
	"exchange with unionid":       func(b *bench) answered { return b.exchange("owner") },
	"exchange of a snapshot user": func(b *bench) answered { b.unbind(); return b.exchange("guest") },
	"code is invalid":             func(b *bench) answered { return b.exchangeCode("nobody-made-this-code") },
	"code was used": func(b *bench) answered {
		code := b.callback("owner", "snsapi_base").Get("code")
		b.exchangeCode(code)
		return b.exchangeCode(code)
	},
	"wrong secret at the exchange": func(b *bench) answered {
		b.turn(func(sw *wechatsim.Switches) { sw.WrongSecretCode = 40001 })
		b.app(service, func(a *wechatsim.App) { a.Secret = "another-secret-of-the-service-account" })
		return b.exchange("owner")
	},
	"busy at the exchange": func(b *bench) answered { b.errcode(exchangePath, -1); return b.exchange("owner") },
	"too many exchanges":   func(b *bench) answered { b.errcode(exchangePath, 45011); return b.exchange("owner") },
	"an unknown errcode":   func(b *bench) answered { b.errcode(exchangePath, 99991); return b.exchange("owner") },
	"cut inside the errmsg": func(b *bench) answered {
		b.fault(exchangePath, wechatsim.FaultCut)
		return b.exchangeCode("nobody-made-this-code")
	},
	"cut inside the tokens": func(b *bench) answered { b.fault(exchangePath, wechatsim.FaultCut); return b.exchange("owner") },
	"empty body":            func(b *bench) answered { b.fault(exchangePath, wechatsim.FaultEmpty); return b.exchange("owner") },
	"bad gateway":           func(b *bench) answered { b.fault(exchangePath, wechatsim.FaultHTML); return b.exchange("owner") },

	// The refresh of a person's token.
	"refresh":                  func(b *bench) answered { return b.refresh(b.grant("owner", "snsapi_userinfo")) },
	"refresh token is invalid": func(b *bench) answered { return b.refresh(grantDoc{RefreshToken: "nobody-made-this-token"}) },
	"refresh token is expired": func(b *bench) answered {
		g := b.grant("owner", "snsapi_userinfo")
		b.Advance(30 * 24 * time.Hour)
		return b.refresh(g)
	},
	"password was changed": func(b *bench) answered {
		g := b.grant("owner", "snsapi_userinfo")
		b.must(b.ChangePassword("owner"))
		return b.refresh(g)
	},
	"busy at the refresh": func(b *bench) answered {
		b.errcode(refreshPath, -1)
		return b.refresh(b.grant("owner", "snsapi_userinfo"))
	},

	// Calls with a person's token.
	"profile":                         func(b *bench) answered { return b.user(userinfoPath, b.grant("owner", "snsapi_userinfo")) },
	"profile with control characters": func(b *bench) answered { return b.user(userinfoPath, b.grant("quirk", "snsapi_userinfo")) },
	"profile with a silent token":     func(b *bench) answered { return b.user(userinfoPath, b.grant("owner", "snsapi_base")) },
	"profile with an old token": func(b *bench) answered {
		g := b.grant("owner", "snsapi_userinfo")
		b.KillToken(g.AccessToken)
		return b.user(userinfoPath, g)
	},
	"profile with an expired token": func(b *bench) answered {
		g := b.grant("owner", "snsapi_userinfo")
		b.Advance(2 * time.Hour)
		return b.user(userinfoPath, g)
	},
	"token is good": func(b *bench) answered { return b.user(authPath, b.grant("owner", "snsapi_base")) },
	"token is not good": func(b *bench) answered {
		g := b.grant("owner", "snsapi_base")
		g.OpenID = b.grant("operator", "snsapi_base").OpenID
		return b.user(authPath, g)
	},

	// The shop's own token.
	"stable token": func(b *bench) answered {
		b.stable(shop)
		b.Advance(2*time.Hour - 345*time.Second)
		return b.stable(shop)
	},
	"stable token of 512 characters": func(b *bench) answered { return b.stable(shop) },
	"stable token, wrong secret": func(b *bench) answered {
		b.app(shop, func(a *wechatsim.App) { a.Secret = "another-secret-of-the-shop-000000" })
		return b.stable(shop)
	},
	"stable token, 40001": func(b *bench) answered {
		b.turn(func(sw *wechatsim.Switches) { sw.WrongSecretCode = 40001 })
		b.app(shop, func(a *wechatsim.App) { a.Secret = "another-secret-of-the-shop-000000" })
		return b.stable(shop)
	},
	"stable token, frozen secret": func(b *bench) answered {
		b.app(shop, func(a *wechatsim.App) { a.SecretFrozen = true })
		return b.stable(shop)
	},
	"stable token, address not allowed":        func(b *bench) answered { b.from("203.0.113.7", service); return b.stable(service) },
	"stable token, IPv6 address not allowed":   func(b *bench) answered { b.from("2001:db8::7", service); return b.stable(service) },
	"stable token, wait for the administrator": func(b *bench) answered { b.errcode(stablePath, 89503); return b.stable(shop) },
	"stable token, daily quota": func(b *bench) answered {
		for range 20 {
			b.force()
			b.Advance(30 * time.Second)
		}
		return b.force()
	},
	"stable token, allowlist of the shop": func(b *bench) answered { b.from("203.0.113.9", shop); return b.stable(shop) },

	// Calls with the shop's token.
	"shop call":                              func(b *bench) answered { return b.request(http.MethodGet, basicsPath, b.tokenOf(shop), "") },
	"shop call with an outdated token":       func(b *bench) answered { q := b.tokenOf(shop); b.force(); return b.order(q) },
	"shop call with the wrong kind of token": func(b *bench) answered { return b.order(b.tokenOf(service)) },
	"shop call, allowlist by errcode": func(b *bench) answered {
		b.turn(func(sw *wechatsim.Switches) { sw.ShopIPRefusal = "45035" })
		q := b.tokenOf(shop)
		b.from("203.0.113.9", shop)
		return b.order(q)
	},
	"shop call, allowlist by status": func(b *bench) answered { q := b.tokenOf(shop); b.from("203.0.113.9", shop); return b.order(q) },
	"shop call, not authorised":      func(b *bench) answered { b.errcode(orderPath, 61003); return b.order(b.tokenOf(shop)) },
	"shop call, per second":          func(b *bench) answered { b.errcode(orderPath, 44990); return b.order(b.tokenOf(shop)) },
	// Calls of a third-party platform.
	"component token, old ticket": func(b *bench) answered {
		ticket := b.ticket()
		b.Advance(12*time.Hour + time.Second)
		return b.askComponent(ticket, wechatsim.DefaultComponentSecret)
	},
	"component token, wrong secret": func(b *bench) answered {
		b.turn(func(sw *wechatsim.Switches) { sw.WrongSecretCode = 40001 })
		return b.askComponent(b.ticket(), "another-secret-of-the-component")
	},
	"authorizer token, dead refresh token": func(b *bench) answered {
		values := b.platformValues("")
		return b.request(http.MethodPost, "/cgi-bin/component/api_authorizer_token", fmt.Sprintf("access_token=%s", values["access_token"]),
			fmt.Sprintf(`{"component_appid":%q,"authorizer_appid":%q,"authorizer_refresh_token":"refreshtoken@@@nobody-made-this"}`, component, marketShop))
	},
	"market code does not exist": func(b *bench) answered {
		values := b.platformValues("")
		return b.request(http.MethodPost, "/wxa/servicemarket/service/login_auth", fmt.Sprintf("access_token=%s", values["access_token"]), `{"code":"nobody-made-this"}`)
	},

	"shop call, empty body": func(b *bench) answered { return b.request(http.MethodPost, orderPath, b.tokenOf(shop), "") },
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) app(appid string, change func(*wechatsim.App)) {
	b.t.Helper()
	b.must(b.SetApp(appid, change))
}

func (b *bench) turn(change func(*wechatsim.Switches)) {
	b.t.Helper()
	b.must(b.SetSwitches(change))
}

// unbind takes the service account out of its open-platform account.
func (b *bench) unbind() {
	b.t.Helper()
	b.app(service, func(a *wechatsim.App) { a.OpenPlatform = "" })
}

// from sends what follows from an address that is not on the app's allowlist.
func (b *bench) from(ip, appid string) {
	b.t.Helper()
	b.app(appid, func(a *wechatsim.App) { a.IPAllowlist = []string{"192.0.2.0/24"} })
	b.remote = ip
}

func (b *bench) fault(path string, kind wechatsim.FaultKind) {
	b.t.Helper()
	_, err := b.AddFault(wechatsim.Fault{Path: path, Kind: kind})
	b.must(err)
}

func (b *bench) errcode(path string, code int) {
	b.t.Helper()
	_, err := b.AddFault(wechatsim.Fault{Path: path, Kind: wechatsim.FaultErrcode, ErrCode: code})
	b.must(err)
}

// grantDoc is what an exchange answered.
type grantDoc struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"openid"`
}

func (b *bench) exchangeCode(code string) answered {
	b.t.Helper()
	return b.request(http.MethodGet, exchangePath, url.Values{"appid": {service}, "secret": {wechatsim.DefaultServiceSecret},
		"code": {code}, "grant_type": {"authorization_code"}}.Encode(), "")
}

func (b *bench) exchange(person string) answered {
	b.t.Helper()
	return b.exchangeCode(b.callback(person, "snsapi_userinfo").Get("code"))
}

func (b *bench) grant(person, scope string) grantDoc {
	b.t.Helper()
	w := b.exchangeCode(b.callback(person, scope).Get("code"))
	var g grantDoc
	if err := json.Unmarshal(w.Body.Bytes(), &g); err != nil || g.AccessToken == "" {
		b.t.Fatalf("no grant: %s (%v)", w.Body, err)
	}
	return g
}

func (b *bench) refresh(g grantDoc) answered {
	b.t.Helper()
	return b.request(http.MethodGet, refreshPath,
		url.Values{"appid": {service}, "grant_type": {"refresh_token"}, "refresh_token": {g.RefreshToken}}.Encode(), "")
}

func (b *bench) user(path string, g grantDoc) answered {
	b.t.Helper()
	return b.request(http.MethodGet, path, url.Values{"access_token": {g.AccessToken}, "openid": {g.OpenID}}.Encode(), "")
}

func (b *bench) stableWith(appid string, force bool) answered {
	b.t.Helper()
	secrets := map[string]string{service: wechatsim.DefaultServiceSecret, shop: wechatsim.DefaultShopSecret}
	return b.request(http.MethodPost, stablePath, "", fmt.Sprintf(
		`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%t}`, appid, secrets[appid], force))
}

func (b *bench) ticket() string {
	b.t.Helper()
	ticket, err := b.IssueTicket(component)
	b.must(err)
	return ticket
}

func (b *bench) askComponent(ticket, secret string) answered {
	b.t.Helper()
	return b.request(http.MethodPost, "/cgi-bin/component/api_component_token", "", fmt.Sprintf(
		`{"component_appid":%q,"component_appsecret":%q,"component_verify_ticket":%q}`, component, secret, ticket))
}

func (b *bench) stable(appid string) answered { b.t.Helper(); return b.stableWith(appid, false) }

func (b *bench) force() answered { b.t.Helper(); return b.stableWith(shop, true) }

// tokenOf is the query with a fresh global token of an app.
func (b *bench) tokenOf(appid string) string {
	b.t.Helper()
	return "access_token=" + fmt.Sprint(decodeAnswer(b.t, b.stable(appid))["access_token"])
}

func (b *bench) order(query string) answered {
	b.t.Helper()
	return b.request(http.MethodPost, orderPath, query, `{"order_id":"1"}`)
}
