package app_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// replica opens one server of several on a database, with a data directory.
func replica(t *testing.T, url secret.Value, dir string) (*app.App, error) {
	t.Helper()
	c, err := config.Load(config.Source{Flags: map[string]string{
		"data": dir, "database": url.RevealString(), "ops_listen": "127.0.0.1:0",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return app.New(t.Context(), app.Options{Config: *c, Version: "test"})
}

func opens(t *testing.T, url secret.Value, dir string) *app.App {
	t.Helper()
	a, err := replica(t, url, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// take copies files from one data directory to another.
func take(t *testing.T, from, to string, names ...string) {
	t.Helper()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFurtherReplicaNeedsTheKeys: it is told which, one after the other.
func TestFurtherReplicaNeedsTheKeys(t *testing.T) {
	t.Parallel()
	url, first, second := pgtest.Empty(t), t.TempDir(), t.TempDir()
	opens(t, url, first)
	for _, step := range []struct{ without, then string }{
		{"master key", app.MasterKeyFile}, {"copy audit.key and audit.pub", audit.KeyFile},
	} {
		a, err := replica(t, url, second)
		if err == nil {
			t.Fatal("a replica with keys of its own opens", a.Close())
		}
		if !strings.Contains(err.Error(), step.without) {
			t.Errorf("got error %v, want words about %q", err, step.without)
		}
		take(t, first, second, step.then)
	}
	if _, err := os.Stat(filepath.Join(second, audit.PubFile)); err == nil {
		t.Error("the refused replica made a signing key of its own")
	}
	opens(t, url, second)
	foreign := t.TempDir()
	if _, err := audit.OpenSigner(foreign, "zhanggui-audit"); err != nil {
		t.Fatal(err)
	}
	take(t, first, foreign, app.MasterKeyFile)
	if _, err := replica(t, url, foreign); err == nil || !strings.Contains(err.Error(), "another replica") {
		t.Errorf("with another signing key: %v, want a refusal", err)
	}
}

// TestReplicasStartTogether: on an empty database, with the same keys or with
// keys of their own.
func TestReplicasStartTogether(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"with the same keys": true, "each with new keys": false} {
		t.Run(name, func(t *testing.T) {
			url, keys := pgtest.Empty(t), t.TempDir()
			if shared {
				if _, err := audit.OpenSigner(keys, "zhanggui-audit"); err != nil {
					t.Fatal(err)
				}
				if _, err := vault.FileKEK(filepath.Join(keys, app.MasterKeyFile), true); err != nil {
					t.Fatal(err)
				}
			}
			dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
			opened := make([]*app.App, len(dirs))
			errs := make([]error, len(dirs))
			var g errgroup.Group
			for i, dir := range dirs {
				if shared {
					take(t, keys, dir, app.MasterKeyFile, audit.KeyFile, audit.PubFile)
				}
				g.Go(func() error { opened[i], errs[i] = replica(t, url, dir); return nil })
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			up := 0
			for i, a := range opened {
				if errs[i] == nil {
					up++
					errs[i] = a.Close()
				} else if _, wrong := errors.AsType[*vault.WrongKeyError](errs[i]); !shared && (wrong || errors.Is(errs[i], fs.ErrNotExist)) {
					errs[i] = nil
				}
			}
			if err := errors.Join(errs...); err != nil || shared && up != len(dirs) || up == 0 {
				t.Errorf("%d of %d came up: %v", up, len(dirs), err)
			}
		})
	}
}

// TestHeadsOfSeveralReplicas: each file has what any of them signed, and verifies.
func TestHeadsOfSeveralReplicas(t *testing.T) {
	t.Parallel()
	url, first, second := pgtest.Empty(t), t.TempDir(), t.TempDir()
	a := opens(t, url, first)
	take(t, first, second, app.MasterKeyFile, audit.KeyFile, audit.PubFile)
	b := opens(t, url, second)
	for _, signer := range []*app.App{a, b, a, a, b} {
		if _, _, err := signer.SetupLink(t.Context()); err != nil { // the log grows
			t.Fatal(err)
		}
		if err := signer.SignHead(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{first, second} {
			report, err := app.VerifyAudit(t.Context(), app.AuditFiles{Data: dir, Database: url})
			if err != nil || !report.OK() {
				t.Fatalf("the files of %s: %v, %v", dir, report.Problems, err)
			}
		}
	}
	if err := a.SignHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{first, second} {
		heads, err := audit.ReadHeadFile(filepath.Join(dir, audit.HeadsFile))
		if err != nil || len(heads) != 5 {
			t.Errorf("%d heads in a file, %v; want each of 5 once", len(heads), err)
		}
	}
}
