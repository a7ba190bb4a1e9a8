package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// RecordExport notes that a client fetched a kept token. It must have come back
// without an error before the token leaves. Of the effects, the audit entries and the
// notices count: an entry is written each time, a notice once a day for each client
// and shop. A client that is revoked by then is [access.ErrNotFound]: what it fetched
// is complete from its revocation on.
func (s *Store) RecordExport(ctx context.Context, x access.Export, e grant.Effects) error {
	return s.write(ctx, "record export", func(t *tx) error {
		live, err := t.HoldLiveClient(ctx, x.ClientID)
		if err != nil {
			return err
		}
		if live == 0 {
			return access.ErrNotFound
		}
		row, err := t.Export(ctx, sqlgen.ExportParams{ClientID: x.ClientID, ShopID: x.ShopID})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		told := row.ToldAt
		if told < millis(x.Day()) {
			told = millis(x.At)
			for _, n := range e.Notices {
				if err := t.notify(ctx, n); err != nil {
					return err
				}
			}
		}
		t.record(e.Audit...)
		return t.PutExport(ctx, sqlgen.PutExportParams{
			ClientID: x.ClientID, ShopID: x.ShopID, Generation: max(x.Generation, row.Generation),
			At: millis(x.At), EndsAt: max(millis(x.Ends), row.EndsAt), ToldAt: told,
		})
	})
}

// Exports gives, for each shop whose token a client fetched, the one that lives
// longest, in the order of the shops. Those that ended by now are left out.
func (s *Store) Exports(ctx context.Context, client string, now time.Time) ([]access.Export, error) {
	rows, err := s.q.ExportsOf(ctx, sqlgen.ExportsOfParams{ClientID: client, Now: millis(now)})
	if err != nil {
		return nil, s.fail("read exports", err)
	}
	return toExports(rows), nil
}

// ShopExports gives, for each client that fetched the shop's token, the one that
// lives longest, in the order of the clients. Those that ended by now are left out.
func (s *Store) ShopExports(ctx context.Context, shop string, now time.Time) ([]access.Export, error) {
	rows, err := s.q.ExportsOfShop(ctx, sqlgen.ExportsOfShopParams{ShopID: shop, Now: millis(now)})
	if err != nil {
		return nil, s.fail("read exports", err)
	}
	return toExports(rows), nil
}

func toExports(rows []sqlgen.Export) (out []access.Export) {
	for _, r := range rows {
		out = append(out, access.Export{ClientID: r.ClientID, ShopID: r.ShopID, Generation: r.Generation, At: fromMillis(r.At), Ends: fromMillis(r.EndsAt)})
	}
	return out
}
