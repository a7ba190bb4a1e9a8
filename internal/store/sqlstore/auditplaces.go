package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// SentTo gives the newest signed head that a place took, and when; size 0 stands
// for none.
func (s *Store) SentTo(ctx context.Context, place string) (audit.Sent, error) {
	row, err := s.q.AuditPlace(ctx, place)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Sent{Place: place}, nil
	}
	return one(s.Log, "read what was sent of the audit log", row, err, toSent)
}

// SentHeads gives the newest signed head of every place that took one.
func (s *Store) SentHeads(ctx context.Context) ([]audit.Sent, error) {
	rows, err := s.q.AuditPlaces(ctx)
	return many(s.Log, "read what was sent of the audit log", rows, err, toSent)
}

func toSent(r sqlgen.AuditPlace) audit.Sent {
	return audit.Sent{Place: r.Name, Size: r.Size, At: fromMillis(r.At), SignedNote: r.Note}
}

// SaveSent remembers the newest head that a place took.
func (s *Store) SaveSent(ctx context.Context, sent audit.Sent) error {
	return s.write(ctx, "save what was sent of the audit log", func(t *tx) error {
		return t.PutAuditPlace(ctx, sqlgen.PutAuditPlaceParams{Name: sent.Place, Size: sent.Size, At: millis(sent.At), Note: sent.SignedNote})
	})
}

// Witnessed gives the newest head that was seen of another server's log; false when
// none was.
func (s *Store) Witnessed(ctx context.Context, log string) (audit.Seen, bool, error) {
	row, err := s.q.NewestWitnessed(ctx, log)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Seen{}, false, nil
	}
	seen, err := one(s.Log, "read seen heads", row, err, toSeen)
	return seen, err == nil, err
}

// WitnessedAt gives the heads that were seen of a log with so many entries, those
// that contradict an earlier one last.
func (s *Store) WitnessedAt(ctx context.Context, log string, size int64) ([]audit.Seen, error) {
	rows, err := s.q.WitnessedOf(ctx, sqlgen.WitnessedOfParams{Log: log, Size: size})
	return many(s.Log, "read seen heads", rows, err, toSeen)
}

// WitnessedHeads gives at most limit heads that were seen of a log: those that
// contradict an earlier one first, then the longest.
func (s *Store) WitnessedHeads(ctx context.Context, log string, limit int) ([]audit.Seen, error) {
	rows, err := s.q.Witnessed(ctx, sqlgen.WitnessedParams{Log: log, MaxRows: rowLimit(limit)})
	return many(s.Log, "read seen heads", rows, err, toSeen)
}

func toSeen(r sqlgen.AuditWitnessed) audit.Seen {
	seen := audit.Seen{Log: r.Log, Size: r.Size, SeenAt: fromMillis(r.SeenAt), SignedNote: r.Note, Forked: r.Forked}
	copy(seen.Root[:], r.Root)
	return seen
}

// SaveWitnessed remembers a head that continues the one of after entries; 0 for the
// first one. It refuses with [access.ErrStale] when another was taken meanwhile.
func (s *Store) SaveWitnessed(ctx context.Context, seen audit.Seen, after int64, entries ...audit.Entry) error {
	return s.write(ctx, "save a seen head", func(t *tx) error {
		newest, err := t.NewestWitnessed(ctx, seen.Log)
		there, err := exists(newest, err)
		if err != nil {
			return err
		}
		if there && newest.Size != after || !there && after != 0 {
			return access.ErrStale
		}
		t.record(entries...)
		return t.insertSeen(ctx, seen)
	})
}

// mostForks is how many heads of a log are kept that contradict others: whoever has its
// key makes as many as they like, and the first ones prove it.
const mostForks = 100

// SaveForked keeps a head that contradicts one that was seen before, as evidence,
// and has people told. A head that is kept already changes nothing, nor does one of a log
// that a hundred are kept of.
func (s *Store) SaveForked(ctx context.Context, seen audit.Seen, n notice.Notice, entries ...audit.Entry) error {
	return s.write(ctx, "save a forked head", func(t *tx) error {
		rows, err := t.WitnessedOf(ctx, sqlgen.WitnessedOfParams{Log: seen.Log, Size: seen.Size})
		if err != nil {
			return err
		}
		for _, r := range rows {
			if toSeen(r).Root == seen.Root {
				return nil
			}
		}
		first, err := t.Queries.Witnessed(ctx, sqlgen.WitnessedParams{Log: seen.Log, MaxRows: mostForks}) // forks come first
		if err != nil || len(first) == mostForks && first[mostForks-1].Forked {
			return err
		}
		t.record(entries...)
		if err := t.insertSeen(ctx, seen); err != nil {
			return err
		}
		return t.notify(ctx, n)
	})
}

func (t *tx) insertSeen(ctx context.Context, seen audit.Seen) error {
	return t.InsertWitnessed(ctx, sqlgen.InsertWitnessedParams{
		Log: seen.Log, Size: seen.Size, Root: seen.Root[:], SeenAt: millis(seen.SeenAt), Note: seen.SignedNote, Forked: seen.Forked,
	})
}
