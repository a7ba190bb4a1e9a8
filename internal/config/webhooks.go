package config

import (
	"slices"

	"github.com/zhanggui/zhanggui/internal/web"
)

// ResolveSecrets reads the secrets that the settings refer to; lookup is
// os.LookupEnv or a stand-in. Relative files are looked for where the server was
// started. The error is a [Problems] with everything that could not be read.
func (c *Config) ResolveSecrets(lookup func(string) (string, bool)) error {
	r := newReport("")
	hooks, moving, channels := slices.Clone(c.Webhooks), slices.Clone(c.Moving), slices.Clone(c.Channels)
	places := slices.Clone(c.Audit.Checkpoints)
	for i := range places {
		if v, ok := r.resolve(item("audit.checkpoints", i)+".secret", places[i].Secret, ".", lookup); ok {
			places[i].Secret.value = v
		}
	}
	for i := range hooks {
		if v, ok := r.resolve(item("webhooks", i)+".secret", hooks[i].Secret, ".", lookup); ok {
			hooks[i].Secret.value = v
		}
	}
	for i := range channels {
		at := item("channels", i)
		for _, s := range []struct {
			name string
			of   *Secret
		}{{at + ".url", &channels[i].URL}, {at + ".secret", &channels[i].Secret}} {
			if v, ok := r.resolve(s.name, *s.of, ".", lookup); ok {
				s.of.value = v
			}
		}
	}
	for i := range moving {
		if v, ok := r.resolve(item("moving", i)+".secret", moving[i].Secret, ".", lookup); ok {
			moving[i].Secret.value = v
		}
	}
	if v, ok := r.resolve("staff_oidc.client_secret", c.StaffOIDC.ClientSecret, ".", lookup); ok {
		c.StaffOIDC.ClientSecret.value = v
	}
	tracing := r.resolveTracing(c.Tracing, lookup)
	if err := r.problems.err(); err != nil {
		return err
	}
	c.Webhooks, c.Moving, c.Channels, c.Audit.Checkpoints, c.Tracing = hooks, moving, channels, places, tracing
	return nil
}

func (c *Config) checkWebhooks(r *report) {
	seen := map[string]bool{}
	for i, h := range c.Webhooks {
		at := item("webhooks", i)
		if !r.want(!h.URL.IsZero(), at+".url", "is empty", "write the address that notices are posted to") {
			continue
		}
		u := h.URL.URL()
		local := web.IsLoopbackHost(u.Host)
		r.want(u.Scheme == "https" || c.Loopback && local, at+".url", "is not https",
			"write https://; http is for loopback names with loopback: true")
		r.want(!local || h.AllowPrivate, at+".url", "is on this machine", "write allow_private: true beside it, or a public address")
		r.want(!seen[h.URL.String()], at+".url", "is there twice", "keep one of them")
		seen[h.URL.String()] = true
		r.want(!h.Secret.IsZero(), at+".secret", "is empty", "write file:/path or env:NAME of what notices are signed with")
		r.secretRef(at+".secret", h.Secret, c.Loopback)
	}
}
