package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechattest"
)

// fetch asks the drop-in for a token as SDKs do.
func (r *rig) fetch(appid, key string) (token string, errcode int) {
	r.t.Helper()
	status, body := r.get(r.base+"/cgi-bin/token?grant_type=client_credential&appid="+appid+"&secret="+key, "")
	var got struct {
		Token   string `json:"access_token"`
		ErrCode int    `json:"errcode"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		r.t.Fatalf("%d %s", status, body)
	}
	return got.Token, got.ErrCode
}

// TestDropIn: an SDK that can change only the host and the secret calls a shop, under
// a path prefix too, until its key is revoked.
func TestDropIn(t *testing.T) {
	r := newRig(t, map[string]string{"prefix": "/keys"})
	r.declare()
	seq := r.lastSeq()
	token, _ := r.fetch(wechattest.Shop, r.key)
	if again, _ := r.fetch(wechattest.Shop, r.key); token == "" || again != token || r.lastSeq() != seq {
		t.Fatalf("token %q, then %q; WeChat was asked: %t", token, again, r.lastSeq() != seq)
	}
	for _, force := range []string{"false", "true"} { // a hint: WeChat gives few forced refreshes a day
		res, err := http.Post(r.base+"/cgi-bin/stable_token", "application/json", strings.NewReader(
			`{"grant_type":"client_credential","appid":"`+wechattest.Shop+`","secret":"`+r.key+`","force_refresh":`+force+`}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !strings.Contains(string(body), token) || r.lastSeq() != seq {
			t.Errorf("force_refresh %s: %s, %v; WeChat was asked: %t", force, body, err, r.lastSeq() != seq)
		}
	}
	call := r.base + "/channels/ec/basics/info/get?access_token=" + token
	if status, body := r.get(call, ""); status != http.StatusOK || !strings.Contains(body, "蓝天文具店") {
		t.Fatalf("%d %s", status, body)
	}
	for _, path := range []string{"/cgi-bin/../sns/userinfo", "/cgi-bin//token", "/channels/ec/%2e%2e/x", "/wxa/./x", "/shop/x/"} {
		if status, body := r.get(r.root+"/keys"+path+"?access_token="+token, ""); status != http.StatusOK || !strings.Contains(body, `"errcode":40066`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	r.ask("POST", "/v1/clients/"+clientID+"/revoke", nil, nil)
	if status, body := r.get(call, ""); status != http.StatusOK || !strings.Contains(body, `"errcode":40001`) {
		t.Errorf("after the revocation: %d %s", status, body)
	}
	if _, errcode := r.fetch(wechattest.Shop, r.key); errcode != 40125 {
		t.Errorf("after the revocation: errcode %d", errcode)
	}
	if log := r.logs.String(); strings.Contains(log, token) || strings.Contains(log, r.key) {
		t.Error("an alias or a key is in the log")
	}
}

// TestTokenExport: the kept token leaves for who has the right, once recorded, and
// the end of the key names it.
func TestTokenExport(t *testing.T) {
	r := newRig(t, nil)
	r.declare()
	seq := r.lastSeq()
	key := r.apply(adminapi.Manifest{Clients: []adminapi.ManifestClient{{ID: "old-shop", Shops: []string{shopID}, Mode: "read",
		ClientRights: adminapi.ClientRights{Rights: []string{"token:export"}, From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}}}).Keys["old-shop"]
	ask := func(url, key string, into any) int {
		t.Helper()
		status, body := r.get(url, key)
		if err := json.Unmarshal([]byte(body), into); err != nil {
			t.Fatalf("%d %s", status, body)
		}
		return status
	}
	var v1, sdk struct {
		Token     string `json:"access_token"`
		ExpiresIn int    `json:"expires_in"`
	}
	view := r.base + "/v1/shops/" + shopID + "/token"
	drop := r.base + "/cgi-bin/token?grant_type=client_credential&appid=" + wechattest.Shop + "&export=1&secret="
	if status := ask(view, key, &v1); status != http.StatusOK || strings.HasPrefix(v1.Token, "zgt_") || v1.ExpiresIn < 1 || v1.ExpiresIn > 7200 {
		t.Fatalf("%d, a token of %d characters for %d s", status, len(v1.Token), v1.ExpiresIn)
	}
	if ask(drop+key, "", &sdk); sdk != v1 {
		t.Error("the two doors give different tokens")
	}
	if r.lastSeq() != seq {
		t.Error("WeChat was asked")
	}
	var refused struct {
		ErrCode int    `json:"errcode"`
		Code    string `json:"code"`
	}
	if status := ask(view, r.key, &refused); status != http.StatusForbidden || refused.Code != "token-export" || refused.ErrCode != 0 {
		t.Errorf("without the right: %d %+v", status, refused)
	}
	if ask(drop+r.key, "", &refused); refused.ErrCode != 48001 {
		t.Errorf("without the right: %+v", refused)
	}
	var out adminapi.RevokedClient
	r.ask("POST", "/v1/clients/old-shop/revoke", nil, &out)
	if len(out.Exported) != 1 || out.Exported[0].Shop != shopID || !out.Exported[0].Ends.After(r.sim.Now()) {
		t.Errorf("out of our hands: %+v", out.Exported)
	}
	if status := ask(view, key, &refused); status != http.StatusUnauthorized {
		t.Errorf("after the revocation: %d", status)
	}
	if log := r.logs.String(); strings.Contains(log, v1.Token) || strings.Contains(log, key) {
		t.Error("a token or a key is in the log")
	}
}
