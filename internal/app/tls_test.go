package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a self-signed one with a serial number to tell it by.
func certificate(t *testing.T, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}))
}

// shown is the serial number of the certificate that the server shows.
func (r *rig) shown() int64 {
	r.t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(r.root, "https://"), anyCertificate)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestCertificateFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert1, key1 := certificate(t, 1)
	write(t, certFile, cert1)
	write(t, keyFile, key1)
	r := newRig(t, map[string]string{"tls.mode": "files", "tls.cert": certFile, "tls.key": keyFile})
	if status, _ := r.get(r.base+"/", ""); status != http.StatusOK || r.shown() != 1 {
		t.Fatalf("GET / over TLS: %d", status)
	}

	// Half a renewal: the certificate is there, its key is not; then half of
	// the key. The server goes on with what it has.
	cert2, key2 := certificate(t, 2)
	for _, step := range []struct{ file, text string }{{certFile, cert2}, {keyFile, key2[:len(key2)/2]}} {
		write(t, step.file, step.text)
		r.sim.Advance(2 * time.Second)
		if got := r.shown(); got != 1 {
			t.Fatalf("with half a renewal the server shows certificate %d, want the old one", got)
		}
	}
	write(t, keyFile, key2)
	r.sim.Advance(2 * time.Second)
	if got := r.shown(); got != 2 {
		t.Errorf("after the renewal the server shows certificate %d, want 2", got)
	}

	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // what must be refused
	if c, err := tls.Dial("tcp", strings.TrimPrefix(r.root, "https://"), old); err == nil {
		c.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestStartWithoutCertificateIsRefused(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	err := r.tryStart(map[string]string{"tls.mode": "files", "tls.cert": "/nowhere/cert.pem", "tls.key": "/nowhere/key.pem"})
	if err == nil || !strings.Contains(err.Error(), "tls.cert") {
		t.Errorf("start without certificate files: %v, want an error that names the setting", err)
	}
}

// TestSecureCookies: over https the session's cookie is bound to the host.
func TestSecureCookies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert, key := certificate(t, 1)
	write(t, certFile, cert)
	write(t, keyFile, key)
	r := newRig(t, map[string]string{"tls.mode": "files", "tls.cert": certFile, "tls.key": keyFile})
	r.setupAdmin()
	found := false
	for _, m := range r.got.messages() {
		for _, line := range m.header.Values("Set-Cookie") {
			c, err := http.ParseSetCookie(line)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(c.Name, "zg_session") && c.Value != "" {
				found = true
				if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || c.Domain != "" || c.Path != "/" {
					t.Errorf("session cookie %s: secure %t, domain %q, path %q", c.Name, c.Secure, c.Domain, c.Path)
				}
			}
		}
	}
	if !found {
		t.Error("no session cookie was set")
	}
}
