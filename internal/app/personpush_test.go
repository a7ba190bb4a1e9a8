package app_test

import (
	"net/http"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// TestWithdrawnAtWeChat: what a person takes back inside WeChat, or the closing of
// their account, ends the login here as soon as WeChat says so, and once.
func TestWithdrawnAtWeChat(t *testing.T) {
	for _, event := range []string{"user_authorization_revoke", "user_authorization_cancellation"} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.declare()
			m := r.manifest()
			m.Apps[0].ManifestPush = adminapi.ManifestPush{PushToken: pushToken, PushAESKey: pushAESKey}
			r.apply(adminapi.Manifest{Apps: m.Apps[:1]})
			r.must(r.sim.SetPush(t.Context(), wechattest.ServiceAccount, wechatsim.PushSettings{ // with the check of the URL
				URL: r.base + "/wechat/push/fuwuhao/event/" + wechattest.ServiceAccount, Token: pushToken, EncodingAESKey: pushAESKey,
			}))
			b := r.owner()
			r.must(r.sim.PushUser(wechattest.Owner, wechattest.ServiceAccount, event, "205"))
			r.deliver()
			if p := b.open(r.base + "/shops/" + shopID); p.status != http.StatusUnauthorized {
				t.Errorf("the page of somebody who is gone: %d, want 401", p.status)
			}
			if left := r.sessions(); len(left) != 0 {
				t.Errorf("%d sessions live on", len(left))
			}
			g := r.grant("user")
			if event == "user_authorization_cancellation" && g.ID != "" || event == "user_authorization_revoke" && g.State != "revoked" {
				t.Errorf("the grant is %q %q", g.ID, g.State)
			}
			if n := r.count("grant.withdraw"); n != 1 {
				t.Errorf("%d entries record it, want 1", n)
			}
			if tries := r.sim.PushLedger(0); len(tries) != 1 {
				t.Errorf("WeChat tried %d times, want once", len(tries))
			}
			if b = r.join(wechattest.Owner, "owner"); b.open(r.base+"/shops/"+shopID).status != http.StatusOK {
				t.Error("the owner cannot come back")
			}
		})
	}
}
