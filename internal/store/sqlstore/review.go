package sqlstore

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// SignReview keeps that somebody signed a report.
func (s *Store) SignReview(ctx context.Context, r access.Review, e ...audit.Entry) error {
	return s.write(ctx, "sign review", func(t *tx) error {
		t.record(e...)
		return t.InsertReview(ctx, sqlgen.InsertReviewParams{
			ID: r.ID, TenantID: r.TenantID, ShopID: r.ShopID, Digest: r.Digest, Lines: int64(r.Lines), Marked: int64(r.Marked),
			Note: r.Note, MadeBy: r.By, At: millis(r.At),
		})
	})
}

// LastReview gives the newest report that was signed of a place: of the house when
// both ids are empty. [access.ErrNotFound] says that none ever was.
func (s *Store) LastReview(ctx context.Context, tenantID, shopID string) (access.Review, error) {
	row, err := s.q.LastReview(ctx, sqlgen.LastReviewParams{TenantID: tenantID, ShopID: shopID})
	return one(s.Log, "read review", row, err, toReview)
}

// ReviewsBefore gives at most limit signed reports behind a mark, the newest first.
// The zero mark begins.
func (s *Store) ReviewsBefore(ctx context.Context, m access.Mark, limit int) ([]access.Review, error) {
	rows, err := s.q.ReviewsBefore(ctx, sqlgen.ReviewsBeforeParams{At: before(m.At), ID: m.ID, MaxRows: rowLimit(limit)})
	return many(s.Log, "read reviews", rows, err, toReview)
}

func toReview(r sqlgen.Review) access.Review {
	return access.Review{ID: r.ID, TenantID: r.TenantID, ShopID: r.ShopID, Digest: r.Digest, Lines: int(r.Lines), Marked: int(r.Marked),
		Note: r.Note, By: r.MadeBy, At: fromMillis(r.At)}
}

// MembersSeen gives everybody who is a member of anything, with what they are called
// and when WeChat last named them, in the order of their ids.
func (s *Store) MembersSeen(ctx context.Context) ([]access.Seen, error) {
	rows, err := s.q.PersonsInReview(ctx)
	return many(s.Log, "read members' names", rows, err, func(r sqlgen.PersonsInReviewRow) access.Seen {
		return access.Seen{ID: r.ID, Name: r.Nickname, At: fromMillis(r.NamedAt)}
	})
}

// AdminsSeen gives when administrators were seen last, as far as their sessions are
// kept.
func (s *Store) AdminsSeen(ctx context.Context) ([]access.Seen, error) {
	rows, err := s.q.AdminsSeen(ctx)
	return many(s.Log, "read administrators' sessions", rows, err, func(r sqlgen.AdminsSeenRow) access.Seen {
		return access.Seen{ID: r.AdminID, At: fromMillis(r.SeenAt)}
	})
}

// OIDCClientsSeen gives when somebody was logged into each program last, as far as
// logins are kept.
func (s *Store) OIDCClientsSeen(ctx context.Context) ([]access.Seen, error) {
	rows, err := s.q.OIDCClientsSeen(ctx)
	return many(s.Log, "read logins into programs", rows, err, func(r sqlgen.OIDCClientsSeenRow) access.Seen {
		return access.Seen{ID: r.ClientID, At: fromMillis(r.SeenAt)}
	})
}

// OpenSessions gives the sessions that nobody ended and that are not over at now, by
// id. Those that were idle for too long are among them.
func (s *Store) OpenSessions(ctx context.Context, now time.Time) ([]access.Session, error) {
	rows, err := s.q.OpenSessions(ctx, millis(now))
	return many(s.Log, "read sessions", rows, err, toSession)
}

// KeptAuthorizers gives the accounts whose authorisation of a platform is kept: their
// ids, names, permission sets and the time of their last event, and nothing else.
func (s *Store) KeptAuthorizers(ctx context.Context) ([]grant.Authorizer, error) {
	rows, err := s.q.AuthorizersInReview(ctx)
	return many(s.Log, "read authorizers", rows, err, func(r sqlgen.AuthorizersInReviewRow) grant.Authorizer {
		return toAuthorizer(sqlgen.Authorizer{App: r.App, AppID: r.AppID, State: r.State, Name: r.Name, ShopID: r.ShopID, Sets: r.Sets, EventAt: r.EventAt})
	})
}

// UsesSince gives how often paths were called from a day on, by client, shop and path,
// with the last day. first is the day from which on calls are counted; zero: none was.
func (s *Store) UsesSince(ctx context.Context, since time.Time) (uses []access.PathUse, first time.Time, err error) {
	day, err := s.q.FirstUse(ctx)
	if err != nil {
		return nil, time.Time{}, s.fail("read the first use", err)
	}
	rows, err := s.q.UsesSince(ctx, millis(since))
	uses, err = many(s.Log, "read uses", rows, err, func(r sqlgen.UsesSinceRow) access.PathUse {
		return access.PathUse{ClientID: r.ClientID, ShopID: r.ShopID, Path: r.Path, Day: fromMillis(r.Day), Calls: r.Calls}
	})
	return uses, fromMillis(day), err
}
