package postgres_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestUnreachable tells a server that is away, for which waiting helps, from one
// that says no.
func TestUnreachable(t *testing.T) {
	there := pgtest.Database(t)
	for name, c := range map[string]struct {
		url  secret.Value
		want bool
	}{
		"nobody listens":   {secret.FromString("postgres://localhost:1/zhanggui"), true},
		"no such socket":   {secret.FromString("postgres:///zhanggui?host=/nonexistent"), true},
		"no such database": {secret.FromString(strings.Replace(there.RevealString(), "zhanggui_test_", "zhanggui_none_", 1)), false},
	} {
		s, err := postgres.Later(c.url, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Ready(t.Context())
		if err == nil || postgres.Unreachable(err) != c.want {
			t.Errorf("%s: unreachable %t: %v", name, postgres.Unreachable(err), err)
		}
		want := outage.Broken
		if c.want {
			want = outage.Away
		}
		if o, out := outage.Of(err); !out || o.Kind != want {
			t.Errorf("%s: it is %+v, want %s", name, o, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if postgres.Unreachable(nil) || postgres.Unreachable(errors.New("something else")) {
		t.Error("whatever is no such error is one")
	}
}

// TestOutages sorts what PostgreSQL and the way to it say: what waiting or an operator
// mends, and what is a fault of ours.
func TestOutages(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want outage.Kind
	}{
		{"the server is told to stop", &pgconn.PgError{Code: "57P01"}, outage.Away},
		{"it starts up", &pgconn.PgError{Code: "57P03"}, outage.Away},
		{"it has no connection left", &pgconn.PgError{Code: "53300"}, outage.Away},
		{"a transaction was idle for too long", &pgconn.PgError{Code: "25P03"}, outage.Away},
		{"cut off", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), outage.Away},
		{"a connection that is gone", driver.ErrBadConn, outage.Away},
		{"no answer in time", context.DeadlineExceeded, outage.Away},
		{"a lock in time", &pgconn.PgError{Code: "55P03"}, outage.Busy},
		{"a statement that took too long", &pgconn.PgError{Code: "57014"}, outage.Busy},
		{"another transaction, four times", &pgconn.PgError{Code: "40001"}, outage.Busy},
		{"no room", &pgconn.PgError{Code: "53100"}, outage.Full},
		{"a disk that fails", &pgconn.PgError{Code: "58030"}, outage.Broken},
		{"a new password", &pgconn.PgError{Code: "28P01"}, outage.Broken},
		{"a caller who went away", fmt.Errorf("%w: %w", context.Canceled, io.EOF), ""},
		{"a caller whose statement was ended", fmt.Errorf("%w: %w", context.Canceled, &pgconn.PgError{Code: "57014"}), ""},
		{"a row that is there", &pgconn.PgError{Code: "23505"}, ""},
		{"a statement that is wrong", &pgconn.PgError{Code: "42601"}, ""},
		{"another error", errors.New("something else"), ""},
	} {
		o, out := outage.Of(postgres.Explain(c.err))
		switch {
		case out != (c.want != ""), out && o.Kind != c.want:
			t.Errorf("%s: %+v, want %q", c.name, o, c.want)
		case out && !errors.Is(o, c.err):
			t.Errorf("%s: the driver's error is lost in %v", c.name, o)
		}
	}
	if postgres.Explain(nil) != nil {
		t.Error("nothing is an error")
	}
}
