package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// AccountKeys name rows of accounts of one platform.
type AccountKeys struct {
	App       string
	AppIDs    []string // of authorisers, their isv grants and their shops
	ShopIDs   []string
	TenantIDs []string
}

// AccountRows are rows about accounts, in any order and each once.
type AccountRows struct {
	Tenants     []sqlgen.Tenant
	Shops       []sqlgen.Shop
	Grants      []sqlgen.Grant
	Authorizers []sqlgen.Authorizer
}

// Standings gives what is kept about accounts of a platform, in the order of keys.
func (s *Store) Standings(ctx context.Context, app string, keys []grant.AccountKey) ([]grant.Standing, error) {
	var out []grant.Standing
	err := func() error {
		st, err := s.snapshot(ctx)
		if err != nil {
			return err
		}
		defer st.Rollback() // nothing was written
		kept, err := readAccounts(ctx, s.dialect, Tx{Queries: s.q.WithTx(st), SQL: st}, app, keys, nil)
		if err != nil {
			return err
		}
		out = kept.standings(keys)
		return nil
	}()
	if err != nil {
		return nil, s.fail("read accounts", err)
	}
	return out, nil
}

// TakeIn makes or renews the isv grants of accounts, with their shops, in one
// transaction. The errors are by index: nil for an account that landed,
// [grant.ErrLost] for one that changed since it was read or that stands in batch
// twice, [grant.ErrLeased] for one that is being renewed, [grant.ErrShopTaken];
// nothing was written of those. The error beside them means that nothing of the
// whole batch was written. One audit entry names all tokens of a batch, beside
// entries.
func (s *Store) TakeIn(ctx context.Context, app string, at time.Time, batch []grant.Intake, entries ...audit.Entry) ([]error, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	var results []error
	err := s.write(ctx, "take accounts in", func(t *tx) (err error) {
		t.record(entries...)
		results, err = t.takeIn(ctx, app, at, batch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (t *tx) takeIn(ctx context.Context, app string, at time.Time, batch []grant.Intake) ([]error, error) {
	if _, err := t.App(ctx, app); err != nil {
		return nil, fmt.Errorf("app %q: %w", app, missing(err, access.ErrNotFound))
	}
	keys, tenants := keysOf(batch)
	kept, err := readAccounts(ctx, t.dialect, t.Tx, app, keys, tenants)
	if err != nil {
		return nil, err
	}
	results := make([]error, len(batch))
	tokens := make(map[string]string, len(batch))
	for i, in := range batch {
		if in.Authorise.App != app || in.Authorizer.App != app {
			return nil, fmt.Errorf("item %d is of another platform than %q", i, app)
		}
		row, err := kept.take(in, at)
		switch {
		case errors.Is(err, errMalformed):
			return nil, fmt.Errorf("item %d: %w", i, err)
		case err != nil:
			results[i] = fmt.Errorf("store: take in %s: %w", in.Authorizer.AppID, err)
			continue
		}
		tokens[row.ID] = kept.word(row)
	}
	if err := t.dialect.PutAccounts(ctx, t.Tx, kept.changed); err != nil {
		return nil, err
	}
	if len(tokens) > 0 {
		t.record(tokensEntry(audit.GrantTokens, at, actor(t.entries), tokens))
	}
	if len(kept.changed.Shops) == 0 {
		return results, nil
	}
	opened := make(map[string]string, len(kept.changed.Shops))
	for _, shop := range kept.changed.Shops {
		opened[shop.ID] = shop.AppID
	}
	t.record(tokensEntry(audit.ShopOpen, at, actor(t.entries), opened))
	return results, t.countRevision(ctx)
}

func keysOf(batch []grant.Intake) (keys []grant.AccountKey, tenants []string) {
	for _, in := range batch {
		key := grant.AccountKey{AppID: in.Authorise.Authorizer, ShopID: in.Authorise.ShopID}
		if in.Open != nil {
			tenants = append(tenants, in.Open.Tenant.ID)
		}
		keys = append(keys, key)
	}
	return keys, tenants
}

// countRevision says that the directory changed.
func (t *tx) countRevision(ctx context.Context) error {
	row, err := meta(ctx, t.Queries, metaRevision)
	if err != nil {
		return err
	}
	return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaRevision, Number: row.Number + 1})
}

// accounts are the rows of accounts as they are kept, and what changes in them.
type accounts struct {
	grants      map[string]sqlgen.Grant // by appid, like authorizers and shops
	authorizers map[string]sqlgen.Authorizer
	shops       map[string]sqlgen.Shop
	shopIDs     map[string]sqlgen.Shop // by id
	tenants     map[string]sqlgen.Tenant
	taken       map[string]bool
	changed     AccountRows
}

func readAccounts(ctx context.Context, d Dialect, t Tx, app string, keys []grant.AccountKey, tenants []string) (*accounts, error) {
	k := AccountKeys{App: app, TenantIDs: unique(tenants)}
	for _, key := range keys {
		k.AppIDs = append(k.AppIDs, key.AppID)
		if key.ShopID != "" {
			k.ShopIDs = append(k.ShopIDs, key.ShopID)
		}
	}
	k.AppIDs, k.ShopIDs = unique(k.AppIDs), unique(k.ShopIDs)
	rows, err := d.Accounts(ctx, t, k)
	if err != nil {
		return nil, err
	}
	a := &accounts{taken: map[string]bool{},
		grants:      by(rows.Grants, func(r sqlgen.Grant) string { return r.Authorizer }),
		authorizers: by(rows.Authorizers, func(r sqlgen.Authorizer) string { return r.AppID }),
		shops:       by(rows.Shops, func(r sqlgen.Shop) string { return r.AppID }),
		shopIDs:     by(rows.Shops, func(r sqlgen.Shop) string { return r.ID }),
		tenants:     by(rows.Tenants, func(r sqlgen.Tenant) string { return r.ID }),
	}
	return a, nil
}

func unique(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// by finds rows by a key; the first of several counts.
func by[R any](rows []R, key func(R) string) map[string]R {
	m := make(map[string]R, len(rows))
	for _, r := range rows {
		if _, twice := m[key(r)]; !twice {
			m[key(r)] = r
		}
	}
	return m
}

func (a *accounts) standings(keys []grant.AccountKey) []grant.Standing {
	out := make([]grant.Standing, len(keys))
	for i, key := range keys {
		out[i].AppID = key.AppID
		if row, ok := a.authorizers[key.AppID]; ok {
			out[i].Authorizer = toAuthorizer(row)
		}
		if row, ok := a.grants[key.AppID]; ok {
			out[i].Grant = toGrant(row)
		}
		shop, ok := a.shops[key.AppID]
		if !ok {
			shop, ok = a.shopIDs[key.ShopID]
		}
		if ok {
			out[i].Shop, out[i].Tenant = toShop(shop), toTenant(a.tenants[shop.TenantID])
		}
	}
	return out
}

// errMalformed says that an intake could never land.
var errMalformed = errors.New("an intake needs an isv grant with a refresh token, and its account")

// take decides one account, and only then changes its rows.
func (a *accounts) take(in grant.Intake, at time.Time) (sqlgen.Grant, error) {
	auth, who := in.Authorise, in.Authorizer
	if auth.Kind != grant.ISV || auth.Tokens == nil || auth.Authorizer == "" || who.AppID != auth.Authorizer {
		return sqlgen.Grant{}, errMalformed
	}
	if err := checkTokens(auth.GrantID, auth.Kind, auth.From, *auth.Tokens); err != nil {
		return sqlgen.Grant{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if a.taken[who.AppID] || a.authorizers[who.AppID].Version != who.Version {
		return sqlgen.Grant{}, grant.ErrLost
	}
	row, err := a.grant(auth, at)
	if err != nil {
		return row, err
	}
	if err := a.shop(in.Open, auth); err != nil {
		return row, err
	}
	row.State, row.DueAt = string(cmp.Or(in.State, grant.Active)), millis(auth.DueAt)
	if in.State.Elsewhere() {
		row.DueAt = 0
	}
	a.taken[who.AppID] = true
	a.changed.Grants = append(a.changed.Grants, row)
	a.changed.Authorizers = append(a.changed.Authorizers, authorizerRow(who))
	return row, nil
}

// grant gives the row as it is to be: a new one, or the existing one begun anew.
func (a *accounts) grant(auth grant.Authorisation, at time.Time) (sqlgen.Grant, error) {
	row, known := a.grants[auth.Authorizer]
	switch {
	case !known && auth.From != 0,
		known && (row.ID != auth.GrantID || row.Generation != auth.From || row.State == string(grant.Revoked)):
		return row, grant.ErrLost
	case known && live(toGrant(row), at):
		return row, grant.ErrLeased
	case known:
		voidLease(&row)
	default:
		row = sqlgen.Grant{ID: auth.GrantID, Kind: string(grant.ISV), App: auth.App, Authorizer: auth.Authorizer, CreatedAt: millis(at)}
	}
	k := auth.Tokens
	row.ShopID, row.UpdatedAt = auth.ShopID, millis(at)
	row.Cause, row.ErrCode, row.Attempt, row.Doubts, row.ProvedAt = "", 0, 0, 0, 0
	row.Generation, row.Digest = k.Generation, k.Digest()
	row.Access, row.AccessExpires = orNull(k.Access), millis(k.AccessExpires)
	row.Refresh, row.RefreshIssued, row.RefreshExpires = orNull(k.Refresh), millis(k.RefreshIssued), millis(k.RefreshExpires)
	return row, nil
}

// voidLease gives out a term that nobody holds and that counts as settled:
// whoever holds the one before has lost.
func voidLease(row *sqlgen.Grant) {
	row.LeaseTerm++
	row.SettledTerm, row.LeaseOwner, row.LeaseUntil = row.LeaseTerm, "", 0
}

// shop makes sure that the grant's shop is the account's.
func (a *accounts) shop(open *grant.Opening, auth grant.Authorisation) error {
	shop, known := a.shopIDs[auth.ShopID]
	switch {
	case known && shop.AppID != auth.Authorizer:
		return grant.ErrShopTaken
	case known:
		return nil
	}
	if _, other := a.shops[auth.Authorizer]; other || open == nil {
		return grant.ErrLost // somebody declared it, or removed it, meanwhile
	}
	if open.Shop.ID != auth.ShopID || open.Shop.AppID != auth.Authorizer || open.Shop.App != auth.App {
		return fmt.Errorf("%w: its shop is another's", errMalformed)
	}
	if _, known := a.tenants[open.Tenant.ID]; !known {
		tenant := sqlgen.Tenant{ID: open.Tenant.ID, Name: open.Tenant.Name}
		a.tenants[tenant.ID] = tenant
		a.changed.Tenants = append(a.changed.Tenants, tenant)
	}
	shop = sqlgen.Shop{ID: open.Shop.ID, TenantID: open.Tenant.ID, App: open.Shop.App, AppID: open.Shop.AppID, Name: open.Shop.Name}
	a.shops[shop.AppID], a.shopIDs[shop.ID] = shop, shop
	a.changed.Shops = append(a.changed.Shops, shop)
	return nil
}

func (a *accounts) word(row sqlgen.Grant) string { return kept(toTokens(row)) }

func authorizerRow(a grant.Authorizer) sqlgen.Authorizer {
	return sqlgen.Authorizer{
		App: a.App, AppID: a.AppID, Version: a.Version + 1, State: string(a.State), Account: string(a.Account), Name: a.Name,
		ShopID: a.ShopID, Sets: toJSON(a.Sets), EventAt: millis(a.EventAt), Code: orNull(a.Code), CodeEnds: millis(a.CodeEnds),
		DueAt: millis(a.DueAt), Attempt: int64(a.Attempt), Cause: a.Cause, CheckedAt: millis(a.CheckedAt),
	}
}

// HandOver moves grants between active, held and followed, in one transaction. The
// errors are by index of the ids: nil for a grant that moved or was there
// already, [grant.ErrNotFound] for one that is none or was revoked,
// [grant.ErrLeased] for one that is being renewed, whose answer must not be lost.
func (s *Store) HandOver(ctx context.Context, h grant.Handover) ([]error, error) {
	var results []error
	err := s.write(ctx, "hand grants over", func(t *tx) (err error) {
		results, err = t.handOver(ctx, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (t *tx) handOver(ctx context.Context, h grant.Handover) ([]error, error) {
	rows, err := t.dialect.Lock(ctx, t.Tx, unique(h.GrantIDs))
	if err != nil {
		return nil, err
	}
	kept := by(rows, func(r sqlgen.Grant) string { return r.ID })
	results := make([]error, len(h.GrantIDs))
	words := map[string]string{}
	var changed []sqlgen.Grant
	for i, id := range h.GrantIDs {
		row, known := kept[id]
		moved, err := handOver(&row, known, h)
		if results[i] = err; moved && words[id] == "" {
			changed = append(changed, row)
			words[id] = row.State
		}
	}
	if len(changed) == 0 {
		return results, nil
	}
	t.record(tokensEntry(handovers[h.To], h.At, h.By, words))
	put := AccountRows{Grants: changed}
	if h.To == grant.Active {
		if put.Authorizers, err = t.looks(ctx, changed, h.At); err != nil {
			return nil, err
		}
	}
	return results, t.dialect.PutAccounts(ctx, t.Tx, put)
}

// looks plans a look at the accounts of grants that nobody has looked after, one
// after the other over a day. Those that wait for their owner are looked at now: they
// may have authorised the platform again meanwhile.
func (t *tx) looks(ctx context.Context, grants []sqlgen.Grant, at time.Time) ([]sqlgen.Authorizer, error) {
	keys, waits := map[string]AccountKeys{}, map[string]bool{}
	for _, g := range grants {
		waits[g.App+" "+g.Authorizer] = g.State == string(grant.NeedsOwner)
		keys[g.App] = AccountKeys{App: g.App, AppIDs: append(keys[g.App].AppIDs, g.Authorizer)}
	}
	var due []sqlgen.Authorizer
	for _, k := range keys {
		rows, err := t.dialect.Accounts(ctx, t.Tx, k)
		if err != nil {
			return nil, err
		}
		for i, a := range rows.Authorizers {
			if a.DueAt == 0 && a.State == string(grant.AuthorizerKept) {
				a.Version++
				a.DueAt = millis(at.Add(time.Duration(i) * 24 * time.Hour / time.Duration(len(rows.Authorizers))))
				if waits[a.App+" "+a.AppID] {
					a.DueAt = millis(at)
				}
				due = append(due, a)
			}
		}
	}
	return due, nil
}

// handovers are the actions of the entries about grants that change hands.
var handovers = map[grant.State]string{
	grant.Active: audit.GrantLead, grant.Held: audit.GrantHold, grant.Followed: audit.GrantFollow,
}

// mayHand tells whether grants of a kind can come to a state by a handover.
func mayHand(k grant.Kind, to grant.State) bool {
	return handovers[to] != "" && (k == grant.ISV || k == grant.Component && to != grant.Followed)
}

// handOver changes the row of one grant. What waited for its owner keeps its cause, and
// waits again when it is handed back: a renewal would only be refused once more. A
// refresh token that was taken in meanwhile has deleted the cause.
func handOver(row *sqlgen.Grant, known bool, h grant.Handover) (moved bool, err error) {
	state := grant.State(row.State)
	leads := !state.Elsewhere()
	switch {
	case !known || state == grant.Revoked || !mayHand(grant.Kind(row.Kind), h.To):
		return false, grant.ErrNotFound
	case state == h.To, leads && h.To == grant.Active:
		return false, nil
	case live(toGrant(*row), h.At):
		return false, grant.ErrLeased
	}
	voidLease(row)
	if leads && state != grant.NeedsOwner {
		row.Cause, row.ErrCode = "", 0
	}
	row.State, row.Attempt, row.DueAt, row.UpdatedAt = string(h.To), 0, millis(h.At), millis(h.At)
	switch {
	case h.To.Elsewhere():
		row.DueAt = 0
	case row.Cause != "":
		row.State, row.DueAt = string(grant.NeedsOwner), 0
	}
	return true, nil
}

// IsvGrantsPage gives at most limit grants of a platform's accounts behind the
// appid, in the order of their appids. It begins with "".
func (s *Store) IsvGrantsPage(ctx context.Context, app, after string, limit int) ([]grant.Grant, error) {
	rows, err := s.q.IsvGrantsAfter(ctx, sqlgen.IsvGrantsAfterParams{App: app, After: after, MaxRows: rowLimit(limit)})
	return many(s.Log, "read a page of isv grants", rows, err, toGrant)
}
