package app

import "context"

// TokenRequests counts the requests for an app's stable token that were noted so far
// today, those that were not written down yet among them.
func (a *App) TokenRequests(ctx context.Context, id string) (int64, error) {
	if err := a.radar.Flush(ctx); err != nil {
		return 0, err
	}
	return a.store.CallsOf(ctx, byServer, id, stableTokenPath, a.o.Now())
}
