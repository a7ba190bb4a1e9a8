package app_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/bundle"
	"github.com/zhanggui/zhanggui/wechattest"
)

// plant brings in the secrets that the rest of the run has no use for.
func (r *rig) plant(s secrets) {
	r.t.Helper()
	robot := "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=00000000-demo-0000-0000-00000000b0b0"
	r.ask("POST", "/v1/channels", adminapi.ManifestChannel{URL: robot, ChannelBody: adminapi.ChannelBody{Name: "shift", Kind: "wecom", Severity: "critical"}}, nil)
	m := r.manifest()
	m.Apps = m.Apps[:1]
	m.Apps[0].ManifestPush = adminapi.ManifestPush{PushToken: "pushtokendemo0000000000001", PushAESKey: pushAESKey}
	m.Tenants, m.Shops, m.Clients = nil, nil, nil
	r.apply(m)
	maps.Copy(s, secrets{"robot's address": robot, "robot's key": "00000000-demo-0000-0000-00000000b0b0", "push token": m.Apps[0].PushToken, "AES key": pushAESKey})
}

var openIDs = regexp.MustCompile(`"(?:openid|unionid)":"([^"]+)"`)

// mustNotBeInBundle takes a support bundle over the socket and with a key, and looks
// for each secret, openid and nickname in what is in it, also in other spellings.
func (s secrets) mustNotBeInBundle(t *testing.T, r *rig, adminsKey string) {
	t.Helper()
	_, body := r.say("POST", "/v1/support-bundle", nil)
	files := unpack(t, body)
	all := secrets{"nickname": "林店主", "another nickname": "爱画画的小美", "tenant's name": "蓝天文具"}
	maps.Copy(all, s)
	for _, m := range r.gave.messages() {
		for _, x := range openIDs.FindAllStringSubmatch(m.body, -1) {
			all["openid "+x[1]] = x[1]
		}
	}
	if len(all) < len(s)+4 {
		t.Errorf("the run had %d secrets, and with openids %d", len(s), len(all))
	}
	for name, text := range files {
		for what, v := range all {
			for _, form := range spellings(v) {
				if strings.Contains(text, form) {
					t.Errorf("%s stands in %s of the bundle", what, name)
				}
			}
		}
	}
	var m bundle.Manifest
	if err := json.Unmarshal([]byte(files[bundle.ManifestFile]), &m); err != nil || len(m.Missing) > 0 || len(m.Files) != 9 {
		t.Errorf("the bundle's manifest says %+v, %v", m, err)
	}
	for name, want := range map[string]string{
		"metrics.txt": "zhanggui_build_info{", "goroutines.txt": "goroutine profile", "audit.json": `"support.bundle"`,
		"settings.json": `"ops_listen"`, "counts.json": `"self"`, "doctor.json": `"verdict"`, "readiness.json": `"ready": true`, "program.json": `"schema"`,
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s has no %s: %.300s", name, want, files[name])
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.base+"/v1/support-bundle?include-tokens=true", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminsKey)
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/gzip" {
		t.Fatalf("with a key: %s %v %v", resp.Status, resp.Header, err)
	}
	if more := unpack(t, b); len(more) != len(files) {
		t.Errorf("a query changes what is in the bundle: %d files, want %d", len(more), len(files))
	}
}

// spellings are the forms that a text may have where somebody wrapped it.
func spellings(v string) []string {
	all := []string{v, url.QueryEscape(v), url.PathEscape(v), hex.EncodeToString([]byte(v)), base64.StdEncoding.EncodeToString([]byte(v)),
		base64.RawURLEncoding.EncodeToString([]byte(v))}
	for skip := 0; skip < 3 && len(v) > 12; skip++ { // within a longer text
		all = append(all, base64.RawStdEncoding.EncodeToString([]byte(v[skip:skip+(len(v)-skip)/3*3])))
	}
	quoted, err := json.Marshal(v)
	if err == nil {
		all = append(all, strings.Trim(string(quoted), `"`))
	}
	return all
}

func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("the answer is no archive: %v: %.200s", err, b)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "zhanggui-support/")] = string(body)
	}
}

// TestSpellings: a secret that is wrapped in a longer text is found.
func TestSpellings(t *testing.T) {
	t.Parallel()
	const v = wechattest.ShopSecret
	for _, text := range []string{v, "x" + v + "y", url.QueryEscape("a/" + v)} {
		for _, wrapped := range []string{text, base64.StdEncoding.EncodeToString([]byte(text)), base64.StdEncoding.EncodeToString([]byte("ab" + text)), hex.EncodeToString([]byte(text))} {
			found := false
			for _, form := range spellings(v) {
				found = found || strings.Contains(wrapped, form)
			}
			if !found {
				t.Errorf("it is not found in %s", wrapped)
			}
		}
	}
}
