package movein

import (
	"context"
	"strconv"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Page is a part of what goes out.
type Page struct {
	Rows []Row
	// Lost are accounts whose kept token does not open.
	Lost []string
	Next string // where to go on; empty at the end
}

// Export gives the refresh tokens of a platform's accounts behind the appid
// after, at most [MaxBatch]. It begins with "". Accounts that have none are left
// out. That they went out is recorded before they are given.
func (m *Mover) Export(ctx context.Context, o Order, after string) (Page, error) {
	var p Page
	if _, err := m.platform(ctx, o.App); err != nil {
		return p, err
	}
	grants, err := m.o.Store.IsvGrantsPage(ctx, o.App, after, MaxBatch)
	if err != nil {
		return p, err
	}
	if len(grants) == MaxBatch {
		p.Next = grants[len(grants)-1].Authorizer
	}
	if err := m.openAll(ctx, o.App, grants, &p); err != nil {
		return Page{}, err
	}
	if len(p.Rows) == 0 {
		return p, nil
	}
	return p, m.o.Store.Append(ctx, audit.Entry{At: m.o.Now(), Actor: o.By, Action: "platform.export", Subject: "app:" + o.App, Outcome: audit.Done,
		Details: map[string]string{"after": after, "accounts": strconv.Itoa(len(p.Rows))}, Count: int64(len(p.Rows))})
}

func (m *Mover) openAll(ctx context.Context, app string, grants []grant.Grant, p *Page) error {
	keys := make([]grant.AccountKey, len(grants))
	for i, g := range grants {
		keys[i] = grant.AccountKey{AppID: g.Authorizer, ShopID: g.ShopID}
	}
	shops, err := m.o.Store.Standings(ctx, app, keys)
	if err != nil {
		return err
	}
	for i, g := range grants {
		if len(g.Tokens.Refresh) == 0 {
			continue
		}
		token, err := m.o.Vault.Open(g.Tokens.Refresh, refreshCell(g.ID, g.Tokens.Generation))
		if err != nil {
			p.Lost = append(p.Lost, g.Authorizer)
			continue
		}
		s := shops[i].Shop
		p.Rows = append(p.Rows, Row{AppID: g.Authorizer, Refresh: token, Shop: g.ShopID, Tenant: s.TenantID, Name: s.Name})
	}
	return nil
}
