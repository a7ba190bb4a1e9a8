package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

const miniPhone = phone + " MiniProgramEnv/android miniProgram/" + wechatsim.DefaultMiniProgram

// openMini has a person open the mini program, and its web-view our page.
func (r *rig) openMini(b *browser, person, path string) page {
	r.t.Helper()
	code, err := r.sim.MiniLogin(person, wechatsim.DefaultMiniProgram)
	r.must(err)
	resp, err := r.http.Post(r.base+"/mini/shopping/login", "application/json", strings.NewReader(`{"code":"`+code+`"}`))
	r.must(err)
	defer resp.Body.Close()
	var got struct{ Enter string }
	body := readAll(r.t, resp)
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Enter == "" {
		r.t.Fatalf("the code opened nothing: %d %s", resp.StatusCode, body)
	}
	return b.follow(b.open(got.Enter + "&rd=" + path))
}

// declareMini declares the mini program, with its secret or without.
func (r *rig) declareMini(secret string) {
	r.t.Helper()
	r.apply(adminapi.Manifest{Apps: []adminapi.ManifestApp{{ID: "shopping", Kind: "mini_program", AppID: wechatsim.DefaultMiniProgram,
		Secret: secret, Name: "蓝天文具小程序", CallbackHost: strings.TrimPrefix(r.root, "http://")}}})
}

// TestAMiniProgramLogsIn: with its own secret, and in its place the token of the
// platform that it authorised.
func TestAMiniProgramLogsIn(t *testing.T) {
	r := newPlatformRig(t)
	r.declareMini("")
	pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
	pc.open(pc.authorise(r.link(map[string]any{"kind": "mini"}).Link, wechatsim.DefaultMiniProgram))
	b := r.browser(miniPhone)
	if p := r.openMini(b, wechattest.Owner, "/sessions"); p.status != http.StatusOK || !strings.Contains(p.body, "Mini program") {
		t.Errorf("%s: %d %s", p.url, p.status, p.body)
	}
	r.declareMini(wechatsim.DefaultMiniSecret)
	if p := r.openMini(r.browser(miniPhone), wechattest.Owner, "/sessions"); p.status != http.StatusOK {
		t.Errorf("%s: %d %s", p.url, p.status, p.body)
	}
	if by, own := r.sent("/sns/component/jscode2session"), r.sent("/sns/jscode2session"); by != 1 || own != 1 {
		t.Errorf("asked %d times as the platform and %d times with the secret, want once each", by, own)
	}
}
