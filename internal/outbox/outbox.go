package outbox

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// Store keeps what is to be sent.
type Store interface {
	RegisterChannels(ctx context.Context, routes []notice.Route, now, gone, old time.Time) error
	DueChannels(ctx context.Context, now time.Time) ([]string, error)
	ClaimDeliveries(ctx context.Context, r notice.Request) (notice.Claim, error)
	SettleDeliveries(ctx context.Context, s notice.Settlement) error
	NoticeBacklog(ctx context.Context) (pending int, oldest time.Time, err error)
	// FailingChannels tells since when channels take nothing.
	FailingChannels(ctx context.Context) (map[string]time.Time, error)
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
	// OpenConditions gives the names of what is wrong now, of those that begin so.
	OpenConditions(ctx context.Context, prefix string) ([]string, error)
}

// Observer counts. Its methods are called by several goroutines.
type Observer interface {
	// Sent is called after each attempt; result is sent, failed or given_up.
	Sent(channel, result string)
	// Backlog is called now and then: how many notices wait for some channel, and
	// for how long the oldest has.
	Backlog(pending int, age time.Duration)
}

// Options are what an Outbox is made of. Store, Channels and Owner must be set.
type Options struct {
	Store    Store
	Channels []Channel
	Routes   map[string]notice.Route // of Channels, by name; those not in it hear of everything
	Made     Source                  // nil: no channel is made while the server runs
	Owner    string                  // names this process in leases
	Now      func() time.Time        // nil: time.Now
	Logger   *slog.Logger            // nil: discards
	Observer Observer                // nil: none
}

const (
	tickEvery     = time.Second
	registerEvery = 10 * time.Minute
	backlogEvery  = 15 * time.Second
	goneAfter     = 24 * time.Hour // a channel that no server named for so long is removed

	leaseTime   = time.Minute
	attemptTime = 15 * time.Second
	settleTime  = 10 * time.Second
	batchSize   = 50

	// behindWait is shorter than the first wait of what was not taken, so that one
	// message that a receiver cannot read does not go first again.
	behindWait = 3 * time.Second
)

// Outbox sends. Make it with [New], start it with [Outbox.Run].
type Outbox struct {
	o        Options
	names    []string
	channels map[string]Channel

	wake chan struct{}

	mu      sync.Mutex
	made    map[string]Made
	busy    map[string]bool // channels that are being sent to
	failing map[string]bool // what could not be done the last time
	wg      sync.WaitGroup
}

// New makes an outbox. It panics when a part is missing: that is a mistake in the
// program, not in its use.
func New(o Options) *Outbox {
	if o.Store == nil || len(o.Channels) == 0 || o.Owner == "" {
		panic("outbox: Store, Channels and Owner must be set")
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
	b := &Outbox{o: o, channels: make(map[string]Channel), wake: make(chan struct{}, 1), busy: make(map[string]bool), failing: make(map[string]bool)}
	for _, c := range o.Channels {
		if _, twice := b.channels[c.Name()]; !twice {
			b.names = append(b.names, c.Name())
		}
		b.channels[c.Name()] = c
	}
	return b
}

type nobody struct{}

func (nobody) Sent(string, string)        {}
func (nobody) Backlog(int, time.Duration) {}

// Run sends what is due until ctx ends, and waits for what is under way. What was
// cut off is sent again by whoever runs next.
func (b *Outbox) Run(ctx context.Context) {
	defer b.wg.Wait()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	var registered, counted time.Time
	for {
		now := time.Now() // paces the loop; what is stored is timed by o.Now
		if registered.IsZero() || now.Sub(registered) >= registerEvery {
			if b.did(ctx, "register the channels", b.register(ctx)) {
				registered = now
			}
		}
		if counted.IsZero() || now.Sub(counted) >= backlogEvery {
			counted = now
			b.did(ctx, "count what waits", b.count(ctx))
			b.did(ctx, "look for channels that take nothing", b.watch(ctx))
		}
		b.did(ctx, "read the channels", b.refresh(ctx))
		b.did(ctx, "look for what is due", b.start(ctx))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-b.wake:
		}
	}
}

// Wake has the outbox look at once for what is due. It never waits.
func (b *Outbox) Wake() {
	select {
	case b.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// did tells whether there was no error. It logs the first of a row: a store that
// is down for an hour is one line, not two thousand.
func (b *Outbox) did(ctx context.Context, what string, err error) bool {
	if ctx.Err() != nil {
		return err == nil
	}
	b.mu.Lock()
	before := b.failing[what]
	b.failing[what] = err != nil
	b.mu.Unlock()
	if err != nil && !before {
		b.o.Logger.Warn("the outbox could not "+what+"; it tries again until it can", "error", err)
	}
	return err == nil
}

func (b *Outbox) register(ctx context.Context) error {
	now, routes := b.o.Now(), make([]notice.Route, len(b.names))
	for i, name := range b.names {
		routes[i] = b.o.Routes[name]
		routes[i].Channel = name
	}
	return b.o.Store.RegisterChannels(ctx, routes, now, now.Add(-goneAfter), now.Add(-webhook.Life()))
}

func (b *Outbox) count(ctx context.Context) error {
	pending, oldest, err := b.o.Store.NoticeBacklog(ctx)
	if err != nil {
		return err
	}
	age := time.Duration(0)
	if !oldest.IsZero() {
		age = max(0, b.o.Now().Sub(oldest))
	}
	b.o.Observer.Backlog(pending, age)
	return nil
}

// start sends to each channel that is due and that nobody here sends to already,
// so that a slow one holds up no other.
func (b *Outbox) start(ctx context.Context) error {
	due, err := b.o.Store.DueChannels(ctx, b.o.Now())
	for _, name := range due {
		if c, ours := b.channel(name); ours && b.take(name) {
			b.wg.Go(func() {
				defer b.give(name)
				b.drain(ctx, c)
			})
		}
	}
	return err
}

func (b *Outbox) take(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy[name] {
		return false
	}
	b.busy[name] = true
	return true
}

func (b *Outbox) give(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.busy, name)
}

// drain sends batches while there are full ones and the channel takes them.
func (b *Outbox) drain(ctx context.Context, c Channel) {
	for ctx.Err() == nil {
		more, err := b.batch(ctx, c)
		if !b.did(ctx, "send to "+c.Name(), err) || !more {
			return
		}
	}
}

// batch claims, sends and settles once. The lease is trusted from before it was
// asked for.
func (b *Outbox) batch(ctx context.Context, c Channel) (more bool, err error) {
	trusted, cancel := context.WithTimeout(ctx, leaseTime-settleTime)
	defer cancel()
	claim, err := b.o.Store.ClaimDeliveries(trusted, notice.Request{
		Channel: c.Name(), Owner: b.o.Owner, Now: b.o.Now(), For: leaseTime, Limit: batchSize,
	})
	if err != nil || claim.Term == 0 {
		return false, err
	}
	results, more := b.sendAll(trusted, c, claim.Items)
	settle, done := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer done()
	err = b.o.Store.SettleDeliveries(settle, notice.Settlement{Channel: claim.Channel, Term: claim.Term, At: b.o.Now(), Results: results})
	return more && len(claim.Items) == batchSize, err
}

// sendAll sends items until one is not taken or the lease has no room for another
// attempt. Those behind one that was not taken wait for the channel to come back.
func (b *Outbox) sendAll(ctx context.Context, c Channel, items []notice.Item) (results []notice.Result, more bool) {
	for i, item := range items {
		if end, ok := ctx.Deadline(); ok && time.Until(end) < attemptTime {
			return results, true
		}
		if wait := waits(c); wait > 0 {
			return append(results, b.behind(items[i:], wait, reasonTurn)...), false
		}
		r := b.send(ctx, c, item)
		if ctx.Err() != nil && r.State != notice.Sent {
			return results, false // cut off: it counts as not tried
		}
		results = append(results, r)
		b.observe(c, item, r)
		if r.State == notice.Pending && !r.Partly {
			return append(results, b.behind(items[i+1:], behindWait, reasonBehind)...), false
		}
	}
	return results, true
}

// Why an attempt was not made yet.
const (
	reasonBehind = "waits behind another"
	reasonTurn   = "waits for the channel's rate"
)

// waits is how long a channel takes nothing because of its rate.
func waits(c Channel) time.Duration {
	if p, ok := c.(interface{ Wait() time.Duration }); ok {
		return p.Wait()
	}
	return 0
}

// behind lets items wait without an attempt.
func (b *Outbox) behind(items []notice.Item, wait time.Duration, reason string) []notice.Result {
	due := b.o.Now().Add(wait)
	all := make([]notice.Result, len(items))
	for i, item := range items {
		all[i] = notice.Result{ID: item.ID, From: item.Attempt, Attempt: item.Attempt, State: notice.Pending, Due: due, Reason: notice.WithLeft(reason, notice.LeftOf(item.Reason))}
	}
	return all
}

// send tries once and says what follows.
func (b *Outbox) send(ctx context.Context, c Channel, item notice.Item) notice.Result {
	r, parts := b.attempt(ctx, c, item)
	if len(parts) > 0 {
		b.did(ctx, "tell of receivers of "+c.Name(), b.heard(ctx, c.Name(), parts, r.Attempt))
	}
	return r
}

// attempt is send without the store. It gives what each receiver said when they did not
// all say the same.
func (b *Outbox) attempt(ctx context.Context, c Channel, item notice.Item) (notice.Result, []webhook.Part) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	left := notice.LeftOf(item.Reason)
	out := sendTo(ctx, c, item.Message, left)
	some := partly(out.Parts, left)
	r := notice.Result{ID: item.ID, From: item.Attempt, Attempt: item.Attempt + 1, Reason: out.Reason}
	wait, again := webhook.Next(r.Attempt, out.After)
	switch {
	case out.Verdict == webhook.Taken:
		r.State = notice.Sent
	case out.Verdict == webhook.Later && again:
		r.State, r.Due, r.Partly = notice.Pending, b.o.Now().Add(wait), some
		if some {
			left = owed(out.Parts)
		}
		r.Reason = notice.WithLeft(r.Reason, left)
	default:
		r.State = notice.Failed
	}
	if !some {
		return r, nil
	}
	return r, out.Parts
}

func (b *Outbox) observe(c Channel, item notice.Item, r notice.Result) {
	id := item.Message.ID
	switch r.State {
	case notice.Sent:
		b.o.Observer.Sent(c.Name(), "sent")
	case notice.Pending:
		b.o.Observer.Sent(c.Name(), "failed")
		b.o.Logger.Warn("a notice was not taken; it is sent again", "channel", c.Name(), "id", id, "reason", r.Reason, "attempt", r.Attempt, "next", r.Due.UTC())
	case notice.Failed:
		b.o.Observer.Sent(c.Name(), "given_up")
		b.o.Logger.Error("a notice was given up; read it with `zhanggui notice list`, mend the channel, and try it with `zhanggui notice test`",
			"channel", c.Name(), "id", id, "reason", r.Reason, "attempt", r.Attempt)
	}
}

// testMessage is a test notice as it goes out.
func testMessage(now time.Time) Message {
	n := notice.Notice{At: now, Kind: notice.Test}
	return Message{ID: "test_" + rand.Text(), Notice: n, About: n.Kind, Phase: notice.Raised, Severity: notice.Info, Count: 1, Since: now}
}

// Test sends a test notice to every channel at once, without writing anything
// down, and tells what each made of it. A channel is tried once.
func (b *Outbox) Test(ctx context.Context) []notice.Tried {
	b.did(ctx, "read the channels", b.refresh(ctx))
	m, targets := testMessage(b.o.Now()), b.all()
	all := make([]notice.Tried, len(targets))
	var wg sync.WaitGroup
	for i, c := range targets {
		wg.Go(func() { all[i] = b.try(ctx, c, m) })
	}
	wg.Wait()
	return all
}

// TestOne is [Outbox.Test] of one channel; ok is false if there is none of this name.
func (b *Outbox) TestOne(ctx context.Context, name string) (t notice.Tried, ok bool) {
	b.did(ctx, "read the channels", b.refresh(ctx))
	c, ok := b.channel(name)
	if !ok {
		return notice.Tried{}, false
	}
	return b.try(ctx, c, testMessage(b.o.Now())), true
}

func (b *Outbox) try(ctx context.Context, c Channel, m Message) notice.Tried {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	begin := time.Now()
	out := c.Send(ctx, m)
	if partly(out.Parts, nil) {
		b.did(ctx, "tell of receivers of "+c.Name(), b.heard(ctx, c.Name(), out.Parts, 1))
	}
	return notice.Tried{Channel: c.Name(), Taken: out.Verdict == webhook.Taken, Reason: out.Reason, Took: time.Since(begin)}
}
