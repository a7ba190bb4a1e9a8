package login

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// pushed decodes an event about a person, as WeChat writes it: with a blank before
// one name.
func pushed(t *testing.T, name, appID, openid string, at time.Time) event.Event {
	t.Helper()
	e, err := event.Decode(fmt.Appendf(nil, `{"ToUserName":"gh_000000000001","FromUserName":"o_wechat","CreateTime":%d,"MsgType":"event",`+
		`"Event":%q," OpenID":%q,"AppID":%q,"RevokeInfo":"205"}`, at.Unix(), name, openid, appID))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What WeChat tells about a person ends what must end, and nothing of anybody else.
func TestDecidePush(t *testing.T) {
	const svc = "wx00000000000000a1"
	type outcome struct {
		Revoked  []string
		Sessions string // why they end
		Forget   []grant.Forgetting
		Action   string
	}
	face := grant.Forgetting{App: "svc", OpenID: openID, FaceOnly: true}
	all := grant.Forgetting{App: "svc", OpenID: openID}
	tests := []struct {
		name, event, appID, openid string
		late                       time.Duration // how long before the login it happened
		want                       outcome
	}{
		{"withdrawn", "user_authorization_revoke", svc, openID, 0,
			outcome{[]string{"user", "g_lantian"}, "withdrawn", []grant.Forgetting{face}, "grant.withdraw"}},
		{"withdrawn, by a clock that is behind", "user_authorization_revoke", svc, openID, 4 * time.Minute,
			outcome{[]string{"user", "g_lantian"}, "withdrawn", []grant.Forgetting{face}, "grant.withdraw"}},
		{"withdrawn before the person came back", "user_authorization_revoke", svc, openID, time.Hour, outcome{}},
		{"account closed", "user_authorization_cancellation", svc, openID, 0,
			outcome{[]string{"user", "g_lantian"}, "account_closed", []grant.Forgetting{all}, "grant.withdraw"}},
		{"account closed, however late", "user_authorization_cancellation", svc, openID, time.Hour,
			outcome{[]string{"user", "g_lantian"}, "account_closed", []grant.Forgetting{all}, "grant.withdraw"}},
		{"another name", "user_info_modified", svc, openID, 0, outcome{Forget: []grant.Forgetting{face}, Action: "profile.forget"}},
		{"another name of nobody", "user_info_modified", svc, "", 0, outcome{}},
		{"somebody unknown", "user_authorization_revoke", svc, "o_demo_other_0009", 0, outcome{}},
		{"another app", "user_authorization_revoke", "wx00000000000000ff", openID, 0, outcome{}},
		{"an app that is not named", "user_info_modified", "", openID, 0, outcome{Forget: []grant.Forgetting{face}, Action: "profile.forget"}},
		{"another event", "subscribe", svc, openID, 0, outcome{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			owner, other := w.browser(uaWeChat), w.browser(uaPC)
			owner.logIn("code1", openID)
			other.logIn("code2", "o_demo_other_0002")
			person := owner.personID()
			w.store.persons[person].Members = []access.Member{{TenantID: "lan", PersonID: person, Role: access.Owner}}
			mine, err := w.store.UserGrant(t.Context(), "svc", openID, "snsapi_userinfo")
			must(t, err)
			w.store.grants = append(w.store.grants,
				grant.Grant{ID: "g_lantian", Kind: grant.Self, ShopID: "lantian", State: grant.Active},
				grant.Grant{ID: "g_site", Kind: grant.User, App: "site", PersonID: person, OpenID: "o_demo_owner_site", State: grant.Active})

			at := w.clock.now()
			e, err := w.login.DecidePush(t.Context(), w.store.apps[1], pushed(t, tt.event, tt.appID, tt.openid, at.Add(-tt.late)), at)
			must(t, err)
			got := outcome{Forget: e.Forget}
			for _, r := range e.Revoke {
				id := r.GrantID
				if id == mine.ID {
					id = "user"
				}
				got.Revoked = append(got.Revoked, id)
			}
			for _, f := range e.EndSessions {
				if f.PersonID != person {
					t.Errorf("sessions of %q end", f.PersonID)
				}
				got.Sessions += f.Why
			}
			for _, a := range e.Audit {
				if a.Subject != "person:"+person || a.Reason != tt.event || a.Outcome != audit.Done || !a.At.Equal(at) {
					t.Errorf("entry %+v", a)
				}
				got.Action += a.Action
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !e.At.Equal(at) || len(e.Notices) != len(e.Revoke) {
				t.Errorf("at %v, %d notices for %d grants", e.At, len(e.Notices), len(e.Revoke))
			}
		})
	}
}

// An event without the person is refused, and one that cannot be decided now is
// left for WeChat to send again.
func TestDecidePushFails(t *testing.T) {
	w := newWorld(t)
	w.browser(uaWeChat).logIn("code1", openID)
	at := w.clock.now()
	_, err := w.login.DecidePush(t.Context(), w.store.apps[1], pushed(t, "user_authorization_revoke", "", "", at), at)
	if !errors.Is(err, event.ErrIncomplete) {
		t.Errorf("without a person: %v", err)
	}
	w.store.fail["Person"] = errDown
	_, err = w.login.DecidePush(t.Context(), w.store.apps[1], pushed(t, "user_authorization_revoke", "", openID, at), at)
	if !errors.Is(err, errDown) {
		t.Errorf("without a database: %v", err)
	}
}
