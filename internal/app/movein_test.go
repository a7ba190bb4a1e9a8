package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/movein"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// newMovingRig is a server with a third-party platform whose accounts another
// system keeps: the pushes go there, and nothing came here yet.
func newMovingRig(t *testing.T) *rig {
	t.Helper()
	world := wechatsim.PlatformWorld()
	world.Grants = []wechatsim.WorldGrant{
		{Component: wechatsim.DefaultComponent, AppID: wechattest.Shop},
		{Component: wechatsim.DefaultComponent, AppID: marketShop},
		{Component: wechatsim.DefaultComponent, AppID: wechatsim.DefaultMiniProgram},
	}
	r := newRigIn(t, world)
	r.old = newOldSystem(t, r.sim.Sim)
	r.env = r.old.settings()
	r.start(nil)
	r.apply(adminapi.Manifest{Apps: []adminapi.ManifestApp{{ID: platformID, Kind: "component",
		AppID: wechatsim.DefaultComponent, Secret: wechatsim.DefaultComponentSecret, CallbackHost: strings.TrimPrefix(r.root, "http://"),
		ManifestPush: adminapi.ManifestPush{PushToken: pushToken, PushAESKey: pushAESKey}}}})
	return r
}

// oldKeeps is what the other system has in its store for accounts, as a file.
func (r *rig) oldKeeps(appIDs ...string) []adminapi.AccountBody {
	r.t.Helper()
	var file strings.Builder
	file.WriteString("appid,refresh_token\n")
	for _, id := range appIDs {
		g, err := r.sim.Grant(wechatsim.DefaultComponent, id)
		r.must(err)
		file.WriteString(id + "," + g.RefreshToken + "\n")
	}
	read, err := movein.Read(strings.NewReader(file.String()), movein.Auto, wechatsim.DefaultComponent)
	r.must(err)
	var out []adminapi.AccountBody
	for _, row := range read.Rows {
		out = append(out, adminapi.AccountBody{AppID: row.AppID, RefreshToken: row.Refresh.RevealString()})
	}
	return out
}

func (r *rig) importAccounts(hold bool, accounts []adminapi.AccountBody) map[movein.Outcome]int {
	r.t.Helper()
	var got struct{ Items []movein.Result }
	r.ask("POST", "/v1/apps/"+platformID+"/import", adminapi.ImportBody{Accounts: accounts, Hold: hold}, &got)
	var report movein.Report
	report.Add(got.Items...)
	return report.Counts
}

func (r *rig) mode(mode string) movein.Handed {
	r.t.Helper()
	var got movein.Handed
	r.ask("POST", "/v1/apps/"+platformID+"/mode", map[string]string{"mode": mode}, &got)
	return got
}

// pushHere enters our addresses in the platform's console, and waits for the
// first ticket and the platform's token.
func (r *rig) pushHere() {
	r.t.Helper()
	r.must(r.sim.SetPush(r.t.Context(), wechatsim.DefaultComponent, wechatsim.PushSettings{
		AuthURL: r.base + "/wechat/push/" + platformID + "/auth", EventURL: r.base + "/wechat/push/" + platformID + "/event/$APPID$",
		Token: pushToken, EncodingAESKey: pushAESKey,
	}))
	_, err := r.sim.IssueTicket(wechatsim.DefaultComponent)
	r.must(err)
	r.deliver()
	r.await("the platform's token", func() bool { return r.grant("component").Generation > 0 })
}

// renewals counts how often WeChat was asked for an account's token.
func (r *rig) renewals() (n int) {
	r.gave.mu.Lock()
	defer r.gave.mu.Unlock()
	for _, m := range r.gave.all {
		if strings.Contains(m.path, "api_authorizer_token") {
			n++
		}
	}
	return n
}

// TestFollow plays the steps of docs/operate/cutover.md in which both systems run:
// the other one hands its pushes on, and its tokens serve calls here; then the
// pushes move here and are passed on to it, and we lead.
func TestFollow(t *testing.T) {
	r := newMovingRig(t)
	both := []string{wechattest.Shop, marketShop}
	r.comesFromTheOld(both...)
	r.importAccounts(true, r.oldKeeps(both...))
	own := r.grant("component").ID
	if state := r.modeOf(own, "hold"); state != "held" {
		t.Fatalf("the platform's own grant is %s", state)
	}

	r.old.handsOnTo(r.base)
	_, err := r.sim.IssueTicket(wechatsim.DefaultComponent)
	r.must(err)
	r.deliver()
	if _, _, answers := r.old.heard(0); len(answers) == 0 || answers[0] != http.StatusOK || r.ticketAt().IsZero() {
		t.Errorf("what the old system handed on was answered %v, ticket at %v", answers, r.ticketAt())
	}
	r.await("the end of the round", func() bool { // we pass on what was new here, and not what comes back
		_, _, answers := r.old.heard(0)
		return len(answers) == 2 && answers[1] == http.StatusOK
	})
	r.old.handsOnTo("")

	if got := r.mode("follow"); got.Moved != 2 {
		t.Fatalf("follow: %+v", got)
	}
	key := r.client(marketShop)
	r.called(marketShop, key, "with the old system's token")
	r.sim.KillToken(r.old.kept[marketShop].Access)
	if status, body := r.basics(marketShop, key); status != http.StatusOK || !strings.Contains(body, "40001") {
		t.Errorf("while the old system has a dead token: %d %s; want WeChat's own answer", status, body)
	}
	r.must(r.sim.Reauthorize(wechatsim.DefaultComponent, marketShop, nil))
	r.old.renew(marketShop, r.oldKeeps(marketShop)[0].RefreshToken)
	r.sim.Advance(time.Minute)
	r.called(marketShop, key, "with the old system's next token")
	if n := r.asksFor("/cgi-bin/component/"); n != 0 {
		t.Errorf("WeChat was asked %d times for tokens of the platform that the old system keeps", n)
	}

	before, _, _ := r.old.heard(0)
	r.pushHereOf(own)
	r.await("what is passed on", func() bool {
		pushes, opened, _ := r.old.heard(len(before))
		return len(pushes) > 0 && pushes[0].path == "/old/auth" && strings.Contains(opened[0], "component_verify_ticket")
	})
	if got := r.mode("lead"); got.Moved != 2 || len(got.Unread) > 0 {
		t.Fatalf("lead: %+v", got)
	}
	// The emulator believes the report that another authorisation URL in the console
	// ends every refresh token: what WeChat keeps is found by itself.
	r.awaitShop()
	r.called(marketShop, key, "with a token of ours")
	r.must(r.sim.PushShop(marketShop, "channels_ec_order_new", []byte(`{"order_id":1}`)))
	before, _, _ = r.old.heard(0)
	r.deliver()
	r.await("an event at the old system", func() bool {
		pushes, opened, _ := r.old.heard(len(before))
		return len(pushes) > 0 && pushes[0].path == "/old/"+marketShop+"/callback" && strings.Contains(opened[0], "channels_ec_order_new")
	})
}

// called wants a call to be served.
func (r *rig) called(shop, key, how string) {
	r.t.Helper()
	if status, body := r.basics(shop, key); status != http.StatusOK || !strings.Contains(body, "蓝天文具二店") {
		r.t.Errorf("a shop is called %s: %d %s", how, status, body)
	}
}

// pushHereOf is pushHere for a platform whose own grant was held.
func (r *rig) pushHereOf(grantID string) {
	r.t.Helper()
	if state := r.modeOf(grantID, "lead"); state != "active" {
		r.t.Fatalf("the platform's own grant is %s", state)
	}
	r.pushHere()
}

// TestCutOver plays docs/operate/cutover.md: what another system kept comes here
// held, what it renewed meanwhile comes after it, the pushes move, we lead, and
// the list shows that nothing is missing. Then everything goes back.
func TestCutOver(t *testing.T) {
	r := newMovingRig(t)
	both := []string{wechattest.Shop, marketShop}
	if got := r.importAccounts(true, r.oldKeeps(both...)); got[movein.Imported] != 2 {
		t.Fatalf("the first import: %v", got)
	}
	key := r.client(marketShop)
	if status, body := r.basics(marketShop, key); status != http.StatusServiceUnavailable || !strings.Contains(body, "held") {
		t.Errorf("a held shop is called: %d %s", status, body)
	}
	if got := r.importAccounts(true, r.oldKeeps(both...)); got[movein.Kept] != 2 {
		t.Errorf("the same again: %v", got)
	}
	r.must(r.sim.Reauthorize(wechatsim.DefaultComponent, marketShop, nil)) // the old system has another token now
	if got := r.importAccounts(true, r.oldKeeps(both...)); got[movein.Kept] != 1 || got[movein.Replaced] != 1 {
		t.Errorf("after the old system's last renewal: %v", got)
	}
	if n := r.renewals(); n != 0 {
		t.Errorf("WeChat was asked %d times for tokens of accounts that are held", n)
	}

	r.pushHere()
	if got := r.mode("lead"); got.Moved != 2 || len(got.Busy) > 0 {
		t.Fatalf("lead: %+v", got)
	}
	r.awaitShop()
	if status, body := r.basics(marketShop, key); status != http.StatusOK || !strings.Contains(body, "蓝天文具二店") {
		t.Errorf("a shop that we lead is called: %d %s", status, body)
	}
	if got := r.importAccounts(false, r.oldKeeps(both...)); got[movein.Refused]+got[movein.Imported]+got[movein.Replaced] != 0 {
		t.Errorf("the file once more: %v", got)
	}
	var listed adminapi.ListedView
	r.ask("POST", "/v1/apps/"+platformID+"/import-list", adminapi.ListBody{DryRun: true}, &listed)
	if listed.Total != 3 || listed.Skipped != 1 || len(listed.Items) != 2 {
		t.Errorf("compared with WeChat's list: %+v, want the mini program left out", listed)
	}
	for _, one := range listed.Items {
		if one.Outcome != movein.Kept {
			t.Errorf("%s: %s %s", one.AppID, one.Outcome, one.Cause)
		}
	}

	var compared adminapi.ReconciliationView
	r.ask("POST", "/v1/apps/"+platformID+"/reconcile", nil, &compared)
	if !compared.Complete || compared.Total != 3 || len(compared.Found) != 1 || compared.Found[0].AppID != wechatsim.DefaultMiniProgram {
		t.Errorf("reconciled: %+v, want the mini program as the one that is new", compared)
	}

	r.await("hold", func() bool { return len(r.mode("hold").Busy) == 0 })
	var out adminapi.ExportView
	r.ask("POST", "/v1/apps/"+platformID+"/export", map[string]string{}, &out)
	if want := r.oldKeeps(both...); len(out.Items) != 2 || out.Items[1].RefreshToken != want[1].RefreshToken && out.Items[0].RefreshToken != want[1].RefreshToken {
		t.Errorf("%d accounts go back, or not with the token that WeChat takes", len(out.Items))
	}
}

// TestImportFromList: with nothing but the secret and a ticket, the shops come
// from WeChat's own list, and what is no shop does not.
func TestImportFromList(t *testing.T) {
	r := newMovingRig(t)
	r.pushHere()
	var got adminapi.ListedView
	r.ask("POST", "/v1/apps/"+platformID+"/import-list", adminapi.ListBody{}, &got)
	if len(got.Items) != 2 || got.Skipped != 1 || got.Next < got.Total {
		t.Fatalf("got %+v", got)
	}
	r.awaitShop()
	if status, body := r.basics(marketShop, r.client(marketShop)); status != http.StatusOK {
		t.Errorf("a shop that came from the list is called: %d %s", status, body)
	}
}
