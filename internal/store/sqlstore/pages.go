package sqlstore

import (
	"context"
	"math"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// AppsAfter gives at most limit apps behind the id, in the database's order of
// ids, so that a reader can go through all of them without holding them. It begins
// with "".
func (s *Store) AppsAfter(ctx context.Context, id string, limit int) ([]access.App, error) {
	rows, err := s.q.AppsAfter(ctx, sqlgen.AppsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of apps", rows, err, toApp)
}

// ShopsAfter is [Store.AppsAfter] for shops.
func (s *Store) ShopsAfter(ctx context.Context, id string, limit int) ([]access.Shop, error) {
	rows, err := s.q.ShopsAfter(ctx, sqlgen.ShopsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of shops", rows, err, toShop)
}

// GrantsAfter is [Store.AppsAfter] for grants.
func (s *Store) GrantsAfter(ctx context.Context, id string, limit int) ([]grant.Grant, error) {
	rows, err := s.q.GrantsAfter(ctx, sqlgen.GrantsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of grants", rows, err, toGrant)
}

// TenantsAfter is [Store.AppsAfter] for tenants.
func (s *Store) TenantsAfter(ctx context.Context, id string, limit int) ([]access.Tenant, error) {
	rows, err := s.q.TenantsAfter(ctx, sqlgen.TenantsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of tenants", rows, err, toTenant)
}

// ClientsAfter is [Store.AppsAfter] for clients.
func (s *Store) ClientsAfter(ctx context.Context, id string, limit int) ([]access.Client, error) {
	var clients []access.Client
	err := s.view(ctx, "read a page of clients", func(q *sqlgen.Queries) error {
		rows, err := q.ClientsAfter(ctx, sqlgen.ClientsAfterParams{After: id, MaxRows: rowLimit(limit)})
		if err != nil || len(rows) == 0 {
			return err
		}
		pairs, err := q.ClientShopsWithin(ctx, sqlgen.ClientShopsWithinParams{First: rows[0].ID, Last: rows[len(rows)-1].ID})
		if err != nil {
			return err
		}
		clients, err = withShops(rows, pairs)
		return err
	})
	return clients, err
}

// PersonsAfter gives the ids of at most limit persons behind the id.
func (s *Store) PersonsAfter(ctx context.Context, id string, limit int) ([]string, error) {
	rows, err := s.q.PersonsAfter(ctx, sqlgen.PersonsAfterParams{After: id, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of persons", rows, err, func(p sqlgen.Person) string { return p.ID })
}

// MembersAfter gives at most limit roles in a tenant and its shops, ended ones
// included, by shop and person: those behind the two of after, which begins empty.
func (s *Store) MembersAfter(ctx context.Context, after access.Member, limit int) ([]access.Member, error) {
	rows, err := s.q.MembersAfter(ctx, sqlgen.MembersAfterParams{TenantID: after.TenantID, ShopID: after.ShopID, PersonID: after.PersonID, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of members", rows, err, toMember)
}

// AdminsAfter gives at most limit administrators behind the mark, the oldest
// first. It begins with the zero mark.
func (s *Store) AdminsAfter(ctx context.Context, m access.Mark, limit int) ([]access.Administrator, error) {
	rows, err := s.q.AdminsAfter(ctx, sqlgen.AdminsAfterParams{At: millis(m.At), ID: m.ID, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of administrators", rows, err, toAdmin)
}

// SubscriptionsAfter is [Store.AdminsAfter] for subscriptions.
func (s *Store) SubscriptionsAfter(ctx context.Context, m access.Mark, limit int) ([]grant.Subscription, error) {
	rows, err := s.q.SubscriptionsAfter(ctx, sqlgen.SubscriptionsAfterParams{At: millis(m.At), ID: m.ID, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of subscriptions", rows, err, toSubscription)
}

// before is where a list begins whose newest comes first.
func before(at time.Time) int64 {
	if at.IsZero() {
		return math.MaxInt64
	}
	return millis(at)
}

// InvitationsBefore gives at most limit invitations behind the mark, the newest
// first. It begins with the zero mark.
func (s *Store) InvitationsBefore(ctx context.Context, m access.Mark, limit int) ([]access.Invitation, error) {
	rows, err := s.q.InvitationsBefore(ctx, sqlgen.InvitationsBeforeParams{At: before(m.At), ID: m.ID, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of invitations", rows, err, toInvitation)
}

// SessionsBefore is [Store.InvitationsBefore] for the sessions of whom f names: a
// person, an administrator or a shop; of everybody when it names none.
func (s *Store) SessionsBefore(ctx context.Context, f access.SessionFilter, m access.Mark, limit int) ([]access.Session, error) {
	at, n := before(m.At), rowLimit(limit)
	var rows []sqlgen.Session
	var err error
	switch {
	case f.PersonID != "":
		rows, err = s.q.SessionsOfPersonBefore(ctx, sqlgen.SessionsOfPersonBeforeParams{PersonID: f.PersonID, At: at, ID: m.ID, MaxRows: n})
	case f.AdminID != "":
		rows, err = s.q.SessionsOfAdminBefore(ctx, sqlgen.SessionsOfAdminBeforeParams{AdminID: f.AdminID, At: at, ID: m.ID, MaxRows: n})
	case f.ShopID != "":
		rows, err = s.q.SessionsOfShopBefore(ctx, sqlgen.SessionsOfShopBeforeParams{ShopID: f.ShopID, At: at, ID: m.ID, MaxRows: n})
	default:
		rows, err = s.q.SessionsBefore(ctx, sqlgen.SessionsBeforeParams{At: at, ID: m.ID, MaxRows: n})
	}
	return many(s.Log, "read a page of sessions", rows, err, toSession)
}

// NoticesBefore gives at most limit notices with an id below this one, with their
// deliveries, the newest first; pending leaves out those that no channel waits for.
// 0 stands for the newest.
func (s *Store) NoticesBefore(ctx context.Context, pending bool, id int64, limit int) ([]notice.Record, error) {
	var out []notice.Record
	err := s.view(ctx, "read a page of notices", func(q *sqlgen.Queries) error {
		rows, err := noticeRows(ctx, q, pending, id, limit)
		if err != nil {
			return err
		}
		out, err = records(ctx, q, rows)
		return err
	})
	return out, err
}

func noticeRows(ctx context.Context, q *sqlgen.Queries, pending bool, id int64, limit int) ([]sqlgen.Notice, error) {
	if id == 0 {
		id = math.MaxInt64
	}
	if pending {
		return q.PendingNoticesBefore(ctx, sqlgen.PendingNoticesBeforeParams{Before: id, MaxRows: rowLimit(limit)})
	}
	return q.NoticesBefore(ctx, sqlgen.NoticesBeforeParams{Before: id, MaxRows: rowLimit(limit)})
}

// Notice gives the notice with this id and its deliveries, or
// [access.ErrNotFound].
func (s *Store) Notice(ctx context.Context, id int64) (notice.Record, error) {
	var out notice.Record
	err := s.view(ctx, "read notice", func(q *sqlgen.Queries) error {
		row, err := q.Notice(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		all, err := records(ctx, q, []sqlgen.Notice{row})
		if err == nil {
			out = all[0]
		}
		return err
	})
	return out, err
}
