package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Tickets gives the tickets that are kept of a third-party platform, at most two,
// the newest first. They may be over.
func (s *Store) Tickets(ctx context.Context, app string) ([]grant.Ticket, error) {
	rows, err := s.q.Tickets(ctx, app)
	return many(s.Log, "read tickets", rows, err, toTicket)
}

// ticketsKept is how many tickets of each platform are kept: a newer one may be
// another platform's by mistake, or be refused.
const ticketsKept = 2

// ticket keeps a ticket if it is one of the newest. A newer one than any before
// makes the platform's grant due if it waits for one.
func (t *tx) ticket(ctx context.Context, k grant.Ticket, at time.Time) error {
	if err := t.appExists(ctx, k.App); err != nil {
		return err
	}
	kept, err := t.Tickets(ctx, k.App)
	if err != nil {
		return err
	}
	created := millis(k.CreatedAt)
	for _, other := range kept {
		if other.CreatedAt == created {
			return nil
		}
	}
	if len(kept) == ticketsKept && created < kept[ticketsKept-1].CreatedAt {
		return nil
	}
	err = t.InsertTicket(ctx, sqlgen.InsertTicketParams{App: k.App, CreatedAt: created, Value: k.Value, SeenAt: millis(k.SeenAt)})
	if err != nil {
		return err
	}
	if len(kept) == ticketsKept {
		before := sqlgen.DropTicketsParams{App: k.App, Before: min(created, kept[0].CreatedAt)}
		if err := t.DropTickets(ctx, before); err != nil {
			return err
		}
	}
	if len(kept) > 0 && created < kept[0].CreatedAt {
		return nil
	}
	return t.TicketCame(ctx, sqlgen.TicketCameParams{App: k.App, DueAt: millis(at)})
}

// Authorizer gives the account with this appid as it stands to a third-party
// platform, or [access.ErrNotFound].
func (s *Store) Authorizer(ctx context.Context, app, appID string) (grant.Authorizer, error) {
	row, err := s.q.Authorizer(ctx, sqlgen.AuthorizerParams{App: app, AppID: appID})
	return one(s.Log, "read authorizer", row, err, toAuthorizer)
}

// AuthorizersPage gives at most limit accounts of a platform behind the appid, in
// the order of their appids. It begins with "".
func (s *Store) AuthorizersPage(ctx context.Context, app, after string, limit int) ([]grant.Authorizer, error) {
	rows, err := s.q.AuthorizersAfter(ctx, sqlgen.AuthorizersAfterParams{App: app, After: after, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of authorizers", rows, err, toAuthorizer)
}

// DueAuthorizers gives at most r.Limit accounts that are due at r.Now, those that
// are due longest, and moves their due times on by r.For: whoever got one works at
// it alone until then. Their versions are those after that. r.Owner is not kept.
func (s *Store) DueAuthorizers(ctx context.Context, r grant.ClaimRequest) ([]grant.Authorizer, error) {
	due, err := s.q.NextAuthorizer(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && due > millis(r.Now):
		return nil, nil // most of the time; nobody's turn is taken for it
	case err != nil:
		return nil, s.fail("read due authorizers", err)
	}
	var rows []sqlgen.Authorizer
	err = s.write(ctx, "claim due authorizers", func(t *tx) (err error) {
		rows, err = t.ClaimAuthorizers(ctx, sqlgen.ClaimAuthorizersParams{
			Now: millis(r.Now), Until: millis(r.Now.Add(r.For)), MaxRows: rowLimit(r.Limit),
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return many(s.Log, "claim due authorizers", rows, nil, toAuthorizer)
}

// authorizer writes an account in place of the version that was read.
func (t *tx) authorizer(ctx context.Context, a grant.Authorizer) error {
	row, err := t.Authorizer(ctx, sqlgen.AuthorizerParams{App: a.App, AppID: a.AppID})
	known, err := exists(row, err)
	if err != nil {
		return err
	}
	if row.Version != a.Version { // 0 when there is none
		return fmt.Errorf("authorizer %s: %w", a.AppID, grant.ErrLost)
	}
	if !known {
		if err := t.appExists(ctx, a.App); err != nil {
			return err
		}
	}
	return t.PutAuthorizer(ctx, sqlgen.PutAuthorizerParams{
		App: a.App, AppID: a.AppID, Version: a.Version + 1, State: string(a.State), Account: string(a.Account), Name: a.Name,
		ShopID: a.ShopID, Sets: toJSON(a.Sets), EventAt: millis(a.EventAt), Code: orNull(a.Code), CodeEnds: millis(a.CodeEnds),
		DueAt: millis(a.DueAt), Attempt: int64(a.Attempt), Cause: a.Cause, CheckedAt: millis(a.CheckedAt),
	})
}

// ShopByAppID gives the shop with WeChat's id, or [access.ErrNotFound].
func (s *Store) ShopByAppID(ctx context.Context, appID string) (access.Shop, error) {
	rows, err := s.q.ShopsByAppID(ctx, appID)
	if err == nil && len(rows) == 0 {
		err = access.ErrNotFound
	}
	if err != nil {
		return access.Shop{}, s.fail("read shop by appid", err)
	}
	return toShop(rows[0]), nil
}

// open makes a tenant and a shop that are not there. It is a change of the
// directory, which counts it, and of which the other replicas hear by its entry. A
// shop with the same appid under another name says that somebody declared it
// meanwhile; the name with another appid, that it is another account's.
func (t *tx) open(ctx context.Context, o grant.Opening, e grant.Effects) error {
	others, err := t.ShopsLike(ctx, sqlgen.ShopsLikeParams{ID: o.Shop.ID, AppID: o.Shop.AppID})
	if err != nil {
		return err
	}
	for _, other := range others {
		switch {
		case other.ID == o.Shop.ID && other.AppID == o.Shop.AppID:
			return nil
		case other.ID == o.Shop.ID:
			return fmt.Errorf("shop %q: %w", other.ID, grant.ErrShopTaken)
		}
	}
	if len(others) > 0 {
		return fmt.Errorf("shop %q has this appid: %w", others[0].ID, grant.ErrLost)
	}
	if err := t.appExists(ctx, o.Shop.App); err != nil {
		return err
	}
	if err := t.OpenTenant(ctx, sqlgen.OpenTenantParams{ID: o.Tenant.ID, Name: o.Tenant.Name}); err != nil {
		return err
	}
	o.Shop.TenantID = o.Tenant.ID
	t.opened++
	t.record(tokensEntry(audit.ShopOpen, e.At, actor(e.Audit), map[string]string{o.Shop.ID: o.Shop.AppID}))
	return t.putShop(ctx, o.Shop)
}

// countOpened counts the directory's revision up if shops opened.
func (t *tx) countOpened(ctx context.Context) error {
	if t.opened == 0 {
		return nil
	}
	return t.countRevision(ctx)
}

// appExists answers [access.ErrNotFound] for an app that is not there. It looks
// once in a transaction.
func (t *tx) appExists(ctx context.Context, id string) error {
	if slices.Contains(t.apps, id) {
		return nil
	}
	if _, err := t.App(ctx, id); err != nil {
		return fmt.Errorf("app %q: %w", id, missing(err, access.ErrNotFound))
	}
	t.apps = append(t.apps, id)
	return nil
}

func (t *tx) putShop(ctx context.Context, s access.Shop) error {
	return t.PutShop(ctx, sqlgen.PutShopParams{
		ID: s.ID, TenantID: s.TenantID, App: s.App, Name: s.Name, RevokeOnWithdraw: s.RevokeOnWithdraw, AppID: s.AppID,
	})
}

// Purchases gives what a shop bought of a platform, by service and specification.
func (s *Store) Purchases(ctx context.Context, app, appID string) ([]access.Purchase, error) {
	rows, err := s.q.Purchases(ctx, sqlgen.PurchasesParams{App: app, AppID: appID})
	return many(s.Log, "read purchases", rows, err, toPurchase)
}

// purchase keeps what was told of a purchase, unless something later is known.
func (t *tx) purchase(ctx context.Context, p access.Purchase) error {
	if err := t.appExists(ctx, p.App); err != nil {
		return err
	}
	return t.PutPurchase(ctx, sqlgen.PutPurchaseParams{
		App: p.App, AppID: p.AppID, Service: p.Service, Spec: p.Spec, OrderID: p.OrderID,
		PaidUntil: millis(p.PaidUntil), SeenAt: millis(p.SeenAt),
	})
}

func toTicket(r sqlgen.Ticket) grant.Ticket {
	return grant.Ticket{App: r.App, CreatedAt: fromMillis(r.CreatedAt), Value: r.Value, SeenAt: fromMillis(r.SeenAt)}
}

func toAuthorizer(r sqlgen.Authorizer) grant.Authorizer {
	return grant.Authorizer{
		App: r.App, AppID: r.AppID, Version: r.Version, State: grant.AuthorizerState(r.State), Account: grant.Account(r.Account),
		Name: r.Name, ShopID: r.ShopID, Sets: fromJSON[[]int64](r.Sets), EventAt: fromMillis(r.EventAt),
		Code: r.Code, CodeEnds: fromMillis(r.CodeEnds), DueAt: fromMillis(r.DueAt), Attempt: int(r.Attempt), Cause: r.Cause,
		CheckedAt: fromMillis(r.CheckedAt),
	}
}

func toPurchase(r sqlgen.Purchase) access.Purchase {
	return access.Purchase{App: r.App, Service: r.Service, AppID: r.AppID, Spec: r.Spec, OrderID: r.OrderID,
		PaidUntil: fromMillis(r.PaidUntil), SeenAt: fromMillis(r.SeenAt)}
}
