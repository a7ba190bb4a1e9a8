package config

import (
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestDatabaseURLs(t *testing.T) {
	for url, want := range map[string]string{
		"":                            "",
		"postgres:///zhanggui":        "",
		"postgresql:///zhanggui":      "",
		"postgres://localhost/a":      "",
		"postgres://127.0.0.1:6432/a": "",
		"postgres://[::1]:5432/a":     "",
		"postgres://u:SECRET@localhost:5432/a?sslmode=prefer":        "",
		"postgres:///a?host=/run/postgresql":                         "",
		"postgres://db/a?sslmode=verify-full&sslrootcert=/etc/ca":    "",
		"postgres://db/a?sslmode=disable":                            "",
		"postgres://one,two/a?sslmode=require":                       "",
		"postgres://u:SECRET@db.example.com/a":                       "does not say",
		"postgres://localhost,db.example.com/a":                      "does not say",
		"postgres:///a?host=db.example.com":                          "does not say",
		"postgres:///a?host=/run/postgresql,db.example.com":          "does not say",
		"postgres://u:SECRET@db.example.com/a?sslmode=prefer":        "in silence",
		"postgres://u:SECRET@db.example.com/a?sslmode=allow":         "in silence",
		"postgres://u:SECRET@db.example.com/a?sslmode=yes":           "there is not",
		"mysql://u:SECRET@db.example.com/a":                          "is not a URL",
		"host=db user=u password=SECRET":                             "is not a URL",
		"postgres://u:SECRET%zz@db/a":                                "is not a URL",
		"/var/lib/zhanggui.db":                                       "is not a URL",
		"postgres:u:SECRET@db/a":                                     "is not a URL",
		"postgres://u@db.example.com/a?sslmode=disable#SECRET-after": "is not a URL",
	} {
		c := Default()
		c.Database = secret.FromString(url)
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the problem repeats it: %v", url, err)
		}
	}
}

func TestDirectDatabaseNeedsDatabase(t *testing.T) {
	c := Default()
	c.DatabaseDirect = secret.FromString("postgres:///zhanggui")
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "database_direct") {
		t.Errorf("got %v, want a problem of database_direct", err)
	}
	c.Database = c.DatabaseDirect
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
