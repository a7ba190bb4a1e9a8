package config

import (
	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// On tells whether staff log in through their company.
func (s StaffOIDC) On() bool { return !s.Issuer.IsZero() }

func (c *Config) checkStaff(r *report) {
	const at = "staff_oidc"
	s := c.StaffOIDC
	if !s.On() {
		r.want(s.ClientID == "" && s.ClientSecret.IsZero() && len(s.Rules) == 0, at+".issuer", "is empty", "write the provider's issuer, or leave the others out")
		return
	}
	u := s.Issuer.URL()
	local := web.IsLoopbackHost(u.Host)
	r.want(u.Scheme == "https" || c.Loopback && local, at+".issuer", "is not https", "write https://; http is for loopback names with loopback: true")
	r.want(!local || s.AllowPrivate, at+".issuer", "is on this machine", "write allow_private: true beside it, or a public address")
	r.want(s.ClientID != "", at+".client_id", "is empty", "write what the provider calls this server")
	r.want(!s.ClientSecret.IsZero(), at+".client_secret", "is empty", "write file:/path or env:NAME")
	r.secretRef(at+".client_secret", s.ClientSecret, c.Loopback)
	r.want(len(s.Rules) > 0, at+".rules", "is empty", "say which group or domain may do what; without that nobody could log in")
	for i, rule := range s.Rules {
		place := item(at+".rules", i)
		r.want((rule.Group == "") != (rule.Domain == ""), place, "names not exactly one of group and domain", "write one of them")
		r.want(access.StaffKind(rule.Kind).Valid(), place+".kind", "is not a kind", "write admin, support or auditor")
	}
}
