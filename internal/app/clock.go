package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/clock"
)

// sharedClock is the time of this process: its own, or one that agrees with the
// other replicas' from the moment on that there is a database to agree by.
type sharedClock struct {
	log    *slog.Logger
	local  func() time.Time // this machine's
	shared atomic.Pointer[clock.Shared]
}

// Now is the present.
func (c *sharedClock) Now() time.Time {
	if s := c.shared.Load(); s != nil {
		return s.Now()
	}
	return c.local()
}

// run keeps a shared clock right until ctx ends.
func (c *sharedClock) run(ctx context.Context) {
	if c == nil {
		return
	}
	if s := c.shared.Load(); s != nil {
		_ = s.Run(ctx) // its error is the end of ctx
	}
}

// shareClock has the App's time agree with the database's, unless the App was
// given a clock.
func (a *App) shareClock(ctx context.Context) error {
	if a.shared == nil || a.shared.shared.Load() != nil {
		return nil
	}
	s, err := clock.NewShared(ctx, clock.SharedOptions{Reference: a.store.postgres.Now, Local: a.shared.local, Logger: a.shared.log})
	if err != nil {
		return err
	}
	a.shared.shared.Store(s)
	return nil
}
