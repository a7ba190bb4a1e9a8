package config

import (
	"strings"
	"testing"
)

func TestMovingProblems(t *testing.T) {
	const public = "public_url: https://a.example.com\ntrusted_proxies: [127.0.0.1/32]\n"
	for name, c := range map[string]struct{ yaml, want string }{
		"fine":          {public + "moving: [{app: platform, follow: 'https://old.example.com/t/{appid}', secret: env:OLD, pass_on_auth: https://old.example.com/auth, pass_on_event: 'https://old.example.com/$APPID$/cb'}]", ""},
		"a Redis":       {public + "moving: [{app: platform, follow: 'rediss://reader@redis.example.com:6380/2', secret: env:OLD, access_key: 'a:{appid}'}]", ""},
		"in the clear":  {public + "moving: [{app: platform, follow: 'redis://redis.example.com/2'}]", "moving[0].follow sends tokens in the clear"},
		"private Redis": {public + "moving: [{app: platform, follow: 'redis://10.0.0.9/2', allow_private: true}]", ""},
		"no app":        {"moving: [{follow: 'https://old.example.com/{appid}'}]", "moving[0].app is empty"},
		"twice":         {"moving: [{app: a}, {app: a}]", "moving[1].app is there twice"},
		"password":      {"moving: [{app: a, follow: 'redis://:SECRET@redis.example.com/2'}]", "moving[0].follow is not an address"},
		"no account":    {"moving: [{app: a, follow: 'https://old.example.com/'}]", "does not say which account"},
		"http":          {"moving: [{app: a, follow: 'http://old.example.com/{appid}'}]", "moving[0].follow is not https"},
		"local":         {"moving: [{app: a, follow: 'http://127.0.0.1:1/{appid}'}]", "moving[0].follow is on this machine"},
		"local push":    {"moving: [{app: a, pass_on_auth: 'http://127.0.0.1:1/a'}]", "moving[0].pass_on_auth is on this machine"},
		"one event URL": {"moving: [{app: a, pass_on_event: 'https://old.example.com/cb'}]", "pass_on_event names the same address"},
		"one key":       {"moving: [{app: a, access_key: token}]", "access_key names the same key"},
		"database":      {"moving: [{app: a, follow: 'rediss://redis.example.com/two'}]", "does not name a database"},
		"written out":   {public + "moving: [{app: a, secret: SECRET}]", "moving[0].secret is written out"},
		"odd scheme":    {"moving: [{app: a, follow: 'ftp://old.example.com/{appid}'}]", "is not https"},
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

func TestMovingFromTheEnvironment(t *testing.T) {
	file := Source{Data: []byte("moving: [{app: platform}]"), Environ: []string{
		"ZHANGGUI_MOVING_0_FOLLOW=https://old.example.com/{appid}", "ZHANGGUI_MOVING_0_SECRET=the SECRET", "ZHANGGUI_MOVING_1_APP=second",
		"ZHANGGUI_MOVING_1_PASS_ON_EVENT=https://old.example.com/$APPID$/cb", "ZHANGGUI_MOVING_1_ALLOW_PRIVATE=true", "ZHANGGUI_MOVING_1_NOTHING=x",
	}}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ResolveSecrets(func(string) (string, bool) { return "the SECRET", true }); err != nil {
		t.Fatal(err)
	}
	first, second := c.Moving[0], c.Moving[1]
	if len(c.Moving) != 2 || first.App != "platform" || first.Follow == "" || first.Secret.Value().RevealString() != "the SECRET" || strings.Contains(c.String(), "the SECRET") {
		t.Errorf("moving %+v", c.Moving)
	}
	if second.App != "second" || !second.AllowPrivate || second.PassOnEvent.String() != "https://old.example.com/$APPID$/cb" {
		t.Errorf("second %+v", second)
	}
}
