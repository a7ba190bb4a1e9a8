package app_test

import (
	"encoding/json"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/console"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// without takes out what differs between two answers to anybody.
func without(p page, words ...string) string {
	body := requestID.ReplaceAllString(p.body, "ID")
	for _, w := range words {
		body = strings.ReplaceAll(body, w, "SHOP")
	}
	return body
}

var requestID = regexp.MustCompile(`[a-z2-7]{26}`)

// TestOtherTenantsLearnNothing: a shop of others is answered like one that does
// not exist, on pages and through the gateway.
func TestOtherTenantsLearnNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	r.apply(tea())
	b := r.owner()
	foreign, unknown := b.open(r.base+"/shops/tea"), b.open(r.base+"/shops/nil")
	if foreign.status != http.StatusForbidden || unknown.status != http.StatusForbidden {
		t.Fatalf("a shop of others: %d, one that is not there: %d, want 403", foreign.status, unknown.status)
	}
	if a, b := without(foreign, "tea"), without(unknown, "nil"); a != b {
		t.Errorf("the two answers differ:\n%s\n%s", a, b)
	}
	if p := b.open(r.base + "/"); strings.Contains(p.body, "红土") || strings.Contains(p.body, "tea") {
		t.Error("the owner's page names a shop of others")
	}
	_, one := r.get(r.base+"/wx/tea/channels/ec/basics/info/get", r.key)
	_, two := r.get(r.base+"/wx/nil/channels/ec/basics/info/get", r.key)
	if requestID.ReplaceAllString(one, "") != requestID.ReplaceAllString(two, "") {
		t.Errorf("the gateway tells a foreign shop from none:\n%s\n%s", one, two)
	}
}

// TestForeignOriginsChangeNothing sends every button of an administrator's page
// as another site would.
func TestForeignOriginsChangeNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	owner := r.owner()
	admin, _, _ := r.setupAdmin()
	entries := len(r.log())
	g, s := r.grant("self"), r.sessions()[0]
	for _, path := range []string{"/admin/invitations", "/admin/sessions/" + s.ID + "/end", "/admin/clients/" + clientID + "/revoke",
		"/admin/grants/" + g.ID + "/revoke", "/logout", "/withdraw", "/sessions/" + s.ID + "/end"} {
		for _, header := range []map[string]string{
			{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"},
		} {
			for _, b := range []*browser{admin, owner} {
				if p := b.send("POST", r.base+path, url.Values{"tenant": {tenantID}}, header); p.status != http.StatusForbidden {
					t.Errorf("POST %s with %v: %d, want 403", path, header, p.status)
				}
			}
		}
	}
	if now := len(r.log()); now != entries {
		t.Errorf("%d entries were written", now-entries)
	}
	if p := owner.open(r.base + "/shops/" + shopID); p.status != http.StatusOK {
		t.Errorf("the owner is out: %d", p.status)
	}
}

// TestPersonsAreNoAdministrators tries an administrator's buttons as an owner.
func TestPersonsAreNoAdministrators(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	owner := r.owner()
	for _, path := range []string{"/admin/invitations", "/admin/clients/" + clientID + "/revoke", "/admin/grants/" + r.grant("self").ID + "/revoke"} {
		if p := owner.post(r.base+path, url.Values{"tenant": {tenantID}}); p.status != http.StatusForbidden {
			t.Errorf("POST %s as an owner: %d, want 403", path, p.status)
		}
		if p := r.browser(phone).post(r.base+path, nil); p.status != http.StatusUnauthorized {
			t.Errorf("POST %s as a stranger: %d, want 401", path, p.status)
		}
	}
	if p := owner.open(r.base + "/"); strings.Contains(p.body, "/admin/") {
		t.Error("the owner's page has an administrator's button")
	}
}

// TestShopPageSaysWhatIsWrong: each way in which WeChat fails is told with cause
// and next step, in the language of the page.
func TestShopPageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	b := r.owner()
	says := func(what, en, zh string) {
		t.Helper()
		for lang, want := range map[string]string{"en": en, "zh-CN": zh} {
			b.lang = lang
			if p := b.open(r.base + "/shops/" + shopID); p.status != http.StatusOK || !strings.Contains(p.body, want) {
				t.Errorf("%s, in %s: %d without %q:\n%s", what, lang, p.status, want, alert.FindString(p.body))
			}
		}
	}
	says("all is well", word(t, "en", "console.shop.connected"), word(t, "zh-CN", "console.shop.connected"))
	r.sim.MustFault(wechatsim.Fault{Path: "/channels/ec/*", Kind: wechatsim.FaultErrcode, ErrCode: 45009, Count: -1})
	says("the day's calls are used up", ". ", "当日调用配额已用完。当日停止该接口")
	r.sim.ClearFaults()
	r.sim.MustFault(wechatsim.Fault{Path: "/channels/ec/*", Kind: wechatsim.FaultHTML, Count: -1})
	says("WeChat's edge is broken", "The call was sent and no complete answer was read. Find out what happened", "未读到完整应答")
	r.sim.ClearFaults()

	// No token can be had for now.
	r.sim.MustFault(wechatsim.Fault{Path: "/cgi-bin/stable_token", Kind: wechatsim.FaultHTML, Count: -1})
	r.sim.KillTokens(wechattest.Shop, "stable")
	b.open(r.base + "/shops/" + shopID) // finds out that the token is dead
	says("no token can be had", "no usable token right now. Renewal goes on by itself", "店铺暂无可用令牌。系统会自动续期")
	r.sim.ClearFaults()
	r.sim.Advance(5 * time.Minute)
	r.await("recovery", func() bool { status, _ := r.call(); return status == http.StatusOK })

	// The AppSecret was reset at WeChat; the token dies.
	r.sim.MustFault(wechatsim.Fault{Path: "/cgi-bin/stable_token", Kind: wechatsim.FaultErrcode, ErrCode: 40125, Count: -1})
	r.sim.KillTokens(wechattest.Shop, "stable")
	b.open(r.base + "/shops/" + shopID)
	r.await("the stop", func() bool { return r.grant("self").State == "stopped" })
	says("the AppSecret is wrong", word(t, "en", "console.shop.problem.stopped"), word(t, "zh-CN", "console.shop.problem.stopped"))
	r.ask("POST", "/v1/grants/"+r.grant("self").ID+"/revoke", map[string]string{}, nil)
	says("the grant was revoked", word(t, "en", "console.shop.problem.revoked"), word(t, "zh-CN", "console.shop.problem.revoked"))
}

var alert = regexp.MustCompile(`(?s)<div class="alert.*?</div>`)

// TestConfirmInTheConsole walks an administrator from the invitation to the
// confirmed member, with a wrong code on the way.
func TestConfirmInTheConsole(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	admin, _, _ := r.setupAdmin()
	made := admin.submit(admin.open(r.base+"/"), "/admin/invitations", url.Values{"tenant": {tenantID}, "role": {"operator"}})
	link := regexp.MustCompile(regexp.QuoteMeta(r.base) + `/i/zgi_[A-Z2-7]{26}`).FindString(made.body)
	if link == "" {
		t.Fatalf("the console showed no link (%d)", made.status)
	}
	b := r.browser(phone)
	waiting := b.agree(b.submit(b.open(link), "/i/", nil), wechattest.Operator)
	code := fourDigits.FindStringSubmatch(waiting.body)[1]
	wrong := "0000"
	if code == wrong {
		wrong = "1111"
	}
	overview := admin.open(r.base + "/")
	if strings.Contains(overview.body, ">"+code+"<") {
		t.Error("the overview shows the code that the person is to read out")
	}
	if p := admin.submit(overview, "/confirm", url.Values{"code": {wrong}}); p.status != http.StatusForbidden || !strings.Contains(p.body, "not the code") {
		t.Errorf("a wrong code: %d", p.status)
	}
	if p := admin.submit(overview, "/confirm", url.Values{"code": {code}}); p.status != http.StatusSeeOther {
		t.Errorf("the right code: %d", p.status)
	}
	if p := admin.submit(overview, "/confirm", url.Values{"code": {code}}); p.status != http.StatusGone {
		t.Errorf("the same button again: %d, want 410", p.status)
	}
	if p := b.open(r.base + "/shops/" + shopID); p.status != http.StatusOK {
		t.Errorf("the new member's page: %d", p.status)
	}
	var members struct{ Items []struct{ Role string } }
	r.ask("GET", "/v1/tenants/"+tenantID+"/members", nil, &members)
	if m := members.Items; len(m) != 1 || m[0].Role != "operator" {
		t.Errorf("members: %+v", m)
	}
}

// TestConfirmTaken is what the demo plays the inviter with.
func TestConfirmTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	var open, taken adminapi.InvitationView
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": tenantID, "role": "viewer"}, &open)
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": tenantID, "role": "viewer"}, &taken)
	b := r.browser(phone)
	b.agree(b.submit(b.open(taken.Link), "/i/", nil), wechattest.Operator)
	if err := r.app.ConfirmTaken(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all struct{ Items []adminapi.InvitationView }
	r.ask("GET", "/v1/invitations", nil, &all)
	for _, i := range all.Items {
		if want := map[string]string{open.ID: "open", taken.ID: "confirmed"}[i.ID]; i.State != want {
			t.Errorf("an invitation is %s, want %s", i.State, want)
		}
	}
}

// TestSetupLinkWorksOnce: one administrator, and no second one by the same or by
// a new link; an old link is dead as soon as a new one is made.
func TestSetupLinkWorksOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first, ok, err := r.app.SetupLink(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	b, _, link := r.setupAdmin()
	for _, dead := range []string{first, link} {
		if p := b.post(dead, url.Values{"name": {"Second"}}); p.status != http.StatusGone {
			t.Errorf("a dead set-up link: %d, want 410", p.status)
		}
	}
	if _, ok, err := r.app.SetupLink(t.Context()); ok || err != nil {
		t.Errorf("a link was made although there is an administrator (%v)", err)
	}
	late := newRig(t, nil)
	link, _, err = late.app.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	late.sim.Advance(30*time.Minute + time.Second)
	if p := late.browser("x").post(link, url.Values{"name": {"Late"}}); p.status != http.StatusGone {
		t.Errorf("a set-up link after 30 minutes: %d, want 410", p.status)
	}
}

// word is what the catalogue says, as a page writes it.
func word(t *testing.T, lang, key string) string {
	t.Helper()
	b, err := fs.ReadFile(console.Words(), "locales/active."+lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	text, ok := all[key].(string)
	if !ok {
		t.Fatalf("the catalogue has no %s", key)
	}
	return html.EscapeString(text)
}
