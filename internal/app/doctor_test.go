package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// examine asks the doctor about a shop, and gives its findings as text, too.
func (r *rig) examine(shop string) (adminapi.ReportView, string) {
	r.t.Helper()
	status, body := r.say("POST", "/v1/doctor?shop="+shop, nil)
	if status != http.StatusOK {
		r.t.Fatalf("examine %q: %d %s", shop, status, body)
	}
	var v adminapi.ReportView
	r.must(json.Unmarshal(body, &v))
	return v, string(body)
}

// TestDoctorNamesEachFault: five things are broken at WeChat and here, and each is named
// with its proof; before that the doctor finds the shop well.
func TestDoctorNamesEachFault(t *testing.T) {
	t.Parallel()
	r := newPlatformRig(t)
	r.buy() // a trial of seven days
	r.deliver()
	r.awaitShop()
	key := r.client(marketShop)
	r.sim.Advance(8*24*time.Hour - time.Minute)
	r.deliver()
	r.await("a call on behalf of the shop", func() bool { status, _ := r.basics(marketShop, key); return status == http.StatusOK })
	before, text := r.examine(marketShop)
	for _, f := range before.Findings {
		if f.Verdict == "wrong" && f.Check != "service" {
			t.Errorf("a shop that is well: %+v", f)
		}
	}
	if !strings.Contains(text, "expired") || before.Asked == 0 {
		t.Errorf("the service is over: %s", text)
	}
	r.explainsAFailedCall(key)

	if status, body := r.couponList(key); status != http.StatusForbidden || !strings.Contains(body, "permission-set") {
		t.Fatalf("a call without its set: %d %s", status, body)
	}
	for _, token := range []string{"othertoken1", "othertoken2"} { // the one before is still taken
		r.apply(adminapi.Manifest{Apps: []adminapi.ManifestApp{{ID: platformID, Kind: "component", AppID: wechatsim.DefaultComponent, Secret: wechatsim.DefaultComponentSecret,
			CallbackHost: strings.TrimPrefix(r.root, "http://"), ManifestPush: adminapi.ManifestPush{PushToken: token, PushAESKey: pushAESKey},
			Services: []adminapi.ManifestService{{ID: serviceID, ServiceID: fmt.Sprint(wechatsim.DefaultService), Name: "订单管家"}}}}})
	}
	r.must(r.sim.StopTickets(wechatsim.DefaultComponent))
	r.sim.Advance(40 * time.Minute)
	r.must(r.sim.PushShop(marketShop, "channels_ec_order_pay", []byte(`{"order_info":{"order_id":1}}`)))
	r.deliver()
	r.must(r.sim.SetApp(wechatsim.DefaultComponent, func(a *wechatsim.App) { a.IPAllowlist = []string{"198.51.100.7"} }))

	after, text := r.examine(marketShop)
	for check, want := range map[string][2]string{
		"address": {"not registered with the platform", "127.0.0.1"},
		"sets":    {"did not grant", "132 "},
		"push":    {"the Token at WeChat is another", "signature"},
		"ticket":  {"half an hour", "newest_ticket"},
		"service": {"expired", "paid_until"},
	} {
		if !names(after, check, want[0], want[1]) {
			t.Errorf("%s is not named: %s", check, text)
		}
	}
	if after.Verdict != "wrong" || after.Millis > 30_000 {
		t.Errorf("verdict %s after %d ms", after.Verdict, after.Millis)
	}
	for _, secret := range []string{"othertoken2", pushToken, pushAESKey, wechatsim.DefaultComponentSecret} {
		if strings.Contains(text, secret) {
			t.Errorf("the report holds %q", secret)
		}
	}
	if _, all := r.examine(""); !strings.Contains(all, `"subject":"server"`) || !strings.Contains(all, "half an hour") {
		t.Errorf("the whole server: %s", all)
	}
}

// names tells whether a finding of a check is wrong for this cause, with this proof.
func names(v adminapi.ReportView, check, cause, proof string) bool {
	for _, f := range v.Findings {
		seen, _ := json.Marshal(f.Proof) // texts always encode
		if f.Check == check && f.Verdict == "wrong" && strings.Contains(f.Cause.EN, cause) && strings.Contains(string(seen), proof) && f.Next.ZH != "" {
			return true
		}
	}
	return false
}

// couponList calls a path whose permission set the platform does not ask for.
func (r *rig) couponList(key string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", r.base+"/wx/"+marketShop+"/channels/ec/coupon/get_list", strings.NewReader(`{"page":1,"page_size":10}`))
	r.must(err)
	req.Header.Set("Authorization", "Bearer "+key)
	status, body := r.do(r.http, req)
	return status, string(body)
}

// explainsAFailedCall has a call fail, and asks by its rid what it was.
func (r *rig) explainsAFailedCall(key string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", r.base+"/wx/"+marketShop+"/channels/ec/order/get", strings.NewReader(`{"order_id":"1234567890"}`))
	r.must(err)
	req.Header.Set("Authorization", "Bearer "+key)
	_, body := r.do(r.http, req)
	rid := wechat.RID(string(body))
	status, said := r.say("POST", "/v1/doctor/explain", map[string]string{"text": "rid: " + rid, "shop": marketShop})
	if rid == "" || status != http.StatusOK || !strings.Contains(string(said), "cost_ms") || !strings.Contains(string(said), "10020052") {
		r.t.Errorf("rid %q of %s is explained as %d %s", rid, body, status, said)
	}
	if strings.Contains(string(said), "access_token") || strings.Contains(string(said), "1234567890") {
		r.t.Errorf("something of the call itself is told: %s", said)
	}
	if _, log := r.say("GET", "/v1/audit?limit=1000", nil); !strings.Contains(string(log), "doctor.explain") || strings.Contains(string(log), rid) {
		r.t.Errorf("who asked is not on record, or what was asked is: %s", log)
	}
}
