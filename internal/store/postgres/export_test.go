package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// OpenAt opens a store whose leases are timed by the time that each request
// names, as on SQLite: for the suite that both pass.
func OpenAt(ctx context.Context, url secret.Value, o Options) (*Store, error) {
	o.clock = func(asked time.Time) string { return fmt.Sprint(asked.UnixMilli(), "::bigint") }
	return Open(ctx, url, o)
}

// Afresh gives a store that has seen nothing of what this one did, on its connections.
func (s *Store) Afresh() (*sqlstore.Store, error) {
	return sqlstore.New(context.Background(), sqlstore.Config{Writer: s.writer, Reader: s.reader, Dialect: dialect{clock: s.o.clock}, Unasked: true})
}

// OpenVersion opens a store as a program does whose newest schema is v.
func OpenVersion(ctx context.Context, url secret.Value, v int) (*Store, error) {
	old := make(fstest.MapFS)
	err := fs.WalkDir(migrations, ".", func(path string, d fs.DirEntry, err error) error {
		var n int
		if _, scan := fmt.Sscanf(d.Name(), "%d_", &n); err != nil || d.IsDir() || scan != nil || n > v {
			return err
		}
		b, err := migrations.ReadFile(path)
		old[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		return nil, err
	}
	return Open(ctx, url, Options{schema: old})
}

// Explain is what every error passes on its way out.
var Explain = explain

// IdleLimit is how long a transaction may be paused.
const IdleLimit = idleLimit

// What the program's own statements name.
const GrantColumns = grantColumns

// SettleColumns are what a settle writes.
var SettleColumns = settleColumns

// DueSQL is the statement of a claim, with values in place of its parameters.
var DueSQL = strings.NewReplacer("$1", "100", "$2", "'test'", "$3", "1000").Replace(claimDueSQL(databaseClock))

// BeginSharedSQL begins the transaction of a claim, with values likewise.
var BeginSharedSQL = strings.NewReplacer("$1", "1", "$2", "'1000'").Replace(beginSharedSQL)
