package relay

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// drain sends batches while there is more, and nobody waits for the slot.
func (r *Relay) drain(ctx context.Context, id string) {
	for ctx.Err() == nil {
		more, err := r.batch(ctx, id)
		if !r.did(ctx, "send to subscription "+id, err) || !more {
			return
		}
		if r.slots.wanted(id) {
			r.freed.Store(true)
			r.Wake()
			return
		}
	}
}

// batch is one claim on its way to its settlement. Queues are sent beside each
// other, so what they share is behind mu.
type batch struct {
	r      *Relay
	claim  grant.RelayClaim
	keys   []secret.Value
	cursor int64
	more   bool

	mu     sync.Mutex
	client access.Client // as it is by changes
	shops  rights        // of client
	seen   int64         // of Relay.changes
	out    grant.RelaySettlement
	failed int  // in a row
	taken  bool // anything
}

// batch claims, sends and settles once. The lease is trusted from before it was
// asked for.
func (r *Relay) batch(ctx context.Context, id string) (more bool, err error) {
	trusted, cancel := context.WithTimeout(ctx, leaseTime-settleTime)
	defer cancel()
	query, done := unbroken(trusted)
	defer done()
	now, k, seen := r.o.Now(), r.knows(id), r.changes.Load()
	claim, err := r.o.Store.ClaimSubscription(query, grant.RelayRequest{
		SubscriptionID: id, Owner: r.o.Owner, Now: now, For: leaseTime, Again: againSize, Revision: k.revision,
	})
	if err != nil || claim.Term == 0 {
		return false, err
	}
	b := &batch{r: r, claim: claim, client: claim.Client, shops: r.learn(claim, k), seen: seen, cursor: claim.Subscription.Cursor,
		out: grant.RelaySettlement{SubscriptionID: id, Term: claim.Term}}
	all, err := b.plan(query, now)
	if err == nil {
		b.sendAll(trusted, all)
	}
	err = b.settle(ctx, err)
	return b.more && err == nil, err
}

// knows gives what is remembered of the rights of a subscription's client.
func (r *Relay) knows(id string) known {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k, ok := r.rights[id]; ok {
		return k
	}
	return known{revision: -1}
}

// learn gives the rights of a claim's client, which are k's unless they changed
// since, and remembers them. Subscriptions come and go, so when many are remembered
// all are forgotten: what is asked for again is one read.
func (r *Relay) learn(c grant.RelayClaim, k known) rights {
	if k.revision != c.Revision {
		k = known{revision: c.Revision, shops: rightsOf(c.Client)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rights) >= rightsHeld {
		clear(r.rights)
	}
	r.rights[c.Subscription.ID] = k
	return k.shops
}

// plan reads what is to be sent.
func (b *batch) plan(ctx context.Context, now time.Time) (all []*queue, err error) {
	if !b.claim.Client.Live(now) {
		b.shops = nil // nothing is owed to it
	}
	events, err := b.r.after(ctx, b.cursor, batchSize)
	if err != nil {
		return nil, err
	}
	if len(events) > 0 {
		b.cursor = events[len(events)-1].ID
	}
	b.more = len(events) == batchSize
	if b.keys, err = b.r.keysOf(b.claim.Subscription, now); err != nil {
		return nil, err
	}
	all = queues(b.claim, b.shops, events)
	for _, h := range b.claim.Held {
		if !b.shops[h.ShopID] {
			b.out.Free = append(b.out.Free, h.ShopID)
			continue
		}
		if h.DueAt.After(now) || len(all) >= queuesHeld+batchSize {
			continue
		}
		q, err := b.resume(ctx, h)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// resume reads on for a shop that is held.
func (b *batch) resume(ctx context.Context, h grant.HeldShop) (*queue, error) {
	events, err := b.r.o.Store.EventsOfShop(ctx, h.ShopID, h.EventID, b.cursor, queueSize)
	if err != nil {
		return nil, err
	}
	q := &queue{shop: h.ShopID, held: &h}
	if len(events) == queueSize {
		q.on = events[len(events)-1].ID + 1
		b.more = true
	}
	for _, e := range events {
		if owed(b.claim.Subscription, b.shops, e) {
			q.events = append(q.events, e)
		}
	}
	return q, nil
}

// keysOf gives the keys that bodies are signed with.
func (r *Relay) keysOf(s grant.Subscription, now time.Time) (keys []secret.Value, err error) {
	cells := []vault.Cell{vault.SubscriptionSecret(s.ID, s.SecretVersion)}
	sealed := [][]byte{s.Secret}
	if len(s.Previous) > 0 && now.Before(s.PreviousEnds) {
		cells, sealed = append(cells, vault.SubscriptionSecret(s.ID, s.SecretVersion-1)), append(sealed, s.Previous)
	}
	for i := range cells {
		text, err := r.o.Vault.Open(sealed[i], cells[i])
		if err != nil {
			return nil, err
		}
		key, err := webhook.ParseSecret(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// sendAll sends the queues, a few beside each other, and then the dead letters
// that somebody wants sent again.
func (b *batch) sendAll(ctx context.Context, all []*queue) {
	ch := make(chan *queue)
	var wg sync.WaitGroup
	for range min(beside, len(all)) {
		wg.Go(func() {
			for q := range ch {
				b.sendQueue(ctx, q)
			}
		})
	}
	for _, q := range all {
		ch <- q
	}
	close(ch)
	wg.Wait()
	for _, d := range b.claim.Again {
		b.again(ctx, d)
	}
}

// sendQueue sends the events of one shop until one is not taken.
func (b *batch) sendQueue(ctx context.Context, q *queue) {
	for _, e := range q.events {
		if !b.sendOne(ctx, q, e) {
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case q.on > 0:
		b.out.Hold = append(b.out.Hold, grant.HeldShop{ShopID: q.shop, EventID: q.on, DueAt: b.r.o.Now()})
	case q.held != nil:
		b.out.Free = append(b.out.Free, q.shop)
	}
}

// sendOne tries one event, and reports whether the shop goes on.
func (b *batch) sendOne(ctx context.Context, q *queue, e grant.Event) bool {
	tries := q.tries(e)
	if b.tooOld(e) {
		b.bury(e, tries, reasonOld)
		return true
	}
	if b.stopped(ctx) || !b.mayHear(ctx, e.ShopID) {
		b.hold(q, e, tries, b.r.o.Now(), reasonOf(q, e)) // the next claim decides what becomes of it
		return false
	}
	out := b.r.post(ctx, b.claim.Subscription, b.keys, e)
	if ctx.Err() != nil && out.Verdict != webhook.Taken {
		b.hold(q, e, tries, b.r.o.Now(), reasonOf(q, e)) // cut off: it counts as not tried
		return false
	}
	now := b.r.o.Now()
	what, wait := next(out, tries+1, now.Sub(e.SeenAt))
	b.count(what)
	switch what {
	case goOn:
		return true
	case bury:
		b.bury(e, tries+1, out.Reason)
		return true
	case stop:
		b.off(out.Reason)
		wait = 0
	}
	b.hold(q, e, tries+1, now.Add(wait), out.Reason)
	return false
}

func reasonOf(q *queue, e grant.Event) string {
	if q.tries(e) > 0 {
		return q.held.Reason
	}
	return ""
}

// tooOld tells whether an event is given up without asking a receiver that takes
// nothing.
func (b *batch) tooOld(e grant.Event) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	away := b.claim.Subscription.Failures > 0 && !b.taken
	return away && b.r.o.Now().Sub(e.SeenAt) >= webhook.Life()
}

// stopped tells whether nothing more is tried in this batch.
func (b *batch) stopped(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	b.mu.Lock()
	defer b.mu.Unlock()
	return ctx.Err() != nil || ok && time.Until(end) < attemptTime || b.out.Off != "" || b.failed >= away
}

// mayHear tells whether the client may hear of a shop at this moment: a batch goes on
// for most of a minute, and a key may be revoked meanwhile. A client that cannot be
// read hears nothing.
func (b *batch) mayHear(ctx context.Context, shop string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if changes := b.r.changes.Load(); changes != b.seen {
		query, done := unbroken(ctx)
		defer done()
		c, err := b.r.o.Clients.Client(query, b.claim.Client.ID)
		if err != nil {
			return false
		}
		b.client, b.shops, b.seen = c, rightsOf(c), changes
	}
	return b.shops[shop] && b.client.Live(b.r.o.Now())
}

// count counts an attempt, and how many in a row were not taken.
func (b *batch) count(what step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if what == goOn {
		b.taken, b.failed = true, 0
		b.r.o.Observer.Relayed("sent")
		return
	}
	b.failed++
	if what == bury {
		b.r.o.Observer.Relayed("given_up")
	} else {
		b.r.o.Observer.Relayed("failed")
	}
}

func (b *batch) hold(q *queue, e grant.Event, attempt int, due time.Time, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out.Hold = append(b.out.Hold, grant.HeldShop{ShopID: q.shop, EventID: e.ID, Attempt: attempt, DueAt: due, Reason: reason})
}

func (b *batch) bury(e grant.Event, attempt int, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out.Bury = append(b.out.Bury, grant.DeadLetter{Event: e, Attempt: attempt, Reason: reason, At: b.r.o.Now()})
}

func (b *batch) off(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out.Off = reason
}

// again tries a dead letter once. One that the client has no right to any more
// stays dead.
func (b *batch) again(ctx context.Context, d grant.DeadLetter) {
	if b.stopped(ctx) {
		return // it stays due
	}
	out := webhook.Outcome{Verdict: webhook.Later, Reason: "the client has no right to the shop"}
	if b.mayHear(ctx, d.Event.ShopID) {
		out = b.r.post(ctx, b.claim.Subscription, b.keys, d.Event)
		if ctx.Err() != nil && out.Verdict != webhook.Taken {
			return
		}
	}
	switch out.Verdict {
	case webhook.Taken:
		b.count(goOn)
		b.out.Dig = append(b.out.Dig, d.Event.ID)
		return
	case webhook.Refused:
		b.off(out.Reason)
	}
	b.count(bury)
	b.bury(d.Event, d.Attempt+1, out.Reason)
}

// post sends one event.
func (r *Relay) post(ctx context.Context, s grant.Subscription, keys []secret.Value, e grant.Event) webhook.Outcome {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return r.posters[s.AllowPrivate].Post(ctx, webhook.Message{ID: MessageID(e.ID), Body: r.encode(e), URL: s.URL, Keys: keys})
}

// settle writes what came of the batch, or gives the subscription free when there
// was none.
func (b *batch) settle(ctx context.Context, failure error) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer done()
	s := b.claim.Subscription
	now := b.r.o.Now()
	b.out.At, b.out.Cursor, b.out.Failures = now, b.cursor, s.Failures
	switch {
	case failure != nil:
		b.out = grant.RelaySettlement{SubscriptionID: s.ID, Term: b.claim.Term, At: now, Cursor: s.Cursor, Failures: s.Failures, PauseUntil: now.Add(pause(1))}
	case b.taken:
		b.out.Failures, b.out.Wake = 0, s.Failures > 0
	case b.failed >= away:
		b.out.Failures = s.Failures + 1
		b.out.PauseUntil = now.Add(pause(b.out.Failures))
	}
	b.more = b.more && b.out.PauseUntil.IsZero() && b.out.Off == ""
	b.tell(now)
	slices.SortFunc(b.out.Hold, func(x, y grant.HeldShop) int { return int(x.EventID - y.EventID) })
	if err := b.r.o.Store.SettleSubscription(ctx, b.out); err != nil {
		return err
	}
	return failure
}

// tell says what a human must hear of, in the transaction of the settlement.
func (b *batch) tell(now time.Time) {
	s := b.claim.Subscription
	subject, by := "subscription:"+s.ID, audit.Actor{Kind: audit.ActorSystem}
	if n := len(b.out.Bury); n > 0 {
		b.out.Audit = append(b.out.Audit, audit.Entry{At: now, Actor: by, Action: "subscription.undelivered", Subject: subject, Outcome: audit.Failed,
			Reason: b.out.Bury[n-1].Reason, Count: int64(n), Details: map[string]string{"client": s.Client}})
		b.r.o.Logger.Error("events were given up; read them with `zhanggui subscription dead`, mend the receiver, and send them with `zhanggui subscription replay`",
			"subscription", s.ID, "client", s.Client, "events", strconv.Itoa(n), "reason", b.out.Bury[n-1].Reason)
	}
	if b.out.Off == "" {
		return
	}
	details := map[string]string{"client": s.Client, "reason": b.out.Off}
	b.out.Notices = append(b.out.Notices, notice.Notice{At: now, Kind: notice.SubscriptionOff, Subject: subject, Details: details})
	b.out.Audit = append(b.out.Audit, audit.Entry{At: now, Actor: by, Action: "subscription.off", Subject: subject, Outcome: audit.Done, Reason: b.out.Off, Details: details})
}
