package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Memory remembers what was sent, and what is wrong; *sqlstore.Store has it.
type Memory interface {
	SentTo(ctx context.Context, place string) (audit.Sent, error)
	SaveSent(ctx context.Context, sent audit.Sent) error
	// Turn takes a turn that comes now and then among all replicas.
	Turn(ctx context.Context, name string, now, next time.Time) (bool, error)
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
}

// Destination is a place with its schedule.
type Destination struct {
	Place Place
	Every time.Duration
	// Own says that each replica has such a place of its own, as files are.
	Own bool
}

// SendOptions are what a Sender is made of. All but Logger must be set; Replica
// names this server among others that share the store.
type SendOptions struct {
	Log          Log
	Memory       Memory
	Destinations []Destination
	Replica      string
	Now          func() time.Time
	Logger       *slog.Logger // nil: discards
}

const (
	// look is how often it is looked whether a place is due.
	look = 10 * time.Second
	// retryMost is the longest that a failed place waits for its next try.
	retryMost = 5 * time.Minute
	// sendTime bounds one try.
	sendTime = 30 * time.Second
)

// Sender hands heads to places. Make it with [NewSender].
type Sender struct{ o SendOptions }

// NewSender makes a sender.
func NewSender(o SendOptions) *Sender {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Sender{o}
}

// Run sends what is due until ctx ends. Each place has a goroutine: one that hangs
// keeps no other waiting.
func (s *Sender) Run(ctx context.Context) {
	done := make(chan struct{})
	for _, d := range s.o.Destinations {
		go func() {
			s.serve(ctx, d)
			done <- struct{}{}
		}()
	}
	for range s.o.Destinations {
		<-done
	}
}

// DeliverDue sends to every place that is due, one after another.
func (s *Sender) DeliverDue(ctx context.Context) error {
	var all []error
	for _, d := range s.o.Destinations {
		all = append(all, s.Deliver(ctx, d))
	}
	return errors.Join(all...)
}

func (s *Sender) serve(ctx context.Context, d Destination) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if err := s.Deliver(ctx, d); err != nil && ctx.Err() == nil {
			s.o.Logger.ErrorContext(ctx, "a signed head of the audit log did not reach its other place; it is tried again", "place", d.Place.Name(), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Deliver sends the newest head if the place is due and holds an older one. Run
// does it.
func (s *Sender) Deliver(ctx context.Context, d Destination) error {
	name := d.Place.Name()
	if d.Own {
		name = s.o.Replica + ":" + name
	}
	now := s.o.Now()
	sent, err := s.o.Memory.SentTo(ctx, name)
	if err != nil || !sent.At.IsZero() && now.Sub(sent.At) < d.Every && !now.Before(sent.At) {
		return err
	}
	head, ok, err := s.o.Log.NewestCheckpoint(ctx)
	if err != nil || !ok || head.Size == sent.Size {
		return err
	}
	mine, err := s.o.Memory.Turn(ctx, "audit:"+name, now, now.Add(min(d.Every, retryMost)))
	if err != nil || !mine {
		return err
	}
	sending, end := context.WithTimeout(ctx, sendTime)
	failed := d.Place.Send(sending, s.o.Log, sent, head)
	end()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed == nil {
		failed = s.o.Memory.SaveSent(ctx, audit.Sent{Place: name, Size: head.Size, At: now, SignedNote: head.SignedNote})
	}
	return errors.Join(failed, s.tell(ctx, name, now, failed))
}

// tell has people told when a place takes no heads, when one holds another log's,
// and when either is over.
func (s *Sender) tell(ctx context.Context, name string, now time.Time, failed error) error {
	disagrees := errors.Is(failed, ErrDisagrees)
	for _, c := range []struct {
		kind  notice.Kind
		wrong bool
	}{
		{notice.CheckpointUnsent, failed != nil && !disagrees},
		{notice.AuditBroken, disagrees},
	} {
		if failed != nil && !c.wrong {
			continue // what went wrong otherwise says nothing about this
		}
		n := notice.Notice{At: now, Kind: c.kind, Subject: "audit:" + name, Details: map[string]string{"place": name}}
		entry := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(c.kind), Subject: n.Subject, Outcome: audit.Failed}
		if c.wrong {
			n.Details["reason"] = reason(failed)
			entry.Reason = reason(failed)
		} else {
			n = notice.OverOf(n, now)
			n.Details["place"] = name
			entry.Outcome = audit.Done
		}
		if _, err := s.o.Memory.SetCondition(ctx, string(c.kind)+":"+name, c.wrong, n, entry); err != nil {
			return fmt.Errorf("tell of it: %w", err)
		}
	}
	return nil
}
