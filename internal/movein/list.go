package movein

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Lister is WeChat's list of a platform's accounts, asked with the platform's own
// token.
type Lister interface {
	// List gives count accounts from offset on, how many entries that were, and
	// how many accounts there are.
	List(ctx context.Context, app access.App, offset, count int) (listed []Listed, rows, total int, err error)
	// Info tells what an account is, and its refresh token, which may be empty.
	Info(ctx context.Context, app access.App, appID string) (Info, error)
}

// Listed is one account of the list.
type Listed struct {
	AppID   string
	Refresh secret.Value // sometimes missing there
}

// Info is what WeChat tells of one account.
type Info struct {
	Name    string
	Shop    bool
	Refresh secret.Value
}

// MaxList is how many accounts of the list are looked at in one call: WeChat is
// asked about each that is not known here.
const MaxList = 50

// ListPage tells what became of a part of the list.
type ListPage struct {
	Results []Result
	Skipped int // accounts that are no shops, and entries that name no account
	Next    int // where to go on
	Total   int // accounts on the list; the end is where Next is not below it
}

// TakeList takes a part of WeChat's own list in, from offset on, as if it were a
// file: for a platform of which only the secret and the ticket are at hand.
// Accounts that have a token here are not asked about.
func (m *Mover) TakeList(ctx context.Context, o Order, offset int) (ListPage, error) {
	app, err := m.platform(ctx, o.App)
	if err != nil {
		return ListPage{}, err
	}
	listed, n, total, err := m.o.Lister.List(ctx, app, offset, MaxList)
	if err != nil {
		return ListPage{}, err
	}
	p := ListPage{Next: offset + n, Total: total, Skipped: n - len(listed)}
	if n == 0 {
		p.Next = total // behind the end
	}
	rows, err := m.rowsOf(ctx, app, listed, &p)
	if err != nil {
		return ListPage{}, err
	}
	p.Results, err = m.TakeIn(ctx, o, rows)
	return p, err
}

func (m *Mover) rowsOf(ctx context.Context, app access.App, listed []Listed, p *ListPage) ([]Row, error) {
	keys := make([]grant.AccountKey, len(listed))
	for i, l := range listed {
		keys[i] = grant.AccountKey{AppID: l.AppID}
	}
	kept, err := m.o.Store.Standings(ctx, app.ID, keys)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for i, l := range listed {
		r := Row{AppID: l.AppID, Refresh: l.Refresh}
		if len(kept[i].Grant.Tokens.Refresh) == 0 || l.Refresh.IsZero() {
			info, err := m.o.Lister.Info(ctx, app, l.AppID)
			if err != nil {
				return nil, err
			}
			if !info.Shop {
				p.Skipped++
				continue
			}
			r.Name = info.Name
			if !info.Refresh.IsZero() {
				r.Refresh = info.Refresh // newer than the list's
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}
