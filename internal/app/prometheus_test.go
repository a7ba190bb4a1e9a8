package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// manyShops is how many shops a world gets to show that they add no series. One label
// with a shop in it would show with two; so many show one of every tenth, too.
const manyShops = 199

// crowdedWorld has many shops besides the usual ones.
func crowdedWorld() *wechatsim.World {
	w := twoShops()
	for i := range manyShops {
		w.Apps = append(w.Apps, wechatsim.App{AppID: fmt.Sprintf("wx%016x", 0xc00000+i), Secret: fmt.Sprintf("sandbox-secret-crowd-%011d", i), Kind: wechatsim.ShopApp, Name: "小店"})
	}
	return w
}

// crowd declares them, and a client for every tenth.
func (r *rig) crowd() (keys map[string]string) {
	r.t.Helper()
	m := adminapi.Manifest{Tenants: []adminapi.ManifestTenant{{ID: "crowd", Name: "很多小店"}}}
	for i := range manyShops {
		id := fmt.Sprintf("crowd%d", i)
		m.Shops = append(m.Shops, adminapi.ManifestShop{ID: id, Tenant: "crowd", Name: "小店", AppID: fmt.Sprintf("wx%016x", 0xc00000+i), Secret: fmt.Sprintf("sandbox-secret-crowd-%011d", i)})
		if i%10 == 0 {
			m.Clients = append(m.Clients, adminapi.ManifestClient{ID: id, Name: id, Shops: []string{id}, Mode: "write"})
		}
	}
	return r.apply(m).Keys
}

// traffic is a bit of everything, well and badly.
func (r *rig) traffic(shops map[string]string) {
	r.t.Helper()
	for shop, key := range shops {
		for _, path := range []string{"/channels/ec/basics/info/get", "/channels/ec/order/get", "/channels/ec/product/list/get", "/no/such/path", "/cgi-bin/stable_token"} {
			r.get(r.base+"/wx/"+shop+path, key)
			r.get(r.base+"/wx/"+shop+path, "zgc_AAAAAAAAAAAAAAAAAAAAAAAAAA")
		}
	}
	for _, path := range []string{"/", "/login", "/shops/lantian", "/auth", "/v1/shops", "/static/x", "/nowhere", "/oauth/callback/fuwuhao?code=1&state=2", "/wechat/push/fuwuhao/auth", "/.well-known/openid-configuration"} {
		r.get(r.base+path, "")
	}
	r.ask("GET", "/v1/shops?limit=10", nil, nil)
}

var series = regexp.MustCompile(`(?m)^([a-z_]+(?:\{[^}]*\})?) `)

// scrape gives every series of the operations listener.
func (r *rig) scrape() (all []string, text string) {
	r.t.Helper()
	_, text = r.get(r.ops+"/metrics", "")
	for _, m := range series.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all, text
}

// TestShopsAddNoSeries: with one shop and with two hundred in all, with one client and with
// twenty, Prometheus stores the same series, finds each figure, and promtool has
// nothing to say against any.
func TestShopsAddNoSeries(t *testing.T) {
	t.Parallel()
	r := newRigIn(t, crowdedWorld())
	r.start(nil)
	r.declare()
	b := r.owner()
	b.open(r.base + "/shops/" + shopID)
	r.traffic(map[string]string{shopID: r.key})
	r.await("word of somebody who came", func() bool { _, text := r.scrape(); return strings.Contains(text, "\nzhanggui_notices_total{") })
	few, _ := r.scrape()
	keys := r.crowd()
	looks := 0
	r.await("two hundred tokens", func() bool {
		r.sim.Advance(100 * time.Millisecond) // the pace of refreshes goes by it
		if looks++; looks%40 != 0 {
			return false // a list of them is work
		}
		var all struct{ Items []adminapi.GrantView }
		r.ask("GET", "/v1/grants?kind=self&limit=1000", nil, &all)
		return len(all.Items) == manyShops+1 && !slices.ContainsFunc(all.Items, func(g adminapi.GrantView) bool { return g.Generation == 0 })
	})
	r.join(wechattest.Operator, "operator").open(r.base + "/shops/" + shopID)
	r.traffic(keys)
	r.sim.Advance(20 * time.Second) // what is counted is counted anew
	many, text := r.scrape()
	if diff := cmp.Diff(few, many); diff != "" {
		t.Errorf("the series with one shop, and with two hundred:\n%s", diff)
	}
	if want := fmt.Sprintf("zhanggui_grants{kind=\"self\",state=\"active\"} %d\n", manyShops+1); !strings.Contains(text, want) {
		t.Errorf("there is no %s", want)
	}
	check := exec.CommandContext(t.Context(), program(t, "promtool"), "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	p := startPrometheus(t, r.ops)
	for query, want := range map[string]string{
		`up{job="zhanggui"}`: "1", `zhanggui_grants{kind="self",state="active"}`: fmt.Sprint(manyShops + 1),
		`zhanggui_sessions{door="wechat"}`: "2", `zhanggui_logins_total{door="wechat",result="done"}`: "2",
		`zhanggui_build_info{version="test"}`: "1", fmt.Sprintf("count(zhanggui_audit_entries > %d)", manyShops): "1", `count(zhanggui_data_free_bytes > 1000)`: "1",
	} {
		await(t, query+" in Prometheus", func() bool { return p.ask(t, query) == want })
	}
	p.mustEvaluate(t, 35)
}

// program finds a program that the tests need; scripts/deps.sh installs it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v; run make deps", err)
	}
	return path
}

// prometheus is a Prometheus server that scrapes one target each second, with the rules
// that are shipped.
type prometheus struct{ url string }

func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	rules, err := os.ReadFile("../../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules = bytes.Replace(rules, []byte("interval: 15s"), []byte("interval: 1s"), 1)
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), rules, 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("rule_files: [rules.yml]\nscrape_configs:\n  - job_name: zhanggui\n    scrape_interval: 1s\n    static_configs: [{targets: [%q]}]\n", strings.TrimPrefix(target, "http://"))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	cmd := exec.Command(program(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=error")
	var out buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return &prometheus{"http://" + address}
}

// mustEvaluate waits until so many rules were evaluated, each without an error, and
// none of them says that the server is gone.
func (p *prometheus) mustEvaluate(t *testing.T, n int) {
	t.Helper()
	var answer string
	await(t, "rules in Prometheus", func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/rules", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		answer = string(b)
		return err == nil && strings.Count(answer, `"health":"ok"`)+strings.Count(answer, `"health":"err"`) >= n
	})
	if strings.Contains(answer, `"health":"err"`) || strings.Contains(answer, `"lastError"`) {
		t.Errorf("a rule fails: %s", answer)
	}
	if got := p.ask(t, `count(ALERTS{notice="server.gone",alertstate="firing"}) or vector(0)`); got != "0" {
		t.Errorf("%s rules say that the server is gone", got)
	}
}

// ask gives the value of the one sample that a query finds, or nothing.
func (p *prometheus) ask(t *testing.T, query string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/query?"+url.Values{"query": {query}}.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "" // it is starting
	}
	defer resp.Body.Close()
	var out struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if json.NewDecoder(resp.Body).Decode(&out) != nil || len(out.Data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(out.Data.Result[0].Value[1])
}
