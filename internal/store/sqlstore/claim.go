package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// ClaimDue leases at most r.Limit grants that are due and that nobody holds,
// the longest due first. It gives none when none is due.
func (s *Store) ClaimDue(ctx context.Context, r grant.ClaimRequest) ([]grant.Claim, error) {
	var claims []grant.Claim
	err := s.writeBeside(ctx, "claim due grants", func(t *tx) error {
		rows, err := s.dialect.ClaimDue(ctx, t.Tx, r)
		if err != nil {
			return err
		}
		slices.SortFunc(rows, func(a, b sqlgen.Grant) int { return cmp.Compare(a.DueAt, b.DueAt) })
		apps, err := t.appsOf(ctx, rows...)
		if err != nil {
			return err
		}
		claims = make([]grant.Claim, len(rows))
		for i, row := range rows {
			claims[i] = t.claimed(row, r, apps)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// Claim leases one grant whatever its due time. It answers [grant.ErrLeased]
// while somebody else holds it, and [grant.ErrNotFound] when there is none or it
// is in a state that no refresh can follow from.
func (s *Store) Claim(ctx context.Context, grantID string, r grant.ClaimRequest) (grant.Claim, error) {
	var claim grant.Claim
	err := s.writeBeside(ctx, "claim grant", func(t *tx) error {
		row, err := s.dialect.Claim(ctx, t.Tx, grantID, r)
		if errors.Is(err, sql.ErrNoRows) {
			return t.whyNot(ctx, grantID)
		}
		if err != nil {
			return err
		}
		apps, err := t.appsOf(ctx, row)
		claim = t.claimed(row, r, apps)
		return err
	})
	if err != nil {
		return grant.Claim{}, err
	}
	return claim, nil
}

// whyNot says why a grant could not be claimed.
func (t *tx) whyNot(ctx context.Context, grantID string) error {
	row, err := t.Grant(ctx, grantID)
	if err != nil {
		return missing(err, grant.ErrNotFound)
	}
	if g := toGrant(row); !refreshable(g) {
		return fmt.Errorf("it is %s: %w", g.State, grant.ErrNotFound)
	}
	return grant.ErrLeased
}

// refreshable tells whether WeChat can be asked about a grant: to renew it, or to
// end the tokens of one that was revoked. Dialects say the same in SQL.
func refreshable(g grant.Grant) bool {
	return g.State == grant.Active || g.State == grant.Stopped || g.State == grant.Revoked && g.Kills > 0
}

// live tells whether somebody holds the grant's lease at now.
func live(g grant.Grant, now time.Time) bool {
	return g.Lease.Term > g.SettledTerm && millis(g.Lease.Until) > millis(now)
}

// claimed makes a claim of a row whose next term was just taken. It records a
// term before it that nobody settled.
func (t *tx) claimed(row sqlgen.Grant, r grant.ClaimRequest, apps map[string]access.App) grant.Claim {
	c := grant.Claim{Grant: toGrant(row), App: apps[row.App]}
	c.Unsettled = c.Grant.Lease.Term-1 > c.Grant.SettledTerm
	if c.Unsettled {
		t.record(unsettled(c.Grant, r))
	}
	return c
}

func unsettled(g grant.Grant, r grant.ClaimRequest) audit.Entry {
	return audit.Entry{
		At: r.Now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.unsettled",
		Subject: "grant:" + g.ID, Outcome: audit.Unknown, Reason: "lease_ended",
		Details: map[string]string{
			"term":       strconv.FormatInt(g.Lease.Term-1, 10),
			"generation": strconv.FormatInt(g.Tokens.Generation, 10),
			"by":         r.Owner,
		},
	}
}
