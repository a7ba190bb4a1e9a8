package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// flat gives the settings as text by name, for comparing.
func flat(t *testing.T, c *Config) map[string]any {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNoSourceGivesTheDefaults(t *testing.T) {
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	if diff := cmp.Diff(flat(t, &want), flat(t, c)); diff != "" {
		t.Errorf("settings (-default +loaded):\n%s", diff)
	}
	if !c.Loopback || c.PublicURL.Host() != "127.0.0.1:8080" || c.Session.Idle != 168*time.Hour {
		t.Errorf("settings %v", c)
	}
	for name, data := range map[string]string{"empty": "", "comments": "# nothing\n", "null": "null\n", "empty sections": "wechat:\ntls: {}\nlisten:\nsession: ~\n"} {
		c, err := Load(Source{Data: []byte(data)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(flat(t, &want), flat(t, c)); diff != "" {
			t.Errorf("%s (-default +loaded):\n%s", name, diff)
		}
	}
}

func TestLaterSourcesWin(t *testing.T) {
	c, err := Load(Source{
		File:    "zhanggui.yaml",
		Data:    []byte("listen: 127.0.0.1:1\nops_listen: 127.0.0.1:2\ndata: /file\npublic_url: https://keys.example.com/zg/\ntrusted_proxies: [10.0.0.1/32]\n"),
		Environ: []string{"ZHANGGUI_OPS_LISTEN=127.0.0.1:3", "ZHANGGUI_DATA=/env", "ZHANGGUI_TRUSTED_PROXIES=10.0.0.0/8,fd00::/8", "ZHANGGUI_LOG_LEVEL=debug", "ZHANGGUI_SESSION_IDLE=1h", "ZHANGGUI_EGRESS=", "ZHANGGUI_PORT=tcp://10.0.0.1:80", "ODD"},
		Flags:   map[string]string{"data": "/flag", "master_key.command": "kms,unwrap"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Listen, want.OpsListen, want.Data = "127.0.0.1:1", "127.0.0.1:3", "/flag"
	want.PublicURL, want.Loopback = mustURL("https://keys.example.com/zg"), false
	want.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	want.Log.Level, want.Session.Idle = slog.LevelDebug, time.Hour
	want.MasterKey.Command = []string{"kms", "unwrap"}
	if diff := cmp.Diff(flat(t, &want), flat(t, c)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestProblemsNameTheSourceThatWon(t *testing.T) {
	_, err := Load(Source{
		File: "zhanggui.yaml", Data: []byte("\nlisten: nowhere\ndata: ''\nsession:\n  idle: 1s\n"),
		Environ: []string{"ZHANGGUI_LISTEN=SECRET-0001", "ZHANGGUI_SESSION_ABSOLUTE=SECRET-0002", "ZHANGGUI_TRUSTED_PROXIES=SECRET-0003", "ZHANGGUI_LOOPBACK=SECRET-0004"},
		Flags:   map[string]string{"ops_listen": "SECRET-0005", "SECRET": "x"},
	})
	checkProblems(t, true, strip(err))
	got := map[string]bool{}
	ps, _ := errors.AsType[Problems](err)
	for _, p := range ps {
		got[fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Setting)] = true
	}
	want := map[string]bool{
		"zhanggui.yaml:3 data": true, "zhanggui.yaml:5 session.idle": true,
		"environment variable ZHANGGUI_LISTEN:0 listen": true, "environment variable ZHANGGUI_SESSION_ABSOLUTE:0 session.absolute": true,
		"environment variable ZHANGGUI_TRUSTED_PROXIES:0 trusted_proxies": true, "environment variable ZHANGGUI_LOOPBACK:0 loopback": true,
		"flag --ops-listen:0 ops_listen": true, "flag:0 SECRET": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// strip takes out the one problem whose setting is named by the caller.
func strip(err error) error {
	var left Problems
	ps, _ := errors.AsType[Problems](err)
	for _, p := range ps {
		if p.File != "flag" {
			left = append(left, p)
		}
	}
	return left
}

func TestFileThatIsNotThere(t *testing.T) {
	_, err := Load(Source{File: filepath.Join(t.TempDir(), "none.yaml")})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--config") {
		t.Errorf("error %v", err)
	}
	_, err = LoadManifest(filepath.Join(t.TempDir(), "none.yaml"), Rules{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "-f") {
		t.Errorf("error %v", err)
	}
	huge := filepath.Join(t.TempDir(), "huge.yaml")
	if err := os.WriteFile(huge, []byte(strings.Repeat("#", maxFile+10)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Source{File: huge}); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("a huge file: %v", err)
	}
}

func TestLoopbackRule(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		loopback   bool
		ok         bool
	}{
		{"by itself", "public_url: http://shop.localhost:8080", true, true},
		{"not for others", "public_url: https://keys.example.com\ntrusted_proxies: [127.0.0.1/32]", false, true},
		{"asked for beside a public host", "public_url: https://keys.example.com\ntrusted_proxies: [127.0.0.1/32]\nloopback: true", true, true},
		{"other hosts stay strict", "public_url: http://keys.example.com:8080\nloopback: true", true, false},
		{"refused", "public_url: http://localhost:8080\nloopback: false", false, false},
		{"another 127 address", "public_url: http://127.0.0.2:8080", false, false},
	} {
		got, err := Load(Source{Data: []byte(c.yaml)})
		if (err == nil) != c.ok || err == nil && got.Loopback != c.loopback {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestSettingsNeverPrintSecrets(t *testing.T) {
	const bait = "SECRET-0001"
	c := Default()
	c.Database = secret.FromString("postgres://zhanggui:" + bait + "@db/zhanggui")
	b, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "pointer", &c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "nested", struct{ C Config }{c})
	printed := []string{string(b), string(j), log.String(), c.String(), Reference()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, struct{ C Config }{c}))
	}
	if err := c.Validate(); err == nil {
		t.Error("a URL that does not say sslmode is accepted")
	} else {
		printed = append(printed, err.Error())
	}
	for _, p := range printed {
		if strings.Contains(p, bait) {
			t.Errorf("printed: %s", p)
		}
	}
	if !strings.Contains(string(b), "database: '[secret]'") {
		t.Errorf("the dump does not say that something is hidden:\n%s", b)
	}
}

func TestDumpReadsBack(t *testing.T) {
	for name, data := range inputs(t, "examples", 4) {
		if !strings.HasPrefix(name, "settings") {
			continue
		}
		c, err := Load(Source{File: name, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		dump, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Load(Source{File: "dump", Data: dump})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(flat(t, c), flat(t, again)); diff != "" {
			t.Errorf("%s (-first +second):\n%s", name, diff)
		}
	}
}

func TestURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://A.example.com": "https://a.example.com", "https://a.example.com/": "https://a.example.com", "http://localhost:8080/x/": "http://localhost:8080/x",
	} {
		var u URL
		if err := u.UnmarshalText([]byte(text)); err != nil || u.String() != want {
			t.Errorf("%s: %s, %v", text, u, err)
		}
	}
	for _, text := range []string{"a.example.com", "//a.example.com", "https://", "https:///x", "ftp://a", "https://u:SECRET@a", "https://a?x", "https://a?", "https://a#", "https://a#x", "https:a", "://", "https://a b", "https://%zz"} {
		var u URL
		if err := u.UnmarshalText([]byte(text)); err == nil || strings.Contains(err.Error(), "SECRET") || !u.IsZero() {
			t.Errorf("%s: %s, %v", text, u, err)
		}
	}
	u := mustURL("https://a.example.com/x")
	u.URL().Host = "b.example.com"
	if u.Host() != "a.example.com" {
		t.Error("URL gives something that changes the configuration")
	}
}

func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"settings", "examples"} {
		for _, data := range inputs(f, dir, 3) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Load(Source{File: "f.yaml", Data: append([]byte{}, data...)})
		if err != nil {
			ps, ok := errors.AsType[Problems](err)
			if !ok || len(ps) == 0 || c != nil {
				t.Fatalf("%v, %v", c, err)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("loaded and then not valid: %v", err)
		}
		dump, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(dump, []byte(secret.Redacted)) {
			return // a placeholder is refused
		}
		if _, err := Load(Source{File: "dump.yaml", Data: dump}); err != nil {
			t.Fatalf("the dump does not read back: %v\n%s", err, dump)
		}
	})
}
