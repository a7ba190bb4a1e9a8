package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const direct = "public_url: https://a.example.com\ntls: {mode: files, cert: a, key: b}\nprotected: [{host: erp.example.com, shop: lantian, role: viewer}]\n"

func TestUpstreams(t *testing.T) {
	c, err := Load(Source{Data: []byte(direct + `
upstreams:
  - host: erp.example.com
    to: https://erp.internal:8443
    send_host: erp.internal
    ca: /etc/erp-ca.pem
    answer_within: 2m
`)})
	if err != nil {
		t.Fatal(err)
	}
	want := Upstream{Host: "erp.example.com", SendHost: "erp.internal", CA: "/etc/erp-ca.pem", AnswerWithin: 2 * time.Minute}
	got := c.Upstreams[0]
	if got.To.String() != "https://erp.internal:8443" {
		t.Errorf("to is %s", got.To)
	}
	got.To = URL{}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(URL{})); d != "" {
		t.Error(d)
	}
}

func TestUpstreamProblems(t *testing.T) {
	one := func(fields string) string { return direct + "upstreams: [{" + fields + "}]" }
	for name, c := range map[string]struct{ yaml, want string }{
		"fine, without proxies": {one("host: erp.example.com, to: 'http://127.0.0.1:3000'"), ""},
		"neither way":           {direct, "protected[0].host has nobody who may tell us of it"},
		"not protected":         {one("host: other.example.com, to: 'http://127.0.0.1:3000'"), "upstreams[0].host is not protected"},
		"twice": {direct + "upstreams: [{host: erp.example.com, to: 'http://127.0.0.1:1'}, {host: erp.example.com, to: 'http://127.0.0.1:2'}]",
			"upstreams[1].host is there twice"},
		"nowhere":        {one("host: erp.example.com"), "upstreams[0].to is empty"},
		"with a path":    {one("host: erp.example.com, to: 'http://127.0.0.1:3000/app'"), "upstreams[0].to has a path"},
		"another scheme": {one("host: erp.example.com, to: 'fastcgi://127.0.0.1:9000'"), "upstreams[0].to"},
		"to us":          {one("host: erp.example.com, to: 'http://127.0.0.1:8080'"), "upstreams[0].to leads back to this server"},
		"to itself":      {one("host: erp.example.com, to: 'https://erp.example.com'"), "upstreams[0].to leads back to this server"},
		"ca for http":    {one("host: erp.example.com, to: 'http://127.0.0.1:3000', ca: a.pem"), "upstreams[0].ca is there for http"},
		"odd send_host":  {one("host: erp.example.com, to: 'http://127.0.0.1:3000', send_host: 'a b'"), "upstreams[0].send_host is not a host"},
		"negative time":  {one("host: erp.example.com, to: 'http://127.0.0.1:3000', answer_within: -1s"), "upstreams[0].answer_within is negative"},
		"unknown key":    {one("host: erp.example.com, to: 'http://127.0.0.1:3000', insecure: true"), "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Source{File: "x.yaml", Data: []byte(c.yaml)})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
