package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechattest"
)

// TestClaimStory: somebody comes from the market into a shop without an owner,
// sees what it bought, is nobody by name, and becomes its owner by proving in the
// same browser who they are.
func TestClaimStory(t *testing.T) {
	r := newPlatformRig(t)
	r.apply(adminapi.Manifest{Apps: r.manifest().Apps})
	r.buy()
	r.deliver()
	r.awaitShop()
	pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
	in := pc.follow(pc.submit(pc.useService(), "/market/enter", nil))
	for _, words := range []string{"You came in from WeChat&#39;s service market, as operator", "订单管家", "Claim the shop"} {
		if !strings.Contains(in.body, words) {
			t.Errorf("%s (%d) lacks %q: %s", in.url, in.status, words, in.body)
		}
	}
	if p := pc.open(r.base + "/withdraw"); p.status != http.StatusForbidden {
		t.Errorf("withdrawing without a name: %d", p.status)
	}
	var sessions struct{ Items []adminapi.SessionView }
	r.ask("GET", "/v1/sessions?shop="+marketShop, nil, &sessions)
	if len(sessions.Items) != 1 || sessions.Items[0].Door != "market" || sessions.Items[0].Shop != marketShop || sessions.Items[0].Person != "" {
		t.Errorf("sessions %+v", sessions.Items)
	}

	claim := pc.open(r.base + "/market/claim")
	consent := pc.follow(pc.submit(claim, "/market/claim", nil))
	home := pc.agree(pc.submit(consent, "/i/", nil), wechattest.Owner)
	if home.status != http.StatusOK || !strings.Contains(home.body, "owner") || strings.Contains(home.body, "Claim the shop") {
		t.Errorf("%s (%d) is not an owner's page: %s", home.url, home.status, home.body)
	}
	r.ask("GET", "/v1/sessions?shop="+marketShop, nil, &sessions)
	if sessions.Items[0].Live {
		t.Error("the market session outlives the login of the person")
	}
	if p := pc.open(r.base + "/withdraw"); p.status != http.StatusOK {
		t.Errorf("withdrawing by name: %d", p.status)
	}
}
