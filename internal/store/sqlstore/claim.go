package sqlstore

import (
	"context"
	"fmt"
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
	err := s.write(ctx, "claim due grants", func(t *tx) error {
		ids, err := s.dialect.Due(ctx, t.sql, millis(r.Now), r.Limit)
		if err != nil {
			return err
		}
		claims = make([]grant.Claim, 0, len(ids))
		apps := make(map[string]access.App)
		for _, id := range ids {
			c, err := t.lease(ctx, id, r, apps)
			if err != nil {
				return err
			}
			claims = append(claims, c)
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
	err := s.write(ctx, "claim grant", func(t *tx) error {
		row, err := t.Grant(ctx, grantID)
		if err != nil {
			return missing(err, grant.ErrNotFound)
		}
		if err := claimable(toGrant(row), r.Now); err != nil {
			return err
		}
		claim, err = t.lease(ctx, grantID, r, make(map[string]access.App))
		return err
	})
	if err != nil {
		return grant.Claim{}, err
	}
	return claim, nil
}

func claimable(g grant.Grant, now time.Time) error {
	if !refreshable(g) {
		return fmt.Errorf("it is %s: %w", g.State, grant.ErrNotFound)
	}
	if live(g, now) {
		return grant.ErrLeased
	}
	return nil
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

// lease takes the next term of a grant that nobody holds. It records a term
// before it that nobody settled.
func (t *tx) lease(ctx context.Context, id string, r grant.ClaimRequest, apps map[string]access.App) (grant.Claim, error) {
	row, err := t.TakeLease(ctx, sqlgen.TakeLeaseParams{
		ID: id, LeaseOwner: r.Owner, LeaseUntil: millis(r.Now.Add(r.For)), UpdatedAt: millis(r.Now),
	})
	if err != nil {
		return grant.Claim{}, err
	}
	c := grant.Claim{Grant: toGrant(row)}
	c.Unsettled = c.Grant.Lease.Term-1 > c.Grant.SettledTerm
	if c.Unsettled {
		t.record(unsettled(c.Grant, r))
	}
	c.App, err = t.appOf(ctx, c.Grant.App, apps)
	return c, err
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
