package setup_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// withProgram is the usual manifest with a program of OpenID Connect.
func withProgram() setup.Manifest {
	m := manifest()
	m.OIDCClients = []setup.OIDCClient{{Secret: secret.FromString("sandbox-secret-grafana-000001"), OIDCClient: access.OIDCClient{
		ID: "grafana", Name: "Grafana", RedirectURIs: []string{"https://grafana.example.com/login/generic_oauth"}, TenantID: "lantian",
	}}}
	return m
}

func TestProgramsAreDeclared(t *testing.T) {
	r := newRig(t)
	m := withProgram()
	if got := ops(r.apply(t, m, setup.Options{DryRun: true})); !slices.Contains(got, "create oidc_client grafana") || len(r.dir.oidc) > 0 {
		t.Errorf("a dry run: %v, made %d", got, len(r.dir.oidc))
	}
	r.apply(t, m, setup.Options{})
	c := r.dir.oidc["grafana"]
	want := m.OIDCClients[0].OIDCClient
	want.Role, want.Sector, want.CreatedAt = access.Viewer, "grafana", start
	want.SecretHash = access.OIDCSecretHash(r.vault.MAC, "grafana", "sandbox-secret-grafana-000001")
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
	if got := ops(r.apply(t, m, setup.Options{})); len(got) != 0 {
		t.Errorf("applied again it changes %v", got)
	}
	m.OIDCClients = nil
	if got := strings.Join(ops(r.apply(t, m, setup.Options{Prune: true})), "; "); got != "remove oidc_client grafana" || len(r.dir.oidc) > 0 {
		t.Errorf("pruned: %q", got)
	}
}

func TestWhatChangesOfAProgramIsTold(t *testing.T) {
	for want, change := range map[string]func(*setup.OIDCClient){
		"":                                  func(c *setup.OIDCClient) { c.Secret = secret.Value{} },
		"change oidc_client grafana secret": func(c *setup.OIDCClient) { c.Secret = secret.FromString("another-secret-000001") },
		"change oidc_client grafana public": func(c *setup.OIDCClient) { c.Public, c.Secret = true, secret.Value{} },
		"change oidc_client grafana redirect_uris": func(c *setup.OIDCClient) {
			c.RedirectURIs = append(c.RedirectURIs, "http://127.0.0.1/cb")
		},
		"change oidc_client grafana shop,tenant": func(c *setup.OIDCClient) { c.ShopID, c.TenantID = "lantian", "" },
		"change oidc_client grafana role":        func(c *setup.OIDCClient) { c.Role = access.Owner },
		"change oidc_client grafana sector":      func(c *setup.OIDCClient) { c.Sector = "tools" },
	} {
		r := newRig(t)
		r.apply(t, withProgram(), setup.Options{})
		m := withProgram()
		change(&m.OIDCClients[0])
		res := r.apply(t, m, setup.Options{})
		if got := strings.Join(ops(res), "; "); got != want {
			t.Errorf("changes %q, want %q", got, want)
		}
		if warned := len(res.Changes) > 0 && res.Changes[0].Warning != ""; warned != strings.HasSuffix(want, "sector") {
			t.Errorf("%s: warned %t", want, warned)
		}
	}
}

func TestProgramsThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*setup.OIDCClient){
		"needs its secret": func(c *setup.OIDCClient) { c.Secret = secret.Value{} },
		"secret is short":  func(c *setup.OIDCClient) { c.Secret = secret.FromString("hunter2") },
		"and is public":    func(c *setup.OIDCClient) { c.Public = true },
		"is not https":     func(c *setup.OIDCClient) { c.RedirectURIs = []string{"http://grafana.example.com/"} },
	} {
		r := newRig(t)
		m := withProgram()
		change(&m.OIDCClients[0])
		_, err := r.Apply(t.Context(), m, audit.Actor{Kind: audit.ActorOperator}, setup.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || len(r.dir.oidc) > 0 {
			t.Errorf("%s: %v", want, err)
		}
	}
}
