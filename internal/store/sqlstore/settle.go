package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Settle ends leases, all in one transaction. The errors are by index: nil for
// an item that landed, [grant.ErrLost] for one that another holder overtook and
// of which nothing was written. The error beside them means that nothing of the
// whole batch was written.
func (s *Store) Settle(ctx context.Context, batch []grant.Effects) ([]error, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	write := s.writeBeside
	if slices.ContainsFunc(batch, func(e grant.Effects) bool {
		return reachesOut(e) || len(e.Events) > 0 || slices.ContainsFunc(e.Notices, heard)
	}) {
		write = s.write
	}
	var results []error
	err := write(ctx, "settle", func(t *tx) (err error) {
		results, err = t.settleBatch(ctx, batch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// reachesOut tells whether an item changes more than its own grant, so that it
// must not run beside others.
func reachesOut(e grant.Effects) bool {
	return e.Login != nil || e.Open != nil || e.Authorise != nil || len(e.Revoke) > 0 || len(e.Forget) > 0 || len(e.EndSessions) > 0 ||
		e.Ticket != nil || len(e.Authorizers) > 0 || len(e.Purchases) > 0
}

var errNoSettle = errors.New("effects without a settlement cannot be settled")

// settleBatch decides each item on its locked row, writes all rows together, and
// then what follows from them. Routine items share one entry.
func (t *tx) settleBatch(ctx context.Context, batch []grant.Effects) ([]error, error) {
	rows, err := t.lock(ctx, batch)
	if err != nil {
		return nil, err
	}
	results := make([]error, len(batch))
	routine := make(map[string]string)
	var landed []sqlgen.Grant
	for i, e := range batch {
		row := rows[e.Settle.GrantID]
		switch err := settleRow(row, *e.Settle, e.At); {
		case errors.Is(err, grant.ErrLost):
			results[i] = fmt.Errorf("store: settle grant %s: %w", e.Settle.GrantID, err)
			continue
		case err != nil:
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		landed = append(landed, *row)
		if e.Settle.State == grant.NeedsOwner {
			t.touchMarket(*row, e.At)
		}
		if e.Settle.Routine {
			routine[row.ID] = kept(toTokens(*row))
		} else if e.Settle.Tokens != nil {
			t.recordTokens(e, row.ID, *e.Settle.Tokens)
		}
	}
	if err := t.dialect.Settle(ctx, t.Tx, landed); err != nil {
		return nil, err
	}
	if err := t.applyRest(ctx, batch, results); err != nil {
		return nil, err
	}
	if len(routine) > 0 {
		t.record(tokensEntry(audit.GrantSettle, batch[0].At, audit.Actor{Kind: audit.ActorSystem}, routine))
	}
	return results, nil
}

// lock reads the rows of a batch, by id, and keeps others from changing them.
func (t *tx) lock(ctx context.Context, batch []grant.Effects) (map[string]*sqlgen.Grant, error) {
	ids := make([]string, len(batch))
	for i, e := range batch {
		if e.Settle == nil {
			return nil, fmt.Errorf("item %d: %w", i, errNoSettle)
		}
		ids[i] = e.Settle.GrantID
	}
	slices.Sort(ids) // everybody locks in one order, so that none waits in a circle
	rows, err := t.dialect.Lock(ctx, t.Tx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	by := make(map[string]*sqlgen.Grant, len(rows))
	for i := range rows {
		by[rows[i].ID] = &rows[i]
	}
	return by, nil
}

// applyRest applies what follows from the items that landed.
func (t *tx) applyRest(ctx context.Context, batch []grant.Effects, results []error) error {
	for i, e := range batch {
		if results[i] != nil {
			continue
		}
		e.Settle = nil
		if err := t.apply(ctx, e); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

// settle is one settlement among other effects. It gives the tokens that are
// kept afterwards.
func (t *tx) settle(ctx context.Context, e grant.Effects) (grant.Tokens, error) {
	rows, err := t.lock(ctx, []grant.Effects{e})
	if err != nil {
		return grant.Tokens{}, err
	}
	row := rows[e.Settle.GrantID]
	if err := settleRow(row, *e.Settle, e.At); err != nil {
		return grant.Tokens{}, err
	}
	return toTokens(*row), t.dialect.Settle(ctx, t.Tx, []sqlgen.Grant{*row})
}

// settleRow checks that the lease is held and the generation is the one that was
// read, and only then changes the row. A row that is nil is not there.
func settleRow(row *sqlgen.Grant, s grant.Settlement, at time.Time) error {
	if row == nil {
		return grant.ErrLost
	}
	g := toGrant(*row)
	if g.Lease.Term != s.Term || g.SettledTerm >= s.Term || g.Tokens.Generation != s.From || !refreshable(g) {
		return grant.ErrLost
	}
	if err := checkSettlement(g, s); err != nil {
		return err
	}
	if k := s.Tokens; k != nil {
		row.Generation, row.Digest = k.Generation, k.Digest()
		row.Access, row.AccessExpires = k.Access, millis(k.AccessExpires)
		row.Refresh, row.RefreshIssued, row.RefreshExpires = k.Refresh, millis(k.RefreshIssued), millis(k.RefreshExpires)
	}
	row.State, row.Cause, row.ErrCode = string(s.State), s.Cause, int64(s.ErrCode)
	row.DueAt, row.Attempt = millis(s.DueAt), int64(s.Attempt)
	owe(row, g.State, s, at)
	row.ProvedAt, row.Doubts = millis(s.Proved), int64(s.Doubts)
	row.SettledTerm, row.UpdatedAt, row.SettledAt = s.Term, millis(at), millis(at)
	return nil
}

// owe writes what a grant owes of forced refreshes. The row of one that is not
// revoked may owe more than its holder knew.
func owe(row *sqlgen.Grant, was grant.State, s grant.Settlement, at time.Time) {
	if was == grant.Revoked {
		row.Kills = int64(s.Kills)
		return
	}
	if row.Kills > int64(s.Kills) {
		row.DueAt = millis(at)
	}
	if row.Kills -= int64(s.Killed); s.State == grant.NeedsOwner {
		row.Kills = 0
	}
}

// checkSettlement refuses what no settle may write, whoever asks.
func checkSettlement(g grant.Grant, s grant.Settlement) error {
	if g.State == grant.Revoked {
		return checkKill(g, s)
	}
	switch {
	case s.State != grant.Active && s.State != grant.Stopped && s.State != grant.NeedsOwner:
		return fmt.Errorf("grant %s: a settle cannot end in state %q", s.GrantID, s.State)
	case s.Kills < 0 || s.Kills > grant.Kills || s.Killed < 0 || s.Killed > min(s.Kills, g.Kills):
		return fmt.Errorf("grant %s: %d of %d forced refreshes cannot be over, %d are owed", s.GrantID, s.Killed, s.Kills, g.Kills)
	}
	if s.Tokens != nil {
		return checkTokens(s.GrantID, g.Kind, s.From, *s.Tokens)
	}
	return nil
}

// checkKill refuses to bring a revoked grant back, and to leave it due with
// nothing to do.
func checkKill(g grant.Grant, s grant.Settlement) error {
	switch {
	case s.State != grant.Revoked || s.Tokens != nil:
		return fmt.Errorf("grant %s: a revoked grant stays revoked and without tokens", s.GrantID)
	case s.Kills < 0 || s.Kills > g.Kills:
		return fmt.Errorf("grant %s: %d forced refreshes cannot be owed, it were %d", s.GrantID, s.Kills, g.Kills)
	case (s.Kills > 0) != !s.DueAt.IsZero():
		return fmt.Errorf("grant %s: a revoked grant is due exactly while it owes forced refreshes", s.GrantID)
	}
	return nil
}

// checkTokens refuses tokens that do not follow those before, and half of them. A
// platform may have a shop's refresh token before the first access token.
func checkTokens(grantID string, kind grant.Kind, from int64, k grant.Tokens) error {
	if k.Generation != from+1 {
		return fmt.Errorf("grant %s: tokens of generation %d cannot follow generation %d", grantID, k.Generation, from)
	}
	if len(k.Access) == 0 && (kind != grant.ISV || len(k.Refresh) == 0) {
		return fmt.Errorf("grant %s: tokens without an access token", grantID)
	}
	return nil
}

func (t *tx) writeTokens(ctx context.Context, grantID string, k grant.Tokens) error {
	return t.SettleTokens(ctx, sqlgen.SettleTokensParams{
		ID: grantID, Generation: k.Generation, Access: k.Access, AccessExpires: millis(k.AccessExpires),
		Refresh: k.Refresh, RefreshIssued: millis(k.RefreshIssued), RefreshExpires: millis(k.RefreshExpires),
		Digest: k.Digest(),
	})
}

// recordTokens writes down which tokens a grant keeps from now on, or that it
// keeps none, so that an old row put back is noticed.
func (t *tx) recordTokens(e grant.Effects, grantID string, k grant.Tokens) {
	t.recordReason(e, grantID, k, "")
}

// recordReason is recordTokens for tokens whose end means more.
func (t *tx) recordReason(e grant.Effects, grantID string, k grant.Tokens, reason string) {
	entry := tokensEntry(audit.GrantTokens, e.At, actor(e.Audit), map[string]string{grantID: kept(k)})
	entry.Reason = reason
	t.record(entry)
}

func tokensEntry(action string, at time.Time, by audit.Actor, details map[string]string) audit.Entry {
	return audit.Entry{At: at, Actor: by, Action: action, Outcome: audit.Done, Details: details, Count: int64(len(details))}
}
