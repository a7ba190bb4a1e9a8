package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// authorise makes the grant or starts the existing one anew. The tokens are
// sealed to the grant's id, so an id that is not the existing one has lost.
func (t *tx) authorise(ctx context.Context, a grant.Authorisation, e grant.Effects) error {
	row, err := t.existing(ctx, a)
	var keeps grant.Tokens
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = t.newGrant(ctx, a, e.At)
	case err == nil:
		keeps = toTokens(row)
		err = t.restart(ctx, toGrant(row), a, e.At)
	}
	if err != nil {
		return err
	}
	if a.Tokens == nil {
		t.recordTokens(e, a.GrantID, keeps) // says that it is not revoked any more
		return nil
	}
	if err := checkTokens(a.GrantID, a.Kind, a.From, *a.Tokens); err != nil {
		return err
	}
	if err := t.writeTokens(ctx, a.GrantID, *a.Tokens); err != nil {
		return err
	}
	t.recordTokens(e, a.GrantID, *a.Tokens)
	return t.renewed(ctx, a.GrantID, e.At)
}

func (t *tx) existing(ctx context.Context, a grant.Authorisation) (sqlgen.Grant, error) {
	switch a.Kind {
	case grant.Self:
		return t.SelfGrant(ctx, a.ShopID)
	case grant.User:
		return t.UserGrant(ctx, sqlgen.UserGrantParams{App: a.App, Openid: a.OpenID, Scope: a.Scope})
	case grant.ISV:
		return t.IsvGrant(ctx, sqlgen.IsvGrantParams{App: a.App, Authorizer: a.Authorizer})
	case grant.Component:
		return t.ComponentGrant(ctx, a.App)
	}
	return sqlgen.Grant{}, fmt.Errorf("grant %s: there is no kind %q", a.GrantID, a.Kind)
}

func (t *tx) newGrant(ctx context.Context, a grant.Authorisation, at time.Time) error {
	if a.From != 0 {
		return grant.ErrLost
	}
	return t.InsertGrant(ctx, sqlgen.InsertGrantParams{
		ID: a.GrantID, Kind: string(a.Kind), App: a.App, ShopID: a.ShopID, PersonID: a.PersonID, Openid: a.OpenID,
		Scope: a.Scope, DueAt: millis(a.DueAt), CreatedAt: millis(at), UpdatedAt: millis(at),
		Authorizer: a.Authorizer,
	})
}

func (t *tx) restart(ctx context.Context, g grant.Grant, a grant.Authorisation, at time.Time) error {
	if g.ID != a.GrantID || g.Tokens.Generation != a.From {
		return grant.ErrLost
	}
	due := a.DueAt
	if a.Tokens == nil {
		due = afterLease(g, due, at)
	}
	return t.RestartGrant(ctx, sqlgen.RestartGrantParams{
		ID: g.ID, App: a.App, PersonID: a.PersonID, ShopID: cmp.Or(a.ShopID, g.ShopID), DueAt: millis(due), UpdatedAt: millis(at),
	})
}

// afterLease puts off a due time to the end of a lease that is being voided: its
// holder may have sent a request, and no second one goes out before the first's
// time is over.
func afterLease(g grant.Grant, due, at time.Time) time.Time {
	if !due.IsZero() && live(g, at) && g.Lease.Until.After(due) {
		return g.Lease.Until
	}
	return due
}

// revoke ends a grant as r says. What is revoked here stays so whatever WeChat says
// later, and nothing ends twice; but of an account's grant the latest word counts.
func (t *tx) revoke(ctx context.Context, r grant.Revocation, e grant.Effects) error {
	if r.State != "" && r.State != grant.Revoked && r.State != grant.NeedsOwner {
		return fmt.Errorf("grant %s: a revocation cannot end in state %q", r.GrantID, r.State)
	}
	row, err := t.Grant(ctx, r.GrantID)
	if err != nil {
		return missing(err, grant.ErrNotFound)
	}
	if r.State == grant.NeedsOwner {
		return t.withdraw(ctx, row, r, e)
	}
	kill := r.Kill && grant.Kind(row.Kind) == grant.Self
	if grant.State(row.State) == grant.Revoked && (!kill || row.Kills > 0) && !reopening(row, e.At) {
		return nil
	}
	p := sqlgen.RevokeGrantParams{ID: r.GrantID, State: string(grant.Revoked), Cause: r.Cause, UpdatedAt: millis(e.At)}
	if kill {
		p.Kills, p.DueAt = grant.Kills, millis(afterLease(toGrant(row), e.At, e.At))
	}
	if err := t.RevokeGrant(ctx, p); err != nil {
		return err
	}
	t.touchMarket(row, e.At)
	t.recordReason(e, r.GrantID, grant.Tokens{Generation: row.Generation + 1}, audit.GrantRevoked)
	return nil
}

// reopening tells whether the shop of a revoked grant may have authorised the platform
// anew since: that is on its way, and ends with a revocation that is later.
func reopening(row sqlgen.Grant, at time.Time) bool {
	return grant.Kind(row.Kind) == grant.ISV && millis(at) > row.UpdatedAt
}

// withdraw ends a grant that the owner may give again at WeChat. The log does not
// call it revoked, so that its next tokens need no word about that.
func (t *tx) withdraw(ctx context.Context, row sqlgen.Grant, r grant.Revocation, e grant.Effects) error {
	state := grant.State(row.State)
	if state == grant.Revoked || state == grant.NeedsOwner && row.Cause == r.Cause && !hasTokens(toTokens(row)) {
		return nil
	}
	err := t.RevokeGrant(ctx, sqlgen.RevokeGrantParams{
		ID: row.ID, State: string(grant.NeedsOwner), Cause: r.Cause, UpdatedAt: millis(e.At),
	})
	t.recordTokens(e, row.ID, grant.Tokens{Generation: row.Generation + 1})
	t.touchMarket(row, e.At)
	return err
}

// touchMarket is touch for those who came from the market into the shop of a grant
// that ends.
func (t *tx) touchMarket(row sqlgen.Grant, at time.Time) {
	if grant.Kind(row.Kind) == grant.ISV && row.ShopID != "" {
		t.touch("shop:"+row.ShopID, at)
	}
}
