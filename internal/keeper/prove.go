package keeper

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A refresh that goes well does not prove that the token works: WeChat may
// have taken the shop's permissions or the person's consent. So each active
// grant is proved once a day, by the calls of clients or, if there were none,
// by one cheap read with the kept token just before it is renewed.

// A proof is looked for at the first renewal that is proofAge less up to
// proofSpread after the last one. A renewal comes every two hours, so this is
// at least once a day, and grants that were made together are not proved
// together.
const (
	proofAge    = 22 * time.Hour
	proofSpread = 4 * time.Hour
)

// proof is what is known of the kept token.
type proof struct {
	at     time.Time // when WeChat last took it; zero: never
	doubts int       // definite refusals since then
	found  finding   // by this attempt
}

// proofDue is when a grant wants its next proof.
func proofDue(g grant.Grant) time.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(g.ID)) // never fails
	spread := time.Duration(h.Sum64() % uint64(proofSpread))
	return later(g.Proved, g.CreatedAt).Add(proofAge - spread)
}

// Proved says that WeChat answered a call with the token of this generation and
// did not complain of it. It costs a look into memory and, once for each token,
// one flag.
func (k *Keeper) Proved(shopID string, generation int64) {
	if h := k.shops.get(shopID); h != nil && h.generation == generation && !h.has(proved) {
		h.marks.Or(proved)
	}
}

// provedByUse says that a call proved the kept token in this process.
func (k *Keeper) provedByUse(g grant.Grant) bool {
	h := k.shops.get(g.ShopID)
	return h != nil && g.ShopID != "" && h.isGrant(g.ID) && h.generation == g.Tokens.Generation && h.has(proved)
}

// prove finds out whether WeChat takes the kept token, if that is to be known
// today. What it finds is written with the settle. Answers that say nothing
// change nothing; the next renewal tries again.
func (a *attempt) prove(ctx context.Context, kept secret.Value) {
	g, now := a.claim.Grant, a.k.now()
	if g.State != grant.Active || kept.IsZero() || !now.Before(g.Tokens.AccessExpires) {
		return
	}
	switch {
	case a.k.provedByUse(g):
		a.proof = proof{at: now, found: foundAlive}
	case !a.want.scheduled() || g.Attempt > 0 || now.Before(proofDue(g)):
		// Tries of one renewal follow each other in seconds: two refusals among
		// them are one odd moment of WeChat's, not two.
	default:
		a.take(a.probe(ctx, kept), a.k.now())
	}
}

// take takes a finding into the proof.
func (a *attempt) take(found finding, now time.Time) {
	switch a.proof.found = found; found {
	case foundAlive:
		a.proof.at, a.proof.doubts = now, 0
	case foundDead:
		a.proof.doubts++
		a.bury(true)
	}
}

// seer is who speaks when a daily proof fails.
func (p proof) seer() seer {
	if p.doubts > 1 {
		return dailyMore
	}
	return daily
}
