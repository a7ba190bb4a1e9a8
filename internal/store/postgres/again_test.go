package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

// TestRolledBackTransactionsRunAgain: what the database undid because of another
// transaction is done again by itself; what it may have done is not.
func TestRolledBackTransactionsRunAgain(t *testing.T) {
	errLost := errors.New("the connection went away")
	for name, c := range map[string]struct {
		err   error
		fails int // commits
		want  error
		tries int
	}{
		"once":                   {&pgconn.PgError{Code: "40001"}, 1, nil, 2},
		"a deadlock, twice":      {&pgconn.PgError{Code: "40P01"}, 2, nil, 3},
		"for ever":               {&pgconn.PgError{Code: "40001"}, 100, &pgconn.PgError{Code: "40001"}, 4},
		"unknown outcome":        {errLost, 1, errLost, 1},
		"a rule of the database": {&pgconn.PgError{Code: "23505"}, 1, &pgconn.PgError{Code: "23505"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, pgtest.Database(t))
			tries := 0
			s.InterceptCommits(func(commit func() error) error {
				if tries++; tries <= c.fails {
					return c.err
				}
				return commit()
			})
			err := s.Append(t.Context(), entry("x"))
			if (err == nil) != (c.want == nil) || err != nil && !errors.As(err, new(*pgconn.PgError)) && !errors.Is(err, c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
			if tries != c.tries {
				t.Errorf("%d commits were tried, want %d", tries, c.tries)
			}
			s.InterceptCommits(nil)
			size, _, err := s.AuditHead(t.Context())
			if want := int64(1); err != nil || c.want == nil && size != want || c.want != nil && size != 0 {
				t.Errorf("the log has %d entries, %v", size, err)
			}
		})
	}
}

// TestFailover: a synchronous standby takes over; nothing that was acknowledged is
// lost, and the log goes on.
func TestFailover(t *testing.T) {
	primary, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer primary.Close()
	u, err := primary.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	standby, err := primary.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Close()
	both := with(t, u, func(_ *url.URL, q url.Values) {
		q.Set("host", q.Get("host")+","+hostOf(t, standby))
		q.Set("port", q.Get("port")+","+q.Get("port"))
	})
	refused(t, standby.URL(pgtest.Name(u)), "name the primary")
	s := open(t, both)
	declare(t, s, 20, clockOf(t, s))
	claims, err := s.ClaimDue(t.Context(), skewed("before", 0, 60e9))
	if err != nil || len(claims) != 10 {
		t.Fatal(len(claims), err)
	}
	giveBack(t, s, claims[:5])
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), entry("nobody there")); err == nil {
		t.Error("a write without a primary succeeds")
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	size, _, err := s.AuditHead(context.WithoutCancel(t.Context()))
	if err != nil || size == 0 {
		t.Fatalf("after the failover the log has %d entries, %v", size, err)
	}
	giveBack(t, s, claims[5:]) // the leases are the ones from before
	storetest.Check(t, s.Store)
}

// hostOf gives where a server's socket is.
func hostOf(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	p, err := url.Parse(s.URL("x").RevealString())
	if err != nil {
		t.Fatal(err)
	}
	return p.Query().Get("host")
}

// TestConnectionLostAtCommit: whether it landed is not known, and the error says
// so.
func TestConnectionLostAtCommit(t *testing.T) {
	u := pgtest.Database(t)
	s := open(t, u)
	s.InterceptCommits(func(commit func() error) error {
		exec(t, u, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		return commit()
	})
	if err := s.Append(t.Context(), entry("x")); !errors.Is(err, sqlstore.ErrOutcome) {
		t.Errorf("got error %v, want ErrOutcome", err)
	}
	s.InterceptCommits(nil)
	for range 20 { // none of the pooled connections, all of which are dead, fails a caller
		if err := s.Append(t.Context(), entry("after")); err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
