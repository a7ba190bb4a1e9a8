package movein

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	platform = "wx00000000000000c1"
	shopA    = "wx00000000000000a1"
	shopB    = "wx00000000000000b2"
	other    = "wx00000000000000f9"
	tokenA   = "refreshtoken@@@demo_refresh_A_0001"
	tokenB   = "refreshtoken@@@demo_refresh_B_0002"
)

var sameSecret = cmp.Comparer(func(a, b secret.Value) bool { return a.Equal(b) })

func row(appID, token string) Row { return Row{AppID: appID, Refresh: secret.FromString(token)} }

func refused(appID, cause string) Result {
	return Result{AppID: appID, Outcome: Refused, Cause: cause}
}

func TestRead(t *testing.T) {
	two := File{Rows: []Row{row(shopA, tokenA), row(shopB, tokenB)}}
	named := File{Rows: []Row{{AppID: shopA, Refresh: secret.FromString(tokenA), Shop: "lantian", Tenant: "demo", Name: "蓝天小店"}}}
	for name, c := range map[string]struct {
		format Format
		in     string
		want   File
	}{
		"csv":                   {CSV, "appid,refresh_token\n" + shopA + "," + tokenA + "\n" + shopB + "," + tokenB + "\n", two},
		"csv of a table export": {Auto, "\xef\xbb\xbfid;authorizerAppId;Authorizer-Refresh-Token\r\n1;" + shopA + ";" + tokenA + "\r\n2;" + shopB + ";" + tokenB, two},
		"csv with tabs and all": {Auto, "name\tappid\trefreshtoken\tshop\ttenant\n蓝天小店\t" + shopA + "\t" + tokenA + "\tlantian\tdemo\n", named},
		"csv with a short line": {CSV, "appid,refresh_token\n" + shopA + "\n" + shopB + "," + tokenB,
			File{Rows: []Row{row(shopB, tokenB)}, Refused: []Result{refused(shopA, CauseBadToken)}}},
		"json list": {JSON, `[{"appid":"` + shopA + `","refresh_token":"` + tokenA + `","shop":"lantian","tenant":"demo","name":"蓝天小店"}]`, named},
		"json lines": {Auto, `{"appid":"` + shopA + `","refresh_token":"` + tokenA + `"}` + "\n" +
			`{"appid":"` + shopB + `","refresh_token":"` + tokenB + `"}`, two},
		"WeChat's own list": {Auto, `{"total_count":2,"list":[{"authorizer_appid":"` + shopA + `","refresh_token":"` + tokenA +
			`","auth_time":1},{"authorizer_appid":"` + shopB + `","refresh_token":"` + tokenB + `"}]}`, two},
		"the same twice": {JSON, strings.Repeat(`{"appid":"`+shopA+`","refresh_token":"`+tokenA+`"}`, 2), File{Rows: []Row{row(shopA, tokenA)}}},
		"two tokens for one": {JSON, `{"appid":"` + shopA + `","refresh_token":"` + tokenA + `"}{"appid":"` + shopA + `","refresh_token":"` + tokenB + `"}`,
			File{Rows: []Row{row(shopA, tokenA)}, Refused: []Result{refused(shopA, CauseTwice)}}},
		"what is no account": {JSON, `[{"appid":"lantian","refresh_token":"` + tokenA + `"},{"appid":"` + shopA + `","refresh_token":"a b"},` +
			`{"appid":"` + shopA + `","refresh_token":"` + tokenA + `","shop":"No Slug"},{"appid":"` + shopB + `","refresh_token":"` + tokenB + `","tenant":"-"},7,{"a":1}]`,
			File{Skipped: 2, Refused: []Result{refused("?", CauseBadAppID), refused(shopA, CauseBadToken), refused(shopA, CauseBadShop), refused(shopB, CauseBadTenant)}}},
		"redis-dump lines": {Redis, redisLine("wechat_authorizer_refresh_token:"+platform+":"+shopA, tokenA) +
			redisLine("wechat_authorizer_access_token:"+platform+":"+shopA, "x") + redisLine("wechat_component_access_token:"+platform, "x") +
			redisLine("shop:wechat_authorizer_refresh_token:"+platform+":"+shopB, tokenB), File{Rows: two.Rows, Skipped: 2}},
		"redis of easywechat": {Auto, `{"[easywechat.open_platform.authorizer_refresh_token.` + platform + "." + shopA + `][1]":"s:34:\"` + tokenA + `\";"}`,
			File{Rows: two.Rows[:1]}},
		"redis without a platform": {Auto, `{"authorizer_refresh_token_` + shopA + `":"\"` + tokenA + `\""}`, File{Rows: two.Rows[:1]}},
		"redis hash":               {Redis, `{"key":"authorizer_refresh_token","type":"hash","value":{"` + shopA + `":"{\"refreshToken\":\"` + tokenA + `\"}"}}`, File{Rows: two.Rows[:1]}},
		"redis of another platform": {Redis, redisLine("wechat_authorizer_refresh_token:"+other+":"+shopA, tokenA),
			File{Refused: []Result{refused(shopA, CauseOtherSystem)}}},
		"redis with what nobody can read": {Redis, redisLine("authorizer_refresh_token_"+shopA, "\xac\xed\x00\x05t") + `{"key":"authorizer_refresh_token_` + shopB + `","value":[1]}`,
			File{Refused: []Result{refused(shopA, CauseBadToken), refused(shopB, CauseBadToken)}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(strings.NewReader(c.in), c.format, platform)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, sameSecret, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func redisLine(key, value string) string {
	b, err := json.Marshal(map[string]any{"db": 0, "key": key, "ttl": -1, "type": "string", "value": value})
	if err != nil {
		panic(err) // a text is not valid
	}
	return string(b) + "\n"
}

func TestReadErrors(t *testing.T) {
	for name, c := range map[string]struct {
		format Format
		in     string
		want   string
	}{
		"empty":              {Auto, "", "the file is empty"},
		"no columns":         {CSV, "a,b\n1,2\n", "does not name the columns"},
		"a column twice":     {CSV, "appid,app_id,refresh_token\n", "two columns are the appid"},
		"open quotes":        {CSV, "appid,refresh_token\n\"" + shopA + "," + tokenA, "line 2"},
		"cut JSON":           {JSON, `[{"appid":"` + shopA + `","refresh_token":"` + tokenA, "is not JSON"},
		"empty JSON":         {JSON, " ", "the file is empty"},
		"deep":               {JSON, "[[[[[[{}]]]]]]", "too deep"},
		"an unknown format":  {"xml", "<a/>", "no format"},
		"sealed, not opened": {Auto, "zhanggui-sealed-v1 pbkdf2-sha256 600000 AAAA\n", "does not name the columns"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.in), c.format, platform)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "refreshtoken@@@") {
				t.Errorf("the error holds a token: %v", err)
			}
		})
	}
}

// Whatever a file holds, only accounts come out that can be taken in, each once,
// and no report says more than an appid.
func FuzzRead(f *testing.F) {
	f.Add("appid,refresh_token\n"+shopA+","+tokenA, 1)
	f.Add(`[{"appid":"`+shopA+`","refresh_token":"`+tokenA+`"},7,[]]`, 2)
	f.Add(redisLine("wechat_authorizer_refresh_token:"+platform+":"+shopA, tokenA), 3)
	f.Add(`{"authorizer_refresh_token_`+shopA+`":"s:34:\"`+tokenA+`\";","b":{"c":null}}`, 0)
	f.Add("\xef\xbb\xbf{}", 0)
	f.Fuzz(func(t *testing.T, in string, format int) {
		formats := Formats()
		got, err := Read(strings.NewReader(in), formats[uint(format)%uint(len(formats))], platform)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, r := range got.Rows {
			if cause := r.Check(); cause != "" || seen[r.AppID] {
				t.Errorf("%s came out, again %v, %s", r.AppID, seen[r.AppID], cause)
			}
			seen[r.AppID] = true
		}
		for _, r := range got.Refused {
			if r.AppID != "?" && !appIDForm.MatchString(r.AppID) {
				t.Errorf("the report says %q", r.AppID)
			}
		}
	})
}

func TestReport(t *testing.T) {
	var r Report
	r.Add(Result{AppID: shopA, Outcome: Imported}, refused(shopB, CauseRevoked))
	r.Add(Result{AppID: other, Outcome: Kept, Cause: CauseSame})
	want := Report{Counts: map[Outcome]int{Imported: 1, Refused: 1, Kept: 1}, Causes: map[string]int{CauseRevoked: 1, CauseSame: 1}, Shops: r.Shops}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Result{refused(shopB, CauseRevoked)}, r.Problems()); diff != "" || len(r.Shops) != 3 {
		t.Error(diff)
	}
}
