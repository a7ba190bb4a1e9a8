package wechatsim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func TestReauthorisationEndsWhatWas(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	grant := g.granted(marketShop)
	token := g.aat(cat, marketShop)
	info := "/channels/ec/basics/info/get"
	g.wantCode(g.get(info, "access_token", token), "0")
	g.must(g.Reauthorize(component, marketShop, nil))
	g.wantCode(g.get(info, "access_token", token), "40001")
	g.wantCode(g.authorizerToken(cat, marketShop, grant.RefreshToken), "61023")
	g.wantCode(g.get(info, "access_token", g.aat(cat, marketShop)), "0")

	if err := g.Reauthorize(component, marketShop, []int{999}); err == nil {
		t.Error("a set that the component does not ask for was granted")
	}
	g.must(g.SetSwitches(func(sw *wechatsim.Switches) { sw.ReauthorisationEndsAccess = false }))
	token = g.aat(cat, marketShop)
	g.must(g.Reauthorize(component, marketShop, nil))
	g.wantCode(g.get(info, "access_token", token), "0")
}

func TestCallsOnBehalf(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		calm(&sw)
		sw.OmitErrcodeOnSuccess = false
		g := newRig(t, platformWorld(), with(sw))
		cat := g.cat(component)
		g.granted(marketShop)
		g.granted(miniProgram)
		token := g.aat(cat, marketShop)
		refused := fmt.Sprint(sw.SetNotGrantedCode)
		info, products := "/channels/ec/basics/info/get?access_token=", "/channels/ec/product/list/get?access_token="
		call := func(target, want string) {
			t.Helper()
			method, body := http.MethodPost, `{"page_size":5}`
			if strings.Contains(target, "info/get") {
				method, body = http.MethodGet, ""
			}
			got := decode(t, g.request(method, target, body).Body.Bytes())
			g.wantCode(got, want)
		}
		call(info+token, "0")
		call(products+token, "0")
		call(info+cat, "48001")
		call(info+g.aat(cat, miniProgram), "48001") // it lists 129 and 131, and is no shop
		g.must(g.Reauthorize(component, marketShop, []int{131}))
		token = g.aat(cat, marketShop)
		call(info+token, "0")
		call(products+token, refused)
		// The shop's own token needs nobody's grant.
		own := g.stable(false).str("access_token")
		call(products+own, "0")
		g.must(g.WithdrawGrant(component, marketShop))
		call(info+token, "40001")
	})
}

func TestAuthorizerInfoTellsTheKind(t *testing.T) {
	g := platformRig(t, calm)
	cat := g.cat(component)
	g.granted(marketShop)
	g.granted(miniProgram)
	g.linkGrant(cat, "1", service)
	g.linkGrant(cat, "5", "wx00000000000000e2")
	g.linkGrant(cat, "8", "wx00000000000000e3")
	marks := []string{"store_info", "MiniProgramInfo", "channels_info", "talent_info"}
	for account, mark := range map[string]string{marketShop: "store_info", miniProgram: "MiniProgramInfo", service: "",
		"wx00000000000000e2": "channels_info", "wx00000000000000e3": "talent_info"} {
		got := g.platform("api_get_authorizer_info", cat, jsonBody("component_appid", component, "authorizer_appid", account))
		info := got.obj("authorizer_info")
		for _, m := range marks {
			if _, has := info[m]; has != (m == mark) {
				t.Errorf("%s: %s present is %v", account, m, has)
			}
		}
		grant, _ := g.Grant(component, account)
		auth := got.obj("authorization_info")
		if info.str("account_status") != "1" || info.str("nick_name") == "" || auth.str("authorizer_refresh_token") != grant.RefreshToken || len(auth.list("func_info")) != 3 {
			t.Errorf("%s: %v", account, got)
		}
	}
	g.wantCode(g.platform("api_get_authorizer_info", cat, jsonBody("component_appid", component)), "41002")
}

func TestAuthorizerList(t *testing.T) {
	g := platformRig(t)
	cat := g.cat(component)
	list := func(offset, count int) reply {
		return g.platform("api_get_authorizer_list", cat, fmt.Sprintf(`{"component_appid":%q,"offset":%d,"count":%d}`, component, offset, count))
	}
	if got := list(0, 500); got.str("total_count") != "0" || got["list"] == nil {
		t.Errorf("an empty list: %v", got)
	}
	g.granted(marketShop)
	g.granted(miniProgram)
	got := list(0, 1)
	row, _ := got.list("list")[0].(map[string]any)
	if got.str("total_count") != "2" || len(got.list("list")) != 1 || row["authorizer_appid"] != marketShop || reply(row).str("auth_time") != fmt.Sprint(start.Unix()) {
		t.Errorf("page 1: %v", got)
	}
	if got := list(5, 500); len(got.list("list")) != 0 || got.str("total_count") != "2" {
		t.Errorf("past the end: %v", got)
	}
	g.wantCode(list(0, 501), "40170")
	g.wantCode(list(0, 0), "40035")
	g.wantCode(list(-1, 5), "40035")

	missing := 0
	for range 10 {
		for _, r := range list(0, 500).list("list") {
			if _, has := r.(map[string]any)["refresh_token"]; !has {
				missing++
			}
		}
	}
	if missing != 2 {
		t.Errorf("%d of 20 rows lack refresh_token, want one in ten", missing)
	}
}

func TestExclusiveSetAndManyComponents(t *testing.T) {
	ids := []string{}
	g := newRig(t, platformWorld(func(w *wechatsim.World) {
		for i := range 15 {
			id := fmt.Sprintf("wx000000000000d%03x", i)
			ids = append(ids, id)
			w.Apps = append(w.Apps, wechatsim.App{AppID: id, Secret: "s", Kind: wechatsim.Component, PermissionSets: []int{138, 129},
				Services: []wechatsim.Service{{ServiceID: uint64(1000 + i), URL: "http://isv.localhost/x"}}})
		}
	}))
	if _, err := g.Buy(marketShop, wechatsim.OtherService, ""); err != nil {
		t.Fatal(err)
	}
	for i := range 14 {
		_, err := g.Buy(marketShop, uint64(1000+i), "")
		g.must(err)
		grant, _ := g.Grant(ids[i], marketShop)
		if !slices.Equal(grant.Sets, []int{129}) {
			t.Errorf("sets %v: 138 is given to another component already", grant.Sets)
		}
	}
	if _, err := g.Buy(marketShop, 1014, ""); err == nil || !strings.Contains(err.Error(), "15 components") {
		t.Errorf("a sixteenth component: %v", err)
	}
	g.must(g.WithdrawGrant(other, marketShop))
	g.must(g.Reauthorize(ids[0], marketShop, []int{129, 138}))
	grant, _ := g.Grant(ids[0], marketShop)
	if !slices.Equal(grant.Sets, []int{129, 138}) {
		t.Errorf("sets %v after the other component lost 138", grant.Sets)
	}
}
