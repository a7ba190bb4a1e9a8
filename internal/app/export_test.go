package app

import (
	"context"
	"time"
)

// TokenRequests counts the requests for an app's stable token that were noted so far
// today, those that were not written down yet among them.
func (a *App) TokenRequests(ctx context.Context, id string) (int64, error) {
	if err := a.radar.Flush(ctx); err != nil {
		return 0, err
	}
	return a.store.CallsOf(ctx, byServer, id, stableTokenPath, a.o.Now())
}

// WritePaths writes down now which paths were called, as happens every quarter of a
// minute.
func (a *App) WritePaths(ctx context.Context) error { return a.radar.Flush(ctx) }

// LookForChanges takes in what WeChat announced, as happens every two seconds.
func (a *App) LookForChanges(ctx context.Context) error { return a.radar.Look(ctx) }

// StoreDown is since when the server sees that its store fails; zero: it does not.
func (a *App) StoreDown() time.Time { return a.storeDown() }
