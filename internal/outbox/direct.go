package outbox

import (
	"context"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Direct sends a message past the store, which fails, to each channel that hears of
// it: those of the configuration, and those that were made as they were when the store
// last answered. It returns when each took it, refused it, or was tried as often as
// package webhook says, and when ctx ends. Nothing is written down; whoever calls it
// sees to it that a message leaves once.
func (b *Outbox) Direct(ctx context.Context, m Message) {
	var wg sync.WaitGroup
	for _, c := range b.all() {
		if b.route(c.Name()).Hears(m) {
			wg.Go(func() { b.directly(ctx, c, m) })
		}
	}
	wg.Wait()
}

// directly tries one channel until it is done with the message.
func (b *Outbox) directly(ctx context.Context, c Channel, m Message) {
	item := notice.Item{Message: m}
	for pause(ctx, waits(c)) {
		if waits(c) > 0 {
			continue // the outbox was faster
		}
		// What receivers said of themselves stays in the reason: the store that would
		// keep it fails.
		r, _ := b.attempt(ctx, c, item)
		if ctx.Err() != nil && r.State != notice.Sent {
			return // cut off
		}
		b.observeDirect(c, m, r)
		if r.State != notice.Pending || !pause(ctx, r.Due.Sub(b.o.Now())) {
			return
		}
		item.Attempt, item.Reason = r.Attempt, r.Reason
	}
}

// pause waits, and tells whether ctx goes on.
func pause(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (b *Outbox) observeDirect(c Channel, m Message, r notice.Result) {
	log := b.o.Logger.With("channel", c.Name(), "id", m.ID, "attempt", r.Attempt)
	switch r.State {
	case notice.Sent:
		b.o.Observer.Sent(c.Name(), "sent")
		log.Info("a message was sent past the store, which fails")
	case notice.Pending:
		b.o.Observer.Sent(c.Name(), "failed")
		log.Warn("a message past the store was not taken; it is sent again while the store fails", "reason", r.Reason, "next", r.Due.UTC())
	case notice.Failed:
		b.o.Observer.Sent(c.Name(), "given_up")
		log.Error("a message past the store was given up; mend the channel, and try it with `zhanggui notice test`", "reason", r.Reason)
	}
}
