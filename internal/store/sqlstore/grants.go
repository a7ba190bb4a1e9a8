package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Grant gives the grant with this id, or [grant.ErrNotFound].
func (s *Store) Grant(ctx context.Context, id string) (grant.Grant, error) {
	row, err := s.q.Grant(ctx, id)
	return s.oneGrant("read grant", row, err)
}

// ShopGrant gives the grant that serves a shop, in whatever state: the one of the
// app that the directory names for it. [grant.ErrNotFound] when there is none.
func (s *Store) ShopGrant(ctx context.Context, shopID string) (grant.Grant, error) {
	row, err := s.q.ShopGrant(ctx, shopID)
	return s.oneGrant("read shop's grant", row, err)
}

// ComponentGrant gives the grant of a third-party platform itself, or
// [grant.ErrNotFound].
func (s *Store) ComponentGrant(ctx context.Context, app string) (grant.Grant, error) {
	row, err := s.q.ComponentGrant(ctx, app)
	return s.oneGrant("read component grant", row, err)
}

// AuthorizerGrant gives the grant of an account, by its appid, that authorised a
// third-party platform, or [grant.ErrNotFound].
func (s *Store) AuthorizerGrant(ctx context.Context, app, appID string) (grant.Grant, error) {
	row, err := s.q.IsvGrant(ctx, sqlgen.IsvGrantParams{App: app, Authorizer: appID})
	return s.oneGrant("read isv grant", row, err)
}

// UserGrant gives the grant of a person as one app and scope know them, or
// [grant.ErrNotFound].
func (s *Store) UserGrant(ctx context.Context, app, openid, scope string) (grant.Grant, error) {
	row, err := s.q.UserGrant(ctx, sqlgen.UserGrantParams{App: app, Openid: openid, Scope: scope})
	return s.oneGrant("read user grant", row, err)
}

func (s *Store) oneGrant(op string, row sqlgen.Grant, err error) (grant.Grant, error) {
	if err != nil {
		return grant.Grant{}, s.fail(op, missing(err, grant.ErrNotFound))
	}
	return toGrant(row), nil
}

// Grants gives the grants that f picks, the oldest first.
func (s *Store) Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error) {
	rows, err := s.grantRows(ctx, f)
	if err != nil {
		return nil, s.fail("read grants", err)
	}
	var out []grant.Grant
	for _, r := range rows {
		if g := toGrant(r); picks(f, g) {
			out = append(out, g)
		}
	}
	return out, nil
}

// grantRows reads by the narrowest index that f allows.
func (s *Store) grantRows(ctx context.Context, f grant.Filter) ([]sqlgen.Grant, error) {
	switch {
	case f.PersonID != "":
		return s.q.GrantsOfPerson(ctx, f.PersonID)
	case f.ShopID != "":
		return s.q.GrantsOfShop(ctx, f.ShopID)
	}
	return s.q.Grants(ctx)
}

func picks(f grant.Filter, g grant.Grant) bool {
	return (f.PersonID == "" || f.PersonID == g.PersonID) &&
		(f.ShopID == "" || f.ShopID == g.ShopID) &&
		(f.Kind == "" || f.Kind == g.Kind) &&
		(f.State == "" || f.State == g.State)
}

// ForcedRefreshes gives the new tokens that were asked for ahead of time from
// since on, the oldest first.
func (s *Store) ForcedRefreshes(ctx context.Context, grantID string, since time.Time) ([]grant.Force, error) {
	rows, err := s.q.ForcedRefreshes(ctx, sqlgen.ForcedRefreshesParams{GrantID: grantID, Since: millis(since)})
	return many(s.Log, "read forced refreshes", rows, err, func(r sqlgen.ForcedRefreshesRow) grant.Force {
		return grant.Force{At: fromMillis(r.At), By: r.ByWhom}
	})
}

// SpendForce records that somebody asks for a new token ahead of time.
func (s *Store) SpendForce(ctx context.Context, grantID string, at time.Time, by string, e audit.Entry) error {
	return s.write(ctx, "spend forced refresh", func(t *tx) error {
		if _, err := t.Grant(ctx, grantID); err != nil {
			return missing(err, grant.ErrNotFound)
		}
		t.record(e)
		return t.InsertForcedRefresh(ctx, sqlgen.InsertForcedRefreshParams{GrantID: grantID, At: millis(at), ByWhom: by})
	})
}

// appsOf gives the applications of grants by their ids.
func (t *tx) appsOf(ctx context.Context, grants ...sqlgen.Grant) (map[string]access.App, error) {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.App
	}
	slices.Sort(ids)
	rows, err := t.dialect.Apps(ctx, t.Tx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	apps := make(map[string]access.App, len(rows))
	for _, row := range rows {
		apps[row.ID] = toApp(row)
	}
	return apps, nil
}

// Touch writes down that grants were used, unless a later use is known.
func (s *Store) Touch(ctx context.Context, at time.Time, grantIDs ...string) error {
	return s.write(ctx, "touch grants", func(t *tx) error {
		for _, id := range grantIDs {
			if err := t.TouchGrant(ctx, sqlgen.TouchGrantParams{ID: id, UsedAt: millis(at)}); err != nil {
				return err
			}
		}
		return nil
	})
}
