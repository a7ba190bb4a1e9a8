package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

const quotaPath = "/channels/ec/basics/info/get"

// noonRig gives a rig whose day in China has twelve hours left.
func noonRig(t *testing.T, flags map[string]string) *rig {
	t.Helper()
	r := newStoppedRig(t)
	now := r.sim.Now()
	noon := now.UTC().Truncate(24 * time.Hour).Add(28 * time.Hour) // 12:00 of the next day or the one after
	r.sim.Advance(noon.Sub(now))
	r.start(flags)
	r.declare()
	return r
}

// calls makes n calls with a key, all of which should get the same status.
func (r *rig) calls(n int, key string, want int, header ...string) *http.Response {
	r.t.Helper()
	var last *http.Response
	for range n {
		req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.base+"/wx/"+shopID+quotaPath, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		if last, err = r.http.Do(req); err != nil {
			r.t.Fatal(err)
		}
		b, _ := io.ReadAll(last.Body)
		last.Body.Close()
		if last.StatusCode != want {
			r.t.Fatalf("%d %s", last.StatusCode, b)
		}
	}
	return last
}

// quota waits until what is known of the path is as it should be.
func (r *rig) quota(what string, good func(adminapi.LedgerView) bool) adminapi.LedgerView {
	r.t.Helper()
	var v adminapi.QuotaView
	r.await(what, func() bool {
		r.ask("GET", "/v1/shops/"+shopID+"/quota?path="+quotaPath, nil, &v)
		return len(v.Paths) == 1 && good(v.Paths[0])
	})
	return v.Paths[0]
}

// TestALowClientGivesWayBeforeTheDailyLimit: an ERP and a batch job of low priority call
// one path. WeChat's limit would do for the ERP, and for most of the job.
func TestALowClientGivesWayBeforeTheDailyLimit(t *testing.T) {
	t.Parallel()
	r := noonRig(t, map[string]string{"quota": "on"})
	batch := r.apply(adminapi.Manifest{Clients: []adminapi.ManifestClient{
		{ID: "batch", Shops: []string{shopID}, Mode: "read", ClientRights: adminapi.ClientRights{Priority: "low"}}}}).Keys["batch"]
	const made, limit = 330, 3150
	began := r.sim.Now()
	r.calls(30, r.key, http.StatusOK)
	r.calls(300, batch, http.StatusOK)
	r.quota("WeChat's numbers", func(l adminapi.LedgerView) bool { return l.Left != nil })
	if err := r.sim.SetLimit(wechatsim.Limit{AppID: wechattest.Shop, Path: quotaPath, Daily: limit}); err != nil {
		t.Fatal(err)
	}
	r.sim.Advance(15 * time.Minute) // when WeChat is asked again
	l := r.quota("the new limit", func(l adminapi.LedgerView) bool { return *l.Limit == limit })
	now := r.sim.Now()
	lasts := time.Duration((limit - made) * float64(now.Sub(began)) / made)
	if *l.Left != limit-made || l.Today != made || l.Dry == nil || l.Dry.Sub(now.Add(lasts)).Abs() > lasts/20 {
		t.Fatalf("%+v, want it to be dry at %v", l, now.Add(lasts))
	}

	// The job has its turn every forty seconds or so, the ERP goes on.
	r.calls(1, batch, http.StatusOK)
	if res := r.calls(1, batch, http.StatusTooManyRequests, "X-Zhanggui-Wait", "0"); res.Header.Get("Retry-After") == "" {
		t.Error("no word of when to come back")
	}
	r.calls(5, r.key, http.StatusOK)

	// Somebody else uses up most of it. WeChat is asked again after a minute.
	if err := r.sim.SetUsed(wechattest.Shop, quotaPath, limit-100); err != nil {
		t.Fatal(err)
	}
	r.sim.Advance(time.Minute)
	r.quota("a hundred calls", func(l adminapi.LedgerView) bool { return *l.Left == 100 })
	r.calls(1, batch, http.StatusTooManyRequests, "X-Zhanggui-Wait", "20s")
	r.calls(5, r.key, http.StatusOK)
	for _, e := range r.sim.Ledger() {
		if e.ErrCode == 45009 {
			t.Errorf("WeChat said that the quota is used up: %+v", e)
		}
	}
	r.toldOfTheQuota()
}

// toldOfTheQuota wants one notice, and the metrics.
func (r *rig) toldOfTheQuota() {
	r.t.Helper()
	var told []adminapi.NoticeView
	r.await("a notice", func() bool {
		var all struct{ Items []adminapi.NoticeView }
		r.ask("GET", "/v1/notices", nil, &all)
		told = nil
		for _, n := range all.Items {
			if n.Kind == "quota.low" {
				told = append(told, n)
			}
		}
		return len(told) > 0
	})
	if d := told[0].Details; len(told) != 1 || told[0].Subject != "quota:"+shopID+quotaPath || d["shop"] != shopID || d["path"] != quotaPath || d["limit"] != "3150" || !strings.Contains(d["dry"], ":") {
		r.t.Errorf("told %+v", told)
	}
	_, metrics := r.get(r.ops+"/metrics", "")
	for _, want := range []string{`zhanggui_quota_left_ratio{group="store"} 0.0`, `zhanggui_quota_dry_seconds{group="store"} `, `zhanggui_quota_held_total{decision="wait"} `, `zhanggui_quota_held_total{decision="refuse"} 1`} {
		if !strings.Contains(metrics, want) {
			r.t.Errorf("no %s in the metrics", want)
		}
	}
}
