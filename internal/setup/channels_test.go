package setup_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const robotAddress = "https://oapi.dingtalk.example/robot/send?access_token=demo-key"

// withChannel is the usual manifest with a robot of a tenant.
func withChannel() setup.Manifest {
	m := manifest()
	m.Channels = []setup.Channel{{URL: secret.FromString(robotAddress), Secret: secret.FromString("SEC-demo"), Channel: access.Channel{
		Name: "night-shift", Kind: access.DingTalk, TenantID: "lantian", Severity: "critical", Kinds: []string{"grant.needs_owner"},
	}}}
	return m
}

func TestChannelsAreDeclared(t *testing.T) {
	r := newRig(t)
	m := withChannel()
	if got := ops(r.apply(t, m, setup.Options{DryRun: true})); !slices.Contains(got, "create channel night-shift") || len(r.dir.channels) > 0 {
		t.Errorf("a dry run: %v, made %d", got, len(r.dir.channels))
	}
	r.apply(t, m, setup.Options{})
	c := r.dir.channels["night-shift"]
	want := m.Channels[0].Channel
	want.Language, want.Version, want.CreatedAt, want.MadeBy, want.Sealed = "zh", 1, start, c.MadeBy, c.Sealed
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("channel (-want +got):\n%s", diff)
	}
	address, key, err := setup.OpenChannel(r.vault, c)
	if err != nil || address.RevealString() != robotAddress || key.RevealString() != "SEC-demo" || strings.Contains(string(c.Sealed), "demo") {
		t.Errorf("opened %v, sealed %q", err, c.Sealed)
	}
	if got := ops(r.apply(t, m, setup.Options{})); len(got) != 0 {
		t.Errorf("applied again it changes %v", got)
	}
	m.Channels[0].URL, m.Channels[0].Secret = secret.Value{}, secret.Value{}
	if got := ops(r.apply(t, m, setup.Options{})); len(got) != 0 {
		t.Errorf("applied without its secrets it changes %v", got)
	}
	m.Channels[0].Secret = secret.FromString("SEC-another")
	if got := strings.Join(ops(r.apply(t, m, setup.Options{})), "; "); got != "change channel night-shift secret" {
		t.Errorf("with another secret it changes %q", got)
	}
	address, key, err = setup.OpenChannel(r.vault, r.dir.channels["night-shift"])
	if err != nil || address.RevealString() != robotAddress || key.RevealString() != "SEC-another" || r.dir.channels["night-shift"].Version != 2 {
		t.Errorf("opened %v, channel %+v", err, r.dir.channels["night-shift"])
	}
	moved := c
	moved.Name = "another"
	if _, _, err := setup.OpenChannel(r.vault, moved); err == nil {
		t.Error("what was sealed for one channel opens for another")
	}
	m.Channels = nil
	if got := strings.Join(ops(r.apply(t, m, setup.Options{Prune: true})), "; "); got != "remove channel night-shift" || len(r.dir.channels) > 0 {
		t.Errorf("pruned: %q", got)
	}
}

func TestChannelsThatCannotBeDeclared(t *testing.T) {
	for want, change := range map[string]func(*setup.Channel){
		"new and needs its url":       func(c *setup.Channel) { c.URL = secret.Value{} },
		"whole https address":         func(c *setup.Channel) { c.URL = secret.FromString("http://robots.example.com/demo-key") },
		"on this machine":             func(c *setup.Channel) { c.URL = secret.FromString("https://127.0.0.1/demo-key") },
		"url is not a whole":          func(c *setup.Channel) { c.URL = secret.FromString("demo-key") },
		"names a tenant":              func(c *setup.Channel) { c.TenantID = "nobody" },
		"is not a kind of channel":    func(c *setup.Channel) { c.Kind = "pager" },
		"is not a kind of notice":     func(c *setup.Channel) { c.Kinds = []string{"demo.key"} },
		"is not a severity":           func(c *setup.Channel) { c.Severity = "fatal" },
		"is not a language":           func(c *setup.Channel) { c.Language = "fr" },
		"is not a name for a channel": func(c *setup.Channel) { c.Name = "log" },
		"secret is needed":            func(c *setup.Channel) { c.Kind = access.Hook },
		"is not a host":               func(c *setup.Channel) { c.Kind, c.URL = access.Email, secret.Value{} },
		"names nobody, or too many": func(c *setup.Channel) {
			c.Kind, c.Mail.Host, c.Mail.From = access.Email, "smtp.example.com", "a@example.com"
		},
		"is none for a server elsewhe": func(c *setup.Channel) {
			c.Kind, c.Mail = access.Email, access.Mail{Host: "smtp.example.com", TLS: "none"}
		},
	} {
		r := newRig(t)
		m := withChannel()
		change(&m.Channels[0])
		_, err := r.Apply(t.Context(), m, operator, setup.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "demo-key") {
			t.Errorf("the problem repeats the address: %v", err)
		}
	}
}
