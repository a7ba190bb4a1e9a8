package config

import (
	"slices"
	"time"
)

// Upstream is a back office that this server itself is the proxy of.
type Upstream struct {
	Host         string        `yaml:"host" doc:"A host of protected whose requests this server passes on itself, so that it needs no proxy in front."`
	To           URL           `yaml:"to" doc:"Where its back office is, such as http://127.0.0.1:3000. Nobody else may reach that address."`
	SendHost     string        `yaml:"send_host" doc:"Host header that the back office gets. Empty: the host that people use."`
	CA           string        `yaml:"ca" doc:"PEM file of who signed the back office's certificate. Empty: whom the system trusts."`
	AnswerWithin time.Duration `yaml:"answer_within" doc:"How long the back office has to begin an answer. 0: a minute."`
}

// upstream tells whether this server passes on the requests of a host.
func (c *Config) upstream(host string) bool {
	return slices.ContainsFunc(c.Upstreams, func(u Upstream) bool { return u.Host == host })
}

func (c *Config) checkUpstreams(r *report) {
	seen := map[string]bool{}
	for i, u := range c.Upstreams {
		at := item("upstreams", i)
		protected := slices.ContainsFunc(c.Protected, func(p Protected) bool { return p.Host == u.Host })
		r.want(protected, at+".host", "is not protected", "write the host under protected too, with who may in")
		r.want(!seen[u.Host], at+".host", "is there twice", "keep one of them; a host has one back office")
		seen[u.Host] = true
		c.checkTo(r, at+".to", u.To)
		r.want(u.CA == "" || u.To.URL().Scheme == "https", at+".ca", "is there for http", "write https in to, or leave ca out")
		name, port := cutPort(u.SendHost)
		r.want(u.SendHost == "" || hostName(name) && portOrNone(port), at+".send_host", "is not a host", "write it as erp.internal or erp.internal:8443")
		r.want(u.AnswerWithin >= 0, at+".answer_within", "is negative", "write a time such as 2m, or leave it out")
	}
}

// checkTo wants an address that does not lead back to us.
func (c *Config) checkTo(r *report, at string, to URL) {
	u := to.URL()
	if !r.want(!to.IsZero(), at, "is empty", "write where the back office is, such as http://127.0.0.1:3000") {
		return
	}
	r.want(u.Path == "", at, "has a path", "leave it out: the back office gets the path that people asked for, which the rules are about")
	ours := u.Host == c.PublicURL.Host() || u.Host == c.Listen || slices.ContainsFunc(c.Protected, func(p Protected) bool { return u.Host == p.Host })
	r.want(!ours, at, "leads back to this server", "write the back office's own address")
}
