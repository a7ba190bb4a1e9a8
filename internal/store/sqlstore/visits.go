package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// StartVisit keeps that staff enters a tenant, with everything that follows from
// it. Who looks at the tenant already goes on under the new reason. It answers
// [access.ErrNotFound] when there is no such tenant or administrator.
func (s *Store) StartVisit(ctx context.Context, v access.Visit, e grant.Effects) error {
	return s.write(ctx, "start visit", func(t *tx) error {
		if err := t.placeExists(ctx, v.TenantID, ""); err != nil {
			return err
		}
		if _, err := t.Admin(ctx, v.AdminID); err != nil {
			return missing(err, access.ErrNotFound)
		}
		if _, err := t.EndVisits(ctx, sqlgen.EndVisitsParams{AdminID: v.AdminID, TenantID: v.TenantID, Now: millis(v.At)}); err != nil {
			return err
		}
		err := t.InsertVisit(ctx, sqlgen.InsertVisitParams{
			ID: v.ID, AdminID: v.AdminID, TenantID: v.TenantID, Reason: v.Reason, At: millis(v.At), EndsAt: millis(v.EndsAt),
		})
		if err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
}

// EndVisits ends an administrator's visits of a tenant from now on. It tells
// whether there was one; without one nothing is recorded.
func (s *Store) EndVisits(ctx context.Context, admin, tenant string, now time.Time, e ...audit.Entry) (bool, error) {
	var n int64
	err := s.write(ctx, "end visits", func(t *tx) (err error) {
		n, err = t.EndVisits(ctx, sqlgen.EndVisitsParams{AdminID: admin, TenantID: tenant, Now: millis(now)})
		if err == nil && n > 0 {
			t.record(e...)
		}
		return err
	})
	return n > 0, err
}

// Visits gives the newest visits of a tenant, the newest first.
func (s *Store) Visits(ctx context.Context, tenantID string, limit int) ([]access.Visit, error) {
	rows, err := s.q.VisitsOfTenant(ctx, sqlgen.VisitsOfTenantParams{TenantID: tenantID, N: int32(limit)})
	return many(s.Log, "read visits", rows, err, toVisit)
}

// LiveVisits gives an administrator's visits that go on at now.
func (s *Store) LiveVisits(ctx context.Context, admin string, now time.Time) ([]access.Visit, error) {
	rows, err := s.q.LiveVisits(ctx, sqlgen.LiveVisitsParams{AdminID: admin, Now: millis(now)})
	return many(s.Log, "read visits", rows, err, toVisit)
}
