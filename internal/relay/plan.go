package relay

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// reasonOld is why an event was given up that a receiver which is away could not
// even be asked to take.
const reasonOld = "not taken for three days"

// step is what follows of an attempt.
type step int

const (
	goOn step = iota // it was taken
	hold             // its shop waits
	bury             // it is given up
	stop             // the receiver wants nothing any more
)

// next decides what follows of an attempt, the failed-th that failed of its event
// if it did, and how long its shop waits. An event is given up when the table of
// waits is through, and when it is three days old by the time it fails: those
// behind a dead one are tried once and do not wait three days of their own each.
func next(out webhook.Outcome, failed int, age time.Duration) (step, time.Duration) {
	switch out.Verdict {
	case webhook.Taken:
		return goOn, 0
	case webhook.Refused:
		return stop, 0
	}
	wait, again := webhook.Next(failed, out.After)
	if !again || age >= webhook.Life() {
		return bury, 0
	}
	return hold, webhook.Jitter(wait)
}

// pause gives how long a subscription pauses for the n-th time in a row.
func pause(n int) time.Duration {
	wait, ok := webhook.Next(n, 0)
	if !ok {
		wait = longestPause
	}
	return webhook.Jitter(min(wait, longestPause))
}

// queue is what is sent of one shop in one batch, in order.
type queue struct {
	shop   string
	events []grant.Event   // those that are wanted
	held   *grant.HeldShop // nil: the shop was not held
	// on is where the shop goes on after these events, 0 when it is at the cursor
	// then.
	on int64
}

// tries gives how often sending the event failed before.
func (q *queue) tries(e grant.Event) int {
	if q.held != nil && q.held.EventID == e.ID {
		return q.held.Attempt
	}
	return 0
}

// queues sorts events behind the cursor by shop, those of shops that are held left
// out: they are read from where their shop stopped.
func queues(c grant.RelayClaim, shops rights, events []grant.Event) []*queue {
	held := make(map[string]bool, len(c.Held))
	for _, h := range c.Held {
		held[h.ShopID] = true
	}
	by := map[string]*queue{}
	var all []*queue
	for _, e := range events {
		if held[e.ShopID] || !owed(c.Subscription, shops, e) {
			continue
		}
		q := by[e.ShopID]
		if q == nil {
			q = &queue{shop: e.ShopID}
			by[e.ShopID] = q
			all = append(all, q)
		}
		q.events = append(q.events, e)
	}
	return all
}

// owed tells whether an event is to be sent.
func owed(s grant.Subscription, shops rights, e grant.Event) bool {
	return shops[e.ShopID] && meant(e, s.Client) && s.Wants(e.Name)
}

// meant tells whether a client may hear an event at all, whatever it holds.
func meant(e grant.Event, client string) bool { return e.Client == "" || e.Client == client }

// rights are the shops that a client may use. A provider's client may use very
// many.
type rights map[string]bool

func rightsOf(c access.Client) rights {
	all := make(rights, len(c.Shops))
	for _, shop := range c.Shops {
		all[shop] = true
	}
	return all
}

// known is what is remembered of a client's rights between batches.
type known struct {
	revision int64
	shops    rights
}
