package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const behindProxy = "public_url: https://a.example.com\ntrusted_proxies: [127.0.0.1/32]\n"

func TestProtectedHosts(t *testing.T) {
	c, err := Load(Source{Data: []byte(behindProxy + `
protected:
  - host: erp.example.com
    shop: lantian
    role: viewer
    doors: [wechat, qr]
    proved_within: 12h
    cross_origin: observe
    headers:
      X-WEBAUTH-USER: person
      X-WEBAUTH-NAME: name
    routes:
      - path: /admin
        role: owner
        proved_within: 10m
        cross_origin: refuse
      - path: /static
        public: true
      - path: /debug
        shut: true
`)})
	if err != nil {
		t.Fatal(err)
	}
	want := []Protected{{
		Host: "erp.example.com", Shop: "lantian", Role: "viewer", Doors: []string{"wechat", "qr"}, ProvedWithin: 12 * time.Hour, CrossOrigin: CrossObserve,
		Headers: map[string]string{"X-WEBAUTH-USER": "person", "X-WEBAUTH-NAME": "name"},
		Routes: []Route{
			{Path: "/admin", Role: "owner", ProvedWithin: 10 * time.Minute, CrossOrigin: CrossRefuse},
			{Path: "/static", Public: true},
			{Path: "/debug", Shut: true},
		},
	}}
	if d := cmp.Diff(want, c.Protected); d != "" {
		t.Error(d)
	}
}

func TestProtectedProblems(t *testing.T) {
	one := func(rest string) string {
		return behindProxy + "protected:\n  - host: erp.example.com\n    shop: lantian\n    role: viewer\n    " + rest
	}
	for name, c := range map[string]struct{ yaml, want string }{
		"fine":               {one(""), ""},
		"a tenant":           {behindProxy + "protected: [{host: erp.example.com, tenant: lan, role: viewer}]", ""},
		"routes alone open":  {behindProxy + "protected: [{host: erp.example.com, tenant: lan, routes: [{path: /a, role: viewer}]}]", ""},
		"loopback":           {"trusted_proxies: [127.0.0.1/32]\nprotected: [{host: 'erp.localhost:9001', shop: lantian, role: viewer}]", ""},
		"loopback elsewhere": {behindProxy + "protected: [{host: 'erp.localhost:9001', shop: lantian, role: viewer}]", "x.yaml:3: protected[0].host is not a host"},
		"no proxy": {"public_url: https://a.example.com\ntls: {mode: files, cert: a, key: b}\nprotected: [{host: erp.example.com, shop: lantian, role: viewer}]",
			"x.yaml:3: protected[0].host has nobody who may tell us of it; name the proxy in front of it in trusted_proxies"},
		"no host":           {behindProxy + "protected: [{shop: lantian}]", "protected[0].host is empty"},
		"a URL":             {behindProxy + "protected: [{host: 'https://erp.example.com', shop: lantian, role: viewer}]", "is not a host"},
		"a port":            {behindProxy + "protected: [{host: 'erp.example.com:8443', shop: lantian, role: viewer}]", "is not a host"},
		"upper case":        {behindProxy + "protected: [{host: ERP.example.com, shop: lantian, role: viewer}]", "is not a host"},
		"the public host":   {behindProxy + "protected: [{host: a.example.com, shop: lantian, role: viewer}]", "is the host of public_url"},
		"twice":             {behindProxy + "protected: [{host: e.example.com, shop: a, role: viewer}, {host: e.example.com, shop: b, role: viewer}]", "protected[1].host is there twice"},
		"nobody's":          {behindProxy + "protected: [{host: e.example.com, role: viewer}]", "protected[0] does not say whose it is"},
		"everybody's":       {behindProxy + "protected: [{host: e.example.com, shop: a, tenant: b, role: viewer}]", "protected[0] does not say whose it is"},
		"opens nothing":     {behindProxy + "protected: [{host: e.example.com, shop: a, routes: [{path: /x, shut: true}]}]", "opens nothing to anybody"},
		"odd role":          {behindProxy + "protected: [{host: e.example.com, shop: a, role: boss}]", "protected[0].role is not a role"},
		"odd door":          {one("doors: [wechat, window]"), "protected[0].doors[1] is not a door"},
		"too fresh":         {one("proved_within: 5s"), "protected[0].proved_within is less than a minute"},
		"too stale":         {one("proved_within: 9000h"), "protected[0].proved_within is longer than session.absolute"},
		"odd cross_origin":  {one("cross_origin: allow"), "protected[0].cross_origin is not a way to treat them"},
		"headers as text":   {one("headers: person"), "protected[0].headers is not a list of names"},
		"header twice":      {one("headers: {X-User: person, x-user: name}"), "is there twice"},
		"header again":      {one("headers: {X-User: person, X-User: name}"), "headers has a name twice"},
		"header form":       {one("headers: {X_User: person}"), "headers.X_User is not a header name"},
		"our header":        {one("headers: {x-zhanggui-person: person}"), "means something else already"},
		"a proxy's header":  {one("headers: {X-Forwarded-User: person}"), "means something else already"},
		"cookie":            {one("headers: {cookie: person}"), "means something else already"},
		"header's value":    {one("headers: {X-User: openid}"), "tells nothing that is known"},
		"route's form":      {one("routes: [{path: admin, shut: true}]"), "protected[0].routes[0].path is not a path"},
		"route with a star": {one("routes: [{path: '/admin/*', shut: true}]"), "is not a path"},
		"route encoded":     {one("routes: [{path: '/%61dmin', shut: true}]"), "is not a path"},
		"route with dots":   {one("routes: [{path: '/a/../admin', shut: true}]"), "is not a path"},
		"route with slash":  {one("routes: [{path: '/admin/', shut: true}]"), "is not a path"},
		"the whole host":    {one("routes: [{path: '/', shut: true}]"), "is not a path"},
		"route twice":       {one("routes: [{path: /a, shut: true}, {path: /A, public: true}]"), "protected[0].routes[1].path is there twice"},
		"both ways":         {one("routes: [{path: /a, shut: true, public: true}]"), "is public and shut"},
		"public with role":  {one("routes: [{path: /a, public: true, role: owner}]"), "asks for somebody where nobody or everybody may in"},
		"unknown key":       {one("routes: [{path: /a, open: true}]"), "protected[0].routes[0] has an unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Source{File: "x.yaml", Data: []byte(c.yaml)})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
