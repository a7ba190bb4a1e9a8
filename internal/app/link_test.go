package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	channelsAccount = "wx00000000000000e2"
	queryAuth       = "/cgi-bin/component/api_query_auth"
)

// link makes a link with the admin API.
func (r *rig) link(body map[string]any) adminapi.LinkView {
	r.t.Helper()
	var l adminapi.LinkView
	r.ask("POST", "/v1/apps/"+platformID+"/links", body, &l)
	return l
}

// authorise opens a link as the administrator of an account, and gives where WeChat
// sends the browser back to.
func (b *browser) authorise(link, account string) string {
	b.r.t.Helper()
	p := b.submit(b.open(link), "/link/", nil)
	back, err := b.r.sim.VisitGrant(b.r.t.Context(), account, p.location, wechatsim.Agree)
	if err != nil {
		b.r.t.Fatalf("%s leads to %s (%d), and WeChat says %v", link, p.location, p.status, err)
	}
	return back
}

// kept counts the accounts of the platform that are kept.
func (r *rig) kept() int {
	r.t.Helper()
	var all struct{ Items []adminapi.PlatformView }
	r.ask("GET", "/v1/platforms", nil, &all)
	return all.Items[0].Authorizers["kept"]
}

// sent counts requests of a path that WeChat saw.
func (r *rig) sent(path string) (n int) {
	for _, e := range r.sim.Ledger() {
		if e.Path == path {
			n++
		}
	}
	return n
}

// TestLinkStory: a mini program authorises by a link on a PC and its push comes
// later; a Channels account in WeChat, and its push comes first. Each code is sent
// once, both accounts are kept, none is taken for a shop, and nothing of it all can
// be done twice.
func TestLinkStory(t *testing.T) {
	r := newPlatformRig(t)
	pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
	first := r.link(map[string]any{"kind": "mini"})
	back := pc.authorise(first.Link, wechatsim.DefaultMiniProgram)
	answer := pc.open(back)
	if answer.status != http.StatusSeeOther || answer.location != r.base+"/linked" {
		t.Fatalf("the callback leads to %q (%d): %s", answer.location, answer.status, answer.body)
	}
	if done := pc.follow(answer); !strings.Contains(done.body, "蓝天文具小程序") || !strings.Contains(done.body, wechatsim.DefaultMiniProgram) {
		t.Errorf("the result says: %s", done.body)
	}
	g := r.grant("isv")
	if g.Account != wechatsim.DefaultMiniProgram || g.State != "active" || g.Generation != 1 || g.AccessExpires == nil || g.Shop != "" {
		t.Errorf("grant %+v", g)
	}
	r.deliver()
	if again := pc.open(back); again.location != r.base+"/linked" {
		t.Errorf("a reload leads to %q (%d)", again.location, again.status)
	}
	if p := r.browser("Mozilla/5.0 (Windows NT 10.0)").open(back); p.status != http.StatusBadRequest {
		t.Errorf("another browser gets %d", p.status)
	}
	if p := pc.open(first.Link); p.status != http.StatusGone {
		t.Errorf("the used link answers %d", p.status)
	}

	phone := r.browser(wechatsim.WeChatUserAgent)
	later := phone.authorise(r.link(map[string]any{"appid": channelsAccount}).Link, channelsAccount)
	r.deliver() // adopted as an account that is no shop, which is not kept
	if done := phone.follow(phone.open(later)); !strings.Contains(done.body, "蓝天文具视频号") {
		t.Errorf("the result says: %s", done.body)
	}
	r.await("both accounts at rest", func() bool { return r.kept() == 2 && r.sent(queryAuth) == 2 })
	if status, shops := r.say("GET", marketShops, nil); status != http.StatusOK || strings.Contains(string(shops), channelsAccount) {
		t.Errorf("the shops are %s", shops)
	}
	for _, u := range []string{back, later} {
		parsed, err := url.Parse(u)
		r.must(err)
		if code := parsed.Query().Get("auth_code"); strings.Contains(r.logs.String(), code) || strings.Contains(r.logs.String(), url.QueryEscape(code)) {
			t.Error("a code is in the log")
		}
	}
}

// TestLinkRenews: a linked account's tokens are renewed like a shop's, and its
// withdrawal ends them.
func TestLinkRenews(t *testing.T) {
	r := newPlatformRig(t)
	pc := r.browser("Mozilla/5.0 (Windows NT 10.0)")
	pc.follow(pc.open(pc.authorise(r.link(map[string]any{}).Link, wechatsim.DefaultMiniProgram)))
	r.deliver()
	r.sim.Advance(111 * time.Minute)
	r.await("a renewal", func() bool { return r.grant("isv").Generation == 2 })
	r.must(r.sim.WithdrawGrant(wechatsim.DefaultComponent, wechatsim.DefaultMiniProgram))
	r.deliver()
	r.await("the end", func() bool { return r.grant("isv").State == "needs_owner" })
}
