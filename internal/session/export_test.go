package session

import "context"

// Flush writes what waits, as Run does every few seconds.
func (l *Live) Flush(ctx context.Context) { l.flush(ctx) }
