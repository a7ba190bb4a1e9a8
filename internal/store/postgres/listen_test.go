package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
)

// TestListenHearsOtherReplicas: of what is committed, and of nothing else; and
// again after its connection was cut.
func TestListenHearsOtherReplicas(t *testing.T) {
	u := pgtest.Database(t)
	s := open(t, u)
	ctx, cancel := context.WithCancel(t.Context())
	woken, ended := make(chan struct{}, 100), make(chan error, 1)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	go func() { ended <- postgres.Listen(ctx, u, log, func() { woken <- struct{}{} }) }()
	hear := func(what string) {
		t.Helper()
		select {
		case <-woken:
		case <-time.After(30 * time.Second):
			t.Fatalf("heard nothing of %s", what)
		}
	}
	hear("the connection")
	for range 3 {
		if err := s.Append(t.Context(), entry("x")); err != nil {
			t.Fatal(err)
		}
		hear("an entry")
	}
	errUndone := errors.New("not committed")
	s.InterceptCommits(func(func() error) error { return errUndone })
	if err := s.Append(t.Context(), entry("undone")); !errors.Is(err, errUndone) {
		t.Fatal(err)
	}
	s.InterceptCommits(nil)
	exec(t, u, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	hear("the new connection")
	if len(woken) != 0 {
		t.Errorf("heard %d times more than there was to hear", len(woken))
	}
	if err := s.Append(t.Context(), entry("x")); err != nil {
		t.Fatal(err)
	}
	hear("an entry after the connection was lost")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// TestListenEndsWithItsContext: without a server it tries on until then.
func TestListenEndsWithItsContext(t *testing.T) {
	nobody := with(t, pgtest.Cluster(t).URL("x"), nowhere)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := postgres.Listen(ctx, nobody, nil, func() { t.Error("woken without a server") })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v, want the end of its context", err)
	}
}
