package sqlstore

import (
	"context"
	"maps"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// CreateSilence writes a silence down. Alerts that are open are looked at anew.
func (s *Store) CreateSilence(ctx context.Context, x notice.Silence, entries ...audit.Entry) error {
	return s.write(ctx, "create silence", func(t *tx) error {
		err := t.InsertSilence(ctx, sqlgen.InsertSilenceParams{
			ID: x.ID, Kind: string(x.Kind), Subject: x.Subject, ShopID: x.Shop, Reason: x.Reason, MadeBy: x.By, MadeAt: millis(x.Made), UntilAt: millis(x.Until),
		})
		if err != nil {
			return err
		}
		t.record(entries...)
		return t.WakeAlerts(ctx, millis(x.Made))
	})
}

// EndSilence ends a silence before its time. One that is over is left as it is,
// without an entry; an unknown one is [access.ErrNotFound].
func (s *Store) EndSilence(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error {
	return s.write(ctx, "end silence", func(t *tx) error {
		row, err := t.Silence(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		if !toSilence(row).Live(now) {
			return nil
		}
		if _, err := t.EndSilence(ctx, sqlgen.EndSilenceParams{EndedAt: millis(now), ID: id}); err != nil {
			return err
		}
		t.record(entries...)
		return t.WakeAlerts(ctx, millis(now))
	})
}

// Silence gives a silence, or [access.ErrNotFound].
func (s *Store) Silence(ctx context.Context, id string) (notice.Silence, error) {
	row, err := s.q.Silence(ctx, id)
	return one(s.Log, "read silence", row, err, toSilence)
}

// Silences gives at most limit silences, the newest first, those that are over
// among them.
func (s *Store) Silences(ctx context.Context, limit int) ([]notice.Silence, error) {
	rows, err := s.q.Silences(ctx, rowLimit(limit))
	return many(s.Log, "read silences", rows, err, toSilence)
}

// LiveSilences gives the silences that hold at now.
func (s *Store) LiveSilences(ctx context.Context, now time.Time) ([]notice.Silence, error) {
	rows, err := s.q.LiveSilences(ctx, millis(now))
	return many(s.Log, "read silences", rows, err, toSilence)
}

func toSilence(r sqlgen.Silence) notice.Silence {
	return notice.Silence{ID: r.ID, Kind: notice.Kind(r.Kind), Subject: r.Subject, Shop: r.ShopID, Reason: r.Reason, By: r.MadeBy,
		Made: fromMillis(r.MadeAt), Until: fromMillis(r.UntilAt), Ended: fromMillis(r.EndedAt)}
}

// HoldCondition says whether one server finds something wrong. The condition is
// raised with the first server that does, and over when none is left: a server
// that died stops holding it by itself, see [Store.LapseConditions].
func (s *Store) HoldCondition(ctx context.Context, h notice.Holding, now time.Time) error {
	return s.write(ctx, "hold condition", func(t *tx) error {
		var err error
		if h.Wrong {
			err = t.HoldCondition(ctx, sqlgen.HoldConditionParams{
				Name: h.Name, Server: h.Server, Kind: string(h.Notice.Kind), Subject: h.Notice.Subject, UntilAt: millis(h.Until),
			})
		} else {
			err = t.LetGoCondition(ctx, sqlgen.LetGoConditionParams{Name: h.Name, Server: h.Server})
		}
		if err != nil {
			return err
		}
		return t.turnCondition(ctx, h, now)
	})
}

// LapseConditions ends what was held by servers that say so no more.
func (s *Store) LapseConditions(ctx context.Context, now time.Time) error {
	lapsed, err := s.q.LapsedConditions(ctx, millis(now))
	if err != nil {
		return s.fail("read lapsed conditions", err)
	}
	for _, r := range lapsed {
		if err := s.lapse(ctx, r, now); err != nil {
			return err
		}
	}
	return nil
}

// lapse ends one, unless its server has said it again since it was read.
func (s *Store) lapse(ctx context.Context, r sqlgen.HeldCondition, now time.Time) error {
	return s.write(ctx, "lapse condition", func(t *tx) error {
		n, err := t.LapseCondition(ctx, sqlgen.LapseConditionParams{Name: r.Name, Server: r.Server, Now: millis(now)})
		if err != nil || n == 0 {
			return err
		}
		return t.turnCondition(ctx, notice.Holding{Name: r.Name, Notice: notice.Notice{At: now, Kind: notice.Kind(r.Kind), Subject: r.Subject}}, now)
	})
}

// turnCondition writes the notice when a condition begins or ends. The same row
// remembers it as for conditions that the servers see alike.
func (t *tx) turnCondition(ctx context.Context, h notice.Holding, now time.Time) error {
	holders, err := t.ConditionHolders(ctx, sqlgen.ConditionHoldersParams{Name: h.Name, Now: millis(now)})
	if err != nil {
		return err
	}
	row, err := meta(ctx, t.Queries, metaCondition+h.Name)
	if err != nil {
		return err
	}
	wrong, was := holders > 0, row.Number != 0
	switch {
	case was && h.Wrong && h.Again:
		return t.notify(ctx, h.Notice)
	case was == wrong:
		return nil
	}
	n, since := h.Notice, int64(0)
	if wrong {
		since = millis(now)
	} else {
		n = notice.OverOf(n, now)
		maps.Copy(n.Details, h.Over)
	}
	if err := t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaCondition + h.Name, Number: since}); err != nil {
		return err
	}
	return t.notify(ctx, n)
}

// EndWellGrants writes that the alerts of grants that work again, were revoked or
// are gone are over for them, where nobody said so: at most limit of those that
// have been so since before. It tells how many.
func (s *Store) EndWellGrants(ctx context.Context, before, now time.Time, limit int) (ended int, err error) {
	p := sqlgen.AlertMembersGoneParams{Before: millis(before), MaxRows: rowLimit(limit)}
	rows, err := s.q.AlertMembersGone(ctx, p)
	if err != nil {
		return 0, s.fail("read alerts of grants", err)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	err = s.write(ctx, "end alerts of grants", func(t *tx) error {
		rows, err := t.AlertMembersGone(ctx, p)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := t.notify(ctx, notice.OverOf(notice.Notice{Kind: notice.Kind(r.Kind), Subject: r.Subject}, now)); err != nil {
				return err
			}
		}
		ended = len(rows)
		return nil
	})
	return ended, err
}

// endAtOnce is how many subjects one transaction takes out of an alert.
const endAtOnce = 1000

// EndAlert writes that an alert is over for all that it is about, because a person said
// so; the alert ends when that is folded. What is still wrong is told again by whoever
// sees it next. An alert that is over, or was ended so already, is left as it is,
// without an entry; an unknown one is [access.ErrNotFound].
func (s *Store) EndAlert(ctx context.Context, id int64, now time.Time, entries ...audit.Entry) error {
	for {
		ended := 0
		err := s.write(ctx, "end alert", func(t *tx) (err error) {
			ended, err = t.endAlert(ctx, id, now, entries)
			return err
		})
		if err != nil || ended < endAtOnce {
			return err
		}
		entries = nil // they are of the whole
	}
}

func (t *tx) endAlert(ctx context.Context, id int64, now time.Time, entries []audit.Entry) (int, error) {
	row, err := t.Alert(ctx, id)
	if err != nil {
		return 0, missing(err, access.ErrNotFound)
	}
	subjects, err := t.AlertMembersToEnd(ctx, sqlgen.AlertMembersToEndParams{ID: id, MaxRows: endAtOnce})
	if err != nil || len(subjects) == 0 {
		return 0, err
	}
	t.record(entries...)
	for _, subject := range subjects {
		if err := t.notify(ctx, notice.OverOf(notice.Notice{Kind: notice.Kind(row.Kind), Subject: subject}, now)); err != nil {
			return 0, err
		}
	}
	return len(subjects), t.ForgetConditions(ctx, metaCondition+row.Kind+":")
}
