package relay

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Events reads what happened.
type Events interface {
	// EventsAfter gives at most limit events that follow the one with this id.
	EventsAfter(ctx context.Context, after int64, limit int) ([]grant.Event, error)
	// EventsOfShop gives at most limit events of a shop from one id to another, both
	// included.
	EventsOfShop(ctx context.Context, shopID string, from, to int64, limit int) ([]grant.Event, error)
	// LastEvent gives the id of the newest event there ever was.
	LastEvent(ctx context.Context) (int64, error)
	// FirstEvent gives the id of the oldest that is kept, 0 when none is.
	FirstEvent(ctx context.Context) (int64, error)
}

// Deliveries keeps what became of events on their way to subscriptions.
type Deliveries interface {
	DueSubscriptions(ctx context.Context, now time.Time) ([]grant.DueSubscription, error)
	ClaimSubscription(ctx context.Context, r grant.RelayRequest) (grant.RelayClaim, error)
	SettleSubscription(ctx context.Context, s grant.RelaySettlement) error
}

// Subscriptions keeps who wants to hear what. Each change brings its audit entry.
type Subscriptions interface {
	// AddSubscription refuses with grant.ErrTooMany when the client has as many as
	// most at that moment.
	AddSubscription(ctx context.Context, s grant.Subscription, most int, entries ...audit.Entry) error
	Subscription(ctx context.Context, id string) (grant.Subscription, error)
	// Subscriptions gives those of a client, or all for an empty one.
	Subscriptions(ctx context.Context, client string) ([]grant.Subscription, error)
	// SubscriptionsAfter gives at most limit behind a mark, the oldest first.
	SubscriptionsAfter(ctx context.Context, m access.Mark, limit int) ([]grant.Subscription, error)
	RemoveSubscription(ctx context.Context, id string, entries ...audit.Entry) error
	// RotateSubscription keeps a new secret, of the version after from, and the one
	// before until previousEnds. It refuses with access.ErrStale when another is kept
	// by then.
	RotateSubscription(ctx context.Context, id string, from int64, sealed []byte, previousEnds time.Time, entries ...audit.Entry) error
	StartSubscription(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error
	DeadLetters(ctx context.Context, id string, after int64, limit int) ([]grant.DeadLetter, error)
	// ReplayDeadLetters has dead letters sent once more, all when no event is named,
	// and gives how many.
	ReplayDeadLetters(ctx context.Context, id string, events []int64, now time.Time, entries ...audit.Entry) (int, error)
}

// Store is all that a relay keeps.
type Store interface {
	Events
	Deliveries
	Subscriptions
}

// Clients knows whose key it is, and what a client may.
type Clients interface {
	Client(ctx context.Context, id string) (access.Client, error)
	ClientByKey(ctx context.Context, hash []byte) (access.Client, error)
}

// Vault seals the secrets of subscriptions.
type Vault interface {
	Seal(v secret.Value, c vault.Cell) ([]byte, error)
	Open(sealed []byte, c vault.Cell) (secret.Value, error)
}

// Tally counts refusals of callers together.
type Tally interface {
	Refused(ctx context.Context, e audit.Entry, from netip.Addr)
}

// Observer counts. Its methods are called by several goroutines.
type Observer interface {
	// Relayed is called after each attempt; result is sent, failed or given_up.
	Relayed(result string)
	// Streams is called when a stream begins or ends.
	Streams(open int)
}

// Options are what a Relay is made of. Store, Clients, Vault and Owner must be set.
type Options struct {
	Store   Store
	Clients Clients
	Vault   Vault
	Owner   string // names this process in leases
	// Transport is the way out to webhooks; nil: guarded ones, see package egress.
	Transport func(allowPrivate bool) http.RoundTripper
	// Link makes an absolute URL of the public listener from a path; nil: events
	// carry no links.
	Link func(path string) string
	// Around stands around what a client does with its subscriptions, as it stands
	// around what administrators do: by asks, and read answers what a GET of any path
	// would. nil: nothing does.
	Around   func(by audit.Actor, read, next http.Handler) http.Handler
	Tally    Tally            // nil: refusals are not counted
	Now      func() time.Time // nil: time.Now
	Logger   *slog.Logger     // nil: discards
	Observer Observer         // nil: none
}

// The numbers of the relay.
const (
	tickEvery    = 250 * time.Millisecond // how often the store is looked into for events
	lookEvery    = 500 * time.Millisecond // how often for subscriptions that are due
	leaseTime    = time.Minute
	settleTime   = 10 * time.Second
	queryTime    = 5 * time.Second
	attemptTime  = 15 * time.Second
	batchSize    = 500
	queueSize    = 100 // events of a held shop in one batch
	queuesHeld   = 200 // held shops in one batch
	againSize    = 50
	beside       = 8    // shops of one subscription that are sent at once
	drains       = 64   // subscriptions that are sent to at once
	drainsEach   = 16   // of one client
	lag          = 5000 // events that a cursor may stay behind while none of them is wanted
	away         = 8    // shops in a row that were not taken: the receiver is away
	longestPause = 10 * time.Minute
	rightsHeld   = 1024 // subscriptions whose clients' rights are remembered
)

// Relay sends. Make it with [New], start it with [Relay.Run].
type Relay struct {
	o       Options
	tail    tail
	slots   *slots
	freed   atomic.Bool  // a slot was given back for somebody who waits
	changes atomic.Int64 // counts what [Relay.Forget] was told of
	posters map[bool]*webhook.Poster
	idle    []*http.Transport
	wake    chan struct{}
	ended   chan struct{}
	end     func()

	mu      sync.Mutex
	rights  map[string]known // by subscription
	failing map[string]bool  // what could not be done the last time
	streams map[string]int   // open ones by client
	live    int              // all of them
	wg      sync.WaitGroup
}

// New makes a relay. It panics when a part is missing: that is a mistake in the
// program, not in its use.
func New(o Options) *Relay {
	if o.Store == nil || o.Clients == nil || o.Vault == nil || o.Owner == "" {
		panic("relay: Store, Clients, Vault and Owner must be set")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Tally == nil {
		o.Tally = nobody{}
	}
	r := &Relay{o: o, wake: make(chan struct{}, 1), ended: make(chan struct{}), posters: map[bool]*webhook.Poster{},
		slots: newSlots(), rights: map[string]known{}, failing: map[string]bool{}, streams: map[string]int{}}
	r.end = sync.OnceFunc(func() { close(r.ended) })
	r.tail.moved = make(chan struct{})
	for _, private := range []bool{false, true} {
		r.posters[private] = webhook.NewPoster(r.way(private), o.Now)
	}
	return r
}

type nobody struct{}

func (nobody) Relayed(string)                                   {}
func (nobody) Streams(int)                                      {}
func (nobody) Refused(context.Context, audit.Entry, netip.Addr) {}

// way gives the way out.
func (r *Relay) way(private bool) http.RoundTripper {
	if r.o.Transport != nil {
		return r.o.Transport(private)
	}
	t := egress.NewTransport(egress.Options{AllowPrivate: private, Idle: beside})
	r.idle = append(r.idle, t)
	return t
}

// Wake has the store looked into at once. It never blocks and may be called from
// any goroutine.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Forget says that clients may have changed: a key was revoked, or a right taken away.
// What is being sent to anybody is held against that before the next delivery. It
// never blocks and may be called from any goroutine.
func (r *Relay) Forget() { r.changes.Add(1) }

// End ends the streams, so that a server that stops does not wait for them. It may
// be called more than once.
func (r *Relay) End() { r.end() }

// Run reads and sends until ctx ends, and waits for what is under way. What was
// cut off is sent again by whoever runs next.
func (r *Relay) Run(ctx context.Context) {
	defer func() {
		r.End()
		r.wg.Wait()
		for _, t := range r.idle {
			t.CloseIdleConnections()
		}
	}()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	var looked time.Time
	for {
		moved, err := r.follow(ctx)
		r.did(ctx, "read events", err)
		if now := time.Now(); moved || r.freed.Swap(false) || now.Sub(looked) >= lookEvery { // paces the loop; what is stored is timed by Options.Now
			looked = now
			r.did(ctx, "look for subscriptions that are due", r.start(ctx))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// did tells whether there was no error. It logs the first of a row: a store that
// is down for an hour is one line.
func (r *Relay) did(ctx context.Context, what string, err error) bool {
	if ctx.Err() != nil {
		return err == nil
	}
	r.mu.Lock()
	before := r.failing[what]
	if delete(r.failing, what); err != nil {
		r.failing[what] = true
	}
	r.mu.Unlock()
	if err != nil && !before {
		r.o.Logger.Warn("the relay could not "+what+"; it tries again until it can", "error", err)
	}
	return err == nil
}

// start sends to each subscription that is due and that nobody here sends to
// already.
func (r *Relay) start(ctx context.Context) error {
	query, done := unbroken(ctx)
	defer done()
	due, err := r.o.Store.DueSubscriptions(query, r.o.Now())
	due = slices.DeleteFunc(due, func(s grant.DueSubscription) bool { return !r.worth(s) })
	for _, id := range r.slots.take(due) {
		r.wg.Go(func() {
			defer r.slots.give(id)
			r.drain(ctx, id)
		})
	}
	return err
}

// worth tells whether there may be anything to send. What the events in memory are
// not wanted for needs no transaction to say so.
func (r *Relay) worth(d grant.DueSubscription) bool {
	events, ok := r.tail.after(d.Subscription.Cursor, lag)
	return d.Waiting || !ok || len(events) == lag ||
		slices.ContainsFunc(events, func(e grant.Event) bool { return d.Subscription.Wants(e.Name) })
}
