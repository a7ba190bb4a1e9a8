package pgtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func start(t *testing.T, o pgtest.Options) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func exec(t *testing.T, url secret.Value, statements ...string) {
	t.Helper()
	if err := pgtest.Exec(t.Context(), url, statements...); err != nil {
		t.Fatal(err)
	}
}

// text reads one value.
func text(t *testing.T, url secret.Value, query string) (out string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url.RevealString())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), query).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestServerComesBackWithWhatWasCommitted(t *testing.T) {
	s := start(t, pgtest.Options{Durable: true})
	url, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []func() error{s.Stop, s.Kill} {
		exec(t, url, "INSERT INTO tenants (id, name) VALUES ('t' || (SELECT count(*) FROM tenants), '')")
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := pgtest.Exec(t.Context(), url, "SELECT 1"); err == nil {
			t.Fatal("a server that was ended answers")
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(t, url, "SELECT count(*)::text FROM tenants"); got != "2" {
		t.Errorf("%s rows came back, want 2", got)
	}
	if got := text(t, url, "SHOW fsync"); got != "on" {
		t.Errorf("fsync is %s on a durable server", got)
	}
}

func TestStandbyTakesOver(t *testing.T) {
	primary := start(t, pgtest.Options{})
	url, err := primary.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	standby, err := primary.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Close()
	exec(t, url, "INSERT INTO tenants (id, name) VALUES ('t', '')")
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved := standby.URL(pgtest.Name(url))
	if got := text(t, moved, "SELECT count(*)::text FROM tenants"); got != "1" {
		t.Errorf("the standby has %s rows, want the one that was committed", got)
	}
	exec(t, moved, "INSERT INTO tenants (id, name) VALUES ('u', '')")
}

func TestBouncerPoolsByTransaction(t *testing.T) {
	s := pgtest.Cluster(t)
	b, err := s.Bouncer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	made, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	url := b.URL(pgtest.Name(made))
	if got := text(t, url, "SELECT count(*)::text FROM audit_head"); got != "1" {
		t.Errorf("through the pooler: %s rows, want 1", got)
	}
	// More clients than the pooler has connections, all connected at once.
	for range 12 {
		conn, err := pgx.Connect(t.Context(), url.RevealString())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClosingLeavesNothing(t *testing.T) {
	s, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(filepath.Dir(text(t, s.URL("postgres"), "SELECT setting FROM pg_settings WHERE name = 'config_file'")))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}
