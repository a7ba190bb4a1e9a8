package setup_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// directory is the store's part in memory, with its optimistic check.
type directory struct {
	revision int64
	apps     map[string]access.App
	tenants  map[string]access.Tenant
	shops    map[string]access.Shop
	clients  map[string]access.Client
	oidc     map[string]access.OIDCClient
	channels map[string]access.Channel
	entries  []audit.Entry

	rotations []access.Rotation
	lost      error // of looking for rotations
	// between runs once after the next read, as somebody else would.
	between func(*directory)
}

func newDirectory() *directory {
	return &directory{apps: map[string]access.App{}, tenants: map[string]access.Tenant{}, shops: map[string]access.Shop{}, clients: map[string]access.Client{}, oidc: map[string]access.OIDCClient{}, channels: map[string]access.Channel{}}
}

func values[T any](m map[string]T) []T {
	var all []T
	for _, k := range sorted(m) {
		all = append(all, m[k])
	}
	return all
}

func sorted[T any](m map[string]T) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (d *directory) Revision(context.Context) (int64, error)          { return d.revision, nil }
func (d *directory) Apps(context.Context) ([]access.App, error)       { return values(d.apps), nil }
func (d *directory) Tenants(context.Context) ([]access.Tenant, error) { return values(d.tenants), nil }
func (d *directory) Shops(context.Context) ([]access.Shop, error)     { return values(d.shops), nil }
func (d *directory) OIDCClients(context.Context) ([]access.OIDCClient, error) {
	return values(d.oidc), nil
}

func (d *directory) DeclaredChannels(context.Context) ([]access.Channel, error) {
	return values(d.channels), nil
}

func (d *directory) RotationThatReplaced(_ context.Context, app string, digest []byte) (access.Rotation, error) {
	for _, r := range d.rotations {
		if r.Subject == app && bytes.Equal(r.Replaced, digest) {
			return r, nil
		}
	}
	if d.lost != nil {
		return access.Rotation{}, d.lost
	}
	return access.Rotation{}, access.ErrNotFound
}

func (d *directory) Clients(context.Context) ([]access.Client, error) {
	if d.between != nil {
		d.between(d)
		d.between = nil
	}
	return values(d.clients), nil
}

func (d *directory) Declare(_ context.Context, dec access.Declaration, entries ...audit.Entry) error {
	if dec.Revision != d.revision {
		return access.ErrStale
	}
	d.revision++
	for _, a := range dec.Apps {
		d.apps[a.ID] = a
	}
	for _, t := range dec.Tenants {
		d.tenants[t.ID] = t
	}
	for _, s := range dec.Shops {
		d.shops[s.ID] = s
	}
	for _, c := range dec.Clients {
		d.clients[c.ID] = c
	}
	for _, c := range dec.OIDCClients {
		d.oidc[c.ID] = c
	}
	for _, c := range dec.Channels {
		d.channels[c.Name] = c
	}
	for _, name := range dec.Remove.Channels {
		delete(d.channels, name)
	}
	for _, id := range dec.Remove.OIDCClients {
		delete(d.oidc, id)
	}
	for _, id := range dec.Remove.Clients {
		delete(d.clients, id)
	}
	for _, id := range dec.Remove.Shops {
		delete(d.shops, id)
	}
	for _, id := range dec.Remove.Apps {
		delete(d.apps, id)
	}
	for _, id := range dec.Remove.Tenants {
		delete(d.tenants, id)
	}
	d.entries = append(d.entries, entries...)
	return nil
}

type rig struct {
	*setup.Setup
	dir   *directory
	vault *vault.Vault
}

func newRig(t *testing.T) rig {
	t.Helper()
	kek, err := vault.FileKEK(t.TempDir()+"/master.key", true)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := vault.Create(t.Context(), kek)
	if err != nil {
		t.Fatal(err)
	}
	dir := newDirectory()
	return rig{setup.New(dir, v, func() time.Time { return start }, rules), dir, v}
}

// rules are those of a server at WeChat itself.
var rules = config.Rules{PublicHost: "zhanggui.example.com", APIHosts: []string{"https://api.weixin.qq.com", "https://sh.api.weixin.qq.com"}}

var operator = audit.Actor{Kind: audit.ActorOperator}

func manifest() setup.Manifest {
	return setup.Manifest{
		Apps: []setup.App{{ID: "fuwuhao", Kind: access.ServiceAccount, AppID: "wx00000000000000a1", Secret: secret.FromString("service-secret"),
			CallbackHost: "zhanggui.example.com", VerifyName: "MP_verify_abc.txt", VerifyBody: "abc"}},
		Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天文具"}},
		Shops:   []setup.Shop{{ID: "lantian", Tenant: "lantian", Name: "蓝天文具店", AppID: "wx00000000000000c1", Secret: secret.FromString("shop-secret")}},
		Clients: []setup.Client{{ID: "erp", Name: "ERP", Shops: []string{"lantian"}, Mode: access.Read}},
	}
}

func (r rig) apply(t *testing.T, m setup.Manifest, o setup.Options) setup.Result {
	t.Helper()
	res, err := r.Apply(t.Context(), m, operator, o)
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	return res
}

func ops(res setup.Result) []string {
	var all []string
	for _, c := range res.Changes {
		all = append(all, strings.TrimSpace(c.Op+" "+c.Kind+" "+c.ID+" "+strings.Join(c.Fields, ",")))
	}
	return all
}

func TestApplyMakesWhatIsDeclared(t *testing.T) {
	r := newRig(t)
	res := r.apply(t, manifest(), setup.Options{})
	want := []string{"create app fuwuhao", "create tenant lantian", "create shop lantian", "create client erp"}
	if diff := cmp.Diff(want, ops(res)); diff != "" {
		t.Error(diff)
	}
	app := r.dir.apps["fuwuhao"]
	if app.Scope != "snsapi_userinfo" || app.SecretVersion != 1 {
		t.Errorf("app = scope %q, secret version %d", app.Scope, app.SecretVersion)
	}
	opened, err := r.vault.Open(r.dir.apps["shop-lantian"].Secret, vault.AppSecret("shop-lantian", 1))
	if err != nil || opened.RevealString() != "shop-secret" {
		t.Errorf("the shop's secret does not open in its place: %v", err)
	}
	key := res.Keys["erp"]
	if !slices.Equal(access.HashKey(key.RevealString()), r.dir.clients["erp"].KeyHash) {
		t.Error("the key that was shown is not the one that is kept")
	}
	if len(r.dir.entries) != len(want) {
		t.Errorf("%d audit entries for %d changes", len(r.dir.entries), len(want))
	}
}

func TestApplyTwiceChangesNothing(t *testing.T) {
	r := newRig(t)
	r.apply(t, manifest(), setup.Options{})
	sealed := r.dir.apps["fuwuhao"].Secret
	res := r.apply(t, manifest(), setup.Options{})
	if len(res.Changes) != 0 || len(res.Keys) != 0 || r.dir.revision != 1 {
		t.Errorf("the second apply changed %v, made %d keys, revision %d", ops(res), len(res.Keys), r.dir.revision)
	}
	if !slices.Equal(sealed, r.dir.apps["fuwuhao"].Secret) {
		t.Error("an equal secret was sealed anew")
	}
}

func TestApplyTellsWhatChanges(t *testing.T) {
	tests := map[string]struct {
		change func(*setup.Manifest)
		want   string
	}{
		"secret":      {func(m *setup.Manifest) { m.Apps[0].Secret = secret.FromString("another") }, "change app fuwuhao secret"},
		"no secret":   {func(m *setup.Manifest) { m.Apps[0].Secret = secret.Value{} }, ""},
		"api host":    {func(m *setup.Manifest) { m.Apps[0].APIHosts = []string{"https://sh.api.weixin.qq.com"} }, "change app fuwuhao api_hosts"},
		"tenant name": {func(m *setup.Manifest) { m.Tenants[0].Name = "新名" }, "change tenant lantian name"},
		"shop secret": {func(m *setup.Manifest) { m.Shops[0].Secret = secret.FromString("another") }, "change shop lantian secret"},
		"withdraw":    {func(m *setup.Manifest) { m.Shops[0].RevokeOnWithdraw = true }, "change shop lantian revoke_shop_on_withdraw"},
		"mode":        {func(m *setup.Manifest) { m.Clients[0].Mode = access.Write }, "change client erp mode"},
		"end":         {func(m *setup.Manifest) { m.Clients[0].Expires = start.AddDate(1, 0, 0) }, "change client erp expires"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.apply(t, manifest(), setup.Options{})
			hash := r.dir.clients["erp"].KeyHash
			m := manifest()
			tt.change(&m)
			if got := strings.Join(ops(r.apply(t, m, setup.Options{})), "; "); got != tt.want {
				t.Errorf("changes = %q, want %q", got, tt.want)
			}
			if !slices.Equal(hash, r.dir.clients["erp"].KeyHash) {
				t.Error("a change replaced the client's key")
			}
			if got := ops(r.apply(t, m, setup.Options{})); len(got) != 0 {
				t.Errorf("applied again it changes %v", got)
			}
		})
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	r := newRig(t)
	res := r.apply(t, manifest(), setup.Options{DryRun: true})
	if len(res.Changes) != 4 || res.Keys != nil || r.dir.revision != 0 {
		t.Errorf("changes %v, keys %v, revision %d", ops(res), res.Keys, r.dir.revision)
	}
}

func TestPruneRemovesWhatIsNotNamed(t *testing.T) {
	r := newRig(t)
	r.apply(t, manifest(), setup.Options{})
	m := manifest()
	m.Shops, m.Clients = nil, nil
	if got := ops(r.apply(t, m, setup.Options{})); len(got) != 0 {
		t.Errorf("without prune it changes %v", got)
	}
	want := []string{"remove client erp", "remove shop lantian", "remove app shop-lantian"}
	if diff := cmp.Diff(want, ops(r.apply(t, m, setup.Options{Prune: true}))); diff != "" {
		t.Error(diff)
	}
	if len(r.dir.shops)+len(r.dir.clients) != 0 || len(r.dir.apps) != 1 {
		t.Error("prune left something behind")
	}
}

func TestTwoAppliersCannotMix(t *testing.T) {
	r := newRig(t)
	r.dir.between = func(d *directory) { d.revision++ }
	if _, err := r.Apply(t.Context(), manifest(), operator, setup.Options{}); !errors.Is(err, access.ErrStale) {
		t.Errorf("err = %v, want ErrStale", err)
	}
	if len(r.dir.apps) != 0 {
		t.Error("half of a stale plan was carried out")
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	m := setup.Manifest{
		Apps: []setup.App{
			{ID: "Bad Id", Kind: "else", AppID: "gh_123", CallbackHost: "https://x/", VerifyName: "verify.txt"},
			{ID: "shop-x", Kind: access.Website, AppID: "wx00000000000000b1", Secret: secret.FromString("s"), CallbackHost: "h", Scope: "snsapi_base"},
		},
		Tenants: []access.Tenant{{ID: "t1"}, {ID: "t1"}},
		Shops:   []setup.Shop{{ID: "s1", Tenant: "nobody", AppID: "wx1", Egress: "ftp://x"}},
		Clients: []setup.Client{{ID: "c1", Shops: []string{"s9"}, Mode: "all"}},
		Members: []access.Member{{PersonID: "p_1", TenantID: "nobody", Role: "king"}},
	}
	_, err := newRig(t).Apply(t.Context(), m, operator, setup.Options{})
	invalid, ok := errors.AsType[*setup.InvalidError](err)
	if !ok {
		t.Fatalf("err = %v, want InvalidError", err)
	}
	text := err.Error()
	for _, want := range []string{"apps[0].id is not an id", "apps[0].kind", "apps[0].appid", "apps[0].callback_host", "apps[0].verify_file.name",
		`apps[1].id begins with "shop-"`, "apps[1].scope", "tenants[1].id is used twice", "shops[0].tenant names a tenant that does not exist",
		"shops[0].appid", "shops[0].egress", "needs its secret", "clients[0].shops[0]", "clients[0].mode", "members[0].role"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is said of %q in:\n%s", want, text)
		}
	}
	for _, value := range []string{"gh_123", "snsapi_base", "ftp", "king"} {
		if strings.Contains(text, value) {
			t.Errorf("the value %q is repeated", value)
		}
	}
	if len(invalid.Problems) < 14 {
		t.Errorf("only %d problems", len(invalid.Problems))
	}
}

// TestSecretsGoToWeChatOnly: whoever may apply a manifest must not be able to
// have a kept secret sent to a place of their choice.
func TestSecretsGoToWeChatOnly(t *testing.T) {
	for _, host := range []string{"http://127.0.0.1:20099", "https://evil.example.com", "http://evil.example.com", "https://api.weixin.qq.com.evil.example.com", "https://api.weixin.qq.com/x"} {
		r := newRig(t)
		r.apply(t, manifest(), setup.Options{})
		for name, change := range map[string]func(*setup.Manifest){
			"app":  func(m *setup.Manifest) { m.Apps[0].APIHosts = []string{host} },
			"shop": func(m *setup.Manifest) { m.Shops[0].APIHosts = []string{host} },
		} {
			m := manifest()
			change(&m)
			if _, err := r.Apply(t.Context(), m, operator, setup.Options{}); err == nil || !strings.Contains(err.Error(), "API host") {
				t.Errorf("%s with API host %s: err = %v", name, host, err)
			}
		}
	}
}

// TestOneEntryForEachAppID: two refreshers of one account end each other's
// tokens.
func TestOneEntryForEachAppID(t *testing.T) {
	r := newRig(t)
	r.apply(t, manifest(), setup.Options{})
	second := setup.Manifest{Shops: []setup.Shop{{ID: "copy", Tenant: "lantian", Name: "x", AppID: "wx00000000000000c1", Secret: secret.FromString("s")}}}
	if _, err := r.Apply(t.Context(), second, operator, setup.Options{}); err == nil || !strings.Contains(err.Error(), "one entry for each appid") {
		t.Errorf("err = %v", err)
	}
}

// TestWhatIsLeftOut is filled in: the server's own host, the kind's usual scope,
// reading only.
func TestWhatIsLeftOut(t *testing.T) {
	r := newRig(t)
	m := manifest()
	m.Apps[0].CallbackHost, m.Clients[0].Mode = "", ""
	r.apply(t, m, setup.Options{})
	if a := r.dir.apps["fuwuhao"]; a.CallbackHost != "zhanggui.example.com" || a.Scope != "snsapi_userinfo" {
		t.Errorf("callback host %q, scope %q", a.CallbackHost, a.Scope)
	}
	if c := r.dir.clients["erp"]; c.Mode != access.Read {
		t.Errorf("mode %q", c.Mode)
	}
}
