package keeper

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/trace"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Store is what the keeper needs of a store. Every method is one transaction.
type Store interface {
	ClaimDue(ctx context.Context, r grant.ClaimRequest) ([]grant.Claim, error)
	Claim(ctx context.Context, grantID string, r grant.ClaimRequest) (grant.Claim, error)
	Settle(ctx context.Context, batch []grant.Effects) ([]error, error)
	Grant(ctx context.Context, id string) (grant.Grant, error)
	ShopGrant(ctx context.Context, shopID string) (grant.Grant, error)
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	Touch(ctx context.Context, at time.Time, grantIDs ...string) error
}

// Components is what the keeper needs of a store besides, for third-party
// platforms.
type Components interface {
	// ComponentGrant gives the grant of a platform; [grant.ErrNotFound] when
	// there is none.
	ComponentGrant(ctx context.Context, app string) (grant.Grant, error)
	// Tickets gives the tickets that are kept of a platform, the newest first.
	Tickets(ctx context.Context, app string) ([]grant.Ticket, error)
}

// Ledger counts forced refreshes across all replicas. WeChat allows 20 a day
// for one app, 30 seconds apart.
type Ledger interface {
	// ForcedRefreshes gives those since a time, the oldest first.
	ForcedRefreshes(ctx context.Context, grantID string, since time.Time) ([]grant.Force, error)
	SpendForce(ctx context.Context, grantID string, at time.Time, by string, e audit.Entry) error
}

// Vault seals and opens what is stored.
type Vault interface {
	Seal(v secret.Value, c vault.Cell) ([]byte, error)
	Open(sealed []byte, c vault.Cell) (secret.Value, error)
}

// Platform is the part of WeChat that renews and probes tokens. Its calls must end when
// ctx ends. Failures are [*Failure]; any other error counts as an unknown
// outcome.
type Platform interface {
	// Stable asks for a shop's own token. Without force the same token comes
	// back until its last five minutes; with force the old one dies at once.
	Stable(ctx context.Context, app access.App, appSecret secret.Value, force bool) (Answer, error)
	// RefreshUser renews a person's token.
	RefreshUser(ctx context.Context, app access.App, refresh secret.Value) (Answer, error)
	// Probe makes one cheap read with a shop's token. dead is true only when
	// WeChat calls the token itself bad; any other trouble is an error and
	// proves nothing.
	Probe(ctx context.Context, app access.App, token secret.Value) (dead bool, err error)
	// ProbeUser does the same with a person's token.
	ProbeUser(ctx context.Context, app access.App, token secret.Value, openid string) (dead bool, err error)
	ComponentPlatform
}

// ComponentPlatform is the part of WeChat that serves third-party platforms. app
// is the platform.
type ComponentPlatform interface {
	// Component asks for a platform's own token. Every answer is a new one.
	Component(ctx context.Context, app access.App, appSecret, ticket secret.Value) (Answer, error)
	// RefreshAuthorizer renews what the account authorizer granted. refresh is
	// never empty: WeChat answers an empty one as if the account had withdrawn.
	RefreshAuthorizer(ctx context.Context, app access.App, componentToken secret.Value, authorizer string, refresh secret.Value) (Answer, error)
	// FindRefresh looks up an account's refresh token. It may be empty although
	// the account is authorised. authorised is false only when nothing of what
	// WeChat says about the account speaks of an authorisation.
	FindRefresh(ctx context.Context, app access.App, componentToken secret.Value, authorizer string) (refresh secret.Value, authorised bool, err error)
	// ProbeComponent is Probe for a platform's own token.
	ProbeComponent(ctx context.Context, app access.App, token secret.Value) (dead bool, err error)
}

// Answer is a renewed token.
type Answer struct {
	Access    secret.Value
	Refresh   secret.Value  // user and isv grants; empty when WeChat named none
	OpenID    string        // user grants; empty when WeChat named none
	ExpiresIn time.Duration // counts from the start of the request
}

// Observer is told what happens, for metrics. Its methods must return quickly
// and may be called by several goroutines. Kinds and causes are small fixed
// sets, fit for labels; apps are not.
type Observer interface {
	// Asked is told of every request for a token; app is the id of the app that the
	// grant rests on, and cause is empty when a token came.
	Asked(kind grant.Kind, app string, cause grant.Cause, took time.Duration)
	// Settled is told of every settle transaction.
	Settled(batch int, took time.Duration, err error)
	// ServedStale is told when a token is served although it should have been
	// renewed by now.
	ServedStale()
}

// Spool keeps what the store could not take. Its method returns nil only when
// the effects are durable in this place; they are then settled later, by
// generation, so that an older one never replaces a newer one.
type Spool interface {
	Spool(ctx context.Context, e grant.Effects) error
}

// Step is a step of a refresh that reaches outside. Tests end the process there;
// see [Options].
type Step string

// The steps, in their order. Each is told when it has landed and nothing that
// follows from it has happened yet.
const (
	StepClaim  Step = "claim"  // the lease is ours
	StepProbe  Step = "probe"  // WeChat said whether it takes the kept token
	StepForce  Step = "force"  // a forced refresh is in the ledger, not sent
	StepAsk    Step = "ask"    // WeChat answered
	StepSeal   Step = "seal"   // the answer is sealed
	StepSettle Step = "settle" // the answer is durable
)

// Options are the parts and the numbers of a keeper. The first five must be
// set; a zero number takes its default.
type Options struct {
	Store    Store
	Ledger   Ledger
	Vault    Vault
	Platform Platform
	Owner    string // names this process in leases; unique among replicas

	Components Components // nil: no third-party platform is served
	Follower   Follower   // nil: no followed grant is served
	Secrets    Secrets    // nil: no other AppSecrets are known of

	Now      func() time.Time                  // default time.Now; keep its monotonic reading
	Jitter   func(time.Duration) time.Duration // default uniform in [0, d)
	Logger   *slog.Logger                      // default discards
	Observer Observer                          // default none
	Witness  Witness                           // default none
	Spool    Spool                             // default none
	Step     func(Step)                        // for tests: called when a step has landed
	Tracer   *trace.Tracer                     // nil: nothing is traced

	Tick   time.Duration // how often due work is looked for; default 1 s
	Lease  time.Duration // length of a lease; default 30 s
	Margin time.Duration // trust in a lease ends so long before it does; default 5 s
	Ask    time.Duration // longest request to WeChat; default 8 s
	// SleepAfter lets grants sleep that nobody used for so long: they are not
	// renewed until their next use, which waits for one refresh. 0: none does.
	SleepAfter time.Duration
	Recheck    time.Duration // how old a token in memory gets before the store is looked at; default 15 s, negative: never
	Workers    int           // the schedule's refreshes at the same time; default 512
	Batch      int           // grants claimed in one transaction; default 100
	Pace       int           // the schedule's refreshes a second; default 5,000
}

func (o *Options) fill() {
	o.Tick = orElse(o.Tick, time.Second)
	o.Lease = orElse(o.Lease, 30*time.Second)
	o.Margin = orElse(o.Margin, 5*time.Second)
	o.Ask = orElse(o.Ask, 8*time.Second)
	if o.Recheck >= 0 {
		o.Recheck = orElse(o.Recheck, 15*time.Second)
	}
	o.Workers = orElse(o.Workers, 512)
	o.Batch = orElse(o.Batch, 100)
	o.Pace = orElse(o.Pace, 5000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = uniform
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = deaf{}
	}
	if o.Witness == nil {
		o.Witness = deaf{}
	}
	if o.Components == nil {
		o.Components = noComponents{}
	}
	if o.Follower == nil {
		o.Follower = noFollower{}
	}
	if o.Secrets == nil {
		o.Secrets = noSecrets{}
	}
	if o.Step == nil {
		o.Step = func(Step) {}
	}
}

func orElse[T int | time.Duration](v, standard T) T {
	if v <= 0 {
		return standard
	}
	return v
}

// uniform returns a random duration in [0, d).
func uniform(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// deaf is the observer of a keeper that has none.
type deaf struct{}

func (deaf) Asked(grant.Kind, string, string, time.Duration) {}
func (deaf) Settled(int, time.Duration, error)               {}
func (deaf) ServedStale()                                    {}

// Keeper keeps tokens fresh and hands them out. Make it with [New]. All
// methods may be called by several goroutines; Run once at a time.
type Keeper struct {
	opt     Options
	base    time.Time              // when it was made
	uptime  func() time.Duration   // since base
	shops   *table                 // by shop id
	users   *table                 // by grant id
	apps    *table                 // tokens of platforms, by app id
	epoch   journal                // counts what others changed
	wall    atomic.Pointer[wallAt] // what ends are told in
	flights flights
	settler settler
	health  health
	pace    *pace
	gates   gates
	lacks   lacks
	wake    chan struct{}
	longest atomic.Int64 // life that WeChat gave a self grant

	mu       sync.Mutex
	busy     map[string]chan struct{} // attempts of this process by grant
	kicked   map[string]want          // grants to be looked at at once, and why
	leased   map[string]want          // kicked grants that somebody else holds; kicked again at the next tick
	verdicts map[string]tokenVerdict  // what the last report led to, by shop
	used     map[string]bool          // grants whose use is to be written down at the next tick
}

// New makes a keeper. It panics when a part is missing: that is a mistake in
// the program, not in its use.
func New(o Options) *Keeper {
	if o.Store == nil || o.Ledger == nil || o.Vault == nil || o.Platform == nil || o.Owner == "" {
		panic("keeper: Store, Ledger, Vault, Platform and Owner must be set")
	}
	base, uptime := o.clock()
	o.fill()
	k := &Keeper{
		opt: o, base: base, uptime: uptime, shops: newTable(), users: newTable(), apps: newTable(), wake: make(chan struct{}, 1),
		busy: map[string]chan struct{}{}, kicked: map[string]want{}, leased: map[string]want{}, verdicts: map[string]tokenVerdict{}, used: map[string]bool{},
	}
	k.settler = settler{
		store: o.Store, observe: o.Observer.Settled, now: o.Now, health: &k.health, writing: make(chan struct{}, 1),
	}
	k.flights.logger = o.Logger
	k.pace, k.gates.jitter = newPace(o.Pace, o.Batch), o.Jitter
	k.epoch.seed = maphash.MakeSeed()
	k.readWall()
	return k
}

// wallAt is one reading of both clocks. Memory keeps ends as uptime; a reading
// turns them into the wall clock's time. It is renewed at every tick, so that
// the times that we tell follow when the wall clock is set.
type wallAt struct {
	at     time.Time
	uptime time.Duration
}

func (k *Keeper) readWall() {
	now := k.now()
	k.wall.Store(&wallAt{at: now, uptime: now.Sub(k.base)})
}

// clock gives a starting point and the time since then, for the hit path.
// Without a clock from outside it reads the monotonic clock only, which takes
// half as long as reading both.
func (o *Options) clock() (base time.Time, uptime func() time.Duration) {
	if o.Now == nil {
		base = time.Now()
		return base, func() time.Duration { return time.Since(base) }
	}
	now, base := o.Now, o.Now()
	return base, func() time.Duration { return now().Sub(base) }
}

func (k *Keeper) now() time.Time { return k.opt.Now() }
