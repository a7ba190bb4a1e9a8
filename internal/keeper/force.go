package keeper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// The limits of forced refreshes, developers.weixin.qq.com/doc/channels/api/
// basic/api_getstableaccesstoken: 20 a day, 30 seconds apart. Inside the 30
// seconds WeChat silently does not refresh.
const (
	forcesPerDay = 20
	forcesApart  = 30 * time.Second
)

// Who may spend how many of them. The day is any 24 hours, so that it holds for
// WeChat's day, whenever that begins.
const (
	forcesForAdmins = 5 // the last ones of a day
	forcesPerClient = 5 // of what is left for programs
)

// Spenders of forced refreshes, as the ledger names them. Programs and
// administrators are "client:" and "admin:" with their id.
const (
	BySystem    = "system"   // our own pages and the keeper
	ByOperator  = "operator" // whoever may use the admin socket
	clientMark  = "client:"
	adminMark   = "admin:"
	forceReason = "refused_token_still_kept"
	killReason  = "revoked"
)

// ByClient names a program as a spender.
func ByClient(id string) string { return clientMark + id }

// ByAdmin names an administrator as a spender.
func ByAdmin(id string) string { return adminMark + id }

// Why no forced refresh was spent. Each ends with what to do.
var (
	errDaySpent   = errors.New("the 20 forced refreshes of this day are spent; wait until the oldest is a day old")
	errAdminsOnly = errors.New("only the forced refreshes kept for administrators are left of this day; ask an administrator to look at the shop's other programs")
	errShareSpent = errors.New("this program has spent its 5 forced refreshes of the day; find out why its token dies so often, or ask an administrator")
	errTooSoon    = errors.New("another forced refresh was spent a moment ago; wait for it to show")
	errNoRecord   = errors.New("the ledger of forced refreshes does not answer, so none was sent; it is tried again")
)

// adminGap is how long after any forced refresh an administrator's may follow.
// The ledger says when one was spent, and it may reach WeChat as late as its
// request may last.
const adminGap = forcesApart + 10*time.Second

// forceWait is how long after the nth forced refresh of a day the next one may
// be spent: 30 s, 2 min, 8 min, 32 min, 2 h, 8 h. A fault that forcing does not
// mend, such as another program that forces too, must not use up the day.
// Administrators wait for WeChat only.
func forceWait(n int) time.Duration { return forcesApart << (2 * min(max(n-1, 0), 5)) }

// privileged spenders may spend the last ones of a day.
func privileged(by string) bool { return by == ByOperator || strings.HasPrefix(by, adminMark) }

// forceAt says when by may spend the next forced refresh after those of the
// last day, the oldest first, and what keeps it from now. It never is later
// than the oldest one's day.
func forceAt(spent []grant.Force, by string, now time.Time) (at time.Time, why error) {
	most, gap := forcesPerDay-forcesForAdmins, forceWait(len(spent))
	reason := errAdminsOnly
	if privileged(by) {
		most, gap, reason = forcesPerDay, adminGap, errDaySpent
	}
	at = now
	hold := func(until time.Time, because error) {
		if until.After(at) {
			at, why = until, because
		}
	}
	if n := len(spent); n > 0 {
		hold(spent[n-1].At.Add(gap), errTooSoon)
	}
	if n := len(spent); n >= most {
		hold(spent[n-most].At.Add(day), reason)
	}
	if own := of(spent, by); strings.HasPrefix(by, clientMark) && len(own) >= forcesPerClient {
		hold(own[len(own)-forcesPerClient].At.Add(day), errShareSpent)
	}
	return at, why
}

const day = 24 * time.Hour

// of gives the forced refreshes of one spender.
func of(spent []grant.Force, by string) []grant.Force {
	var own []grant.Force
	for _, f := range spent {
		if f.By == by {
			own = append(own, f)
		}
	}
	return own
}

// spend takes a forced refresh from the ledger. It is durable before the request
// is sent. Everything about one grant happens under its lease, so two replicas
// cannot spend the same one. A refusal says when to try again.
func (a *attempt) spend(ctx context.Context, by, reason string) (at time.Time, err error) {
	g, now := a.claim.Grant, a.k.now()
	spent, err := a.k.opt.Ledger.ForcedRefreshes(ctx, g.ID, now.Add(-day))
	if err == nil {
		if at, why := forceAt(spent, by, now); why != nil {
			return at, why
		}
		err = a.k.opt.Ledger.SpendForce(ctx, g.ID, now, by, audit.Entry{
			At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.force",
			Subject: subject(g), Outcome: audit.Done, Reason: reason,
			Details: map[string]string{"generation": fmt.Sprint(g.Tokens.Generation), "shop": g.ShopID, "by": by},
		})
	}
	if err != nil {
		a.k.opt.Logger.Warn("forced refresh not recorded, so it is not sent", "grant", g.ID, "err", err)
		return now.Add(forcesApart), errors.Join(errNoRecord, err)
	}
	a.k.opt.Step(StepForce)
	return now, nil
}

// mayForce spends a forced refresh for a report if the ledger has one. Only a
// token that was proved dead comes here.
func (a *attempt) mayForce(ctx context.Context) bool {
	if !a.room(a.k.now()) {
		return false
	}
	_, a.spent = a.spend(ctx, a.want.by, forceReason)
	return a.spent == nil
}
