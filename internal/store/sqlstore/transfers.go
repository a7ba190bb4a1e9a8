package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// StartTransfer keeps a transfer of ownership that waits, with everything that
// follows from it. Its From must own exactly that place, its To be somebody who can
// log in ([access.ErrNotFound]), and no other may wait there ([access.ErrUsed]).
func (s *Store) StartTransfer(ctx context.Context, n access.Transfer, e grant.Effects) error {
	return s.write(ctx, "start transfer", func(t *tx) error {
		if err := t.placeExists(ctx, n.TenantID, n.ShopID); err != nil {
			return err
		}
		if err := t.parties(ctx, n, n.CreatedAt); err != nil {
			return err
		}
		rows, err := t.TransfersOfTenant(ctx, n.TenantID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(rows, func(r sqlgen.Transfer) bool { return r.ShopID == n.ShopID && toTransfer(r).Open(n.CreatedAt) }) {
			return access.ErrUsed
		}
		err = t.InsertTransfer(ctx, sqlgen.InsertTransferParams{
			ID: n.ID, TenantID: n.TenantID, ShopID: n.ShopID, FromPerson: n.From, ToPerson: n.To, MadeBy: n.By,
			State: string(n.State), CreatedAt: millis(n.CreatedAt), DueAt: millis(n.DueAt),
		})
		if err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
}

// parties checks that who gives owns the place and who takes can log in.
func (t *tx) parties(ctx context.Context, n access.Transfer, now time.Time) error {
	if n.From != "" {
		from, err := t.held(ctx, access.Member{TenantID: n.TenantID, ShopID: n.ShopID, PersonID: n.From}, now)
		if err != nil {
			return err
		}
		if from.Role != access.Owner {
			return access.ErrNotFound
		}
	}
	known, err := t.IdentitiesOfPerson(ctx, n.To)
	if err == nil && len(known) == 0 {
		err = access.ErrNotFound
	}
	return err
}

// Transfer gives a transfer, or [access.ErrNotFound].
func (s *Store) Transfer(ctx context.Context, id string) (access.Transfer, error) {
	row, err := s.q.Transfer(ctx, id)
	return one(s.Log, "read transfer", row, err, toTransfer)
}

// Transfers gives the transfers of a tenant and its shops, the newest first.
func (s *Store) Transfers(ctx context.Context, tenantID string) ([]access.Transfer, error) {
	rows, err := s.q.TransfersOfTenant(ctx, tenantID)
	return many(s.Log, "read transfers", rows, err, toTransfer)
}

// DueTransfers gives the transfers whose time has come: notices to carry out and
// offers that are over.
func (s *Store) DueTransfers(ctx context.Context, now time.Time) ([]access.Transfer, error) {
	rows, err := s.q.DueTransfers(ctx, millis(now))
	return many(s.Log, "read due transfers", rows, err, toTransfer)
}

// FinishTransfer makes the new owner one and the old one an operator, with
// everything that follows from it. An offer must still be open and a notice due
// ([access.ErrTransferGone]); and who gives must still own the place
// ([access.ErrNotFound]).
func (s *Store) FinishTransfer(ctx context.Context, id string, now time.Time, e grant.Effects) error {
	return s.write(ctx, "finish transfer", func(t *tx) error {
		n, err := t.openTransfer(ctx, id, now)
		if err != nil {
			return err
		}
		if n.State == access.TransferNoticed && now.Before(n.DueAt) {
			return access.ErrTransferGone
		}
		if err := t.parties(ctx, n, now); err != nil {
			return err
		}
		if err := t.changeOwner(ctx, n, now); err != nil {
			return err
		}
		if err := t.endTransfer(ctx, id, access.TransferDone, now); err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
}

// changeOwner writes the two memberships.
func (t *tx) changeOwner(ctx context.Context, n access.Transfer, now time.Time) error {
	to := access.Member{TenantID: n.TenantID, ShopID: n.ShopID, PersonID: n.To, Role: access.Owner, Since: now}
	if held, err := t.held(ctx, to, now); err == nil && held.Role == access.Owner {
		to.Since = held.Since
	}
	changed := []access.Member{to}
	if n.From != "" && n.From != n.To {
		from, err := t.held(ctx, access.Member{TenantID: n.TenantID, ShopID: n.ShopID, PersonID: n.From}, now)
		if err != nil {
			return err
		}
		from.Role, from.Since = access.Operator, now
		changed = append(changed, from)
	}
	return t.changeMembers(ctx, now, changed...)
}

// StopTransfer ends a transfer that waits, also one that is over, with everything
// that follows from it. Any other is [access.ErrTransferGone].
func (s *Store) StopTransfer(ctx context.Context, id string, now time.Time, e grant.Effects) error {
	return s.write(ctx, "stop transfer", func(t *tx) error {
		row, err := t.Transfer(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		if row.EndedAt != 0 {
			return access.ErrTransferGone
		}
		if err := t.endTransfer(ctx, id, access.TransferStopped, now); err != nil {
			return err
		}
		return t.apply(ctx, e)
	})
}

func (t *tx) openTransfer(ctx context.Context, id string, now time.Time) (access.Transfer, error) {
	row, err := t.Transfer(ctx, id)
	if err != nil {
		return access.Transfer{}, missing(err, access.ErrNotFound)
	}
	n := toTransfer(row)
	if !n.Open(now) {
		return access.Transfer{}, access.ErrTransferGone
	}
	return n, nil
}

func (t *tx) endTransfer(ctx context.Context, id string, to access.TransferState, now time.Time) error {
	return t.EndTransfer(ctx, sqlgen.EndTransferParams{ID: id, State: string(to), EndedAt: millis(now)})
}
