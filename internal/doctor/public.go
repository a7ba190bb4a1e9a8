package doctor

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// aliveFile is small, public and says nothing: the keys that the server signs with.
const aliveFile = "/.well-known/jwks.json"

// Days before the end of a certificate.
const (
	certWarn  = 14 * 24 * time.Hour
	certWrong = 2 * 24 * time.Hour
)

// public looks at the public URL, and at certificates, from outside.
func (d *Doctor) public(ctx context.Context, _ place) []Finding {
	where := d.o.PublicURL.String()
	page, err := d.o.Web.Get(ctx, where+aliveFile)
	if err != nil {
		return []Finding{d.unreachable(where, err)}
	}
	found := []Finding{d.answers(where, page)}
	if !page.CertEnd.IsZero() {
		found = append(found, d.certificate(d.o.PublicURL.Host, page))
	}
	for _, host := range d.o.Hosts[:min(len(d.o.Hosts), 5)] {
		page, err := d.o.Web.Get(ctx, "https://"+host+"/")
		switch {
		case err != nil:
			found = append(found, d.unreachable(host, err))
		case !page.CertEnd.IsZero():
			found = append(found, d.certificate(host, page))
		}
	}
	return found
}

func (d *Doctor) answers(where string, p Page) Finding {
	proof := []Fact{fact("url", where), count("http_status", p.Status)}
	if p.Status != http.StatusOK || !bytes.Contains(p.Body, []byte(`"keys"`)) {
		return ill(Wrong, text("at the public URL somebody else answers, or something in front of this server refuses", "公网地址由其他服务应答，或被前置代理拦截"),
			text("have the proxy pass every path on to this server, and check public_url", "请让代理把所有路径转发到本服务器，并核对 public_url"), "", proof...)
	}
	return fine(text("the public URL leads here", "公网地址可到达本服务器"), proof...)
}

func (d *Doctor) certificate(host string, p Page) Finding {
	left := p.CertEnd.Sub(d.o.Now())
	proof := []Fact{fact("host", host), moment("ends", p.CertEnd), count("days_left", int(left/(24*time.Hour))), fact("issuer", plain(p.Issuer, 100))}
	next := text("renew it; with tls.mode acme see that port 443 leads here", "请续期证书；使用 acme 时请确认 443 端口可到达本服务器")
	f := fine(text("the certificate holds", "证书有效"), proof...)
	switch {
	case left < certWrong:
		f = ill(Wrong, text("the certificate ends within two days, or is over", "证书将在两天内到期，或已过期"), next, "", proof...)
	case left < certWarn:
		f = ill(Warning, text("the certificate ends soon", "证书即将到期"), next, "", proof...)
	}
	f.Check = "certificate"
	return f
}

// unreachable says that a URL of ours does not answer. The reason is cut down to its
// last part: it may hold addresses, and never a secret, since our URL has none.
func (d *Doctor) unreachable(where string, err error) Finding {
	return ill(Wrong, text("the public URL cannot be reached from here", "从本机无法访问公网地址"),
		text("check DNS, firewall, proxy and certificate; if only this machine cannot reach it, let its name resolve here too", "请检查 DNS、防火墙、代理与证书；若仅本机不可达，请让该域名在本机也能解析"), "",
		fact("url", where), fact("reason", reasonOf(err)))
}

// reasonOf is the end of an error, without the URL that was asked for: its query may
// hold a signature.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return plain(err.Error(), 200)
}
