package postgres

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

const seePushesSQL = `
	INSERT INTO pushes (app, digest, at) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[])
	ON CONFLICT (app, digest) DO NOTHING RETURNING app, digest, at`

// SeePushes writes all rows with one statement.
func (dialect) SeePushes(ctx context.Context, t sqlstore.Tx, rows []sqlgen.Push) ([]sqlgen.Push, error) {
	found, err := t.SQL.QueryContext(ctx, seePushesSQL, described, each(rows, func(r sqlgen.Push) string { return r.App }),
		each(rows, func(r sqlgen.Push) []byte { return r.Digest }), each(rows, func(r sqlgen.Push) int64 { return r.At }))
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var fresh []sqlgen.Push
	for found.Next() {
		var r sqlgen.Push
		if err := found.Scan(&r.App, &r.Digest, &r.At); err != nil {
			return nil, err
		}
		fresh = append(fresh, r)
	}
	return fresh, found.Err()
}

const addEventsSQL = `
	INSERT INTO events (id, app, shop_id, app_id, name, at, seen_at, body, for_client)
	SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[], $9::text[])`

// AddEvents writes all rows with one statement.
func (dialect) AddEvents(ctx context.Context, t sqlstore.Tx, rows []sqlgen.Event) error {
	_, err := t.SQL.ExecContext(ctx, addEventsSQL, described,
		each(rows, func(e sqlgen.Event) int64 { return e.ID }), each(rows, func(e sqlgen.Event) string { return e.App }),
		each(rows, func(e sqlgen.Event) string { return e.ShopID }), each(rows, func(e sqlgen.Event) string { return e.AppID }),
		each(rows, func(e sqlgen.Event) string { return e.Name }), each(rows, func(e sqlgen.Event) int64 { return e.At }),
		each(rows, func(e sqlgen.Event) int64 { return e.SeenAt }), each(rows, func(e sqlgen.Event) []byte { return e.Body }),
		each(rows, func(e sqlgen.Event) string { return e.ForClient }))
	return err
}

// each gives one column of rows, for an array.
func each[R, T any](rows []R, of func(R) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = of(r)
	}
	return out
}
