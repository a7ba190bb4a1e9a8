package standby

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Settler is the shared store as replaying needs it.
type Settler interface {
	Settle(ctx context.Context, batch []grant.Effects) ([]error, error)
	Grant(ctx context.Context, id string) (grant.Grant, error)
	Claim(ctx context.Context, grantID string, r grant.ClaimRequest) (grant.Claim, error)
	Append(ctx context.Context, entries ...audit.Entry) error
}

// ReplayOptions are what replaying needs. Store and Owner must be set.
type ReplayOptions struct {
	Store Settler
	Owner string           // names this process in leases
	Lease time.Duration    // how long a replay holds a grant, one transaction; default 15 s
	Now   func() time.Time // default time.Now
	Log   *slog.Logger     // default discards
	// Dropped is told of each grant whose spooled credential was given up: what
	// memory holds of it is not what the database has. May be nil.
	Dropped func(grantID string)
}

const defaultLease = 15 * time.Second

// Replay brings the spool into the database, and gives the grants that are done
// with. What cannot be brought in yet, because somebody else refreshes the grant
// or the database went away again, stays and is tried with the next call.
func (f *File) Replay(ctx context.Context, o ReplayOptions) (done []string, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	all, err := f.items(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		err := f.replay(ctx, o, i)
		if errors.Is(err, grant.ErrLeased) {
			continue
		}
		if err != nil {
			return done, err
		}
		done = append(done, i.grantID)
	}
	return done, nil
}

// replay ends one item, or gives the error why it must wait. Every step may have
// been done before, by a process that was killed after it.
func (f *File) replay(ctx context.Context, o ReplayOptions, i item) error {
	if i.damaged != nil {
		return f.give(ctx, o, i, "damaged")
	}
	settled, err := settleSpooled(ctx, o, i)
	switch {
	case err != nil:
		return err
	case !settled:
		return f.give(ctx, o, i, "generation_moved")
	}
	o.Log.InfoContext(ctx, "a credential that was kept in standby.db is in the database now", "grant", i.grantID, "generation", i.generation)
	return f.unspool(ctx, i)
}

// settleSpooled settles an item and reports false when the grant has gone on
// without it.
func settleSpooled(ctx context.Context, o ReplayOptions, i item) (settled bool, err error) {
	e := i.effects
	if settled, err = trySettle(ctx, o.Store, e); settled || err != nil {
		return settled, err
	}
	// Another term is the newest: somebody claimed the grant meanwhile.
	g, err := o.Store.Grant(ctx, i.grantID)
	if errors.Is(err, grant.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if g.Tokens.Digest() == e.Settle.Tokens.Digest() {
		return true, nil // it landed, here or with the try before a crash
	}
	if g.Tokens.Generation != e.Settle.From {
		return false, nil
	}
	claim, err := o.Store.Claim(ctx, i.grantID, grant.ClaimRequest{Owner: o.Owner, Now: o.Now(), For: o.Lease, Limit: 1})
	if errors.Is(err, grant.ErrNotFound) {
		return false, nil // revoked since it was read
	}
	if err != nil {
		return false, err
	}
	s := *e.Settle
	s.Term = claim.Grant.Lease.Term
	e.Settle = &s
	return trySettle(ctx, o.Store, e)
}

func trySettle(ctx context.Context, store Settler, e grant.Effects) (settled bool, err error) {
	errs, err := store.Settle(ctx, []grant.Effects{e})
	if err != nil {
		return false, err
	}
	if errors.Is(errs[0], grant.ErrLost) {
		return false, nil
	}
	return errs[0] == nil, errs[0]
}

// give gives an item up, in the log and in the audit log. A process that is
// killed before the item is gone from the file says it twice.
func (f *File) give(ctx context.Context, o ReplayOptions, i item, why string) error {
	err := o.Store.Append(ctx, audit.Entry{
		At: o.Now(), Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.spool", Subject: "grant:" + i.grantID,
		Outcome: audit.Failed, Reason: why, Details: map[string]string{"generation": strconv.FormatInt(i.generation, 10)},
	})
	if err != nil {
		return err
	}
	o.Log.WarnContext(ctx, "a credential that was kept in standby.db during the outage is given up: the grant went on without it",
		"grant", i.grantID, "generation", i.generation, "reason", why)
	if o.Dropped != nil {
		o.Dropped(i.grantID)
	}
	return f.unspool(ctx, i)
}
