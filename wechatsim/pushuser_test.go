package wechatsim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// TestPeopleAreToldOf: what a person does reaches the apps the person knows,
// in XML, and no other.
func TestPeopleAreToldOf(t *testing.T) {
	g := newPushRig(t)
	g.login("owner", info)
	openid, err := g.OpenID("owner", service)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.ResetProfile("owner"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing to withdraw
		if err := g.Withdraw("owner", service); err != nil {
			t.Fatal(err)
		}
	}
	g.login("owner", base)
	if err := g.CloseAccount("owner"); err != nil {
		t.Fatal(err)
	}
	if err := g.CloseAccount("operator"); err != nil {
		t.Fatal(err)
	}
	common := func(event string, more ...string) map[string]string {
		m := map[string]string{"ToUserName": "gh_" + "", "FromUserName": "o_sim_wechat_team_0001", "CreateTime": unix(g.Now()),
			"MsgType": "event", "Event": event, "OpenID": openid, "AppID": service}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	want := []map[string]string{
		common("user_info_modified"),
		common("user_authorization_revoke", "RevokeInfo", "205"),
		common("user_authorization_cancellation"),
	}
	got := g.deliver()
	if len(got) != len(want) {
		t.Fatalf("%s, want %d events", names(got), len(want))
	}
	for i, m := range got {
		want[i]["ToUserName"] = m.to
		if diff := cmp.Diff(want[i], m.fields); diff != "" || m.appid != service || m.text[0] != '<' {
			t.Errorf("for %q: %s (-want +got):\n%s", m.appid, m.text, diff)
		}
	}
}

// TestOldConsentHearsNoReset: 30 days after a consent nobody tells the app
// that a profile was reset.
func TestOldConsentHearsNoReset(t *testing.T) {
	g := newPushRig(t)
	g.login("owner", info)
	g.Advance(30 * 24 * time.Hour)
	if err := g.ResetProfile("owner"); err != nil {
		t.Fatal(err)
	}
	if got := g.deliver(); len(got) != 0 {
		t.Errorf("told of it: %s", names(got))
	}
}

func TestPushUser(t *testing.T) {
	g := newPushRig(t)
	g.switches(func(sw *wechatsim.Switches) { sw.UserEventUnionID = true })
	if err := g.PushUser("owner", website, "user_authorization_revoke", "301"); err != nil {
		t.Fatal(err)
	}
	unionid, err := g.UnionID("owner", website)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.deliver(); len(got) != 1 || got[0].appid != website || got[0].fields["UnionID"] != unionid || got[0].fields["RevokeInfo"] != "301" {
		t.Errorf("%+v", got)
	}
	for _, bad := range [][3]string{{"nobody", website, "user_info_modified"}, {"owner", "wx00000000000000ff", "user_info_modified"}, {"owner", website, "party"}} {
		if g.PushUser(bad[0], bad[1], bad[2], "") == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

// TestUserEventsAreTriedFourTimes: the plan of messages, not that of shops.
func TestUserEventsAreTriedFourTimes(t *testing.T) {
	g := newPushRig(t)
	g.rc.always(500, "")
	if err := g.PushUser("owner", service, "user_info_modified", ""); err != nil {
		t.Fatal(err)
	}
	if got := len(g.deliver()); got != 4 || g.PendingPushes() != 0 {
		t.Errorf("%d tries, %d wait", got, g.PendingPushes())
	}
}
