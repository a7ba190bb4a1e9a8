package config

import (
	"strings"
	"testing"
)

func TestStaffOIDC(t *testing.T) {
	t.Parallel()
	const rest = ", client_id: zhanggui, client_secret: env:COMPANY"
	const rules = ", rules: [{group: ops, kind: admin}, {domain: example.com, kind: support}]"
	for name, tt := range map[string]struct{ settings, want string }{
		"fine":           {"staff_oidc: {issuer: https://sso.example.com" + rest + rules + "}", ""},
		"local, allowed": {"staff_oidc: {issuer: 'http://127.0.0.1:9999', allow_private: true" + rest + rules + "}", ""},
		"nothing":        {"staff_oidc: {}", ""},
		"local":          {"staff_oidc: {issuer: 'http://127.0.0.1:9999'" + rest + rules + "}", "staff_oidc.issuer is on this machine"},
		"http":           {"staff_oidc: {issuer: http://sso.example.com" + rest + rules + "}", "staff_oidc.issuer is not https"},
		"no issuer":      {"staff_oidc: {client_id: zhanggui}", "staff_oidc.issuer is empty"},
		"no client":      {"staff_oidc: {issuer: https://sso.example.com, client_secret: env:A" + rules + "}", "staff_oidc.client_id is empty"},
		"no secret":      {"staff_oidc: {issuer: https://sso.example.com, client_id: zhanggui" + rules + "}", "staff_oidc.client_secret is empty"},
		"no rule":        {"staff_oidc: {issuer: https://sso.example.com" + rest + "}", "staff_oidc.rules is empty"},
		"an odd kind":    {"staff_oidc: {issuer: https://sso.example.com" + rest + ", rules: [{group: ops, kind: emperor}]}", "staff_oidc.rules[0].kind is not a kind"},
		"for everybody":  {"staff_oidc: {issuer: https://sso.example.com" + rest + ", rules: [{kind: admin}]}", "staff_oidc.rules[0] names not exactly one"},
		"both":           {"staff_oidc: {issuer: https://sso.example.com" + rest + ", rules: [{group: a, domain: b.example, kind: admin}]}", "staff_oidc.rules[0] names not exactly one"},
	} {
		_, err := Load(Source{File: "a.yaml", Data: []byte(tt.settings)})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}
