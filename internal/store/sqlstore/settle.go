package sqlstore

import (
	"context"
	"errors"
	"fmt"
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
	var results []error
	err := s.write(ctx, "settle", func(t *tx) error {
		results = make([]error, len(batch))
		routine := make(map[string]string)
		for i, e := range batch {
			lost, err := t.settleOne(ctx, e, routine)
			if err != nil {
				return fmt.Errorf("item %d: %w", i, err)
			}
			results[i] = lost
		}
		if len(routine) > 0 {
			t.record(tokensEntry(audit.GrantSettle, batch[0].At, audit.Actor{Kind: audit.ActorSystem}, routine))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

var errNoSettle = errors.New("effects without a settlement cannot be settled")

// settleOne applies one item of a batch, or nothing of it. Routine ones add to
// the batch's shared entry.
func (t *tx) settleOne(ctx context.Context, e grant.Effects, routine map[string]string) (lost, err error) {
	if e.Settle == nil {
		return nil, errNoSettle
	}
	tokens, err := t.settle(ctx, *e.Settle, e.At)
	if errors.Is(err, grant.ErrLost) {
		return fmt.Errorf("store: settle grant %s: %w", e.Settle.GrantID, err), nil
	}
	if err != nil {
		return nil, err
	}
	if e.Settle.Routine {
		routine[e.Settle.GrantID] = kept(tokens)
	} else if e.Settle.Tokens != nil {
		t.recordTokens(e, e.Settle.GrantID, tokens)
	}
	e.Settle = nil
	return nil, t.apply(ctx, e)
}

// settle checks that the lease is held and the generation is the one that was
// read, and only then writes. It gives the tokens that are kept afterwards.
func (t *tx) settle(ctx context.Context, s grant.Settlement, at time.Time) (grant.Tokens, error) {
	row, err := t.Grant(ctx, s.GrantID)
	if err != nil {
		return grant.Tokens{}, missing(err, grant.ErrLost)
	}
	g := toGrant(row)
	if g.Lease.Term != s.Term || g.SettledTerm >= s.Term || g.Tokens.Generation != s.From || !refreshable(g) {
		return grant.Tokens{}, grant.ErrLost
	}
	if err := checkSettlement(g, s); err != nil {
		return grant.Tokens{}, err
	}
	if s.Tokens != nil {
		g.Tokens = *s.Tokens
		if err := t.writeTokens(ctx, s.GrantID, g.Tokens); err != nil {
			return grant.Tokens{}, err
		}
	}
	return g.Tokens, t.SettleLease(ctx, sqlgen.SettleLeaseParams{
		ID: s.GrantID, State: string(s.State), Cause: s.Cause, ErrCode: int64(s.ErrCode),
		DueAt: millis(s.DueAt), Attempt: int64(s.Attempt), ProvedAt: millis(s.Proved), Doubts: int64(s.Doubts),
		Kills: int64(s.Kills), UpdatedAt: millis(at),
	})
}

// checkSettlement refuses what no settle may write, whoever asks.
func checkSettlement(g grant.Grant, s grant.Settlement) error {
	if g.State == grant.Revoked {
		return checkKill(g, s)
	}
	switch {
	case s.State != grant.Active && s.State != grant.Stopped && s.State != grant.NeedsOwner:
		return fmt.Errorf("grant %s: a settle cannot end in state %q", s.GrantID, s.State)
	case s.Kills != 0:
		return fmt.Errorf("grant %s: a grant that is not revoked owes no forced refreshes", s.GrantID)
	}
	if s.Tokens != nil {
		return checkTokens(s.GrantID, s.From, *s.Tokens)
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

func checkTokens(grantID string, from int64, k grant.Tokens) error {
	if k.Generation != from+1 {
		return fmt.Errorf("grant %s: tokens of generation %d cannot follow generation %d", grantID, k.Generation, from)
	}
	if len(k.Access) == 0 {
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
