package sqlstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Declare brings the directory to a wished-for state, all of it or nothing, and
// counts its revision up. It refuses with [access.ErrStale] when the directory
// is not at the declaration's revision any more, with [access.ErrNotFound] when
// something names what does not exist, and with [access.ErrUsed] when something
// to be removed is still in use.
//
// A secret, or a client's key hash, that is nil keeps the one before. A client
// that was revoked stays so until it gets another key.
func (s *Store) Declare(ctx context.Context, d access.Declaration, e ...audit.Entry) error {
	return s.write(ctx, "declare", func(t *tx) error {
		if err := t.nextRevision(ctx, d.Revision); err != nil {
			return err
		}
		t.record(e...)
		return (&declaring{tx: t, d: d, entries: e}).run(ctx)
	})
}

func (t *tx) nextRevision(ctx context.Context, from int64) error {
	row, err := meta(ctx, t.Queries, metaRevision)
	if err != nil {
		return err
	}
	if row.Number != from {
		return access.ErrStale
	}
	return t.PutMeta(ctx, sqlgen.PutMetaParams{Name: metaRevision, Number: from + 1})
}

// declaring is one declaration on its way into the database.
type declaring struct {
	*tx
	d       access.Declaration
	entries []audit.Entry
	started []string // grants that got a new start, for the audit log
}

// run goes from what others refer to towards what refers to others; removal
// begins at the other end, and ends with what may have lost its last reference
// only now.
func (d *declaring) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		d.removeClients, d.removeOIDCClients, d.removeChannels, d.removeShops,
		d.apps, d.tenants, d.shops, d.clients, d.oidcClients, d.channels, d.members, d.keys, d.rotations,
		d.removeApps, d.removeTenants,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.recordStarted()
	return nil
}

func (d *declaring) apps(ctx context.Context) error {
	for _, a := range d.d.Apps {
		if err := d.app(ctx, a); err != nil {
			return fmt.Errorf("app %q: %w", a.ID, err)
		}
	}
	return nil
}

// app writes an app. A new secret gives the grants of its shops a new start:
// whatever they failed on may be mended, and a refresh with the old secret must
// not say otherwise afterwards.
func (d *declaring) app(ctx context.Context, a access.App) error {
	row, err := d.App(ctx, a.ID)
	known, err := exists(row, err)
	if err != nil {
		return err
	}
	if known && a.SecretVersion < row.SecretVersion {
		return access.ErrStale
	}
	if a.Secret == nil {
		a.Secret = row.Secret
	}
	if a.Push.Keys == nil {
		a.Push = toApp(row).Push
	}
	if known && a.Push.Version < row.PushVersion {
		return access.ErrStale
	}
	err = d.PutApp(ctx, sqlgen.PutAppParams{
		ID: a.ID, Kind: string(a.Kind), AppID: a.AppID, Name: a.Name, Secret: a.Secret, SecretVersion: a.SecretVersion,
		CallbackHost: a.CallbackHost, VerifyName: a.VerifyName, VerifyBody: a.VerifyBody, Scope: a.Scope,
		Egress: a.Egress, ApiHosts: toJSON(a.APIHosts), Push: orNull(a.Push.Keys), PushVersion: a.Push.Version,
		PushPrevious: orNull(a.Push.Previous), PushPreviousVersion: a.Push.PreviousVersion, Services: toJSON(fromServices(a.Services)),
		OwnerMessage: fromOwnerMessage(a.OwnerMessage),
	})
	if err != nil {
		return err
	}
	if known && row.Services != toJSON(fromServices(a.Services)) {
		d.touch("app:"+a.ID, d.d.At) // what a service gives holds for those who are in, too
	}
	moved := known && a.AppID != row.AppID
	fresh := known && (moved || a.SecretVersion != row.SecretVersion)
	if a.Kind == access.Component {
		return d.platform(ctx, a.ID, fresh, moved)
	}
	if !fresh {
		return nil
	}
	return d.restartShopsOf(ctx, row, moved)
}

// platform sees to it that a third-party platform has its grant. A new secret
// gives it a new start. moved says that the app is another platform at WeChat now:
// nothing that was told about the one before holds for it. Shops that a replica of an
// older version declared meanwhile get their ids at WeChat: the platform would open
// them a second time.
func (d *declaring) platform(ctx context.Context, app string, fresh, moved bool) error {
	row, err := d.ComponentGrant(ctx, app)
	found, err := exists(row, err)
	if err != nil {
		return err
	}
	if err := d.FillShopAppIDs(ctx); err != nil {
		return err
	}
	if !found {
		if err := d.ends(ctx, platformSchema); err != nil {
			return err
		}
		return d.begin(ctx, grant.Authorisation{Kind: grant.Component, App: app})
	}
	if moved {
		if err := d.voidPlatform(ctx, app); err != nil {
			return err
		}
	}
	if !fresh || !moved && grant.State(row.State) == grant.Revoked {
		return nil
	}
	return d.startAgain(ctx, row, app, moved)
}

// appChanged is why something ended that was authorised to another appid.
const appChanged = "app_changed"

// voidPlatform ends what shops authorised another platform to: they must authorise
// the new one. Its tickets, codes and sessions are worth nothing, and what was bought
// of it was not bought of the new one. The shops stay, and so does what an
// administrator revoked.
func (d *declaring) voidPlatform(ctx context.Context, app string) error {
	if err := d.endAuthorisations(ctx, app); err != nil {
		return err
	}
	n, err := d.VoidAuthorizers(ctx, sqlgen.VoidAuthorizersParams{App: app, Cause: appChanged})
	if err != nil {
		return err
	}
	if err := d.DeletePurchases(ctx, app); err != nil {
		return err
	}
	d.touch("app:"+app, d.d.At)
	err = d.EndAppSessions(ctx, sqlgen.EndAppSessionsParams{App: app, EndedAt: millis(d.d.At), EndedWhy: appChanged})
	if err != nil {
		return err
	}
	if n > 0 {
		d.record(audit.Entry{At: d.d.At, Actor: actor(d.entries), Action: "platform.void", Subject: "app:" + app,
			Outcome: audit.Done, Reason: appChanged, Details: map[string]string{"authorizers": strconv.FormatInt(n, 10)}})
	}
	return d.DropTickets(ctx, sqlgen.DropTicketsParams{App: app, Before: math.MaxInt64})
}

func (d *declaring) endAuthorisations(ctx context.Context, app string) error {
	rows, err := d.GrantsOfApp(ctx, app)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if grant.Kind(row.Kind) != grant.ISV {
			continue
		}
		r := grant.Revocation{GrantID: row.ID, Cause: appChanged, State: grant.NeedsOwner}
		if err := d.revoke(ctx, r, grant.Effects{At: d.d.At, Audit: d.entries}); err != nil {
			return err
		}
	}
	return nil
}

// platformSchema is the oldest schema whose program knows third-party platforms. An
// older one takes a session without a person for one of a person without a name, and
// asks WeChat about grants that it does not know.
const platformSchema = 4

// rightsSchema is the oldest schema whose program heeds what a client may do beside
// its mode.
const rightsSchema = 6

// peopleSchema is the oldest schema whose program heeds what staff may do, and how
// long a role lasts that an invitation gives.
const peopleSchema = 12

// begin makes a grant that is due now.
func (d *declaring) begin(ctx context.Context, a grant.Authorisation) error {
	a.GrantID, a.DueAt = access.NewID("g"), d.d.At
	d.started = append(d.started, a.GrantID)
	return d.newGrant(ctx, a, d.d.At)
}

// restartShopsOf gives the grants of an app's shops a new start, also of those that
// a platform serves now: their own grant stays beside its. moved says that
// the app is another one at WeChat now. Without that, what somebody revoked stays
// revoked: a new secret is no reason to hand out tokens again, and the forced
// refreshes that a grant owes go on with it.
func (d *declaring) restartShopsOf(ctx context.Context, app sqlgen.App, moved bool) error {
	shops, err := d.ShopsOfApp(ctx, app.ID)
	if err != nil {
		return err
	}
	away, err := d.ShopsByAppID(ctx, app.AppID)
	if err != nil {
		return err
	}
	for _, shop := range away {
		if shop.App != app.ID {
			shops = append(shops, shop)
		}
	}
	for _, shop := range shops {
		row, err := d.SelfGrant(ctx, shop.ID)
		found, err := exists(row, err)
		if err != nil {
			return err
		}
		if !found || shop.App != app.ID && row.App != app.ID {
			continue // shopsGrant makes it, or it is none of this app's
		}
		if !moved && grant.State(row.State) == grant.Revoked {
			continue
		}
		if err := d.startAgain(ctx, row, app.ID, moved); err != nil {
			return err
		}
	}
	return nil
}

// startAgain makes a grant active and due. Tokens of another app are another
// shop's: they are deleted.
func (d *declaring) startAgain(ctx context.Context, row sqlgen.Grant, app string, moved bool) error {
	if moved || row.App != app {
		if err := d.ClearTokens(ctx, row.ID); err != nil {
			return err
		}
		d.recordTokens(grant.Effects{At: d.d.At, Audit: d.entries}, row.ID, grant.Tokens{Generation: row.Generation + 1})
	}
	d.started = append(d.started, row.ID)
	return d.RestartGrant(ctx, sqlgen.RestartGrantParams{
		ID: row.ID, App: app, ShopID: row.ShopID, DueAt: millis(afterLease(toGrant(row), d.d.At, d.d.At)), UpdatedAt: millis(d.d.At),
	})
}

func (d *declaring) tenants(ctx context.Context) error {
	for _, n := range d.d.Tenants {
		if err := d.PutTenant(ctx, sqlgen.PutTenantParams{ID: n.ID, Name: n.Name}); err != nil {
			return err
		}
	}
	return nil
}

func (d *declaring) shops(ctx context.Context) error {
	for _, s := range d.d.Shops {
		if err := d.shop(ctx, s); err != nil {
			return fmt.Errorf("shop %q: %w", s.ID, err)
		}
	}
	return nil
}

// shop writes a shop and sees to it that it has a grant, if its own app serves it. A shop that comes back
// after its removal, or with another app, starts again with the grant it had.
func (d *declaring) shop(ctx context.Context, s access.Shop) error {
	if err := d.placeExists(ctx, s.TenantID, ""); err != nil {
		return fmt.Errorf("tenant %q: %w", s.TenantID, err)
	}
	app, err := d.App(ctx, s.App)
	if err != nil {
		return fmt.Errorf("app %q: %w", s.App, missing(err, access.ErrNotFound))
	}
	before, err := d.Shop(ctx, s.ID)
	known, err := exists(before, err)
	if err != nil {
		return err
	}
	if known && before.TenantID != s.TenantID {
		d.touch("shop:"+s.ID, d.d.At)
	}
	if s.AppID == "" && app.Kind != string(access.Component) {
		s.AppID = app.AppID
	}
	if err := d.putShop(ctx, s); err != nil {
		return err
	}
	if app.Kind == string(access.Component) {
		// The shop's authorisation makes the grant, at WeChat; it may have waited for us.
		return d.WakeUndeclared(ctx, sqlgen.WakeUndeclaredParams{App: s.App, AppID: s.AppID, DueAt: millis(d.d.At)})
	}
	return d.shopsGrant(ctx, s, known)
}

func (d *declaring) shopsGrant(ctx context.Context, s access.Shop, known bool) error {
	row, err := d.SelfGrant(ctx, s.ID)
	found, err := exists(row, err)
	if err != nil {
		return err
	}
	if found && (!known || row.App != s.App) {
		return d.startAgain(ctx, row, s.App, false)
	}
	if found {
		return nil
	}
	return d.begin(ctx, grant.Authorisation{Kind: grant.Self, App: s.App, ShopID: s.ID})
}

// recordStarted names the grants that begin anew: the declaration itself names
// apps and shops only.
func (d *declaring) recordStarted() {
	if len(d.started) == 0 {
		return
	}
	details := make(map[string]string, len(d.started))
	for _, id := range d.started {
		details[id] = "due"
	}
	d.record(tokensEntry(audit.GrantStart, d.d.At, actor(d.entries), details))
}

func (d *declaring) clients(ctx context.Context) error {
	for _, c := range d.d.Clients {
		if err := d.client(ctx, c); err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
	}
	return nil
}

func (d *declaring) client(ctx context.Context, c access.Client) error {
	row, err := d.Client(ctx, c.ID)
	known, err := exists(row, err)
	if err != nil {
		return err
	}
	if known {
		old, err := toClient(row)
		if err != nil {
			return err
		}
		c = keepFrom(c, old)
	}
	rights, err := c.Rights.Encode()
	if err != nil {
		return err
	}
	if rights != "" {
		if err := d.ends(ctx, rightsSchema); err != nil {
			return err
		}
	}
	err = d.PutClient(ctx, sqlgen.PutClientParams{
		ID: c.ID, Name: c.Name, KeyHash: c.KeyHash, KeyHint: c.KeyHint, Mode: string(c.Mode),
		CreatedAt: millis(c.CreatedAt), ExpiresAt: millis(c.ExpiresAt), RevokedAt: millis(c.RevokedAt),
		Rights: rights, MadeBy: c.MadeBy,
	})
	if err != nil {
		return err
	}
	return d.clientShops(ctx, c)
}

// keepFrom fills in what a declared client leaves as it is.
func keepFrom(c, old access.Client) access.Client {
	if c.KeyHash == nil {
		c.KeyHash, c.KeyHint = old.KeyHash, old.KeyHint
	}
	if slices.Equal(c.KeyHash, old.KeyHash) {
		c.RevokedAt, c.CreatedAt, c.MadeBy = old.RevokedAt, old.CreatedAt, old.MadeBy
	}
	return c
}

func (d *declaring) clientShops(ctx context.Context, c access.Client) error {
	if err := d.ClearClientShops(ctx, c.ID); err != nil {
		return err
	}
	shops := slices.Clone(c.Shops)
	slices.Sort(shops)
	for _, id := range slices.Compact(shops) {
		if _, err := d.Shop(ctx, id); err != nil {
			return fmt.Errorf("shop %q: %w", id, missing(err, access.ErrNotFound))
		}
		if err := d.InsertClientShop(ctx, sqlgen.InsertClientShopParams{ClientID: c.ID, ShopID: id}); err != nil {
			return err
		}
	}
	return nil
}

func (d *declaring) members(ctx context.Context) error {
	for _, m := range d.d.Members {
		if err := d.placeExists(ctx, m.TenantID, m.ShopID); err != nil {
			return fmt.Errorf("member of %q: %w", m.TenantID, err)
		}
		if _, err := d.Person(ctx, m.PersonID); err != nil {
			return fmt.Errorf("member %q: %w", m.PersonID, missing(err, access.ErrNotFound))
		}
		if err := d.changeMembers(ctx, d.d.At, m); err != nil {
			return fmt.Errorf("member %q of %q: %w", m.PersonID, m.TenantID, err)
		}
	}
	return nil
}
