package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/zhanggui/zhanggui/internal/web"
)

// ResolveSecrets reads the secrets that the settings refer to; lookup is
// os.LookupEnv or a stand-in. Relative files are looked for where the server was
// started. The error is a [Problems] with everything that could not be read.
func (c *Config) ResolveSecrets(lookup func(string) (string, bool)) error {
	r := newReport("")
	hooks := slices.Clone(c.Webhooks)
	for i := range hooks {
		if v, ok := r.resolve(item("webhooks", i)+".secret", hooks[i].Secret, ".", lookup); ok {
			hooks[i].Secret.value = v
		}
	}
	if err := r.problems.err(); err != nil {
		return err
	}
	c.Webhooks = hooks
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

// webhookForm is the name of a variable that sets a part of a webhook. A hundred
// are enough, and no number is long enough to ask for much memory.
var webhookForm = regexp.MustCompile(`^` + envPrefix + `WEBHOOKS_([0-9]{1,2})_(URL|SECRET|ALLOW_PRIVATE)$`)

// webhookVariables overlays the variables of webhooks. One that skips a number
// leaves an empty webhook, which is a problem of its own.
func (r *report) webhookVariables(c *Config, vars map[string]string) {
	c.Webhooks = slices.Clone(c.Webhooks)
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		m := webhookForm.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1]) // digits by the pattern
		for len(c.Webhooks) <= n {
			c.Webhooks = append(c.Webhooks, Webhook{})
		}
		r.webhookVariable(&c.Webhooks[n], item("webhooks", n), m[2], name, vars[name])
	}
}

func (r *report) webhookVariable(h *Webhook, at, part, name, text string) {
	setting, ok := at+".", true
	switch part {
	case "URL":
		setting += "url"
		ok = h.URL.UnmarshalText([]byte(text)) == nil
	case "SECRET":
		setting += "secret"
		if err := h.Secret.UnmarshalText([]byte(text)); err != nil {
			ok = false
		} else if _, _, literal := h.Secret.kind(); literal {
			// It is in a variable already, which is where it should be.
			ok = h.Secret.UnmarshalText([]byte("env:"+name)) == nil
		}
	case "ALLOW_PRIVATE":
		setting += "allow_private"
		var err error
		h.AllowPrivate, err = strconv.ParseBool(text)
		ok = err == nil
	}
	r.places[setting] = place{file: fmt.Sprintf("environment variable %s", name)}
	r.want(ok, setting, "cannot be read", "see the reference for how it is written")
}
