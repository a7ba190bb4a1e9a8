package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// with changes parameters of a URL.
func with(t *testing.T, u secret.Value, change func(*url.URL, url.Values)) secret.Value {
	t.Helper()
	p, err := url.Parse(u.RevealString())
	if err != nil {
		t.Fatal(err)
	}
	q := p.Query()
	change(p, q)
	p.RawQuery = q.Encode()
	return secret.FromString(p.String())
}

func exec(t *testing.T, u secret.Value, statements ...string) {
	t.Helper()
	if err := pgtest.Exec(t.Context(), u, statements...); err != nil {
		t.Fatal(err)
	}
}

// refused wants an error that says what to do, and nothing secret.
func refused(t *testing.T, u secret.Value, want string) {
	t.Helper()
	s, err := postgres.Open(t.Context(), u, postgres.Options{})
	if err == nil {
		s.Close()
		t.Fatalf("opened; want a refusal that says %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one that says %q", err, want)
	}
	if strings.Contains(err.Error(), "SECRET") || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "SECRET") {
		t.Errorf("the error holds the password: %v", err)
	}
}

// TestRefusals: what cannot be opened is named with what to do.
func TestRefusals(t *testing.T) {
	own := func(change func(*url.URL, url.Values)) func(*testing.T) secret.Value {
		return func(t *testing.T) secret.Value { return with(t, pgtest.Empty(t), change) }
	}
	prepared := func(statements ...string) func(*testing.T) secret.Value {
		return func(t *testing.T) secret.Value {
			u := pgtest.Empty(t)
			exec(t, u, statements...)
			return u
		}
	}
	fixed := func(u string) func(*testing.T) secret.Value {
		return func(*testing.T) secret.Value { return secret.FromString(u) }
	}
	for _, c := range []struct {
		name string
		url  func(*testing.T) secret.Value
		want string
	}{
		{"not a URL", fixed("postgres://u:SECRET@[/x"), "cannot be read"},
		{"a password that breaks the URL", fixed("postgres://u:SECRET/@host/x"), "cannot be read"},
		{"nobody there", fixed("postgres://u:SECRET@127.0.0.1:1/x"), "no server answers there"},
		{"no socket there", fixed("postgres:///x?host=/nonexistent&password=SECRET"), "no server answers there"},
		{"an unknown name", fixed("postgres://u:SECRET@host.invalid/x?sslmode=disable"), "name is not known"},
		{"no such database", own(func(u *url.URL, _ url.Values) { u.Path = "/no_such_database" }), "there is no such database"},
		{"an unknown user", own(func(_ *url.URL, q url.Values) { q.Set("user", "nobody_here"); q.Set("password", "SECRET") }), "does not let this user in"},
		{"a setting that the server does not know", own(func(_ *url.URL, q url.Values) { q.Set("no_such_setting", "1") }), "remove parameters"},
		{"another program's tables", prepared("CREATE TABLE notes (body TEXT)"), "another program"},
		{"another program's meta", prepared("CREATE TABLE meta (name TEXT, number INTEGER)", "INSERT INTO meta VALUES ('application', 1)"), "another program"},
		{"another program's meta of another form", prepared("CREATE TABLE meta (k TEXT)"), "another program"},
		{"another program's view", prepared("CREATE VIEW v AS SELECT 1"), "another program"},
		{"no schema", prepared("DROP SCHEMA public"), "search_path"},
		{"a database that is read only", prepared("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$"), "name the primary"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.url(t), c.want) })
	}
}

// TestRightsAreMissing: a user who may look and not make tables.
func TestRightsAreMissing(t *testing.T) {
	u := pgtest.Empty(t)
	exec(t, u, "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"DO $$ BEGIN CREATE ROLE zhanggui_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
	refused(t, with(t, u, func(p *url.URL, q url.Values) {
		p.User = url.User("zhanggui_reader")
		q.Del("user")
	}), "lacks rights")
}

// TestWrongEncoding: names of shops must fit.
func TestWrongEncoding(t *testing.T) {
	u := pgtest.Empty(t)
	exec(t, u, "DROP DATABASE IF EXISTS zhanggui_latin", "CREATE DATABASE zhanggui_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	t.Cleanup(func() {
		if err := pgtest.Exec(context.Background(), u, "DROP DATABASE zhanggui_latin WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	refused(t, with(t, u, func(p *url.URL, _ url.Values) { p.Path = "/zhanggui_latin" }), "ENCODING 'UTF8'")
}

// TestReplicasOpenTogether: all come up on an empty database, migrated once.
func TestReplicasOpenTogether(t *testing.T) {
	u := pgtest.Empty(t)
	var g errgroup.Group
	for range 5 {
		g.Go(func() error {
			s, err := postgres.Open(t.Context(), u, postgres.Options{})
			if err != nil {
				return err
			}
			return errors.Join(s.Ping(t.Context()), s.Close())
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// TestReopening: what was written is there, and the log goes on.
func TestReopening(t *testing.T) {
	u := pgtest.Database(t)
	for i := range 3 {
		s, err := postgres.Open(t.Context(), u, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(t.Context(), entry("again")); err != nil {
			t.Error(err)
		}
		if size, _, err := s.AuditHead(t.Context()); err != nil || size != int64(i+1) {
			t.Errorf("after start %d the log has %d entries, %v", i, size, err)
		}
		storetest.Check(t, s.Store)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// nowhere leads to no server.
func nowhere(_ *url.URL, q url.Values) { q.Set("host", "/nonexistent") }
