package provider

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Store keeps what is decided. Every method is one transaction.
type Store interface {
	// Authorise applies all of e, or nothing. [grant.ErrLost] says that a row
	// changed since it was read.
	Authorise(ctx context.Context, e grant.Effects) error
	Authorizer(ctx context.Context, app, appID string) (grant.Authorizer, error)
	// AuthorizersPage gives those behind an appid, in the order of appids.
	AuthorizersPage(ctx context.Context, app, after string, limit int) ([]grant.Authorizer, error)
	// DueAuthorizers claims authorisers: it moves DueAt on by r.For and Version by
	// one, and gives the rows as they are then.
	DueAuthorizers(ctx context.Context, r grant.ClaimRequest) ([]grant.Authorizer, error)
	// SetCondition remembers whether something is wrong, and writes the notice if
	// that changed.
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
	// UseState writes c down, or answers [access.ErrUsed] if it stands there already.
	UseState(ctx context.Context, c grant.Callback, e ...audit.Entry) (*grant.Callback, error)
	// Turn gives one caller the turn that name has at now, and plans the following
	// one for next. It reports false when the turn is not there yet or taken.
	Turn(ctx context.Context, name string, now, next time.Time) (bool, error)
}

// Directory reads what is there.
type Directory interface {
	App(ctx context.Context, id string) (access.App, error)
	Apps(ctx context.Context) ([]access.App, error)
	ShopByAppID(ctx context.Context, appID string) (access.Shop, error)
	AuthorizerGrant(ctx context.Context, app, appID string) (grant.Grant, error)
	ComponentGrant(ctx context.Context, app string) (grant.Grant, error)
	Tickets(ctx context.Context, app string) ([]grant.Ticket, error)
}

// Vault seals and opens what is stored.
type Vault interface {
	Seal(v secret.Value, c vault.Cell) ([]byte, error)
	Open(sealed []byte, c vault.Cell) (secret.Value, error)
}

// Token is a platform's access token.
type Token struct {
	Value      secret.Value
	Generation int64
}

// Keeper keeps the tokens.
type Keeper interface {
	ComponentToken(ctx context.Context, app string) (Token, error)
	// Refused says that WeChat did not take a platform's token.
	Refused(ctx context.Context, app string, generation int64)
	// Changed says that a grant has new tokens or none any more. due says that it
	// has no access token yet and is to be looked at now.
	Changed(grantID string, due bool)
}

// Options are the parts and numbers of a Provider. The parts down to Owner must
// be set; a zero number takes its default.
type Options struct {
	Store     Store
	Directory Directory
	Vault     Vault
	Keeper    Keeper
	Platform  Platform
	Market    Market
	Owner     string // names this process in claims; unique among replicas

	Now    func() time.Time                  // default time.Now
	Jitter func(time.Duration) time.Duration // default uniform in [0, d)
	Logger *slog.Logger                      // default discards

	// DeclaredOnly adopts only shops that somebody declared. Otherwise an account
	// that nobody declared gets a tenant and a shop of its own.
	DeclaredOnly bool
	// Sets are the permission sets (权限集) that a shop should grant; default 129
	// goods, 130 logistics, 131 orders:
	// developers.weixin.qq.com/doc/store/shop/dev_before/third_party_platforms.
	Sets []int64

	Tick      time.Duration // how often due work is looked for; default 2 s
	Hold      time.Duration // length of a claim; default 1 min
	Ask       time.Duration // longest request to WeChat; default 8 s
	Wait      time.Duration // longest that Enter waits; default 6 s
	Workers   int           // adoptions at the same time; default 16
	Look      time.Duration // how often a kept authoriser is looked at; default 24 h
	Reconcile time.Duration // how often the list is compared; default 1 h
	Watch     time.Duration // how often it is seen to that tickets come; default 1 min
	Silence   time.Duration // how long without a ticket somebody is told; default 30 min
}

func (o *Options) fill() {
	for _, d := range []struct {
		v        *time.Duration
		standard time.Duration
	}{
		{&o.Tick, 2 * time.Second}, {&o.Hold, time.Minute}, {&o.Ask, 8 * time.Second}, {&o.Wait, 6 * time.Second},
		{&o.Look, 24 * time.Hour}, {&o.Reconcile, time.Hour}, {&o.Silence, 30 * time.Minute}, {&o.Watch, time.Minute},
	} {
		if *d.v <= 0 {
			*d.v = d.standard
		}
	}
	if o.Workers <= 0 {
		o.Workers = 16
	}
	if o.Sets == nil {
		o.Sets = []int64{129, 130, 131}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = uniform
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// uniform returns a random duration in [0, d).
func uniform(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// Provider is one server's part in keeping the platforms. Make it with [New],
// start it with [Provider.Run]. All methods may be called by several goroutines;
// Run once at a time.
type Provider struct {
	o     Options
	wake  chan struct{}
	wg    sync.WaitGroup // adoptions that Enter began
	looks looks
}

// New makes a provider. It panics when a part is missing: that is a mistake in
// the program, not in its use.
func New(o Options) *Provider {
	if o.Store == nil || o.Directory == nil || o.Vault == nil || o.Keeper == nil || o.Platform == nil || o.Market == nil || o.Owner == "" {
		panic("provider: Store, Directory, Vault, Keeper, Platform, Market and Owner must be set")
	}
	o.fill()
	return &Provider{o: o, wake: make(chan struct{}, 1)}
}

// Recorded has what follows from effects begin at once. Call it after effects of
// [Provider.Decide] were recorded; without it everything happens at the next look.
func (p *Provider) Recorded(e grant.Effects) {
	for _, r := range e.Revoke {
		p.o.Keeper.Changed(r.GrantID, false)
	}
	if a := e.Authorise; a != nil {
		p.o.Keeper.Changed(a.GrantID, !a.DueAt.After(e.At))
	}
	if len(e.Authorizers) > 0 {
		p.wakeUp()
	}
}

func (p *Provider) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// ask bounds one request to WeChat.
func (p *Provider) ask(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, p.o.Ask)
}
