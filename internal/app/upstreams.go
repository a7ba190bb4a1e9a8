package app

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/upstream"
)

// connectUpstreams makes the proxy of the back offices that have none of their own.
func (a *App) connectUpstreams() (err error) {
	o := upstream.Options{Page: a.hostPage, Log: a.o.Log}
	for _, u := range a.o.Config.Upstreams {
		ca, err := authority(u.CA)
		if err != nil {
			return err
		}
		o.Hosts = append(o.Hosts, upstream.Host{Name: u.Host, To: u.To.URL(), SendHost: u.SendHost, CA: ca, AnswerWithin: u.AnswerWithin})
	}
	a.upstreams, err = upstream.New(o)
	return err
}

// authority reads who may sign a back office's certificate; nil if no file is named.
func authority(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the authority of a back office: %w; check upstreams[].ca", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM; check upstreams[].ca", file)
	}
	return pool, nil
}

// innerHosts are the protected hosts that people reach here, so that the certificate must
// name them.
func innerHosts(c config.Config) (all []string) {
	for _, u := range c.Upstreams {
		all = append(all, u.Host)
	}
	return all
}
