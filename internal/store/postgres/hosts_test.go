package postgres_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// silentHost is a machine that is gone: connections are begun, and nothing is said.
// It gives the directory of its socket. Its listener never accepts.
func silentHost(t *testing.T, port string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, ".s.PGSQL."+port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return dir
}

// severalHosts puts a silent host before or behind the one that answers.
func severalHosts(t *testing.T, u secret.Value, silentFirst bool) secret.Value {
	return with(t, u, func(_ *url.URL, q url.Values) {
		port := q.Get("port")
		if port == "" {
			port = "5432"
		}
		hosts := []any{silentHost(t, port), q.Get("host")}
		if !silentFirst {
			hosts[0], hosts[1] = hosts[1], hosts[0]
		}
		q.Set("host", fmt.Sprintf("%s,%s", hosts...))
		q.Set("port", port+","+port)
	})
}

// TestASilentHostHoldsNobodyUp: after a failover the machine that is gone may stay
// in the URL. Nobody has the patience to wait for it with each connection.
func TestASilentHostHoldsNobodyUp(t *testing.T) {
	for name, silentFirst := range map[string]bool{"first": true, "last": false} {
		t.Run(name, func(t *testing.T) {
			s, err := postgres.Later(severalHosts(t, pgtest.Database(t), silentFirst), postgres.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for try := range 3 {
				// Less than one host is waited for, as a claim's and the feed's times are.
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				_, err := s.Now(ctx)
				cancel()
				if err != nil {
					t.Fatalf("try %d: %v", try, err)
				}
			}
		})
	}
}

// TestNoHostAnswers: every host's trouble is told, and it counts as unreachable.
func TestNoHostAnswers(t *testing.T) {
	nobody := func(u *url.URL, q url.Values) {
		u.Host = ""
		q.Set("host", t.TempDir()+","+t.TempDir())
		q.Set("port", "5432,5433")
	}
	_, err := postgres.Open(t.Context(), with(t, pgtest.Cluster(t).URL("x"), nobody), postgres.Options{})
	if err == nil || !postgres.Unreachable(err) {
		t.Errorf("got %v, want that no server can be reached", err)
	}
}
