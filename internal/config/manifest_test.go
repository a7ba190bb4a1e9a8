package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/zhanggui/zhanggui/internal/access"
)

var publicRules = Rules{PublicHost: "zhanggui.example.com"}

func example(t testing.TB) []byte {
	t.Helper()
	return inputs(t, "examples", 4)["manifest"]
}

func TestManifest(t *testing.T) {
	m, err := ParseManifest("manifest.yaml", example(t), publicRules)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	want := &Manifest{
		Apps: []App{
			{ID: "svc", Kind: access.ServiceAccount, AppID: "wx00000000000000a1", Name: "蓝天服务号", CallbackHost: "zhanggui.example.com",
				VerifyFile: VerifyFile{"MP_verify_0123456789abcdef.txt", "0123456789abcdef"}, Scope: "snsapi_userinfo", Egress: "192.0.2.10", APIHosts: []string{"https://sh.api.weixin.qq.com"}},
			{ID: "web", Kind: access.Website, AppID: "wx00000000000000a2", Name: "蓝天网站", CallbackHost: "zhanggui.example.com", Scope: "snsapi_login"},
		},
		Tenants: []Tenant{{"lantian", "蓝天文具"}},
		Shops:   []Shop{{ID: "lantian", Tenant: "lantian", AppID: "wx00000000000000b1", Name: "蓝天文具店"}},
		Clients: []Client{{ID: "erp", Name: "ERP", Shops: []string{"lantian"}, Mode: access.Read, Expires: end, ClientRights: ClientRights{
			Groups: []string{"order", "delivery"}, Paths: []PathRight{{"/channels/ec/order/sensitiveinfo/decode", 50}}, Rate: Rate{20, 40},
			From: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}, Priority: "low"}}},
		Members: []Member{{"p_2ifz0000000000000001", "lantian", "lantian", access.Operator, end}},
	}
	if diff := cmp.Diff(want, m, cmpopts.IgnoreUnexported(Manifest{}), cmpopts.IgnoreTypes(Secret{}), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	got := []string{m.Apps[0].Secret.String(), m.Apps[1].Secret.String(), m.Shops[0].Secret.String()}
	if diff := cmp.Diff([]string{"env:SVC_SECRET", "file:secrets/web", "file:/run/secrets/lantian"}, got); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	if !m.Apps[0].Secret.Value().IsZero() {
		t.Error("a secret is there before Resolve")
	}
}

func TestManifestDefaults(t *testing.T) {
	m, err := ParseManifest("m.yaml", []byte("apps: [{id: svc, kind: service_account, appid: wx00000000000000a1}]\nshops: [{id: s, tenant: t, appid: wx00000000000000b1}]\nclients: [{id: c, shops: [s]}]\n"),
		Rules{PublicHost: "zhanggui.example.com", Exists: func(kind, id string) bool { return kind == "tenant" && id == "t" }})
	if err != nil {
		t.Fatal(err)
	}
	if a := m.Apps[0]; a.Scope != "snsapi_userinfo" || a.CallbackHost != "zhanggui.example.com" || !a.Secret.IsZero() || m.Clients[0].Mode != access.Read {
		t.Errorf("defaults %+v %+v", a, m.Clients[0])
	}
	if m, err := ParseManifest("m.yaml", nil, Rules{}); err != nil || len(m.Apps) != 0 {
		t.Errorf("an empty manifest: %+v, %v", m, err)
	}
}

func TestCallbackHostRule(t *testing.T) {
	public, loopback := Rules{PublicHost: "zhanggui.example.com"}, Rules{PublicHost: "localhost:8080", Loopback: true}
	for _, c := range []struct {
		host  string
		rules Rules
		ok    bool
	}{
		{"zhanggui.example.com", public, true},
		{"", public, true},
		{"zhanggui.example.com:443", public, false},
		{"Zhanggui.example.com", public, false},
		{"www.zhanggui.example.com", public, false},
		{"https://zhanggui.example.com", public, false},
		{"zhanggui.example.com/x", public, false},
		{"192.0.2.7", public, false},
		{"localhost:8080", public, false},
		{"localhost:8080", loopback, true},
		{"a.localhost", loopback, true},
		{"127.0.0.1:8080", loopback, true},
		{"localhost:0", loopback, false},
		{"localhost:x", loopback, false},
		{"zhanggui.example.com", loopback, false},
		{"anything.example.com", Rules{}, true},
	} {
		yaml := fmt.Sprintf("apps: [{id: svc, kind: website, appid: wx00000000000000a1, callback_host: %q}]", c.host)
		if _, err := ParseManifest("m.yaml", []byte(yaml), c.rules); (err == nil) != c.ok {
			t.Errorf("%q under %+v: %v", c.host, c.rules, err)
		}
	}
}

func TestRulesOfSettings(t *testing.T) {
	c := Default()
	if r := RulesOf(&c); r.PublicHost != "127.0.0.1:8080" || !r.Loopback {
		t.Errorf("rules %+v", r)
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets", "web"), []byte("  SECRET-WEB\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	absolute := filepath.Join(dir, "lantian")
	if err := os.WriteFile(absolute, []byte("SECRET-SHOP"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := strings.Replace(string(example(t)), "/run/secrets/lantian", absolute, 1)
	m, err := ParseManifest("manifest.yaml", []byte(data), publicRules)
	if err != nil {
		t.Fatal(err)
	}
	lookup := func(name string) (string, bool) { return "SECRET-SVC\n", name == "SVC_SECRET" }
	if err := m.Resolve(dir, lookup); err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]Secret{"SECRET-SVC": m.Apps[0].Secret, "SECRET-WEB": m.Apps[1].Secret, "SECRET-SHOP": m.Shops[0].Secret} {
		if s.Value().RevealString() != want {
			t.Errorf("%s is not %s", s, want)
		}
	}
	j, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		if p := fmt.Sprintf(verb, m) + fmt.Sprintf(verb, *m) + string(j); strings.Contains(p, "SECRET-") {
			t.Errorf("%s prints a secret: %s", verb, p)
		}
	}
}

func TestResolveTellsAllProblems(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": " \n", "huge": strings.Repeat("x", maxSecret+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := ParseManifest("m.yaml", []byte(`
apps:
  - {id: a, kind: website, appid: wx00000000000000a1, secret: "env:MISSING"}
  - {id: b, kind: website, appid: wx00000000000000a2, secret: "env:BLANK"}
  - {id: c, kind: website, appid: wx00000000000000a3, secret: "file:none"}
  - {id: d, kind: website, appid: wx00000000000000a4, secret: "file:empty"}
  - {id: e, kind: website, appid: wx00000000000000a5, secret: "file:huge"}
  - {id: f, kind: website, appid: wx00000000000000a6, secret: "file:."}
  - {id: g, kind: website, appid: wx00000000000000a7, secret: "env:GOOD"}
  - {id: h, kind: website, appid: wx00000000000000a8}
`), Rules{})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BLANK": "  ", "GOOD": "SECRET-0001"}
	err = m.Resolve(dir, func(n string) (string, bool) { v, ok := env[n]; return v, ok })
	ps, ok := errors.AsType[Problems](err)
	if !ok || len(ps) != 6 {
		t.Fatalf("problems %v", err)
	}
	for i, p := range ps {
		if p.Line != i+3 || p.File != "m.yaml" || p.Setting != fmt.Sprintf("apps[%d].secret", i) {
			t.Errorf("problem %d at %s:%d %s", i, p.File, p.Line, p.Setting)
		}
	}
	if strings.Contains(err.Error(), "SECRET") || !m.Apps[6].Secret.Value().IsZero() {
		t.Errorf("after %v", err)
	}
	if err := m.Resolve(dir, func(string) (string, bool) { return "x", true }); err == nil || strings.Contains(err.Error(), "MISSING") {
		t.Errorf("problems of the first try are told again: %v", err)
	}
}

func TestLiteralSecretsNeedLoopback(t *testing.T) {
	yaml := []byte("apps: [{id: a, kind: website, appid: wx00000000000000a1, secret: SECRET-0001}]")
	_, err := ParseManifest("m.yaml", yaml, Rules{})
	checkProblems(t, true, err)
	m, err := ParseManifest("m.yaml", yaml, Rules{Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Resolve("", os.LookupEnv); err != nil || m.Apps[0].Secret.Value().RevealString() != "SECRET-0001" {
		t.Errorf("literal: %v", err)
	}
	if got := fmt.Sprint(m.Apps[0].Secret); got != "[secret]" {
		t.Errorf("prints %s", got)
	}
	if _, err := ParseManifest("m.yaml", []byte("apps: [{id: a, kind: website, appid: wx00000000000000a1, secret: '[secret]'}]"), Rules{Loopback: true}); err == nil {
		t.Error("the placeholder of a dump is taken as a secret")
	}
}

func TestManifestMadeByHandResolves(t *testing.T) {
	var s Secret
	if err := s.UnmarshalText([]byte("env:X")); err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Apps: []App{{Secret: s}}}
	if err := m.Resolve("", func(string) (string, bool) { return "", false }); err == nil {
		t.Error("a missing variable is fine")
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(example(f), true)
	for _, data := range inputs(f, "manifests", 2) {
		f.Add(data, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, loopback bool) {
		m, err := ParseManifest("f.yaml", data, Rules{PublicHost: "zhanggui.example.com", Loopback: loopback})
		if err != nil {
			if ps, ok := errors.AsType[Problems](err); !ok || len(ps) == 0 || m != nil {
				t.Fatalf("%v, %v", m, err)
			}
			return
		}
		for _, a := range m.Apps {
			if !appIDForm.MatchString(a.AppID) || !slugForm.MatchString(a.ID) || a.Scope == "" {
				t.Fatalf("accepted %+v", a)
			}
			if _, _, literal := a.Secret.kind(); literal && !a.Secret.IsZero() && !loopback {
				t.Fatal("accepted a literal secret")
			}
		}
	})
}
