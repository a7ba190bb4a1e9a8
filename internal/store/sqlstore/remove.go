package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

func (d *declaring) removeClients(ctx context.Context) error {
	for _, id := range d.d.Remove.Clients {
		if n, err := d.DeleteClient(ctx, id); err != nil || n == 0 {
			return removed("client", id, n, err)
		}
	}
	return nil
}

// removed says why a removal did not happen.
func removed(kind, id string, n int64, err error) error {
	if err == nil && n == 0 {
		err = access.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove %s %q: %w", kind, id, err)
	}
	return nil
}

// removeShops deletes shops with their roles and invitations. The grants stay as
// revoked ones as long as their apps do, so that their generations count on if the
// shop comes back.
func (d *declaring) removeShops(ctx context.Context) error {
	for _, id := range d.d.Remove.Shops {
		if err := d.removeShop(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (d *declaring) removeShop(ctx context.Context, id string) error {
	rows, err := d.GrantsOfShop(ctx, id)
	if err != nil {
		return err
	}
	for _, row := range rows {
		r := grant.Revocation{GrantID: row.ID, Cause: "shop_removed"}
		if err := d.revoke(ctx, r, grant.Effects{At: d.d.At, Audit: d.entries}); err != nil {
			return err
		}
	}
	if err := d.removeShopMembers(ctx, id); err != nil {
		return err
	}
	if err := d.DeleteShopInvitations(ctx, id); err != nil {
		return err
	}
	if err := d.ForgetShop(ctx, id); err != nil {
		return err
	}
	err = d.EndShopSessions(ctx, sqlgen.EndShopSessionsParams{ShopID: id, EndedAt: millis(d.d.At), EndedWhy: "shop_removed"})
	if err != nil {
		return err
	}
	d.touch("shop:"+id, d.d.At)
	n, err := d.DeleteShop(ctx, id)
	return removed("shop", id, n, err)
}

func (d *declaring) removeShopMembers(ctx context.Context, id string) error {
	row, err := d.Shop(ctx, id)
	if found, err := exists(row, err); !found {
		return err
	}
	if err := d.touchMembers(ctx, row.TenantID, id, d.d.At); err != nil {
		return err
	}
	return d.DeleteShopMembers(ctx, id)
}

func (d *declaring) removeApps(ctx context.Context) error {
	for _, id := range d.d.Remove.Apps {
		if err := d.removeApp(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// removeApp deletes an app that no living grant and no shop needs. What only the
// app gave a meaning to goes with it: revoked grants and openids; sessions that
// it proved end.
func (d *declaring) removeApp(ctx context.Context, id string) error {
	n, err := d.CountAppGrants(ctx, id)
	if err != nil {
		return err
	}
	shops, err := d.ShopsOfApp(ctx, id)
	if err != nil {
		return err
	}
	var by []string
	if n > 0 {
		by = append(by, fmt.Sprintf("%d grants that are not revoked", n))
	}
	if len(shops) > 0 {
		by = append(by, fmt.Sprintf("%d shops", len(shops)))
	}
	if len(by) > 0 {
		return &access.InUseError{What: fmt.Sprintf("app %q", id), By: by}
	}
	if err := d.removeGrants(ctx, id); err != nil {
		return err
	}
	if err := d.removeIdentities(ctx, id); err != nil {
		return err
	}
	err = d.EndAppSessions(ctx, sqlgen.EndAppSessionsParams{App: id, EndedAt: millis(d.d.At), EndedWhy: "app_removed"})
	if err != nil {
		return err
	}
	over := notice.OverOf(notice.Notice{Kind: notice.TicketMissing, Subject: "app:" + id}, d.d.At)
	if err := d.endCondition(ctx, notice.NoTicket(id), over, "app_removed"); err != nil {
		return err
	}
	d.touch("app:"+id, d.d.At)
	gone, err := d.DeleteApp(ctx, id)
	return removed("app", id, gone, err)
}

// removeIdentities deletes the openids of an app, unless somebody who alone owns a place
// could never log in again.
func (d *declaring) removeIdentities(ctx context.Context, app string) error {
	tenants, err := d.Tenants(ctx)
	if err != nil {
		return err
	}
	before := make([][]access.Member, len(tenants))
	for i, tenant := range tenants {
		if before[i], err = d.owners(ctx, tenant.ID); err != nil {
			return err
		}
	}
	if err := d.DeleteAppIdentities(ctx, app); err != nil {
		return err
	}
	var lost []string
	for i, tenant := range tenants {
		after, err := d.owners(ctx, tenant.ID)
		if err != nil {
			return err
		}
		if !slices.Contains(d.d.Remove.Tenants, tenant.ID) && access.Orphans(before[i], after, d.d.At) {
			lost = append(lost, tenant.ID)
		}
	}
	return access.InUse(fmt.Sprintf("app %q", app), "the last owner of tenant", lost)
}

// removeGrants deletes the grants of an app, all of them revoked or a platform's
// own, and records it:
// a row that is gone without that was deleted by somebody else.
func (d *declaring) removeGrants(ctx context.Context, app string) error {
	rows, err := d.GrantsOfApp(ctx, app)
	if err != nil {
		return err
	}
	gone := make(map[string]string)
	for _, r := range rows {
		gone[r.ID] = kept(toTokens(r))
	}
	if len(gone) == 0 {
		return nil
	}
	entry := tokensEntry(audit.GrantTokens, d.d.At, actor(d.entries), gone)
	entry.Reason = audit.GrantRemoved
	d.record(entry)
	return d.DeleteAppGrants(ctx, app)
}

func (d *declaring) removeTenants(ctx context.Context) error {
	for _, id := range d.d.Remove.Tenants {
		if err := d.removeTenant(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (d *declaring) removeTenant(ctx context.Context, id string) error {
	n, err := d.CountShopsOfTenant(ctx, id)
	if err != nil {
		return err
	}
	if n > 0 {
		return &access.InUseError{What: fmt.Sprintf("tenant %q", id), By: []string{fmt.Sprintf("%d shops", n)}}
	}
	if err := d.touchMembers(ctx, id, "", d.d.At); err != nil {
		return err
	}
	if err := d.DeleteTenantMembers(ctx, id); err != nil {
		return err
	}
	if err := d.DeleteTenantInvitations(ctx, id); err != nil {
		return err
	}
	gone, err := d.DeleteTenant(ctx, id)
	return removed("tenant", id, gone, err)
}
