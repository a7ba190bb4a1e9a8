package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// changedPath is what WeChat changes; nobody here calls the other one that it names.
const (
	changedPath = "/channels/ec/product/list/get"
	diffBody    = `{"changelog_url":"https://developers.weixin.qq.com/doc/store/shop/changelog.html","change_time":"1767340800","api_changes":[
		{"chinese_name":"获取商品列表","cgi_path":"` + changedPath + `","doc_url":"https://developers.weixin.qq.com/doc/store/shop/API/product","change_content":"更新接口：新增必填字段 page_size。"},
		{"chinese_name":"获取优惠券列表","cgi_path":"/channels/ec/coupon/get_list","change_content":"更新接口：字段改名。"}]}`
)

// TestAChangeReachesWhomItConcerns: of two programs one calls what WeChat changes. It
// is named, to operators and in an event of its own, once; the other hears nothing.
func TestAChangeReachesWhomItConcerns(t *testing.T) {
	t.Parallel()
	r := newPlatformRig(t)
	r.buy()
	r.deliver()
	r.awaitShop()
	keys := r.apply(adminapi.Manifest{Clients: []adminapi.ManifestClient{
		{ID: "lister", Shops: []string{marketShop}, Mode: "read"}, {ID: "reader", Shops: []string{marketShop}, Mode: "read"},
	}}).Keys
	if status, body := r.postAs(keys["lister"], changedPath, `{"page_size":10,"status":5}`); status != http.StatusOK {
		t.Fatalf("the call that is concerned: %d %s", status, body)
	}
	if status, body := r.basics(marketShop, keys["reader"]); status != http.StatusOK {
		t.Fatalf("the other one: %d %s", status, body)
	}
	r.must(r.app.WritePaths(t.Context()))
	for range 2 { // each account of a platform is told the same
		r.must(r.sim.PushShop(marketShop, "api_diff", []byte(diffBody)))
		r.deliver()
		r.must(r.app.LookForChanges(t.Context()))
	}

	var changes struct{ Items []adminapi.APIChangeView }
	r.ask("GET", "/v1/api-changes", nil, &changes)
	if len(changes.Items) != 2 {
		t.Fatalf("changes: %+v", changes.Items)
	}
	for _, c := range changes.Items {
		if want := map[bool]string{true: "lister"}[c.Path == changedPath]; strings.Join(c.Clients, " ") != want {
			t.Errorf("%s concerns %q, want %q", c.Path, c.Clients, want)
		}
	}
	r.toldOf(t, keys)
}

// toldOf holds who heard of the change: one notice, one event for the one client, and
// the page of staff.
func (r *rig) toldOf(t *testing.T, keys map[string]string) {
	t.Helper()
	if n := r.count("api.changed"); n != 1 {
		t.Errorf("%d entries of the change, want 1", n)
	}
	var told []adminapi.NoticeView
	var all struct{ Items []adminapi.NoticeView }
	r.await("the notice", func() bool {
		r.ask("GET", "/v1/notices", nil, &all)
		told = nil
		for _, n := range all.Items {
			if n.Kind == "api.changed" {
				told = append(told, n)
			}
		}
		return len(told) > 0
	})
	if len(told) != 1 || told[0].Details["clients"] != "lister" || told[0].Details["paths"] != changedPath {
		t.Errorf("told: %+v", told)
	}
	for client, want := range map[string]int{"lister": 1, "reader": 0} {
		var page struct{ Items []adminapi.EventView }
		status, body := r.get(r.base+"/v1/events?events=api.changed", keys[client])
		if err := json.Unmarshal([]byte(body), &page); status != http.StatusOK || err != nil || len(page.Items) != want {
			t.Errorf("%s has the events %d %s", client, status, body)
		}
		if want > 0 && (!strings.Contains(body, changedPath) || strings.Contains(body, "coupon")) {
			t.Errorf("%s is told of %s", client, body)
		}
	}
	staff, _, _ := r.setupAdmin()
	if p := staff.open(r.base + "/radar?path=" + changedPath); !strings.Contains(p.body, "新增必填字段") || !strings.Contains(p.body, "lister") || strings.Contains(p.body, "reader") {
		t.Errorf("the page says %s", p.body)
	}
}

// postAs calls the market's shop with a client's key.
func (r *rig) postAs(key, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", r.base+"/wx/"+marketShop+path, strings.NewReader(body))
	r.must(err)
	req.Header.Set("Authorization", "Bearer "+key)
	status, b := r.do(r.http, req)
	return status, string(b)
}
