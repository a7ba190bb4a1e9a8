package outbox

import (
	"context"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// Parted is a [Channel] with several receivers that answer for themselves, as
// mailboxes do. One that refuses keeps nothing from the others.
type Parted interface {
	Channel
	// SendTo is Send to those receivers alone; none: to all. Those that are there no
	// more are left out.
	SendTo(ctx context.Context, m Message, only []string) webhook.Outcome
	// Receivers gives the ids of all.
	Receivers() []string
}

// receiverAfter is after how many attempts somebody is told of a receiver that asks to
// be tried later: more than ten minutes, as with a channel.
const receiverAfter = 5

func sendTo(ctx context.Context, c Channel, m Message, only []string) webhook.Outcome {
	if p, ok := c.(Parted); ok {
		return p.SendTo(ctx, m, only)
	}
	return c.Send(ctx, m)
}

// partly tells whether some receivers have a message, by now or from an attempt before
// that left others, and the place spoke of each.
func partly(parts []webhook.Part, left []string) bool {
	taken := func(p webhook.Part) bool { return p.Verdict == webhook.Taken }
	return len(parts) > 0 && (len(left) > 0 || slices.ContainsFunc(parts, taken))
}

// owed gives the receivers that are to be tried again.
func owed(parts []webhook.Part) (ids []string) {
	for _, p := range parts {
		if p.Verdict == webhook.Later {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// heard has people told of receivers that take nothing while others do, and of those
// that take messages again. When none takes any, that is told of the channel.
func (b *Outbox) heard(ctx context.Context, channel string, parts []webhook.Part, attempt int) error {
	open, err := b.o.Store.OpenConditions(ctx, notice.FailingReceivers(channel))
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.Verdict == webhook.Later && attempt < receiverAfter {
			continue // it may be about to take it
		}
		wrong, known := p.Verdict != webhook.Taken, slices.Contains(open, notice.FailingReceiver(channel, p.ID))
		if wrong == known {
			continue
		}
		if err := b.setReceiver(ctx, channel, p, wrong); err != nil {
			return err
		}
	}
	return nil
}

// forget ends what was told of receivers that the channel has no more. The store does it
// for a channel that is removed.
func (b *Outbox) forget(ctx context.Context, c Channel) error {
	p, ok := c.(Parted)
	if !ok {
		return nil
	}
	prefix := notice.FailingReceivers(c.Name())
	open, err := b.o.Store.OpenConditions(ctx, prefix)
	if err != nil {
		return err
	}
	for _, name := range open {
		if id := strings.TrimPrefix(name, prefix); !slices.Contains(p.Receivers(), id) {
			if err := b.setReceiver(ctx, c.Name(), webhook.Part{ID: id}, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// setReceiver writes it. Who it is stands in the notice, masked, and not in the log.
func (b *Outbox) setReceiver(ctx context.Context, channel string, p webhook.Part, wrong bool) error {
	now := b.o.Now()
	n := notice.ReceiverWell(channel, p.ID, now)
	e := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(notice.ChannelFailing), Subject: n.Subject, Outcome: audit.Done,
		Details: map[string]string{"channel": channel, "receiver": p.ID}}
	if wrong {
		n = notice.Notice{At: now, Kind: notice.ChannelFailing, Subject: n.Subject,
			Details: map[string]string{"channel": channel, "receiver": p.ID, "recipient": p.Name, "reason": p.Reason}}
		e.Outcome, e.Reason = audit.Failed, p.Reason
	}
	_, err := b.o.Store.SetCondition(ctx, notice.FailingReceiver(channel, p.ID), wrong, n, e)
	return err
}
