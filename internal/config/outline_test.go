package config_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/config"
)

const told = `
public_url: https://zhanggui.example.com/base
quota: on
egress: socks5://192.0.2.1:1080
master_key: {command: [kms, --token, kmstoken0123456789]}
log: {level: warn}
session: {idle: 2h}
operator: {contact: "13800000000"}
trusted_proxies: [10.0.0.0/8]
webhooks: [{url: "https://hooks.example.com/services/PATHTOKEN", secret: "env:HOOK"}]
channels:
  - {name: shift, kind: wecom, url: "env:ROBOT"}
  - {name: boss, kind: mail, host: mail.example.com, user: mailuser, secret: "env:MAIL", from: zhanggui@example.com, to: [somebody@example.com]}
`

// TestOutline: what somebody wrote freely is not shown; what has a type that says
// what it is, is.
func TestOutline(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{Data: []byte(told), Flags: map[string]string{"database": "postgres://dbuser:dbpassword@db.example.com/zg?sslmode=require"}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]config.Setting{}
	for _, s := range c.Outline() {
		if _, twice := got[s.Name]; twice {
			t.Errorf("%s is told twice", s.Name)
		}
		got[s.Name] = s
	}
	for name, want := range map[string]string{
		"public_url": "https://zhanggui.example.com", "quota": "on", "log.level": "WARN", "session.idle": "2h0m0s", "trusted_proxies[0]": "10.0.0.0/8",
		"webhooks[0].url": "https://hooks.example.com", "channels[0].kind": "wecom", "channels[0].name": "shift",
		"database": "", "egress": "", "master_key.command[1]": "", "channels[0].url": "", "channels[1].to[0]": "", "operator.contact": "", "webhooks[0].secret": "",
	} {
		if s, ok := got[name]; !ok || s.Value != want || !s.Set {
			t.Errorf("%s is told as %+v, %v, want %q", name, s, ok, want)
		}
	}
	if s := got["database_direct"]; s.Set || s.Value != "" {
		t.Errorf("what nobody set is told as %+v", s)
	}
	all, err := json.Marshal(slices.Collect(func(yield func(config.Setting) bool) {
		for _, s := range got {
			if !yield(s) {
				return
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"192.0.2.1", "kmstoken", "PATHTOKEN", "dbpassword", "dbuser", "13800000000", "somebody@", "mailuser", "ROBOT"} {
		if strings.Contains(string(all), s) {
			t.Errorf("%s stands in the outline", s)
		}
	}
}
