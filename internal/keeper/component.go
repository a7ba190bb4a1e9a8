package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A third-party platform's token is asked for with its AppSecret and a ticket
// that WeChat pushes. With the token it asks for those of the accounts that
// authorised it. So when the platform's token is gone, every account's is in
// trouble within two hours, for one reason: its own grant tells a human, the
// others wait.

var (
	errNoTicket  = errors.New("WeChat has pushed no ticket; check the push address of the platform, then wait ten minutes")
	errNoRefresh = errors.New("no refresh token is kept")
)

// noComponents is the store of a keeper that serves no platform.
type noComponents struct{}

func (noComponents) ComponentGrant(context.Context, string) (grant.Grant, error) {
	return grant.Grant{}, grant.ErrNotFound
}

func (noComponents) Tickets(context.Context, string) ([]grant.Ticket, error) { return nil, nil }

// equip takes what a request needs and the grant does not keep: tickets, or the
// platform's token. When it lacks, the reaction says what follows; without one
// nothing is known, and nothing is written.
func (a *attempt) equip(ctx context.Context) (reaction, error) {
	switch {
	case a.claim.Grant.Kind == grant.Component && len(a.tickets) == 0:
		return a.takeTickets(ctx)
	case a.claim.Grant.Kind == grant.ISV && a.platform.Value.IsZero():
		return a.takePlatform(ctx)
	}
	return reaction{}, nil
}

// unequipped settles an attempt that lacks something.
func (a *attempt) unequipped(ctx context.Context, lack reaction, err error) (Token, error) {
	if lack == (reaction{}) {
		return Token{}, a.release(ctx, notYet(a.claim.Grant.ID, a.k.opt.Tick, err))
	}
	return a.fail(ctx, lack, &Failure{Outcome: wechat.OutcomeNotSent, Err: err})
}

// firstTicket is how long a new platform may be without a ticket before somebody is
// told. WeChat pushes one every ten minutes, to an address that is entered only after
// the platform was declared:
// developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket.
const firstTicket = 30 * time.Minute

// takeTickets reads the tickets, the newest first. One that cannot be opened is
// as good as none.
func (a *attempt) takeTickets(ctx context.Context) (reaction, error) {
	app := a.claim.App.ID
	list, err := a.k.opt.Components.Tickets(ctx, app)
	a.k.health.readStore(err, a.k.now())
	if err != nil {
		return reaction{}, err
	}
	unread := errNoTicket
	lack := reaction{do: stop, cause: grant.CauseNoTicket}
	if len(list) == 0 && a.k.now().Sub(a.claim.Grant.CreatedAt) < firstTicket {
		lack = awaitsTicket
	}
	for _, t := range list {
		v, err := a.k.opt.Vault.Open(t.Value, vault.Ticket(app, t.CreatedAt))
		if err != nil {
			lack.cause, unread = grant.CauseUnreadable, err
			continue
		}
		a.tickets = append(a.tickets, v)
	}
	if len(a.tickets) == 0 {
		return lack, unread
	}
	return reaction{}, nil
}

// takePlatform gets the platform's token, by a refresh of its own grant if need
// be. It leaves room for the request.
func (a *attempt) takePlatform(ctx context.Context) (reaction, error) {
	k, app := a.k, a.claim.App.ID
	if err := k.lacks.known(app, k.now()); err != nil {
		k.lacks.wait(app, a.claim.Grant.ID)
		return waitsForPlatform, err
	}
	ctx, cancel := a.leavingRoom(ctx, k.opt.Ask+k.opt.Margin)
	defer cancel()
	tok, err := k.ComponentToken(ctx, app)
	if err != nil {
		err = fmt.Errorf("token of the platform %s: %w", app, err)
		if _, ok := errors.AsType[*Error](err); ok { // not the end of our own patience
			k.lacks.noted(app, err, k.now())
		}
		k.lacks.wait(app, a.claim.Grant.ID)
		return waitsForPlatform, err
	}
	a.platform = tok
	k.platformCame(app)
	return reaction{}, nil
}

// leavingRoom bounds ctx so that so much of the lease's trust is left after it.
func (a *attempt) leavingRoom(ctx context.Context, room time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, a.trust.Add(-room).Sub(a.k.now()), errTrustOver)
}

// refused finds out whether a refusal is the last word: a remedy may change what
// is asked with. Each is tried once under a lease.
func (a *attempt) refused(ctx context.Context, kept secret.Value, f *Failure) (Token, error) {
	r := reactTo(a.claim.Grant.Kind, f)
	if !a.want.trial.IsZero() && r.do == stop {
		return a.failedTrial(ctx, r, f)
	}
	if r.first == otherSecret && a.tried[otherSecret] {
		r = a.lastWord
	}
	if r.first == noRemedy || a.tried[r.first] || !a.room(a.k.now()) {
		return a.fail(ctx, r, f)
	}
	if a.tried == nil {
		a.tried = map[remedy]bool{}
	}
	a.tried[r.first] = true
	switch r.first {
	case olderTicket:
		if len(a.tickets) > 1 {
			a.tickets = a.tickets[1:]
			return a.renew(ctx, kept)
		}
	case otherSecret:
		var other bool
		if r, other = a.takeOther(ctx, r); other {
			return a.renew(ctx, kept)
		}
	case otherToken:
		if a.replacePlatform(ctx, f.Code) {
			return a.renew(ctx, kept)
		}
	case lookUp:
		return a.heal(ctx, kept, f)
	case checkPlatform:
		if a.k.lacks.suspect(a.claim.App.ID, a.k.now()) {
			a.k.Kick(a.platform.GrantID)
		}
	}
	return a.fail(ctx, r, f)
}

// replacePlatform reports the platform's token, as a program reports a shop's,
// and takes the one that comes of it. The same one again is no help.
func (a *attempt) replacePlatform(ctx context.Context, code int) bool {
	ctx, cancel := a.leavingRoom(ctx, a.k.opt.Ask+a.k.opt.Margin)
	defer cancel()
	tok, err := a.k.Report(ctx, Complaint{
		App: a.claim.App.ID, Generation: a.platform.Generation, ErrCode: code, By: BySystem,
	})
	if err != nil || tok.Generation == a.platform.Generation {
		return false
	}
	a.platform = tok
	return true
}

// platformBack says that g waits for the token of its platform, which is there
// now: a caller need not wait for g's plan.
func (k *Keeper) platformBack(g grant.Grant) bool {
	if g.Cause != grant.CausePlatform {
		return false
	}
	h := k.apps.get(g.App)
	return h != nil && k.uptime() < h.end
}

// platformCame wakes the grants that waited for a platform's token.
func (k *Keeper) platformCame(app string) {
	for _, id := range k.lacks.came(app) {
		k.wakeGrant(id)
	}
}

// lacks remembers which platforms have no token. The zero lacks knows of none.
type lacks struct {
	mu sync.Mutex
	of map[string]*lack
}

// lack is kept for a platform while somebody waits for its token.
type lack struct {
	until   time.Time // so long nobody looks for it again
	err     error
	waiting map[string]bool // grants to be woken
	checked time.Time       // when its own grant was looked at for another's sake
}

// lackFor is how long the lack of a platform's token is known without looking: many
// thousand grants may ask in the same minute.
const lackFor = time.Second

// checkApart is how often a platform's own grant is looked at for what an
// account's grant met.
const checkApart = 10 * time.Minute

// known gives the reason if the platform had no token a moment ago.
func (l *lacks) known(app string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.of[app]; k != nil && now.Before(k.until) {
		return k.err
	}
	return nil
}

// noted says that the platform has no token, and why.
func (l *lacks) noted(app string, err error, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.at(app)
	k.until, k.err = now.Add(lackFor), err
}

// wait has a grant woken when the token is there. Beyond mostWoken a grant is
// looked at by its plan.
func (l *lacks) wait(app, grantID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.at(app); len(k.waiting) < mostWoken {
		k.waiting[grantID] = true
	}
}

// came says that the token is there, and gives the grants to wake.
func (l *lacks) came(app string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.of[app]
	if k == nil {
		return nil
	}
	k.until, k.err = time.Time{}, nil
	return take(k.waiting, mostWoken)
}

// suspect tells whether the platform's own grant is to be looked at now.
func (l *lacks) suspect(app string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.at(app)
	if now.Sub(k.checked) < checkApart {
		return false
	}
	k.checked = now
	return true
}

func (l *lacks) at(app string) *lack {
	if l.of == nil {
		l.of = map[string]*lack{}
	}
	k := l.of[app]
	if k == nil {
		k = &lack{waiting: map[string]bool{}}
		l.of[app] = k
	}
	return k
}
