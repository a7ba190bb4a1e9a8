package keeper

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Witness hears of tokens that died although they should live. Its method must return
// at once and may be called by several goroutines.
type Witness interface {
	Died(d grant.Death)
}

// deaf hears nothing.
func (deaf) Died(grant.Death) {}

// naturalEnd is how long before a token's end WeChat makes the next one, of which
// both work then: see renewals. What is seen this late says nothing.
const naturalEnd = 5*time.Minute + sameEnd

// bury begins the report of a death, unless the token was at its end anyway.
func (a *attempt) bury(probed bool) {
	g, now := a.claim.Grant, a.k.now()
	if a.death != nil || g.Kills > 0 || g.Kind == grant.User || g.Tokens.Generation == 0 || !now.Before(g.Tokens.AccessExpires.Add(-naturalEnd)) {
		return
	}
	a.death = &grant.Death{
		GrantID: g.ID, ShopID: g.ShopID, App: g.App, Kind: g.Kind, Generation: g.Tokens.Generation, End: g.Tokens.AccessExpires,
		Seen: now, Probed: probed, Begin: a.begin,
	}
	if !a.claim.Unsettled {
		a.death.Quiet = g.SettledAt
	}
}

// named notes which token WeChat names without force. A self grant's is the kept one
// until its last minutes, so that another one tells of a death too.
func (a *attempt) named(ans Answer, kept secret.Value, asked time.Time) {
	if a.claim.Grant.Kind != grant.Self {
		return
	}
	a.k.saw(ans.ExpiresIn)
	if !a.same && !kept.IsZero() {
		a.bury(false)
		a.landed()
	}
	if d := a.death; d != nil {
		d.Asked, d.Took, d.Life, d.Same = asked, a.k.now().Sub(asked), ans.ExpiresIn, a.same
	}
}

// unnamed notes that WeChat named no token.
func (a *attempt) unnamed(err error, asked time.Time) {
	if d := a.death; d != nil {
		d.Asked, d.Took, d.Code = asked, a.k.now().Sub(asked), asFailure(err).Code
	}
}

// rotated notes that somebody else has the account's refresh token renewed: WeChat
// refused the kept one, and named another.
func (a *attempt) rotated(f *Failure) {
	g := a.claim.Grant
	if a.death == nil {
		a.death = &grant.Death{GrantID: g.ID, ShopID: g.ShopID, App: g.App, Kind: g.Kind, Generation: g.Tokens.Generation,
			End: g.Tokens.AccessExpires, Seen: a.k.now(), Begin: a.begin}
	}
	a.death.Code, a.death.Rotated = f.Code, true
}

// saw remembers the longest life that WeChat gave.
func (k *Keeper) saw(life time.Duration) {
	for {
		old := k.longest.Load()
		if int64(life) <= old || k.longest.CompareAndSwap(old, int64(life)) {
			return
		}
	}
}

// testify tells the witness of a death, when the attempt is over.
func (a *attempt) testify() {
	if a.death == nil {
		return
	}
	a.death.Full = time.Duration(a.k.longest.Load())
	a.k.opt.Witness.Died(*a.death)
}
