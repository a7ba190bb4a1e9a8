package chaos

import (
	"testing"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestThrough: the same database, user and password, by other addresses.
func TestThrough(t *testing.T) {
	for _, c := range []struct {
		url, network, address, one, two string
	}{
		{"postgres://zg:pw@db.example:6432/shops?sslmode=require", "tcp", "db.example:6432",
			"postgres://zg:pw@127.0.0.1:1/shops?sslmode=require",
			"postgres://zg:pw@127.0.0.1:1,127.0.0.1:2/shops?sslmode=require&target_session_attrs=read-write"},
		{"postgres:///shops?host=%2Frun%2Fpg&port=5433&user=zg", "unix", "/run/pg/.s.PGSQL.5433",
			"postgres://zg@127.0.0.1:1/shops?sslmode=disable",
			"postgres://zg@127.0.0.1:1,127.0.0.1:2/shops?sslmode=disable&target_session_attrs=read-write"},
	} {
		database := secret.FromString(c.url)
		network, address, err := serverOf(database)
		if err != nil || network != c.network || address != c.address {
			t.Errorf("%s: %s %s, %v", c.url, network, address, err)
		}
		if got, err := through(database, "127.0.0.1:1"); err != nil || got != c.one {
			t.Errorf("over one way: %s, %v", got, err)
		}
		if got, err := through(database, "127.0.0.1:1", "127.0.0.1:2"); err != nil || got != c.two {
			t.Errorf("over two ways: %s, %v", got, err)
		}
	}
	if _, _, err := serverOf(secret.FromString("mysql://zg:pw@db.example/shops\x00")); err == nil || err != errDatabaseURL {
		t.Errorf("got %v", err)
	}
}

// TestOwner: the witness finds out whose a lease is.
func TestOwner(t *testing.T) {
	if got := replicaOf(spec{Index: 2, Start: 5}.owner()); got != 2 {
		t.Errorf("got %d", got)
	}
	for _, odd := range []string{"", "r_abc", "replica-x-1"} {
		if got := replicaOf(odd); got != -1 {
			t.Errorf("%q: got %d", odd, got)
		}
	}
}
