package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
)

// TestAPoolerWithoutItsServer: a pooler that answers is not yet a database. It
// first keeps callers waiting, then refuses them with a code that it has for
// everything.
func TestAPoolerWithoutItsServer(t *testing.T) {
	s, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	made, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Bouncer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	url := b.URL(pgtest.Name(made))
	open(t, url)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		db, err := postgres.Open(t.Context(), url, postgres.Options{})
		if err == nil {
			db.Close()
			t.Fatal("opened a database whose server was killed")
		}
		if !postgres.Unreachable(err) {
			t.Fatalf("%v: counts as an answer of the database", err)
		}
		if strings.Contains(err.Error(), "the pooler answers") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the pooler never said that it is alone; at last: %v", err)
		}
	}
}
