package app_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
)

// serveVariable makes this test binary a server that can be killed.
const serveVariable = "ZG_APP_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		fmt.Fprintln(os.Stderr, serveForEver())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveForEver runs the server that the environment configures.
func serveForEver() error {
	ctx := context.Background()
	c, err := config.Load(config.Source{Environ: os.Environ()})
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: *c, Version: "test"})
	if err != nil {
		return err
	}
	l, err := a.Listen(ctx)
	if err != nil {
		return err
	}
	return a.Run(ctx, l)
}
