package sqlite

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// SeePushes writes row by row.
func (dialect) SeePushes(ctx context.Context, t sqlstore.Tx, rows []sqlgen.Push) ([]sqlgen.Push, error) {
	fresh := make([]sqlgen.Push, 0, len(rows))
	for _, r := range rows {
		n, err := t.InsertPush(ctx, sqlgen.InsertPushParams(r))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			fresh = append(fresh, r)
		}
	}
	return fresh, nil
}

// AddEvents writes row by row.
func (dialect) AddEvents(ctx context.Context, t sqlstore.Tx, rows []sqlgen.Event) error {
	for _, r := range rows {
		if err := t.InsertEvent(ctx, sqlgen.InsertEventParams(r)); err != nil {
			return err
		}
	}
	return nil
}
