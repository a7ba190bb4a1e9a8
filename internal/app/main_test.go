package app_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/keeper"
)

// serveVariable makes this test binary a server that can be killed.
// hasteVariable shortens its keeper's times, and dieVariable names the step of a
// refresh at which it ends itself with SIGKILL.
const (
	serveVariable = "ZG_APP_TEST_SERVE"
	hasteVariable = "ZG_APP_TEST_HASTE"
	dieVariable   = "ZG_APP_TEST_DIE"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		fmt.Fprintln(os.Stderr, serveForEver())
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(officeDir)
	os.Exit(code)
}

// hasteLease is the lease of a keeper in haste. It is long enough that a busy
// machine makes no request of it fail.
const hasteLease = 4 * time.Second

// hasty does what the environment says to the keeper.
func hasty(o *keeper.Options) {
	if os.Getenv(hasteVariable) != "" {
		o.Tick, o.Lease, o.Margin, o.Ask = 50*time.Millisecond, hasteLease, 200*time.Millisecond, 1500*time.Millisecond
	}
	at := keeper.Step(os.Getenv(dieVariable))
	o.Step = func(s keeper.Step) {
		if s == at {
			if p, err := os.FindProcess(os.Getpid()); err == nil {
				_ = p.Kill()
			}
			select {} // nothing more happens here
		}
	}
}

// serveForEver runs the server that the environment configures.
func serveForEver() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := config.Load(config.Source{Environ: os.Environ()})
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: *c, Version: "test", Keeper: hasty})
	if err != nil {
		return err
	}
	l, err := a.Listen(ctx)
	if err != nil {
		return err
	}
	return a.Run(ctx, l)
}
