package keeper

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/trace"
)

// Token gives the access token of a shop's own grant. A token in memory costs
// no lock and no allocation. Otherwise all callers of one shop wait for
// one look into the store and, if need be, one refresh; a caller whose ctx
// ends leaves, the work goes on.
//
// A token that should have been renewed by now is still served until its real
// end when no newer one can be had.
//
// Errors are [*Error]; test them against the sentinels of this package. A ctx
// that ends gives its cause.
func (k *Keeper) Token(ctx context.Context, shopID string) (Token, error) {
	now, h := k.uptime(), k.shops.get(shopID)
	if h == nil || !h.take(now) {
		return k.slow(ctx, k.shop(shopID), h)
	}
	if h.mustCheck(now) {
		k.recheck(k.shop(shopID), h)
	}
	return k.tokenIn(h), nil
}

// UserToken gives the access token of a person's grant. It works like
// [Keeper.Token].
func (k *Keeper) UserToken(ctx context.Context, grantID string) (Token, error) {
	return k.tokenFrom(ctx, k.user(grantID))
}

// ComponentToken gives the access token of a third-party platform, by our id of
// its app. It works like [Keeper.Token].
func (k *Keeper) ComponentToken(ctx context.Context, app string) (Token, error) {
	return k.tokenFrom(ctx, k.platform(app))
}

// tokenFrom gives what UserToken and ComponentToken give. Token does the same
// without making a source first: calls take it.
func (k *Keeper) tokenFrom(ctx context.Context, s source) (Token, error) {
	now, h := k.uptime(), s.table.get(s.key)
	if h == nil || !h.take(now) {
		return k.slow(ctx, s, h)
	}
	if h.mustCheck(now) {
		k.recheck(s, h)
	}
	return k.tokenIn(h), nil
}

// Source hands out the token of one shop. It remembers where memory holds it,
// so that taking it costs little more than looking at the clock. It may be
// used by several goroutines and for as long as its keeper.
type Source struct {
	k    *Keeper
	shop string
	last atomic.Pointer[lent]
}

// lent is what a source gave out last.
type lent struct {
	*held
	tok Token
}

// Source makes a source for a shop, for callers that ask for the same shop
// again and again. Nothing is looked up: an unknown shop shows at its first
// use.
func (k *Keeper) Source(shopID string) *Source { return &Source{k: k, shop: shopID} }

// Token is [Keeper.Token] for the source's shop.
func (s *Source) Token(ctx context.Context) (Token, error) {
	now, l := s.k.uptime(), s.last.Load()
	if l == nil || !l.take(now) {
		return s.find(ctx)
	}
	if l.mustCheck(now) {
		s.k.recheck(s.k.shop(s.shop), l.held)
	}
	return l.tok, nil
}

// find takes the token by the shop's id, and remembers where it is now.
func (s *Source) find(ctx context.Context) (Token, error) {
	tok, err := s.k.Token(ctx, s.shop)
	if h := s.k.shops.get(s.shop); h != nil {
		s.last.Store(&lent{h, s.k.tokenIn(h)})
	} else {
		s.last.Store(nil)
	}
	return tok, err
}

// tokenIn is the token that memory holds.
func (k *Keeper) tokenIn(h *held) Token {
	w := k.wall.Load()
	return Token{Value: h.value, Generation: h.generation, Expires: w.at.Add(h.end - w.uptime), GrantID: h.grantID()}
}

// source is where a caller's name leads: a place in memory, a row in the
// store.
type source struct {
	name  string // of the flight
	key   string
	table *table
	read  func(context.Context) (grant.Grant, error)
}

func (k *Keeper) shop(id string) source {
	return source{"shop " + id, id, k.shops, func(ctx context.Context) (grant.Grant, error) {
		return k.opt.Store.ShopGrant(ctx, id)
	}}
}

func (k *Keeper) user(grantID string) source {
	return source{"grant " + grantID, grantID, k.users, func(ctx context.Context) (grant.Grant, error) {
		return k.opt.Store.Grant(ctx, grantID)
	}}
}

func (k *Keeper) platform(app string) source {
	return source{"app " + app, app, k.apps, func(ctx context.Context) (grant.Grant, error) {
		return k.opt.Components.ComponentGrant(ctx, app)
	}}
}

// sourceOf is the source whose row g is. A shop may have a second grant, which
// does not serve it now; its tokens do not get into memory, since nobody reads
// that row under the shop's name.
func (k *Keeper) sourceOf(g grant.Grant) source {
	switch g.Kind {
	case grant.User:
		return k.user(g.ID)
	case grant.Component:
		return k.platform(g.App)
	}
	return k.shop(g.ShopID)
}

// patience is the longest that a caller waits for a newer token while the old
// one is still valid.
const patience = 2 * time.Second

// slow is Token without luck. h is what memory holds, or nil.
func (k *Keeper) slow(ctx context.Context, s source, h *held) (Token, error) {
	ctx, span := trace.Start(ctx, "wait for token", trace.Internal)
	defer span.End()
	fl := k.join(ctx, s, s.name, want{demand: true})
	now := k.uptime()
	if h == nil || now >= h.end {
		return fl.wait(ctx)
	}
	short, cancel := context.WithTimeout(ctx, min(patience, (h.end-now)/2))
	defer cancel()
	tok, err := fl.wait(short)
	if err == nil || final(err) {
		return tok, err
	}
	if h = s.table.get(s.key); h == nil || k.uptime() >= h.end {
		return fl.wait(ctx) // ended or forgotten meanwhile
	}
	k.opt.Observer.ServedStale()
	return k.tokenIn(h), nil
}

// final errors end a grant, whatever is left of its token.
func final(err error) bool {
	return errors.Is(err, ErrRevoked) || errors.Is(err, ErrNeedsOwner) || errors.Is(err, ErrHeld) || errors.Is(err, ErrUnknownShop)
}

// recheck looks at the store beside serving from memory: another replica may
// have renewed or revoked the grant. A store that does not answer changes
// nothing; the token's end bounds for how long.
func (k *Keeper) recheck(s source, h *held) {
	if h.marks.Or(checking)&checking == 0 {
		k.join(context.Background(), s, s.name, want{demand: true})
	}
}

// join starts or joins the flight that fetches a token. Of caller it takes nothing
// but the span: the flight is a part of the trace of whoever started it.
func (k *Keeper) join(caller context.Context, s source, name string, w want) *flight {
	return k.flights.join(name, func() (Token, error) {
		// A holder elsewhere may need its whole lease, and we one after it.
		ctx, cancel := context.WithTimeoutCause(trace.Carry(context.Background(), caller), 3*k.opt.Lease, errHolderSlow)
		defer cancel()
		tok, err := k.fetch(ctx, s, w)
		if final(err) {
			s.table.dropKey(s.key)
		} else {
			k.extend(s) // also after a look that memory did not take: see [journal]
		}
		return tok, err
	})
}

var errHolderSlow = errors.New("keeper: waited for another holder of the lease and got nothing; see its log")

// extend plans the next look at the store for a token that could not be
// checked now.
func (k *Keeper) extend(s source) {
	if h := s.table.get(s.key); h != nil && h.has(checking) {
		h.checked(k.nextCheck())
	}
}

// nextCheck is the second of the uptime from which on the store is looked at
// again for a token that was checked now.
func (k *Keeper) nextCheck() uint32 {
	if k.opt.Recheck < 0 {
		return never
	}
	return uint32(min((k.uptime()+k.opt.Recheck+time.Second-1)/time.Second, never-1))
}

// fetch looks into the store and refreshes if that is needed and allowed. It
// repeats only while somebody else holds the lease.
func (k *Keeper) fetch(ctx context.Context, s source, w want) (Token, error) {
	for gone := 0; ; {
		epoch := k.epoch.Load()
		g, err := k.read(ctx, s)
		if err != nil {
			return Token{}, err
		}
		if g.State == grant.Followed {
			return k.follow(ctx, s, g, w, epoch)
		}
		k.noteUse(g)
		if tok, ok, err := k.answer(g, w, k.now()); ok || err != nil {
			if ok {
				k.put(g, tok, true, epoch)
			}
			return tok, err
		}
		tok, err := k.renew(ctx, g.ID, w)
		switch {
		case err == nil:
			k.put(g, tok, true, epoch)
			return tok, nil
		case errors.Is(err, grant.ErrLeased):
			if !k.awaitHolder(ctx, g.ID) {
				return k.orKept(g, w, notYet(g.ID, k.opt.Tick, context.Cause(ctx)))
			}
		case errors.Is(err, grant.ErrNotFound):
			// Ended between the look and the claim: the next look says how.
			if gone++; gone == 3 || !pause(ctx, pauseFor(1)) {
				return Token{}, notYet(g.ID, k.opt.Tick, err)
			}
		default:
			return k.orKept(g, w, err)
		}
	}
}

// read gives the grant behind s.
func (k *Keeper) read(ctx context.Context, s source) (grant.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	g, err := s.read(ctx)
	switch {
	case errors.Is(err, grant.ErrNotFound):
		k.health.readStore(nil, k.now())
		return g, &Error{Reason: ErrUnknownShop, Err: err}
	case err != nil:
		k.health.readStore(err, k.now())
		return g, notYet("", k.opt.Tick, err)
	}
	k.health.readStore(nil, k.now())
	return g, nil
}

// answer says what follows from a stored grant: a token to serve (ok), an
// error, or neither: then WeChat is to be asked.
func (k *Keeper) answer(g grant.Grant, w want, now time.Time) (tok Token, ok bool, err error) {
	if g.State == grant.Revoked || g.State == grant.NeedsOwner || g.State == grant.Held {
		return Token{}, false, refusal(g, now, nil)
	}
	valid := g.Tokens.Generation > 0 && now.Before(g.Tokens.AccessExpires) && g.Tokens.Generation != w.rejected
	waits := now.Before(g.DueAt) && g.Cause != grant.CauseAsleep && !k.platformBack(g)
	if valid && (waits || now.Before(g.Tokens.AccessExpires.Add(-margin))) {
		if tok, err := k.tokenOf(g, now); err == nil {
			return tok, true, nil
		}
		// Unreadable: as good as none. Asking brings a readable one.
	}
	// A token that ended before its plan had too short a life: see leastApart.
	ended := !g.Tokens.AccessExpires.IsZero() && !now.Before(g.Tokens.AccessExpires)
	if waits && (g.Attempt > 0 || ended) {
		return Token{}, false, refusal(g, now, nil)
	}
	return Token{}, false, nil
}

// orKept serves the kept token if it is still good enough, else returns err.
func (k *Keeper) orKept(g grant.Grant, w want, err error) (Token, error) {
	now := k.now()
	if final(err) || g.Tokens.Generation == 0 || g.Tokens.Generation == w.rejected || !now.Before(g.Tokens.AccessExpires) {
		return Token{}, err
	}
	tok, openErr := k.tokenOf(g, now)
	if openErr != nil {
		return Token{}, err
	}
	k.opt.Observer.ServedStale()
	return tok, nil
}

// tokenOf opens a stored token. Its end is put on the monotonic clock, so that
// a jump of the wall clock does not move it from now on.
func (k *Keeper) tokenOf(g grant.Grant, now time.Time) (Token, error) {
	v, err := k.openAccess(g)
	if err != nil {
		return Token{}, err
	}
	end := now.Add(g.Tokens.AccessExpires.Sub(now))
	return Token{Value: v, Generation: g.Tokens.Generation, Expires: end, GrantID: g.ID}, nil
}

// margin is how long before its end a token is not served any more if a newer
// one can be had. The schedule renews earlier; this is for when it is late.
const margin = time.Minute

// softEnd is from when on the store is asked for a newer token. A token that
// is short-lived when it comes into memory has a shorter margin.
func softEnd(now, end time.Time) time.Time {
	return end.Add(-min(margin, max(0, end.Sub(now))/4))
}

// hold is told of a durable token that an attempt brought. It takes the place
// of the one in memory if somebody used that; else memory keeps none. Whoever
// waits for the token puts it into memory himself.
func (k *Keeper) hold(g grant.Grant, tok Token, epoch uint64) {
	if k.usedHere(g) {
		k.noteUse(g)
	}
	k.put(g, tok, false, epoch)
}

// put puts a durable token into memory, unless its grant was forgotten or
// changed since epoch.
func (k *Keeper) put(g grant.Grant, tok Token, wanted bool, epoch uint64) {
	s := k.sourceOf(g)
	h := newHeld(s.key, tok, tok.Expires.Sub(k.base), softEnd(k.now(), tok.Expires).Sub(k.base), k.nextCheck())
	if g.State == grant.Followed {
		h.marks.Or(followed)
	}
	s.table.put(h, wanted, func() bool {
		return k.epoch.holds(epoch, g.ID, tok.Generation) && k.epoch.holds(epoch, s.name, tok.Generation)
	})
}

// Forget drops what memory holds of a grant, at once. Call it after the grant
// was revoked; a refresh under way cannot bring it back.
func (k *Keeper) Forget(grantID string) { k.forget(grantID, math.MaxInt64) }

// Changed says that generation was settled, by whatever replica. An older
// one is dropped from memory, so that the next use reads the store. It costs
// next to nothing where memory holds the generation or nothing at all: call it
// for every settle that is heard of.
func (k *Keeper) Changed(grantID string, generation int64) { k.forget(grantID, generation) }

// ForgetShop drops what memory holds of a shop, whichever of its grants that is
// of. Call it after another grant serves the shop: the next use reads the store.
func (k *Keeper) ForgetShop(shopID string) {
	s := k.shop(shopID)
	k.epoch.add(s.name, math.MaxInt64)
	s.table.dropKey(s.key)
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.verdicts, s.name) // generations of the other grant
}

// forget drops generations of a grant below a number.
func (k *Keeper) forget(grantID string, below int64) {
	k.epoch.add(grantID, below)
	k.shops.drop(grantID, below)
	k.users.drop(grantID, below)
	k.apps.drop(grantID, below)
}

// refusal says why a grant yields no token.
func refusal(g grant.Grant, now time.Time, err error) error {
	e := &Error{GrantID: g.ID, Cause: g.Cause, ErrCode: g.ErrCode, Err: err}
	switch g.State {
	case grant.Revoked:
		e.Reason = ErrRevoked
	case grant.NeedsOwner:
		e.Reason = ErrNeedsOwner
	case grant.Stopped:
		e.Reason = ErrStopped
	case grant.Held:
		e.Reason = ErrHeld
	case grant.Followed:
		e.Reason = ErrFollowed
	default:
		e.Reason = ErrNotYet
	}
	if !final(e.Reason) && g.DueAt.After(now) {
		e.RetryAfter = g.DueAt.Sub(now)
	}
	return e
}
