package main

import (
	"os"
	"strings"
	"testing"
)

// TestGuideShowsTheseFiles: what people copy from the guide is what the tests run.
func TestGuideShowsTheseFiles(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/backoffice.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, kind := range map[string]string{"nginx.conf": "nginx", "Caddyfile": "caddy", "traefik.yml": "yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(guide), "```"+kind+"\n"+string(text)+"```\n") {
			t.Errorf("docs/guide/backoffice.md does not show %s as it is; copy it there", file)
		}
	}
}
