package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWebhookProblems(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"fine":              {"public_url: https://a.example.com\ntrusted_proxies: [127.0.0.1/32]\nwebhooks: [{url: https://hooks.example.com/a, secret: env:HOOK}]", ""},
		"local, allowed":    {"webhooks: [{url: 'http://127.0.0.1:9999/a', secret: env:HOOK, allow_private: true}]", ""},
		"literal, loopback": {"webhooks: [{url: https://hooks.example.com/a, secret: whsec_SECRET}]", ""},
		"local":             {"webhooks: [{url: 'http://127.0.0.1:9999/a', secret: env:HOOK}]", "webhooks[0].url is on this machine"},
		"http":              {"webhooks: [{url: http://hooks.example.com/a, secret: env:HOOK}]", "webhooks[0].url is not https"},
		"no url":            {"webhooks: [{secret: env:HOOK}]", "webhooks[0].url is empty"},
		"no secret":         {"webhooks: [{url: https://hooks.example.com/a}]", "webhooks[0].secret is empty"},
		"twice":             {"webhooks: [{url: https://h.example.com, secret: env:A}, {url: https://h.example.com/, secret: env:B}]", "webhooks[1].url is there twice"},
		"not a list":        {"webhooks: {url: https://h.example.com}", "webhooks is not a list"},
		"odd key":           {"webhooks: [{adress: x}]", "webhooks[0] has an unknown key"},
		"written out":       {"public_url: https://a.example.com\ntrusted_proxies: [127.0.0.1/32]\nwebhooks: [{url: https://h.example.com, secret: whsec_SECRET}]", "webhooks[0].secret is written out"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Source{File: "a.yaml", Data: []byte(c.yaml)})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the problem repeats the secret: %v", err)
			}
		})
	}
}

func TestWebhooksFromTheEnvironment(t *testing.T) {
	env := []string{
		"ZHANGGUI_WEBHOOKS_0_URL=https://one.example.com", "ZHANGGUI_WEBHOOKS_0_SECRET=whsec_SECRET",
		"ZHANGGUI_WEBHOOKS_1_URL=https://localhost:9/two", "ZHANGGUI_WEBHOOKS_1_SECRET=env:OTHER", "ZHANGGUI_WEBHOOKS_1_ALLOW_PRIVATE=true",
		"ZHANGGUI_WEBHOOKS_TWO_URL=of no interest",
	}
	c, err := Load(Source{Environ: env})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Webhooks) != 2 || c.Webhooks[0].URL.String() != "https://one.example.com" || !c.Webhooks[1].AllowPrivate {
		t.Fatalf("webhooks %+v", c.Webhooks)
	}
	if s := c.String(); strings.Contains(s, "whsec_") || !strings.Contains(s, "env:ZHANGGUI_WEBHOOKS_0_SECRET") {
		t.Errorf("shown as\n%s", s)
	}
	lookup := func(name string) (string, bool) {
		v, ok := map[string]string{"ZHANGGUI_WEBHOOKS_0_SECRET": "whsec_SECRET", "OTHER": "whsec_OTHER\n"}[name]
		return v, ok
	}
	if err := c.ResolveSecrets(lookup); err != nil {
		t.Fatal(err)
	}
	if a, b := c.Webhooks[0].Secret.Value().RevealString(), c.Webhooks[1].Secret.Value().RevealString(); a != "whsec_SECRET" || b != "whsec_OTHER" {
		t.Error("the secrets were not read")
	}
	for _, bad := range []string{"ZHANGGUI_WEBHOOKS_1_URL=https://only.example.com", "ZHANGGUI_WEBHOOKS_0_ALLOW_PRIVATE=perhaps", "ZHANGGUI_WEBHOOKS_0_URL=https://u:SECRET@h"} {
		if _, err := Load(Source{Environ: []string{bad}}); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%v is taken, or repeated: %v", bad, err)
		}
	}
}

func TestWebhookSecretsThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	none := func(string) (string, bool) { return "", false }
	for _, ref := range []string{"env:NOT_THERE", "file:/not/there", "file:" + path} {
		c, err := Load(Source{Data: []byte("webhooks: [{url: https://h.example.com, secret: '" + ref + "'}]")})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ResolveSecrets(none); err == nil || !strings.Contains(err.Error(), "webhooks[0].secret") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
