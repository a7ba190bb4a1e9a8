package adminapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/quota"
)

const ordersPath = "/channels/ec/order/get"

// Quotas implements adminapi.Quotas: one path of which WeChat said something, and one of
// which it did not.
func (r *rig) Quotas(_ context.Context, shop string) (string, []quota.State, error) {
	if shop != "tea" {
		return "", nil, access.ErrNotFound
	}
	return "on", []quota.State{
		{Key: quota.Key{Shop: "tea", Path: ordersPath}, Limit: 1000, Left: 0, Today: 800, PerHour: 60, Dry: epoch.Add(time.Hour), Heard: epoch,
			Clients: []quota.ClientState{{ID: "batch", Low: true, Today: 800, PerHour: 60, Share: 0}}},
		{Key: quota.Key{Shop: "tea", Path: "/channels/ec/product/get"}, Limit: quota.Unknown, Left: quota.Unknown, Today: 1,
			Clients: []quota.ClientState{{ID: "erp", Today: 1, Share: quota.Unknown}}},
	}, nil
}

func TestQuota(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	dry := epoch.Add(time.Hour)
	orders := adminapi.LedgerView{Path: ordersPath, Limit: new(int64(1000)), Left: new(int64(0)), Today: 800, PerHour: 60, Dry: &dry, Heard: &epoch,
		Clients: []adminapi.QuotaClientView{{ID: "batch", Low: true, Today: 800, PerHour: 60, Share: new(int64(0))}}}
	products := adminapi.LedgerView{Path: "/channels/ec/product/get", Today: 1, Clients: []adminapi.QuotaClientView{{ID: "erp", Today: 1}}}
	for path, want := range map[string][]adminapi.LedgerView{
		"":                                       {orders, products},
		"?path=/channels/ec/order/get":           {orders},
		"?path=%2Fchannels%2Fec%2Fproduct%2Fget": {products},
		"?path=/channels/ec/order":               {},
	} {
		var got adminapi.QuotaView
		r.ask("GET", "/v1/shops/tea/quota"+path, nil, &got)
		if diff := cmp.Diff(adminapi.QuotaView{Mode: "on", Paths: want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if rec := r.say("GET", "/v1/shops/nobody/quota", nil); rec.Code != http.StatusNotFound {
		t.Errorf("no such shop: %d", rec.Code)
	}
}
