package app

import "github.com/zhanggui/zhanggui/internal/clock"

// connectClock makes what watches the clock. It measures through the ways out
// that are made afterwards.
func (a *App) connectClock() {
	a.skew = clock.NewSkew(a.o.Now)
	a.clock = clock.NewWatcher(clock.WatchOptions{Store: a.store, Skew: a.skew, Now: a.o.Now, Logger: a.o.Log, Every: a.o.LookEvery})
	a.meters.watchClock(a.clock)
}
