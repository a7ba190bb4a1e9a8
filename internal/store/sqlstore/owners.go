package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// escalationKept is how long a fact stays owed to owners: long enough for one who got
// a letter of its kind just before it.
const escalationKept = notice.LetterEvery + time.Hour

// ClaimLetters writes down, and gives, at most limit letters that owners are owed by
// now: each of a person and a kind of fact, for all their shops. An owner gets none of
// a kind within a day of another, and none when nothing can be sent to them. A claimed
// letter is not given again, whatever becomes of the server.
func (s *Store) ClaimLetters(ctx context.Context, now time.Time, limit int) (all []notice.Outgoing, err error) {
	err = s.write(ctx, "claim letters", func(t *tx) error {
		all = nil
		if err := t.EndOldEscalations(ctx, sqlgen.EndOldEscalationsParams{Now: millis(now), Before: millis(now.Add(-escalationKept))}); err != nil {
			return err
		}
		rows, err := t.OwnersOwed(ctx, sqlgen.OwnersOwedParams{Now: millis(now), MaxRows: rowLimit(limit)})
		if err != nil {
			return err
		}
		for _, r := range rows {
			who, err := t.OwnerIdentity(ctx, r.PersonID)
			if err != nil {
				return err
			}
			l := notice.Letter{ID: access.NewID("om"), PersonID: r.PersonID, Kind: notice.Kind(r.Kind), ShopID: r.ShopID, Shops: int(r.Shops),
				App: who.App, State: notice.LetterSending, At: now}
			err = t.InsertOwnerMessage(ctx, sqlgen.InsertOwnerMessageParams{ID: l.ID, PersonID: l.PersonID, Kind: r.Kind, ShopID: l.ShopID, Shops: r.Shops,
				LastNotice: r.LastNotice, App: l.App, State: string(l.State), At: millis(now), AgainAt: millis(now.Add(notice.LetterEvery))})
			if err != nil {
				return err
			}
			all = append(all, notice.Outgoing{Letter: l, OpenID: who.Openid})
		}
		return nil
	})
	return all, err
}

// SettleLetter writes what became of a claimed letter. If again is not zero, what it
// said is owed still, and another letter may leave then.
func (s *Store) SettleLetter(ctx context.Context, l notice.Letter, again time.Time, entries ...audit.Entry) error {
	return s.write(ctx, "settle letter", func(t *tx) error {
		n, err := t.SettleOwnerMessage(ctx, sqlgen.SettleOwnerMessageParams{State: string(l.State), Reason: l.Reason, AgainAt: millis(again), ID: l.ID})
		if n > 0 {
			t.record(entries...)
		}
		return err
	})
}

// Letters gives at most limit letters to a person, the newest first, and whether they
// want any.
func (s *Store) Letters(ctx context.Context, personID string, limit int) (all []notice.Letter, on bool, err error) {
	err = s.view(ctx, "read letters", func(q *sqlgen.Queries) error {
		p, err := q.Person(ctx, personID)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		on = p.MessagesOff == 0
		rows, err := q.OwnerMessages(ctx, sqlgen.OwnerMessagesParams{PersonID: personID, MaxRows: rowLimit(limit)})
		all = each(rows, toLetter)
		return err
	})
	return all, on, err
}

func toLetter(r sqlgen.OwnerMessage) notice.Letter {
	return notice.Letter{ID: r.ID, PersonID: r.PersonID, Kind: notice.Kind(r.Kind), ShopID: r.ShopID, Shops: int(r.Shops), App: r.App,
		State: notice.LetterState(r.State), Reason: r.Reason, At: fromMillis(r.At)}
}

// SetLetters says whether a person wants letters. Saying the same again changes
// nothing and records nothing.
func (s *Store) SetLetters(ctx context.Context, personID string, on bool, entries ...audit.Entry) error {
	return s.write(ctx, "set letters", func(t *tx) error {
		p, err := t.Person(ctx, personID)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		if on == (p.MessagesOff == 0) {
			return nil
		}
		off := int64(1)
		if on {
			off = 0
		}
		t.record(entries...)
		_, err = t.SetMessagesOff(ctx, sqlgen.SetMessagesOffParams{MessagesOff: off, ID: personID})
		return err
	})
}
