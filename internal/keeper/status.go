package keeper

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// Health says what the keeper cannot reach at the moment. Tokens that are
// still valid are served all the same.
type Health struct {
	StoreDownSince    time.Time // zero: the store answers
	PlatformDownSince time.Time // zero: WeChat answers
	PlatformCause     string    // e.g. "outcome_unknown"
	// HeldSince is since when the schedule asks WeChat only one thing at a time
	// to find out whether it can be reached; zero: it can. NextTry is the next.
	HeldSince, NextTry time.Time
	Refreshing         int // attempts under way in this process
	Waiting            int // callers who wait for a token that is not in memory
}

// Degraded tells whether anything is out of reach.
func (h Health) Degraded() bool {
	return !h.StoreDownSince.IsZero() || !h.PlatformDownSince.IsZero() || !h.HeldSince.IsZero()
}

// Status is where one grant stands, for lists and pages. It holds no secret.
type Status struct {
	GrantID    string
	Kind       grant.Kind
	App        string // our id of the app that it is of
	ShopID     string // self and isv grants
	PersonID   string // user grants
	State      grant.State
	Cause      string
	ErrCode    int
	Generation int64
	Expires    time.Time // of the access token; zero when there is none
	EndsAt     time.Time // of the refresh token; zero when that has no end
	DueAt      time.Time // next look; zero: never by itself
	Attempt    int       // failures in a row
	UpdatedAt  time.Time // last change
	Proved     time.Time // when WeChat last took the token, as far as was written down
	Doubts     int       // definite refusals since then
	Killing    int       // forced refreshes that a revocation still owes
	Refreshing bool      // somebody holds the lease
}

// Health gives the keeper's view of what it depends on.
func (k *Keeper) Health() Health {
	h := k.health.read(k.now())
	h.Waiting = int(k.flights.waiting.Load())
	var cause grant.Cause
	if h.HeldSince, cause, h.NextTry = k.gates.read(); cause != "" {
		h.PlatformCause = cause
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	h.Refreshing = len(k.busy)
	return h
}

// Status gives where a shop's grant stands.
func (k *Keeper) Status(ctx context.Context, shopID string) (Status, error) {
	g, err := k.opt.Store.ShopGrant(ctx, shopID)
	if err != nil {
		return Status{}, fmt.Errorf("keeper: status of shop %s: %w", shopID, err)
	}
	return statusOf(g, k.now()), nil
}

// Snapshot gives where all grants stand that f picks.
func (k *Keeper) Snapshot(ctx context.Context, f grant.Filter) ([]Status, error) {
	list, err := k.opt.Store.Grants(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("keeper: snapshot: %w", err)
	}
	now, all := k.now(), make([]Status, 0, len(list))
	for _, g := range list {
		all = append(all, statusOf(g, now))
	}
	return all, nil
}

func statusOf(g grant.Grant, now time.Time) Status {
	return Status{
		GrantID: g.ID, Kind: g.Kind, App: g.App, ShopID: g.ShopID, PersonID: g.PersonID, State: g.State, Cause: g.Cause,
		ErrCode: g.ErrCode, Generation: g.Tokens.Generation, Expires: g.Tokens.AccessExpires,
		EndsAt: refreshEnd(g.Tokens), DueAt: g.DueAt, Attempt: g.Attempt, UpdatedAt: g.UpdatedAt,
		Proved: g.Proved, Doubts: g.Doubts, Killing: g.Kills,
		Refreshing: g.SettledTerm < g.Lease.Term && now.Before(g.Lease.Until),
	}
}

// trouble is since when something does not answer, and why.
type trouble struct {
	since, last time.Time
	cause       grant.Cause
}

// health remembers troubles. Reading and noting take no lock.
type health struct {
	storeDown, unsettled, unreadable, platformDown atomic.Pointer[trouble]
}

// store is told of every claim. One that finds nothing due writes nothing, and says
// nothing of a settle that fails beside it.
func (h *health) store(err error, now time.Time) { note(&h.storeDown, err != nil, "", now) }

// settled is told of everything that was to be kept.
func (h *health) settled(err error, now time.Time) {
	note(&h.unsettled, err != nil, "", now)
	if err == nil {
		h.store(nil, now)
	}
}

// spooled is told when what could not be settled is kept elsewhere.
func (h *health) spooled(now time.Time) { note(&h.unsettled, false, "", now) }

// readStore is told of what was only read: a full disk is read as well as ever.
func (h *health) readStore(err error, now time.Time) { note(&h.unreadable, err != nil, "", now) }

// platform is told of every request. WeChat answers when it says no, too.
func (h *health) platform(err error, cause grant.Cause, now time.Time) {
	note(&h.platformDown, err != nil && unreachable[cause], cause, now)
}

var unreachable = map[string]bool{grant.CauseUnknown: true, grant.CauseNotSent: true, grant.CauseMalformed: true, grant.CauseBusy: true}

func note(p *atomic.Pointer[trouble], down bool, cause grant.Cause, now time.Time) {
	old := p.Load()
	switch {
	case !down && old != nil:
		p.CompareAndSwap(old, nil)
	case down && old == nil:
		p.CompareAndSwap(nil, &trouble{since: now, last: now, cause: cause})
	case down:
		p.CompareAndSwap(old, &trouble{since: old.since, last: now, cause: cause})
	}
}

// forgotten is how long after its last failure a way to WeChat counts as down:
// longer than the longest wait of the retry plan. Another replica may have
// renewed what failed here, and then nobody asks from here for long.
const forgotten = 15 * time.Minute

// unsettledFor is how long after its last failure a settle counts as owed: longer than
// from one that is given up, with the lease, to the next.
const unsettledFor = 2 * time.Minute

func (h *health) read(now time.Time) Health {
	var out Health
	for _, p := range []*atomic.Pointer[trouble]{&h.storeDown, &h.unsettled, &h.unreadable} {
		if t := p.Load(); t != nil && (p != &h.unsettled || now.Sub(t.last) < unsettledFor) && (out.StoreDownSince.IsZero() || t.since.Before(out.StoreDownSince)) {
			out.StoreDownSince = t.since
		}
	}
	if t := h.platformDown.Load(); t != nil && now.Sub(t.last) < forgotten {
		out.PlatformDownSince, out.PlatformCause = t.since, t.cause
	}
	return out
}
