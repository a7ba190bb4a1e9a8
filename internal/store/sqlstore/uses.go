package sqlstore

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Use counts one call of a capped path and gives how many there were on its day,
// this one included. It must have come back without an error before the call is
// sent. Of the effects, the audit entries and the notices count: an entry is
// written for each use, a notice for the day's first, or for each when the use says so.
//
// [access.ErrCap] says that the day's calls are used up, and then nothing is
// written. A failure may have been counted all the same: then one call less may be
// made, never one more.
func (s *Store) Use(ctx context.Context, u access.Use, e grant.Effects) (used int, err error) {
	err = s.write(ctx, "count use", func(t *tx) error {
		n, err := t.CountUse(ctx, sqlgen.CountUseParams{ClientID: u.ClientID, ShopID: u.ShopID, Path: u.Path, Day: millis(u.Day())})
		if err != nil {
			return err
		}
		if n > int64(u.Daily) {
			return access.ErrCap
		}
		used = int(n)
		t.record(e.Audit...)
		if n > 1 && !u.TellEach {
			return nil
		}
		for _, told := range e.Notices {
			if err := t.notify(ctx, told); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return used, nil
}
