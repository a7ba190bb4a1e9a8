package dropin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
)

const componentPath = "/cgi-bin/component/"

// cat is the platform's alias for a key.
func (r *rig) cat(t testing.TB, key string) string {
	t.Helper()
	got := r.post(t, componentPath+"api_component_token",
		fmt.Sprintf(`{"component_appid":%q,"component_appsecret":%q,"component_verify_ticket":"unused"}`, platform, key))
	if got.Component == "" || got.ExpiresIn < 300 {
		t.Fatalf("no token: %s", got.body)
	}
	return got.Component
}

func (r *rig) behalf(t testing.TB, call, cat, more string) said {
	t.Helper()
	return r.post(t, componentPath+call+"?component_access_token="+cat, fmt.Sprintf(`{"component_appid":%q%s}`, platform, more))
}

// TestPlatformStory: token, list, shop's token, with one handle all along.
func TestPlatformStory(t *testing.T) {
	r := newRig(t)
	cat := r.cat(t, key)
	if name, err := r.aliases.Read(cat, r.now); err != nil || name.Kind != alias.Platform || name.ID != "platform" {
		t.Fatalf("%+v, %v", name, err)
	}
	listed := r.behalf(t, "api_get_authorizer_list", cat, `,"offset":0,"count":500`)
	handle := r.aliases.Handle("erp", "platform", market1)
	want := fmt.Sprintf(`{"total_count":2,"list":[{"authorizer_appid":%q,"refresh_token":%q,"auth_time":%d},{"authorizer_appid":%q,"refresh_token":%q,"auth_time":0}]}`,
		market1, handle, start.Unix()-3600, market2, r.aliases.Handle("erp", "platform", market2))
	if listed.body != want {
		t.Errorf("listed %s", listed.body)
	}
	got := r.behalf(t, "api_authorizer_token", cat, fmt.Sprintf(`,"authorizer_appid":%q,"authorizer_refresh_token":%q`, market1, handle))
	name, err := r.aliases.Read(got.Shop, r.now)
	if diff := cmp.Diff(alias.Name{Kind: alias.Shop, KeyHash: string(access.HashKey(key)), ID: "market-b"}, name); err != nil || diff != "" || got.Handle != handle || got.ExpiresIn < 300 {
		t.Errorf("%v %s %s", err, diff, got.body)
	}
	asked := r.behalf(t, "api_query_auth", cat, fmt.Sprintf(`,"authorization_code":%q`, handle))
	if want := fmt.Sprintf(`{"authorization_info":{"authorizer_appid":%q,"authorizer_access_token":%q,"expires_in":%d,"authorizer_refresh_token":%q,`+
		`"func_info":[{"funcscope_category":{"id":129}},{"funcscope_category":{"id":131}}]}}`, market1, got.Shop, got.ExpiresIn, handle); asked.body != want {
		t.Errorf("asked %s\nwant  %s", asked.body, want)
	}
	info := r.behalf(t, "api_get_authorizer_info", cat, fmt.Sprintf(`,"authorizer_appid":%q`, market2))
	if want := fmt.Sprintf(`{"authorizer_info":{"nick_name":"蓝天文具三店"},"authorization_info":{"authorizer_appid":%q,"authorizer_refresh_token":%q,"func_info":[]}}`,
		market2, r.aliases.Handle("erp", "platform", market2)); info.body != want {
		t.Errorf("info %s\nwant %s", info.body, want)
	}
}

// TestBothSpellings: WeChat's pages name the parameter in two ways.
func TestBothSpellings(t *testing.T) {
	r := newRig(t)
	cat := r.cat(t, key)
	body := fmt.Sprintf(`{"component_appid":%q,"offset":0,"count":1}`, platform)
	for query, errcode := range map[string]int{
		"?component_access_token=" + cat:                           0,
		"?access_token=" + cat:                                     0,
		"?access_token=" + cat + "&component_access_token=" + cat:  0,
		"?access_token=" + cat + "&component_access_token=another": 40001,
		"":                         41001,
		"?component_access_token=": 41001,
		"?access_token=none":       40001,
		"?access_token=" + r.do(t, http.MethodGet, tokenURL+key, "").Token: 40001, // a shop's
	} {
		if got := r.post(t, componentPath+"api_get_authorizer_list"+query, body); got.ErrCode != errcode {
			t.Errorf("%s: %s", query, got.body)
		}
	}
}

func TestPages(t *testing.T) {
	r := newRig(t)
	cat := r.cat(t, key)
	for more, want := range map[string][]string{
		`,"offset":0,"count":1`:                     {market1},
		`,"offset":1,"count":1`:                     {market2},
		`,"offset":2,"count":1`:                     nil,
		`,"offset":9,"count":500`:                   nil,
		`,"offset":0,"count":0`:                     {"40170"},
		`,"offset":0,"count":501`:                   {"40170"},
		`,"offset":-1,"count":1`:                    {"40170"},
		`,"offset":9223372036854775807,"count":500`: nil,
		`,"offset":"x","count":1`:                   {"47001"},
		`,"offset":1e99,"count":1`:                  {"47001"},
	} {
		got := r.behalf(t, "api_get_authorizer_list", cat, more)
		var page struct {
			Total int `json:"total_count"`
			List  []struct {
				AppID string `json:"authorizer_appid"`
			} `json:"list"`
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatal(err)
		}
		var appids []string
		for _, row := range page.List {
			appids = append(appids, row.AppID)
		}
		if got.ErrCode != 0 {
			appids = []string{fmt.Sprint(got.ErrCode)}
		} else if page.Total != 2 {
			t.Errorf("%s: total %d", more, page.Total)
		}
		if !slices.Equal(appids, want) {
			t.Errorf("%s: %s", more, got.body)
		}
	}
}

// TestHandlesAreThoseOfTheList: whatever answers with one gives the one that the list
// gave, and a shop that the list does not show has none.
func TestHandlesAreThoseOfTheList(t *testing.T) {
	r := newRig(t)
	cat := r.cat(t, key)
	var page struct {
		List []struct {
			AppID  string `json:"authorizer_appid"`
			Handle string `json:"refresh_token"`
		} `json:"list"`
	}
	if err := json.Unmarshal([]byte(r.behalf(t, "api_get_authorizer_list", cat, `,"count":500`).body), &page); err != nil || len(page.List) != 2 {
		t.Fatalf("%v, %+v", err, page)
	}
	for _, shop := range page.List {
		with := fmt.Sprintf(`,"authorizer_appid":%q,"authorizer_refresh_token":%q,"authorization_code":%q`, shop.AppID, shop.Handle, shop.Handle)
		for _, call := range []string{"api_authorizer_token", "api_query_auth", "api_get_authorizer_info"} {
			if got := r.behalf(t, call, cat, with); got.ErrCode != 0 || !strings.Contains(got.body, `"authorizer_refresh_token":"`+shop.Handle+`"`) {
				t.Errorf("%s: %s", call, got.body)
			}
		}
	}
	for _, appid := range []string{shopAppID, foreign, "wx0000000000000fff"} { // as our own secret would make it
		handle := r.aliases.Handle("erp", "platform", appid)
		with := fmt.Sprintf(`,"authorizer_appid":%q,"authorizer_refresh_token":%q,"authorization_code":%q`, appid, handle, handle)
		for _, call := range []string{"api_authorizer_token", "api_query_auth", "api_get_authorizer_info"} {
			if got := r.behalf(t, call, cat, with); got.ErrCode != 61003 || strings.Contains(got.body, "zgh_") {
				t.Errorf("%s of %s: %s", call, appid, got.body)
			}
		}
	}
}

// TestPlatformsWithoutTheDatabase: what stands by knows shops by their ids only.
func TestPlatformsWithoutTheDatabase(t *testing.T) {
	r := newRig(t)
	r.store.down = errors.New("the database is away")
	cat := r.cat(t, key)
	if got := r.post(t, componentPath+"api_component_token", fmt.Sprintf(`{"component_appid":%q,"component_appsecret":%q}`, platform2, key)); got.ErrCode != 40013 {
		t.Errorf("another's platform: %s", got.body)
	}
	if got := r.behalf(t, "api_get_authorizer_list", cat, `,"count":1`); got.ErrCode != -1 {
		t.Errorf("a list needs what the database keeps: %s", got.body)
	}
	r.store.err = errors.New("nothing answers")
	if got := r.behalf(t, "api_get_authorizer_list", cat, `,"count":1`); got.ErrCode != -1 {
		t.Errorf("%s", got.body)
	}
}

func TestPlatformRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		call, body string // %s: the platform's appid
		errcode    int
	}{
		"no appid":             {"api_component_token", `{"component_appsecret":"` + key + `"}`, 41018},
		"no key":               {"api_component_token", `{"component_appid":"` + platform + `"}`, 41004},
		"an AppSecret":         {"api_component_token", `{"component_appid":"` + platform + `","component_appsecret":"0123456789abcdef"}`, 40125},
		"a shop's appid":       {"api_component_token", `{"component_appid":"` + shopAppID + `","component_appsecret":"` + key + `"}`, 40013},
		"another's platform":   {"api_component_token", `{"component_appid":"` + platform2 + `","component_appsecret":"` + key + `"}`, 40013},
		"no platform":          {"api_component_token", `{"component_appid":"wx0000000000000fff","component_appsecret":"` + key + `"}`, 40013},
		"no JSON":              {"api_component_token", `component_appid=` + platform, 47001},
		"the alias of another": {"api_get_authorizer_list", `{"component_appid":"` + platform2 + `","count":1}`, 40013},
		"a real refresh token": {"api_authorizer_token", `{"component_appid":"` + platform + `","authorizer_appid":"` + market1 + `","authorizer_refresh_token":"refreshtoken@@@x"}`, 61023},
		"no refresh token":     {"api_authorizer_token", `{"component_appid":"` + platform + `","authorizer_appid":"` + market1 + `"}`, 61023},
		"another's handle":     {"api_authorizer_token", `{"component_appid":"` + platform + `","authorizer_appid":"` + market1 + `","authorizer_refresh_token":"OTHERS"}`, 61023},
		"a handle for another": {"api_authorizer_token", `{"component_appid":"` + platform + `","authorizer_appid":"` + market2 + `","authorizer_refresh_token":"HANDLE"}`, 61023},
		"a real code":          {"api_query_auth", `{"component_appid":"` + platform + `","authorization_code":"queryauthcode@@@x"}`, 61009},
		"a shop not held":      {"api_get_authorizer_info", `{"component_appid":"` + platform + `","authorizer_appid":"` + foreign + `"}`, 61003},
		"a shop of its own":    {"api_get_authorizer_info", `{"component_appid":"` + platform + `","authorizer_appid":"` + shopAppID + `"}`, 61003},
		"no shop":              {"api_get_authorizer_info", `{"component_appid":"` + platform + `","authorizer_appid":"wx0000000000000fff"}`, 61003},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			body := strings.NewReplacer("OTHERS", r.aliases.Handle("other", "platform", market1), "HANDLE", r.aliases.Handle("erp", "platform", market1)).Replace(tt.body)
			got := r.post(t, componentPath+tt.call+"?access_token="+r.cat(t, key), body)
			if got.status != http.StatusOK || got.ErrCode != tt.errcode || strings.Contains(got.body, "zgc_E") {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
}

// TestPlatformAliasesEnd: with their time, with the key, with the last shop.
func TestPlatformAliasesEnd(t *testing.T) {
	r := newRig(t)
	cat, hash := r.cat(t, key), string(access.HashKey(key))
	list := func() int { return r.behalf(t, "api_get_authorizer_list", cat, `,"count":1`).ErrCode }
	c := r.store.clients[hash]
	c.Shops = []string{"lantian"}
	r.store.clients[hash] = c
	if got := list(); got != 40013 {
		t.Errorf("without a shop of the platform: %d", got)
	}
	c.RevokedAt = r.now
	r.store.clients[hash] = c
	if got := list(); got != 40001 {
		t.Errorf("revoked: %d", got)
	}
	r.now = r.now.Add(alias.Life)
	if got := list(); got != 42001 {
		t.Errorf("over: %d", got)
	}
}
