package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// TestOwnerRemovesSomebody: an owner invites from their page, sees who is there, and
// removes them after a list of what goes; they are out of the back office too, with
// the next request.
func TestOwnerRemovesSomebody(t *testing.T) {
	t.Parallel()
	r := newOffice(t)
	owner := r.owner()
	shop := r.base + "/shops/" + shopID
	made := owner.submit(owner.open(shop+"/invite"), "/invite", url.Values{"role": {"operator"}, "at": {"shop"}})
	link := regexp.MustCompile(regexp.QuoteMeta(r.base) + `/i/zgi_[A-Z2-7]{26}`).FindString(made.body)
	if made.status != http.StatusCreated || link == "" {
		t.Fatalf("no invitation (%d):\n%s", made.status, made.body)
	}
	operator := r.browser(phone)
	code := fourDigits.FindStringSubmatch(operator.agree(operator.submit(operator.open(link), "/i/", nil), wechattest.Operator).body)
	if code == nil {
		t.Fatal("the operator was shown no digits")
	}
	owner.submit(owner.open(shop), "/confirm", url.Values{"code": {code[1]}})
	orders := "http://" + office + "/orders"
	in := operator.visit(orders)
	person := in.header.Get("X-Zhanggui-Person")
	if in.header.Get("X-Zhanggui-Role") != "operator" {
		t.Fatalf("the operator is at %s (%d)", in.url, in.status)
	}
	board := owner.open(shop)
	if !strings.Contains(board.body, "/people/"+person) {
		t.Fatalf("the owner does not see them:\n%s", board.body)
	}
	list := owner.open(shop + "/people/" + person + "/remove?at=shop")
	if list.status != http.StatusOK || !strings.Contains(list.body, "logged in sessions: 1") {
		t.Fatalf("the list (%d):\n%s", list.status, list.body)
	}
	if done := owner.submit(list, "/remove", nil); done.status != http.StatusSeeOther && done.status != http.StatusOK {
		t.Fatalf("removed: %d\n%s", done.status, done.body)
	}
	if p := operator.send(http.MethodGet, orders, nil, nil); p.status != http.StatusUnauthorized {
		t.Errorf("in the back office: %d, want 401", p.status)
	}
	if p := operator.open(shop); p.status != http.StatusUnauthorized {
		t.Errorf("at the shop: %d, want 401", p.status)
	}
	if strings.Contains(owner.open(shop).body, person) {
		t.Error("they are still on the page")
	}
	if n := r.count("member.remove"); n != 1 {
		t.Errorf("%d entries record it, want 1", n)
	}
}

// TestLeavingEndsTheBackOfficeToo: what somebody takes back inside WeChat, and deleting
// their data here, ends sessions of protected hosts as well.
func TestLeavingEndsTheBackOfficeToo(t *testing.T) {
	for name, leave := range map[string]func(r *rig, b *browser){
		"withdrawn at WeChat": func(r *rig, _ *browser) {
			m := r.manifest()
			m.Apps[0].ManifestPush = adminapi.ManifestPush{PushToken: pushToken, PushAESKey: pushAESKey}
			r.apply(adminapi.Manifest{Apps: m.Apps[:1]})
			r.must(r.sim.SetPush(r.t.Context(), wechattest.ServiceAccount, wechatsim.PushSettings{
				URL: r.base + "/wechat/push/fuwuhao/event/" + wechattest.ServiceAccount, Token: pushToken, EncodingAESKey: pushAESKey,
			}))
			r.must(r.sim.PushUser(wechattest.Operator, wechattest.ServiceAccount, "user_authorization_revoke", "205"))
			r.deliver()
		},
		"data deleted": func(r *rig, b *browser) {
			file := b.submit(b.open(r.base+"/me"), "/me/export", nil)
			var data struct {
				Identities []struct{ OpenID string }
			}
			if err := json.Unmarshal([]byte(file.body), &data); err != nil || len(data.Identities) != 1 {
				r.t.Errorf("the file (%d): %v\n%s", file.status, err, file.body)
			}
			if p := b.submit(b.open(r.base+"/me/delete"), "/me/delete", url.Values{"yes": {"1"}}); p.status != http.StatusOK {
				r.t.Errorf("deleted: %d\n%s", p.status, p.body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newOffice(t)
			r.owner()
			b := r.join(wechattest.Operator, "viewer")
			orders := "http://" + office + "/orders"
			if p := b.visit(orders); p.header.Get("X-Zhanggui-Role") != "viewer" {
				t.Fatalf("the viewer is at %s (%d)", p.url, p.status)
			}
			leave(r, b)
			if p := b.send(http.MethodGet, orders, nil, nil); p.status != http.StatusUnauthorized {
				t.Errorf("in the back office: %d, want 401", p.status)
			}
			if p := b.open(r.base + "/shops/" + shopID); p.status != http.StatusUnauthorized {
				t.Errorf("here: %d, want 401", p.status)
			}
		})
	}
}
