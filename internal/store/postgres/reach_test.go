package postgres_test

import (
	"errors"
	"strings"
	"testing"

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
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if postgres.Unreachable(nil) || postgres.Unreachable(errors.New("something else")) {
		t.Error("whatever is no such error is one")
	}
}
