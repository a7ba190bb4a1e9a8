package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/quota"
)

// Quotas tells what is left of what WeChat lets shops call in a day.
type Quotas interface {
	// Quotas gives the setting quota, and the ledgers of a shop, or
	// access.ErrNotFound.
	Quotas(ctx context.Context, shop string) (mode string, states []quota.State, err error)
}

// QuotaView is what is known of the quotas of a shop.
type QuotaView struct {
	Mode  string       `json:"mode" enum:"on,observe,off" doc:"the setting quota; off: nothing is counted"`
	Paths []LedgerView `json:"paths" doc:"that programs called lately, as this server knows them"`
}

// LedgerView is what is known of one path of a shop.
type LedgerView struct {
	Path    string            `json:"path"`
	Limit   *int64            `json:"limit,omitempty" doc:"calls a day; left out: WeChat did not say"`
	Left    *int64            `json:"left,omitempty" doc:"calls that are left today; left out: WeChat did not say"`
	Today   int64             `json:"today" doc:"calls through this server today, in China's time"`
	PerHour float64           `json:"per_hour" doc:"the rate of the last hour"`
	Dry     *time.Time        `json:"dry,omitempty" doc:"when it runs dry at that rate; left out: not today"`
	Heard   *time.Time        `json:"heard,omitempty" doc:"when WeChat last said what is left"`
	Clients []QuotaClientView `json:"clients"`
}

// QuotaClientView is what a client has of a path.
type QuotaClientView struct {
	ID      string  `json:"id" doc:"empty: all that were too many to be told apart"`
	Low     bool    `json:"low,omitempty" doc:"gives way to the others"`
	Today   int64   `json:"today"`
	PerHour float64 `json:"per_hour"`
	Share   *int64  `json:"share,omitempty" doc:"calls that it may make until midnight in China; left out while there are enough"`
}

func (h handlers) mountQuota(api huma.API) {
	huma.Register(api, op("get-quota", http.MethodGet, "/v1/shops/{shop}/quota", "Show what is left of what WeChat lets a shop call today"), h.quota)
}

func (h handlers) quota(ctx context.Context, in *struct {
	Shop string `path:"shop" doc:"Our id of the shop"`
	Path string `query:"path" doc:"only this path"`
}) (*body[QuotaView], error) {
	mode, states, err := h.Quotas.Quotas(ctx, in.Shop)
	if err != nil {
		return nil, fail(err)
	}
	out := QuotaView{Mode: mode, Paths: []LedgerView{}}
	for _, s := range states {
		if in.Path == "" || in.Path == s.Path {
			out.Paths = append(out.Paths, ledgerView(s))
		}
	}
	return answer(out), nil
}

func ledgerView(s quota.State) LedgerView {
	v := LedgerView{Path: s.Path, Limit: told(s.Limit), Left: told(s.Left), Today: s.Today, PerHour: s.PerHour,
		Dry: stamp(s.Dry), Heard: stamp(s.Heard), Clients: []QuotaClientView{}}
	for _, c := range s.Clients {
		v.Clients = append(v.Clients, QuotaClientView{ID: c.ID, Low: c.Low, Today: c.Today, PerHour: c.PerHour, Share: told(c.Share)})
	}
	return v
}

// told is a number that is left out when WeChat did not tell it.
func told(n int64) *int64 {
	if n == quota.Unknown {
		return nil
	}
	return &n
}
