package config

import (
	"strings"
	"testing"
)

const auditPub = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

func TestAuditSettings(t *testing.T) {
	for name, c := range map[string]struct{ yaml, wrong string }{
		"good": {`
  retention: 4320h
  checkpoints:
    - {file: /mnt/worm/audit.heads, every: 10s}
    - {url: "https://hooks.example.com/x", secret: "env:HOOK"}
    - {witness: "https://other.example.com/v1/witness/main"}
  witness_for:
    - {name: other, pub: ` + auditPub + `}`, ""},
		"too short":       {"\n  retention: 4319h", "audit.retention"},
		"negative":        {"\n  retention: -1h", "audit.retention"},
		"two places":      {"\n  checkpoints: [{file: /a, url: \"https://a.example.com\"}]", "audit.checkpoints[0]"},
		"no place":        {"\n  checkpoints: [{every: 1h}]", "audit.checkpoints[0]"},
		"too often":       {"\n  checkpoints: [{file: /a, every: 9s}]", "audit.checkpoints[0].every"},
		"relative file":   {"\n  checkpoints: [{file: heads}]", "audit.checkpoints[0].file"},
		"plain http":      {"\n  checkpoints: [{witness: \"http://a.example.com/v1/witness/x\"}]", "audit.checkpoints[0].witness"},
		"own machine":     {"\n  checkpoints: [{witness: \"https://127.0.0.1/v1/witness/x\"}]", "audit.checkpoints[0].witness"},
		"no secret":       {"\n  checkpoints: [{url: \"https://a.example.com\"}]", "audit.checkpoints[0].secret"},
		"odd name":        {"\n  witness_for: [{name: A/B, pub: " + auditPub + "}]", "audit.witness_for[0].name"},
		"no key":          {"\n  witness_for: [{name: a, pub: nothing}]", "audit.witness_for[0].pub"},
		"one name, twice": {"\n  witness_for: [{name: a, pub: " + auditPub + "}, {name: a, pub: " + auditPub + "}]", "audit.witness_for[1].name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Source{File: "a.yaml", Data: []byte("public_url: https://a.example.com\ntrusted_proxies: [127.0.0.1/32]\naudit:" + c.yaml + "\n")})
			switch {
			case c.wrong == "" && err != nil:
				t.Error(err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
				t.Errorf("got %v, want a word about %s", err, c.wrong)
			}
		})
	}
}
