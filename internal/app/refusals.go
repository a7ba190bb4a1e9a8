package app

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/gateway"
)

// refusals turns refused calls and logins into audit entries, few for many
// alike. Whoever refuses only takes note; one goroutine writes.
type refusals struct {
	known     *audit.Tally
	strangers *audit.Tally
	salt      []byte
	now       func() time.Time
	log       *slog.Logger
	queue     chan audit.Entry
}

// refusalQueue is how many entries may wait to be written.
const refusalQueue = 1024

func newRefusals(salt []byte, now func() time.Time, log *slog.Logger) *refusals {
	return &refusals{
		known:     audit.NewTally(audit.Callers),
		strangers: audit.NewTally(audit.Strangers),
		salt:      salt, now: now, log: log, queue: make(chan audit.Entry, refusalQueue),
	}
}

// Refused implements login.Tally.
func (r *refusals) Refused(_ context.Context, e audit.Entry, from netip.Addr) {
	if e.Actor.Kind != audit.ActorStranger {
		r.add(r.known, e.Actor.ID+" "+e.Action+" "+e.Reason+" "+e.Details["rule"], e)
		return
	}
	e.Actor.ID = audit.AddressKey(from, r.salt)
	r.add(r.strangers, e.Actor.ID+" "+e.Action+" "+e.Reason, e)
}

// Refuse implements gateway.Refusals.
func (r *refusals) Refuse(ctx context.Context, x gateway.Refusal) {
	r.Refused(ctx, x.Entry("", 0), x.Addr)
}

func (r *refusals) add(t *audit.Tally, key string, e audit.Entry) {
	if e, ok := t.Add(r.now(), key, e); ok {
		select {
		case r.queue <- e:
		default:
			r.log.Warn("a refusal was not recorded: too many at once", "action", e.Action, "reason", e.Reason)
		}
	}
}

// run writes until ctx ends, and then what was counted.
func (r *refusals) run(ctx context.Context, write func(context.Context, ...audit.Entry) error) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		var batch []audit.Entry
		select {
		case <-ctx.Done():
			r.write(context.WithoutCancel(ctx), write, append(r.waiting(nil), append(r.known.Drain(r.now()), r.strangers.Drain(r.now())...)...))
			return
		case e := <-r.queue:
			batch = r.waiting([]audit.Entry{e})
		case <-tick.C:
			batch = append(r.known.Flush(r.now()), r.strangers.Flush(r.now())...)
		}
		r.write(ctx, write, batch)
	}
}

// waiting takes what is queued by now, so that it goes into one transaction.
func (r *refusals) waiting(batch []audit.Entry) []audit.Entry {
	for {
		select {
		case e := <-r.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
}

func (r *refusals) write(ctx context.Context, write func(context.Context, ...audit.Entry) error, batch []audit.Entry) {
	if len(batch) == 0 {
		return
	}
	if err := write(ctx, batch...); err != nil {
		r.log.Error("refusals were not recorded", "entries", len(batch), "error", err)
	}
}
