package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Report says that WeChat refused the token of this generation with errcode,
// and gives the token to go on with. What it does is a table, see decide.go:
// a later generation is handed over and nothing is asked; a token that the
// keeper's own probe finds alive is handed over again; any other is asked
// for, once for any number of reporters; a forced refresh is spent only when
// the probe proves the token dead, WeChat names it again, and the ledger
// allows.
//
// The token may be the reported one: then the call was refused for another
// reason. Callers repeat their call once with a new token and then give up.
func (k *Keeper) Report(ctx context.Context, shopID string, generation int64, errcode int) (Token, error) {
	blame := blameOf(errcode)
	old, err := k.remembered(shopID, generation)
	switch {
	case decide(blame, old, notProbed) == moveRead:
		return k.reportFlight(shopID, generation).wait(ctx)
	case err != nil && blame == blamesToken:
		return Token{}, err
	}
	return k.Token(ctx, shopID)
}

func (k *Keeper) reportFlight(shopID string, generation int64) *flight {
	s := k.shop(shopID)
	s.name = fmt.Sprintf("report %d %s", generation, shopID)
	return k.flights.join(s.name, func() (Token, error) {
		ctx, cancel := context.WithTimeoutCause(context.Background(), 3*k.opt.Lease, errHolderSlow)
		defer cancel()
		switch old, err := k.remembered(shopID, generation); {
		case err != nil:
			return Token{}, err
		case old != unread: // the flight before this one has found out
			return k.Token(ctx, shopID)
		}
		tok, err := k.fetch(ctx, s, want{demand: true, rejected: generation})
		switch {
		case final(err):
			s.table.dropKey(s.key)
		case err != nil && !errors.Is(err, errStillKept):
			k.remember(shopID, generation, err)
		}
		return tok, err
	})
}

// errStillKept says that WeChat named a token as the valid one that it
// refuses.
var errStillKept = errors.New("WeChat still gives out the token that it refuses, and no forced refresh is left for now; look at the shop's other programs")

// tokenVerdict is what the last report on a generation led to. It answers the
// next ones until its time is over: no caller can make the keeper probe or
// ask more often.
type tokenVerdict struct {
	generation int64
	until      time.Duration // on the keeper's uptime
	times      int           // reports in a row that led to a probe or an ask
	err        error         // nil: the token is good, as far as is known
}

// leaveFor is for how long the nth verdict in a row answers reports: 30 s,
// doubled up to 8 minutes. It starts short because a token may die right
// after it was proved alive.
func leaveFor(n int) time.Duration { return 30 * time.Second << min(max(n-1, 0), 4) }

// remembered says how the token in memory stands to a reported generation,
// and with what error a verdict answers.
func (k *Keeper) remembered(shopID string, generation int64) (age, error) {
	if h := k.shops.get(shopID); h != nil && h.Generation > generation && k.now().Before(h.Expires) {
		return newer, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.verdicts[shopID]; ok && v.generation == generation && k.uptime() < v.until {
		return judged, v.err
	}
	return unread, nil
}

// freeReplacements is how many times in a row a report may bring another token
// before the next one has to wait.
const freeReplacements = 2

// conclude remembers that a report on generation from was answered with
// generation to, or with cause. It gives the error to answer with. Another
// token is not suspect at first: it may really be dead again.
func (k *Keeper) conclude(shopID string, from, to int64, another bool, cause error) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := tokenVerdict{generation: to, times: 1}
	if last := k.verdicts[shopID]; last.generation == from {
		v.times = last.times + 1
	}
	wait := leaveFor(v.times)
	if another && v.times <= freeReplacements {
		wait = 0
	}
	if cause != nil {
		err = notYet("", wait, cause)
	}
	v.until, v.err = k.uptime()+wait, err
	k.verdicts[shopID] = v
	return err
}

// remember keeps the error of a report that could not be decided, for as long
// as asking again is of no use.
func (k *Keeper) remember(shopID string, generation int64, err error) {
	wait := leaveFor(1)
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		wait = min(wait, e.RetryAfter)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	v := tokenVerdict{generation: generation, until: k.uptime() + wait, times: 1, err: err}
	if last := k.verdicts[shopID]; last.generation == generation {
		v.times = max(last.times, 1)
	}
	k.verdicts[shopID] = v
}
