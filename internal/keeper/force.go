package keeper

import (
	"context"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// The limits of forced refreshes, developers.weixin.qq.com/doc/channels/api/
// basic/api_getstableaccesstoken: 20 a day, 30 seconds apart. Inside the 30
// seconds WeChat silently does not refresh.
const (
	forcesPerDay = 20
	forcesApart  = 30 * time.Second
)

// forceWait is how long after the nth forced refresh of a day the next one may
// be spent: 30 s, 2 min, 8 min, 32 min, 2 h, 8 h. A fault that forcing does not
// mend, such as another program that forces too, must not use up the day.
func forceWait(n int) time.Duration { return forcesApart << (2 * min(max(n-1, 0), 5)) }

// mayForce spends a forced refresh if the ledger has one. Only a token that
// was proved dead comes here. The spending is
// durable before the request is sent.
func (a *attempt) mayForce(ctx context.Context) bool {
	id, now := a.claim.Grant.ID, a.k.now()
	if !a.room(now) {
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
