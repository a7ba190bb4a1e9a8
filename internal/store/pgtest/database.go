package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TB is what of testing.TB is needed here.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Variable names a server to use in place of one of our own, by the URL of a
// database from which others can be made and dropped.
const Variable = "ZHANGGUI_TEST_POSTGRES"

// shared is the server of all tests of this process.
var shared = sync.OnceValues(func() (*Server, error) { return Start(context.Background(), Options{}) })

// Cluster gives the server that all tests of this process share. It must not be
// stopped.
func Cluster(tb TB) *Server {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return s
}

// Database gives a new, migrated database, which is dropped when the test ends.
func Database(tb TB) secret.Value {
	tb.Helper()
	return database(tb, true)
}

// Empty gives a new database with nothing in it, which is dropped when the test
// ends.
func Empty(tb TB) secret.Value {
	tb.Helper()
	return database(tb, false)
}

func database(tb TB, migrated bool) secret.Value {
	tb.Helper()
	c, err := sharedCluster(tb)
	var url secret.Value
	if err == nil {
		url, err = c.create(context.Background(), migrated)
	}
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if err := c.drop(context.Background(), url); err != nil {
			tb.Fatalf("%v", err)
		}
	})
	return url
}

// cluster makes and drops databases on some server.
type cluster struct {
	admin secret.Value // of the database that others are made from
	url   func(database string) secret.Value
	mu    sync.Mutex
	made  string // the migrated template, once there is one
}

func sharedCluster(tb TB) (*cluster, error) {
	if os.Getenv(Variable) != "" {
		return foreign()
	}
	return Cluster(tb).databases, nil
}

// foreign is the server that the environment names.
var foreign = sync.OnceValues(func() (*cluster, error) {
	u, err := url.Parse(os.Getenv(Variable))
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return nil, fmt.Errorf("pgtest: %s is not a URL such as postgres://user:password@host/database", Variable)
	}
	return &cluster{admin: secret.New([]byte(u.String())), url: func(database string) secret.Value {
		of := *u
		of.Path = "/" + database
		return secret.New([]byte(of.String()))
	}}, nil
})

// create makes a database.
func (c *cluster) create(ctx context.Context, migrated bool) (secret.Value, error) {
	template := "template0"
	if migrated {
		var err error
		if template, err = c.template(ctx); err != nil {
			return secret.Value{}, err
		}
	}
	return c.copyOf(ctx, template)
}

func (c *cluster) copyOf(ctx context.Context, template string) (secret.Value, error) {
	name := "zhanggui_test_" + strings.ToLower(rand.Text()[:16])
	err := Exec(ctx, c.admin, "CREATE DATABASE "+name+" ENCODING 'UTF8' TEMPLATE "+template)
	return c.url(name), err
}

// template makes the migrated database that others are copied from, once.
func (c *cluster) template(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made != "" {
		return c.made, nil
	}
	url, err := c.copyOf(ctx, "template0")
	if err != nil {
		return "", err
	}
	s, err := postgres.Open(ctx, url, postgres.Options{})
	if err != nil {
		return "", fmt.Errorf("pgtest: migrate the template: %w", err)
	}
	c.made = Name(url)
	return c.made, s.Close()
}

func (c *cluster) drop(ctx context.Context, url secret.Value) error {
	return Exec(ctx, c.admin, "DROP DATABASE IF EXISTS "+Name(url)+" WITH (FORCE)")
}

// Name gives the name of the database that a URL of ours names, to ask for it by
// another way: [Bouncer.URL], or [Server.URL] of a standby.
func Name(u secret.Value) string {
	p, err := url.Parse(u.RevealString())
	if err != nil {
		panic(err) // we made it
	}
	return strings.TrimPrefix(p.Path, "/")
}
