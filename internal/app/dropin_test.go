package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

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
