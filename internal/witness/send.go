package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	// OpenConditions gives the names of what is wrong now, of those that begin so.
	OpenConditions(ctx context.Context, prefix string) ([]string, error)
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
	var wg sync.WaitGroup
	wg.Go(func() { s.retire(ctx) })
	for _, d := range s.o.Destinations {
		wg.Go(func() { s.serve(ctx, d) })
	}
	wg.Wait()
}

// retire retires until it was done once.
func (s *Sender) retire(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		err := s.Retire(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.o.Logger.WarnContext(ctx, "what was wrong with places that the settings name no more was not ended; it is tried again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Retire ends what was told of places that the settings name no more: nothing is sent
// there, so nothing would end it. Places of other replicas are theirs. That one held
// another log's head does not end by taking it out of the settings. Run does it at its
// beginning.
func (s *Sender) Retire(ctx context.Context) error {
	prefix := string(notice.CheckpointUnsent) + ":"
	open, err := s.o.Memory.OpenConditions(ctx, prefix)
	if err != nil {
		return err
	}
	for _, d := range s.o.Destinations {
		open = slices.DeleteFunc(open, func(c string) bool { return c == prefix+s.name(d) })
	}
	for _, c := range open {
		name := strings.TrimPrefix(c, prefix)
		if !shared(name) && !strings.HasPrefix(name, s.o.Replica+":") {
			continue
		}
		if err := s.say(ctx, notice.CheckpointUnsent, name, false, "the settings name this place no more", s.o.Now(), nil); err != nil {
			return err
		}
	}
	return nil
}

// name tells a place apart from those of other replicas.
func (s *Sender) name(d Destination) string {
	if d.Own {
		return s.o.Replica + ":" + d.Place.Name()
	}
	return d.Place.Name()
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
	name, now := s.name(d), s.o.Now()
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
	return errors.Join(failed, s.tell(ctx, name, now, failed, lack(sent, head)))
}

// tell has people told when a place takes no heads, when one holds another log's,
// and when either is over. lacks says of what the place has no head.
func (s *Sender) tell(ctx context.Context, name string, now time.Time, failed error, lacks map[string]string) error {
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
		why, details := "", map[string]string{}
		if c.wrong {
			why, details = reason(failed), maps.Clone(lacks)
		}
		if err := s.say(ctx, c.kind, name, c.wrong, why, now, details); err != nil {
			return err
		}
	}
	return nil
}

// lack says how many entries the heads count that a place took, and those that it should
// have: whoever says that it is over, because the place is gone for good, knows by it
// what no head there ever covers.
func lack(sent audit.Sent, head audit.Checkpoint) map[string]string {
	return map[string]string{"held": strconv.FormatInt(sent.Size, 10), "entries": strconv.FormatInt(head.Size, 10)}
}

// say writes that something is wrong with a place, or is no more, if that is news.
func (s *Sender) say(ctx context.Context, kind notice.Kind, name string, wrong bool, why string, now time.Time, details map[string]string) error {
	n := notice.Notice{At: now, Kind: kind, Subject: "audit:" + name, Details: details}
	entry := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(kind), Subject: n.Subject, Outcome: audit.Failed, Reason: why}
	if !wrong {
		n = notice.OverOf(n, now)
		entry.Outcome = audit.Done
	}
	n.Details["place"] = name
	if why != "" {
		n.Details["reason"] = why
	}
	if _, err := s.o.Memory.SetCondition(ctx, string(kind)+":"+name, wrong, n, entry); err != nil {
		return fmt.Errorf("tell of it: %w", err)
	}
	return nil
}
