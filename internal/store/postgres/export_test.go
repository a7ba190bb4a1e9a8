package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// OpenAt opens a store whose leases are timed by the time that each request
// names, as on SQLite: for the suite that both pass.
func OpenAt(ctx context.Context, url secret.Value, o Options) (*Store, error) {
	o.clock = func(asked time.Time) string { return fmt.Sprint(asked.UnixMilli(), "::bigint") }
	return Open(ctx, url, o)
}

// IdleLimit is how long a transaction may be paused.
const IdleLimit = idleLimit
