package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/config"
)

// TestCertificatesOfBackOffices: hosts that people reach here get certificates, too, and
// one in files that does not name them is told.
func TestCertificatesOfBackOffices(t *testing.T) {
	var log bytes.Buffer
	a := &App{o: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	a.o.Config.TLS.ACME.Hosts = []string{"login.example.com", "erp.example.com"}
	for _, host := range []string{"erp.example.com", "bi.example.com"} {
		a.o.Config.Upstreams = append(a.o.Config.Upstreams, config.Upstream{Host: host})
	}
	if got := a.acmeHosts(); !slices.Equal(got, []string{"bi.example.com", "erp.example.com", "login.example.com"}) {
		t.Errorf("certificates are for %v", got)
	}
	a.warnUnnamed(&tls.Certificate{Leaf: &x509.Certificate{DNSNames: []string{"login.example.com", "erp.example.com"}}})
	if said := log.String(); strings.Count(said, "does not name") != 1 || !strings.Contains(said, "host=bi.example.com") {
		t.Errorf("the log says %q", said)
	}
}

// TestAuthorityOfABackOffice: a file that is named must be there and hold something.
func TestAuthorityOfABackOffice(t *testing.T) {
	if pool, err := authority(""); pool != nil || err != nil {
		t.Errorf("no file: %v, %v", pool, err)
	}
	for _, file := range []string{"nowhere.pem", "tls_internal_test.go"} {
		if _, err := authority(file); err == nil || !strings.Contains(err.Error(), "upstreams[].ca") {
			t.Errorf("%s: %v", file, err)
		}
	}
}
