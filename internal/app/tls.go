package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/zhanggui/zhanggui/internal/config"
)

// tlsConfig is how the public listener speaks TLS; nil when somebody in front
// of it does.
func (a *App) tlsConfig(ctx context.Context) (*tls.Config, error) {
	t := a.o.Config.TLS
	switch t.Mode {
	case config.TLSFiles:
		files := &certFiles{cert: t.Cert, key: t.Key, now: a.o.Now}
		if err := files.load(); err != nil {
			return nil, err
		}
		a.warnUnnamed(files.loaded)
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get, NextProtos: []string{"h2", "http/1.1"}}, nil
	case config.TLSACME:
		return a.acme(ctx, t.ACME)
	}
	return nil, nil
}

// acmeHosts are the hosts to get certificates for: those of the setting, and back
// offices that people reach here.
func (a *App) acmeHosts() []string {
	all := append(slices.Clone(a.o.Config.TLS.ACME.Hosts), innerHosts(a.o.Config)...)
	slices.Sort(all)
	return slices.Compact(all)
}

// warnUnnamed tells of hosts that people reach here and a certificate does not name.
func (a *App) warnUnnamed(c *tls.Certificate) {
	for _, host := range innerHosts(a.o.Config) {
		if name, _, _ := strings.Cut(host, ":"); c.Leaf.VerifyHostname(name) != nil {
			a.o.Log.Warn("the certificate in tls.cert does not name the host of a back office; browsers will refuse it", "host", host)
		}
	}
}

// certFiles is a certificate in files. It is read again after they changed, so
// that a renewal needs no restart.
type certFiles struct {
	cert, key string
	now       func() time.Time

	mu     sync.Mutex
	loaded *tls.Certificate
	stamps stamps // of the files that were loaded
	looked time.Time
}

// stamps tell a file from the one that takes its name: an older file may
// replace a newer one, so any difference counts.
type stamps [2]struct {
	changed int64 // Unix nanoseconds
	size    int64
}

// lookEvery is how old the look at the files' times may be.
const lookEvery = time.Second

func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked).Abs() > lookEvery {
		f.looked = now
		if s := f.look(); s != f.stamps {
			// Half-written files fail to load; the certificate there is stays.
			_ = f.read(s)
		}
	}
	return f.loaded, nil
}

func (f *certFiles) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read(f.look())
}

func (f *certFiles) read(s stamps) error {
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("certificate files: %w; check tls.cert and tls.key", err)
	}
	f.loaded, f.stamps = &c, s
	return nil
}

// look reads what the file system says about the files; nothing about one that
// is not there.
func (f *certFiles) look() (s stamps) {
	for i, name := range []string{f.cert, f.key} {
		if st, err := os.Stat(name); err == nil {
			s[i].changed, s[i].size = st.ModTime().UnixNano(), st.Size()
		}
	}
	return s
}

// acme gets certificates by itself and keeps them in the data directory. The
// challenge is answered on the public listener (TLS-ALPN), so port 443 must
// reach it.
func (a *App) acme(ctx context.Context, c config.ACME) (*tls.Config, error) {
	log := zap.New(slogCore{a.o.Log})
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{Logger: log,
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil }})
	context.AfterFunc(ctx, cache.Stop)
	magic = certmagic.New(cache, certmagic.Config{Logger: log, Storage: &certmagic.FileStorage{Path: filepath.Join(a.o.Config.Data, "acme")}})
	issuer := certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{Email: c.Email, CA: c.Directory.String(), Agreed: true,
		DisableHTTPChallenge: true, Logger: log})
	magic.Issuers = []certmagic.Issuer{issuer}
	hosts := a.acmeHosts()
	if err := magic.ManageAsync(ctx, hosts); err != nil {
		return nil, fmt.Errorf("certificates for %v: %w; check tls.acme and that port 443 of these hosts leads here", hosts, err)
	}
	t := magic.TLSConfig()
	t.MinVersion = tls.VersionTLS12
	t.NextProtos = append([]string{"h2", "http/1.1"}, t.NextProtos...)
	return t, nil
}
