package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

const quotaPath = "/channels/ec/basics/info/get"

// slowDay is a clock of a test's own that begins at noon in China.
type slowDay struct {
	mu  sync.Mutex
	now time.Time
}

func (d *slowDay) time() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *slowDay) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

// TestALowClientGivesWayBeforeTheDailyLimit: an ERP calls once a minute, a batch job of
// low priority as fast as it may. WeChat lets the shop call a path 1000 times a day.
func TestALowClientGivesWayBeforeTheDailyLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"quota": "on"})
	r.declare()
	m := adminapi.Manifest{Clients: []adminapi.ManifestClient{
		{ID: "batch", Shops: []string{shopID}, Mode: "read", ClientRights: adminapi.ClientRights{Priority: "low"}}}}
	batch := r.apply(m).Keys["batch"]
	if err := r.sim.SetLimit(wechatsim.Limit{AppID: wechattest.Shop, Path: quotaPath, Daily: 1000}); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		r.wantCall(r.key, http.StatusOK)
	}
	for range 30 {
		r.wantCall(batch, http.StatusOK)
	}
	ledger := r.ledger(func(l adminapi.LedgerView) bool { return l.Left != nil })
	if *ledger.Limit != 1000 || *ledger.Left != 940 || ledger.Today != 60 {
		t.Fatalf("%+v", ledger)
	}
	_ = batch
}
