// Package wechattest runs the WeChat emulator inside tests.
//
//	srv := wechattest.New(t, nil)
//	resp, err := srv.Client.Get(srv.URL + "/cgi-bin/token?…")
//
// [New] listens on a real port. [NewPipe] listens in memory, which also works
// inside a testing/synctest bubble, where real sockets do not. Both are closed
// when the test ends, and both serve [wechatsim.DefaultWorld] unless told
// otherwise; its ids are repeated here as constants.
package wechattest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// What the default world holds.
const (
	ServiceAccount = wechatsim.DefaultServiceAccount
	ServiceSecret  = wechatsim.DefaultServiceSecret
	Website        = wechatsim.DefaultWebsite
	WebsiteSecret  = wechatsim.DefaultWebsiteSecret
	Shop           = wechatsim.DefaultShop
	ShopSecret     = wechatsim.DefaultShopSecret
	Domain         = wechatsim.DefaultDomain

	Owner    = "owner"
	Operator = "operator"
	Customer = "customer"
	Guest    = "guest" // a snapshot visitor
	Quirk    = "quirk" // a control character in the nickname
)

// Options are the emulator's own.
type Options = wechatsim.Options

// Server is an emulator that listens.
type Server struct {
	*wechatsim.Sim
	// URL is the base of all its hosts, without a slash at the end.
	URL string
	// Client reaches the server and follows no redirects. It has no timeout.
	Client *http.Client

	t testing.TB
}

// New starts an emulator on a loopback port. A nil o means default options.
// The test ends with a fatal error if the options hold an invalid world.
func New(t testing.TB, o *Options) *Server {
	t.Helper()
	s := open(t, o)
	ts := httptest.NewServer(s.Sim)
	t.Cleanup(ts.Close)
	s.URL, s.Client = ts.URL, ts.Client()
	s.Client.CheckRedirect = stay
	return s
}

func open(t testing.TB, o *Options) *Server {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	sim, err := wechatsim.Open(*o)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Sim: sim, t: t}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// AuthorizeURL is a link of the kind that is opened inside WeChat.
func (s *Server) AuthorizeURL(scope, redirectURI, state string) string {
	return s.URL + "/connect/oauth2/authorize?appid=" + ServiceAccount + "&redirect_uri=" + url.QueryEscape(redirectURI) +
		"&response_type=code&scope=" + scope + "&state=" + state + "#wechat_redirect"
}

// QRConnectURL is a link of the kind that is opened on a PC.
func (s *Server) QRConnectURL(redirectURI, state string) string {
	return s.URL + "/connect/qrconnect?appid=" + Website + "&redirect_uri=" + url.QueryEscape(redirectURI) +
		"&response_type=code&scope=snsapi_login&state=" + state + "#wechat_redirect"
}

// MustAgree lets a person open link and agree, and returns the callback URL.
func (s *Server) MustAgree(person, link string) string {
	s.t.Helper()
	callback, err := s.Visit(s.t.Context(), person, link, wechatsim.Agree)
	if err != nil {
		s.t.Fatal(err)
	}
	return callback
}

// MustFault arms a fault.
func (s *Server) MustFault(f wechatsim.Fault) {
	s.t.Helper()
	if _, err := s.AddFault(f); err != nil {
		s.t.Fatal(err)
	}
}
