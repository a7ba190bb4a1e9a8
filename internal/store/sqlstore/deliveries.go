package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// RegisterChannels says which channels a server has configured. A new one that hears
// of everything is owed every notice that is not over; one that no server named since
// gone is dropped, and what it was owed is given up. Notices from before old that no
// channel was ever owed are over: a channel does not begin with the past. A name that
// is taken by a channel made while the server runs is [access.ErrUsed]; the others
// are registered.
func (s *Store) RegisterChannels(ctx context.Context, routes []notice.Route, now, gone, old time.Time) error {
	var taken []string
	err := s.write(ctx, "register channels", func(t *tx) error {
		if err := t.EndOldNotices(ctx, sqlgen.EndOldNoticesParams{SentAt: millis(now), Before: millis(old)}); err != nil {
			return err
		}
		var err error
		if taken, err = t.registered(ctx, routes, now); err != nil {
			return err
		}
		channels, err := t.Channels(ctx)
		if err != nil {
			return err
		}
		for _, c := range channels {
			named := slices.ContainsFunc(routes, func(r notice.Route) bool { return r.Channel == c.Name })
			if c.Kind == "" && c.SeenAt < millis(gone) && !named {
				if err := t.dropChannel(ctx, c.Name, now); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return errors.Join(err, errTaken(taken))
}

func (t *tx) dropChannel(ctx context.Context, name string, now time.Time) error {
	rows, err := t.PendingOf(ctx, name)
	if err != nil {
		return err
	}
	for _, r := range rows {
		err := t.settleDelivery(ctx, name, now, notice.Result{
			ID: r.NoticeID, From: int(r.Attempt), Attempt: int(r.Attempt), State: notice.Failed, Reason: notice.ReasonGone,
		})
		if err != nil {
			return err
		}
	}
	if err := t.endCondition(ctx, notice.FailingChannel(name), notice.ChannelWell(name, now), notice.ReasonGone); err != nil {
		return err
	}
	if err := t.endReceivers(ctx, name, now); err != nil {
		return err
	}
	return t.DeleteChannel(ctx, name)
}

// endReceivers ends what was told of single receivers of a channel that is removed.
func (t *tx) endReceivers(ctx context.Context, channel string, now time.Time) error {
	prefix := notice.FailingReceivers(channel)
	names, err := t.OpenConditions(ctx, metaCondition+prefix)
	if err != nil {
		return err
	}
	for _, n := range names {
		id := strings.TrimPrefix(n, metaCondition+prefix)
		if err := t.endCondition(ctx, prefix+id, notice.ReceiverWell(channel, id, now), notice.ReasonGone); err != nil {
			return err
		}
	}
	return nil
}

// DueChannels gives the channels that something can be claimed for at now.
func (s *Store) DueChannels(ctx context.Context, now time.Time) ([]string, error) {
	names, err := s.q.DueChannels(ctx, millis(now))
	if err != nil {
		return nil, s.fail("read due channels", err)
	}
	return names, nil
}

// ClaimDeliveries leases a channel and gives what is due to it, in the order of
// the notices. It gives no items when somebody else holds the channel.
func (s *Store) ClaimDeliveries(ctx context.Context, r notice.Request) (notice.Claim, error) {
	var claim notice.Claim
	err := s.write(ctx, "claim deliveries", func(t *tx) error {
		claim = notice.Claim{Channel: r.Channel}
		terms, err := t.LeaseChannel(ctx, sqlgen.LeaseChannelParams{
			Name: r.Channel, LeaseOwner: r.Owner, LeaseUntil: millis(r.Now.Add(r.For)), Now: millis(r.Now),
		})
		if err != nil || len(terms) == 0 {
			return err
		}
		claim.Term = terms[0]
		rows, err := t.DueDeliveries(ctx, sqlgen.DueDeliveriesParams{Channel: r.Channel, Now: millis(r.Now), MaxRows: rowLimit(r.Limit)})
		for _, d := range rows {
			n := toNotice(sqlgen.Notice{At: d.At, Kind: d.Kind, Subject: d.Subject, Details: d.Details})
			claim.Items = append(claim.Items, notice.Item{ID: d.ID, Message: toMessage(d.ID, n, d.Message), Attempt: int(d.Attempt), Reason: d.Reason})
		}
		return err
	})
	if err != nil {
		return notice.Claim{}, err
	}
	return claim, nil
}

// SettleDeliveries writes what became of claimed deliveries and gives the channel
// free, unless another term began meanwhile. A delivery that somebody else
// settled stays as they left it. What is given up is recorded.
func (s *Store) SettleDeliveries(ctx context.Context, n notice.Settlement) error {
	return s.write(ctx, "settle deliveries", func(t *tx) error {
		for _, r := range n.Results {
			if err := t.settleDelivery(ctx, n.Channel, n.At, r); err != nil {
				return err
			}
		}
		if err := t.heardFrom(ctx, n); err != nil {
			return err
		}
		return t.ReleaseChannel(ctx, sqlgen.ReleaseChannelParams{Name: n.Channel, LeaseTerm: n.Term})
	})
}

// settleDelivery writes one result. The notice is over with its last delivery.
func (t *tx) settleDelivery(ctx context.Context, channel string, at time.Time, r notice.Result) error {
	p := sqlgen.SettleDeliveryParams{
		State: string(r.State), Attempt: int64(r.Attempt), DueAt: millis(r.Due), Reason: r.Reason,
		NoticeID: r.ID, Channel: channel, FromAttempt: int64(r.From),
	}
	if r.State != notice.Pending {
		p.DueAt, p.DoneAt = 0, millis(at)
	}
	landed, err := t.SettleDelivery(ctx, p)
	if err != nil || landed == 0 || r.State == notice.Pending {
		return err
	}
	if r.State == notice.Failed {
		t.record(undelivered(channel, at, r))
	}
	return t.EndNotice(ctx, sqlgen.EndNoticeParams{ID: r.ID, SentAt: millis(at)})
}

func undelivered(channel string, at time.Time, r notice.Result) audit.Entry {
	return audit.Entry{
		At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "notice.undelivered",
		Subject: "notice:" + strconv.FormatInt(r.ID, 10), Outcome: audit.Failed, Reason: r.Reason,
		Details: map[string]string{"channel": channel, "attempts": strconv.Itoa(r.Attempt)},
	}
}

// reasonFull is why deliveries failed that there was no room for.
const reasonFull = "outbox full"

// TrimOutbox gives up the oldest informational messages of each channel that is
// owed more than limit, with one audit entry for each such channel. It tells how many.
func (s *Store) TrimOutbox(ctx context.Context, limit int, now time.Time) (trimmed int, err error) {
	counts, err := s.q.PendingCounts(ctx)
	if err != nil {
		return 0, s.fail("count deliveries", err)
	}
	if !slices.ContainsFunc(counts, func(c sqlgen.PendingCountsRow) bool { return c.Pending > int64(limit) }) {
		return 0, nil
	}
	err = s.write(ctx, "trim the outbox", func(t *tx) error {
		trimmed = 0
		counts, err := t.PendingCounts(ctx)
		if err != nil {
			return err
		}
		for _, c := range counts {
			n, err := t.trim(ctx, c.Channel, int(c.Pending)-limit, now)
			if err != nil {
				return err
			}
			trimmed += n
		}
		return nil
	})
	return trimmed, err
}

// trim gives up at most excess informational messages of a channel.
func (t *tx) trim(ctx context.Context, channel string, excess int, now time.Time) (int, error) {
	if excess <= 0 {
		return 0, nil
	}
	rows, err := t.OldestInformational(ctx, sqlgen.OldestInformationalParams{Channel: channel, MaxRows: rowLimit(excess)})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	for _, r := range rows {
		p := sqlgen.SettleDeliveryParams{State: string(notice.Failed), Attempt: r.Attempt, DoneAt: millis(now), Reason: reasonFull,
			NoticeID: r.NoticeID, Channel: channel, FromAttempt: r.Attempt}
		if _, err := t.SettleDelivery(ctx, p); err != nil {
			return 0, err
		}
		if err := t.EndNotice(ctx, sqlgen.EndNoticeParams{ID: r.NoticeID, SentAt: millis(now)}); err != nil {
			return 0, err
		}
	}
	t.record(audit.Entry{
		At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "notice.trim", Subject: "channel:" + channel,
		Outcome: audit.Failed, Reason: reasonFull, Details: map[string]string{"messages": strconv.Itoa(len(rows))},
	})
	return len(rows), nil
}
