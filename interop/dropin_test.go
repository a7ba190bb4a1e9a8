//go:build linux

package interop_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// behindServer runs the emulated WeChat, a server that keeps a platform and the shop
// that bought its service, and the two examples, where nothing else can be reached.
const behindServer = `set -eu
ip link set lo up
if ip -o link show up | grep -v LOOPBACK; then echo "a way out of the namespace" >&2; exit 1; fi
post() { node -e 'fetch(process.argv[1], {method: "POST", body: process.argv[2]}).then(async (r) => { if (!r.ok) throw new Error(await r.text()) })' "$@"; }
./zhanggui sandbox --world market.json >sandbox.log 2>&1 & sandbox=$!
./zhanggui serve --config zhanggui.yaml --data data >serve.log 2>&1 & serve=$!
trap 'kill $serve $sandbox' EXIT
until ./zhanggui apply -f provider.yaml --data data >&2; do sleep 0.1; done
post http://127.0.0.1:8090/sim/push/tickets/$1/now ''
until ./zhanggui platform --data data | grep -q ' active '; do sleep 0.1; done
post http://127.0.0.1:8090/sim/market/buy '{"appid":"'$2'","service_id":3403799157105049601}'
until ./zhanggui call $2 /channels/ec/basics/info/get --data data 2>/dev/null | grep -q open_finished; do sleep 0.1; done
key=$(./zhanggui client create sdk --shop $2 --mode write --data data | sed -n 's/^key *//p')
node shop.js http://127.0.0.1:8080 $2 $key
node platform.js http://127.0.0.1:8080 $1 $key
if grep -e zgt_ -e "$key" serve.log; then echo "a credential in the log" >&2; exit 1; fi
node -e 'fetch("http://127.0.0.1:8090/sim/ledger").then(async (r) => console.log(await r.text()))'
`

// TestNodeClientThroughUs lets node-easywechat, which others wrote and which knows
// nothing of us, fetch its tokens from a server and call a shop with them: as the
// shop's own program, and as a platform's.
func TestNodeClientThroughUs(t *testing.T) {
	tools(t, "node", "npm", "unshare", "ip")
	dir := t.TempDir()
	copyFiles(t, dir, "package.json", "package-lock.json")
	for _, name := range []string{"easywechat/shop.js", "easywechat/platform.js", "market.json", "provider.yaml", "zhanggui.yaml"} {
		text, err := os.ReadFile(filepath.Join("../examples", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, 3*time.Minute, dir, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	run(t, 3*time.Minute, ".", "go", "build", "-o", filepath.Join(dir, "zhanggui"), "../cmd/zhanggui")
	apart := "-n"
	if os.Geteuid() != 0 {
		apart = "-rn"
	}
	out := run(t, 90*time.Second, dir, "unshare", apart, "sh", "-c", behindServer, "sh", wechatsim.DefaultComponent, wechatsim.DefaultMarketShop)
	lines := strings.SplitN(string(out), "\n", 3)
	if len(lines) != 3 {
		t.Fatalf("the clients printed %q", out)
	}
	checkShopClient(t, lines[0])
	checkPlatformClient(t, lines[1])
	checkMints(t, lines[2])
}

// wechatError is an error in WeChat's shape.
type wechatError struct {
	Errcode int    `json:"errcode"`
	Errmsg  string `json:"errmsg"`
}

func checkShopClient(t *testing.T, line string) {
	t.Helper()
	var got struct {
		TokenLength int    `json:"token_length"`
		SameToken   bool   `json:"same_token"`
		Kind        string `json:"kind"`
		Basics      struct {
			Errcode int `json:"errcode"`
			Info    struct {
				Nickname string `json:"nickname"`
			} `json:"info"`
		} `json:"basics"`
		Orders   int         `json:"orders"`
		Wrong    int         `json:"wrong"`
		Closed   wechatError `json:"closed"`
		Junk     wechatError `json:"junk"`
		WrongKey string      `json:"wrong_key"`
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("the shop's client printed %q: %v", line, err)
	}
	if got.Kind != "zgt_" || got.TokenLength > 512 || !got.SameToken {
		t.Errorf("token %s… of %d characters, the same from both endpoints: %t", got.Kind, got.TokenLength, got.SameToken)
	}
	if got.Basics.Errcode != 0 || got.Basics.Info.Nickname != "蓝天文具二店" || got.Orders != 0 || got.Wrong != 10020052 {
		t.Errorf("calls: %s", line)
	}
	if got.Closed.Errcode != 48001 || got.Junk.Errcode != 40001 || !strings.Contains(got.Junk.Errmsg, "rid: ") {
		t.Errorf("refusals: %+v, %+v", got.Closed, got.Junk)
	}
	if !strings.Contains(got.WrongKey, `"errcode":40125`) {
		t.Errorf("a wrong key: %s", got.WrongKey)
	}
}

func checkPlatformClient(t *testing.T, line string) {
	t.Helper()
	type shop struct {
		AppID      string  `json:"appid"`
		SameHandle bool    `json:"same_handle"`
		SameToken  bool    `json:"same_token"`
		Sets       []int64 `json:"sets"`
		Name       string  `json:"name"`
	}
	var got struct {
		Total   int    `json:"total"`
		Shops   []shop `json:"shops"`
		Refused string `json:"refused"`
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("the platform's client printed %q: %v", line, err)
	}
	if got.Total != 1 || len(got.Shops) != 1 || len(got.Shops[0].Sets) == 0 {
		t.Fatalf("listed %s", line)
	}
	got.Shops[0].Sets = nil
	if diff := cmp.Diff(shop{AppID: wechatsim.DefaultMarketShop, SameHandle: true, SameToken: true, Name: "蓝天文具二店"}, got.Shops[0]); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(line, `"status":"open_finished"`) || !strings.Contains(got.Refused, `"errcode":61023`) {
		t.Errorf("calls: %s", line)
	}
}

// checkMints holds WeChat's side against it: nothing was minted for the clients, and
// nothing but real tokens arrived there.
func checkMints(t *testing.T, ledger string) {
	t.Helper()
	var got struct {
		Entries []struct {
			Path string `json:"path"`
		} `json:"entries"`
	}
	if err := json.Unmarshal([]byte(ledger), &got); err != nil {
		t.Fatalf("the ledger: %v", err)
	}
	count := map[string]int{}
	for _, e := range got.Entries {
		count[e.Path]++
	}
	if count["/cgi-bin/token"] != 0 || count["/cgi-bin/stable_token"] != 0 || count["/cgi-bin/component/api_component_token"] != 1 {
		t.Errorf("WeChat was asked for tokens: %v", count)
	}
	if count["/channels/ec/basics/info/get"] < 2 {
		t.Errorf("the calls did not arrive: %v", count)
	}
	if strings.Contains(ledger, "zgt_") || strings.Contains(ledger, "zgc_") {
		t.Error("an alias or a key reached WeChat")
	}
}
