package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// deadTokenCodes are the errcodes of data calls that say "this token is not
// good". No other code leads to a refresh.
var deadTokenCodes = map[int]bool{40001: true, 40014: true, 42001: true}

// Report says that WeChat refused the token of this generation with errcode,
// and gives a better one. If another generation is kept by now it is handed
// over and nothing is asked. Otherwise one refresh is made, whatever the
// number of reporters. If WeChat then gives out the same token again, a forced
// refresh may be spent, as the ledger allows.
//
// With an errcode that does not speak of the token it is [Keeper.Token].
// Callers repeat their call once with the new token and then give up.
func (k *Keeper) Report(ctx context.Context, shopID string, generation int64, errcode int) (Token, error) {
	if !deadTokenCodes[errcode] {
		return k.Token(ctx, shopID)
	}
	if h := k.shops.get(shopID); h != nil && h.Generation > generation && k.now().Before(h.Expires) {
		return h.Token, nil
	}
	if err := k.reported(shopID, generation); err != nil {
		return Token{}, err
	}
	fl := k.reportFlight(shopID, generation)
	return fl.wait(ctx)
}

func (k *Keeper) reportFlight(shopID string, generation int64) *flight {
	s := k.shop(shopID)
	s.name = fmt.Sprintf("report %d %s", generation, shopID)
	return k.flights.join(s.name, func() (Token, error) {
		if err := k.reported(shopID, generation); err != nil {
			return Token{}, err // the flight before this one had no answer either
		}
		ctx, cancel := context.WithTimeoutCause(context.Background(), 3*k.opt.Lease, errHolderSlow)
		defer cancel()
		tok, err := k.fetch(ctx, s, want{demand: true, rejected: generation})
		switch {
		case final(err):
			s.table.dropKey(s.key)
		case err != nil:
			k.remember(shopID, generation, err)
		}
		return tok, err
	})
}

// reportAgain is for how long a report that brought nothing answers the next
// ones: no caller can make us ask more often.
const reportAgain = 30 * time.Second

// errStillKept says that WeChat named the refused token as the valid one.
var errStillKept = errors.New("WeChat still gives out the token that it refused, and no forced refresh is left for now; see the call's own rights")

// verdictOnToken is what the last report of a generation led to.
type verdictOnToken struct {
	generation int64
	until      time.Time
	err        error
}

// reported gives the error of the last report on this generation, if it is
// fresh.
func (k *Keeper) reported(shopID string, generation int64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.verdicts[shopID]
	if !ok || !k.now().Before(v.until) {
		delete(k.verdicts, shopID)
		return nil
	}
	if v.generation != generation {
		return nil
	}
	return v.err
}

// remember keeps the error of a report for as long as asking again is of no
// use.
func (k *Keeper) remember(shopID string, generation int64, err error) {
	wait := reportAgain
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		wait = min(wait, e.RetryAfter)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.verdicts[shopID] = verdictOnToken{generation, k.now().Add(wait), err}
}

// The limits of forced refreshes, developers.weixin.qq.com/doc/channels/api/
// basic/api_getstableaccesstoken: 20 a day, 30 seconds apart. Inside the 30
// seconds WeChat silently does not refresh.
const (
	forcesPerDay = 20
	forcesApart  = 30 * time.Second
)

// forceWait is how long after the nth forced refresh of a day the next one may
// be spent. It doubles: a fault that forcing does not mend must not use up the
// day within minutes.
func forceWait(n int) time.Duration { return forcesApart << min(max(n-1, 0), 8) }

// mayForce spends a forced refresh if the ledger has one. The spending is
// durable before the request is sent.
func (a *attempt) mayForce(ctx context.Context) bool {
	id, now := a.claim.Grant.ID, a.k.now()
	if a.trust.Sub(now) < a.k.opt.Ask+a.k.opt.Margin {
		return false
	}
	spent, err := a.k.opt.Ledger.ForcedRefreshes(ctx, id, now.Add(-24*time.Hour))
	if err != nil || !forceAllowed(spent, now) {
		return false
	}
	err = a.k.opt.Ledger.SpendForce(ctx, id, now, a.k.opt.Owner, audit.Entry{
		At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.force",
		Subject: subject(a.claim.Grant), Outcome: audit.Done, Reason: "refused_token_still_kept",
		Details: map[string]string{"generation": fmt.Sprint(a.want.rejected), "shop": a.claim.Grant.ShopID},
	})
	if err != nil {
		a.k.opt.Logger.Warn("forced refresh not recorded, so it is not sent", "grant", id, "err", err)
	}
	return err == nil
}

func forceAllowed(spent []time.Time, now time.Time) bool {
	if len(spent) >= forcesPerDay {
		return false
	}
	for _, at := range spent {
		if now.Sub(at) < forceWait(len(spent)) {
			return false
		}
	}
	return true
}
