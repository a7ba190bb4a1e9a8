package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// TestOwnersAreToldInWeChat: a shop withdraws at WeChat; a quarter of an hour later its
// owner has one message in WeChat, and its link opens WeChat's consent page.
func TestOwnersAreToldInWeChat(t *testing.T) {
	t.Parallel()
	world := wechatsim.PlatformWorld()
	world.Apps[0].Templates = []wechatsim.Template{{ID: "tpl-demo", Kind: wechatsim.TemplateMessage, Fields: []string{"thing1", "thing2", "time3", "phrase4"}}}
	r := newRigIn(t, world)
	r.start(nil)
	r.declarePlatform()
	r.buy()
	r.deliver()
	r.awaitShop()
	r.apply(adminapi.Manifest{Apps: []adminapi.ManifestApp{{
		ID: "fuwuhao", Kind: "service_account", AppID: wechattest.ServiceAccount, Secret: wechattest.ServiceSecret, CallbackHost: strings.TrimPrefix(r.root, "http://"),
		OwnerMessage: &adminapi.ManifestOwnerMessage{Template: "tpl-demo", Kind: "template",
			Fields: map[string]string{"thing1": "shop", "thing2": "what", "time3": "when", "phrase4": "what"}},
	}}})
	r.joinIn(r.shopOf(marketShop).Tenant, wechattest.Owner, "owner")
	r.must(r.sim.Follow(wechattest.Owner, wechattest.ServiceAccount))

	r.must(r.sim.WithdrawGrant(wechatsim.DefaultComponent, marketShop))
	r.deliver()
	r.await("the alert", func() bool {
		var all struct{ Items []adminapi.AlertView }
		r.ask("GET", "/v1/alerts", nil, &all)
		return len(all.Items) > 0
	})
	if sent := r.sim.Messages(); len(sent) != 0 {
		t.Fatalf("the owner was told at once: %+v", sent)
	}
	r.sim.Advance(16 * time.Minute)
	r.await("the message", func() bool { return len(r.sim.Messages()) > 0 })
	m := r.sim.Messages()[0]
	if m.Person != wechattest.Owner || m.Data["thing1"] != "蓝天文具二店" || m.Data["phrase4"] != "需重新授权" {
		t.Fatalf("sent %+v", m)
	}
	link, err := url.Parse(m.URL)
	if err != nil || !strings.HasPrefix(m.URL, r.base+"/login?") || link.Query().Get("shop") != marketShop || len(link.Query()) != 2 {
		t.Fatalf("the link is %q", m.URL)
	}
	r.await("the record of the message", func() bool {
		return slices.ContainsFunc(r.log(), func(e entry) bool { return e.Entry.Action == "owner.letter" })
	})
	entries := len(r.byPeople())
	p := r.browser(phone).open(m.URL) // in WeChat, by somebody who is not logged in
	if p.status >= http.StatusBadRequest || !strings.Contains(p.location+p.url, "/connect/oauth2/authorize") {
		t.Errorf("the link leads to %d %s %s", p.status, p.url, p.location)
	}
	if now := r.byPeople(); len(now) != entries {
		t.Errorf("opening the link recorded %+v", now[entries:])
	}
	for _, e := range r.log() {
		if text := fmt.Sprint(e); strings.Contains(text, "o_sim_") {
			t.Errorf("an openid is in the audit log: %s", text)
		}
	}
}

// byPeople gives the entries of what the server did not do by itself.
func (r *rig) byPeople() []entry {
	r.t.Helper()
	return slices.DeleteFunc(r.log(), func(e entry) bool { return e.Entry.Actor.Kind == audit.ActorSystem })
}
