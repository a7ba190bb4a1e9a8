package wechatsim_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const orderBody = `{"order_info":{"order_id":"3704612354559743232","cancel_type":1,"note":"a]]>b<&"}}`

// TestShopEventInBothDialects sends one event to the shop's own server and to
// its platform's.
func TestShopEventInBothDialects(t *testing.T) {
	g := newPushRig(t)
	g.authorise()
	if got := g.deliver(); len(got) != 1 || got[0].name() != "authorized" {
		t.Fatalf("the purchase is told by %s", names(got))
	}
	g.event("channels_ec_order_cancel", orderBody)
	g.Deliver(t.Context())
	got := g.rc.take()
	if len(got) != 2 {
		t.Fatalf("%d pushes, want 2", len(got))
	}
	own, err := got[0].open(pushAESKey)
	if err != nil {
		t.Fatal(err)
	}
	wantOwn := `{"ToUserName":"` + own.to + `","FromUserName":"o_sim_wechat_team_0001","CreateTime":1772416800,"MsgType":"event",` +
		`"Event":"channels_ec_order_cancel","order_info":{"order_id":"3704612354559743232","cancel_type":1,"note":"a]]>b<&"}}`
	if own.text != wantOwn || own.appid != shopID || !strings.HasPrefix(own.to, "gh_") {
		t.Errorf("own: %s\nfor %q to %q, want %s", own.text, own.appid, own.to, wantOwn)
	}
	if got[0].path != "/own/shop" || got[0].q.Get("tenant") != "1" || got[0].contentType != "application/json" {
		t.Errorf("own: %+v", got[0])
	}
	isv, err := got[1].open(pushAESKey)
	if err != nil {
		t.Fatal(err)
	}
	wantISV := `<order_info><cancel_type>1</cancel_type><note><![CDATA[a]]]]><![CDATA[>b<&]]></note><order_id><![CDATA[3704612354559743232]]></order_id></order_info></xml>`
	if !strings.HasSuffix(isv.text, wantISV) || isv.appid != platformID || isv.to != own.to {
		t.Errorf("platform: %s\nfor %q to %q, want … %s", isv.text, isv.appid, isv.to, wantISV)
	}
	if got[1].path != "/event/"+shopID || got[1].contentType != "text/xml" {
		t.Errorf("platform: %+v", got[1])
	}
	if diff := cmp.Diff(own.fields, isv.fields); diff != "" {
		t.Errorf("the dialects differ in meaning (-own +platform):\n%s", diff)
	}
}

func TestAuthEventsTellAppIDAndFields(t *testing.T) {
	g := newPushRig(t)
	g.EmitAuth(platformID, "authorized", map[string]string{"AuthorizerAppid": shopID, "AuthorizationCode": "demo-code",
		"AuthorizationCodeExpiredTime": "600", "PreAuthCode": "demo-pre"})
	g.EmitAuth(platformID, "unauthorized", map[string]string{"AuthorizerAppid": shopID})
	got := g.deliver()
	want := []map[string]string{
		{"AppId": platformID, "CreateTime": "1772416800", "InfoType": "authorized", "AuthorizerAppid": shopID,
			"AuthorizationCode": "demo-code", "AuthorizationCodeExpiredTime": "600", "PreAuthCode": "demo-pre"},
		{"AppId": platformID, "CreateTime": "1772416800", "InfoType": "unauthorized", "AuthorizerAppid": shopID},
	}
	for i, m := range got {
		if diff := cmp.Diff(want[i], m.fields); diff != "" || m.appid != platformID || m.to != platformID {
			t.Errorf("event %d to %q, for %q (-want +got):\n%s", i, m.to, m.appid, diff)
		}
	}
}

// TestPlatformHearsWhileAuthorised: no longer than that, while the shop itself
// always does.
func TestPlatformHearsWhileAuthorised(t *testing.T) {
	g := newPushRig(t)
	g.authorise()
	if err := g.WithdrawGrant(platformID, shopID); err != nil {
		t.Fatal(err)
	}
	if got := names(g.deliver()); got != "authorized unauthorized" {
		t.Errorf("told of %q", got)
	}
	g.event("channels_ec_order_pay", orderBody)
	if got := g.deliver(); len(got) != 1 || got[0].appid != shopID {
		t.Errorf("after unauthorized: %v", got)
	}
}

// TestShopRetryPlan follows an event that nobody acknowledges.
func TestShopRetryPlan(t *testing.T) {
	g := newPushRig(t)
	g.rc.always(http.StatusInternalServerError, "oops")
	g.event("channels_ec_order_pay", orderBody)
	var tries []int
	for _, wait := range []time.Duration{0, 9 * time.Second, time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute,
		time.Hour, time.Hour, time.Hour, 24 * time.Hour} {
		g.Advance(wait)
		tries = append(tries, len(g.deliver()))
	}
	if diff := cmp.Diff([]int{3, 0, 1, 1, 1, 1, 1, 1, 1, 0}, tries); diff != "" {
		t.Errorf("tries at each step (-want +got):\n%s", diff)
	}
	log := g.PushLedger(0, "channels_ec_order_pay")
	if len(log) != 10 || log[9].Note != "given up" || log[9].Try != 10 || log[0].Status != 500 || log[0].Answer != "oops" {
		t.Errorf("push ledger: %+v", log)
	}
	if g.PendingPushes() != 0 {
		t.Errorf("%d still wait", g.PendingPushes())
	}
}

func TestWhatCountsAsReceipt(t *testing.T) {
	tests := []struct {
		status     int
		text       string
		shop, auth bool
	}{
		{200, "success", true, true},
		{200, "", true, false},
		{200, "SUCCESS", false, false},
		{200, "success\n", false, false},
		{200, "ok", false, false},
		{204, "", false, false},
		{202, "success", false, false},
		{500, "success", false, false},
		{302, "success", false, false},
	}
	for _, tt := range tests {
		g := newPushRig(t)
		g.rc.always(tt.status, tt.text)
		g.event("channels_ec_order_pay", orderBody)
		g.EmitAuth(platformID, "unauthorized", map[string]string{"AuthorizerAppid": shopID})
		g.Deliver(t.Context())
		log := g.PushLedger(0, "channels_ec_*", "unauthorized")
		if len(log) < 2 || log[0].OK != tt.shop || log[1].OK != tt.auth {
			t.Errorf("HTTP %d %q: %+v, want shop %v, authorisation %v", tt.status, tt.text, log, tt.shop, tt.auth)
		}
	}
}

func TestAuthEventIsNotRepeatedUnlessTold(t *testing.T) {
	for retries, want := range map[int]int{0: 1, 2: 3} {
		g := newPushRig(t)
		g.switches(func(sw *wechatsim.Switches) { sw.AuthEventRetries = retries })
		g.rc.always(200, "")
		g.EmitAuth(platformID, "unauthorized", map[string]string{"AuthorizerAppid": shopID})
		if got := len(g.deliver()); got != want {
			t.Errorf("%d retries: pushed %d times, want %d", retries, got, want)
		}
	}
}

// TestTimeout: a server that answers too late did not answer.
func TestTimeout(t *testing.T) {
	g := newPushRig(t)
	g.switches(func(sw *wechatsim.Switches) { sw.PushTimeout = wechatsim.Duration(20 * time.Millisecond) })
	g.rc.answer = func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "success")
	}
	g.event("channels_ec_order_pay", orderBody)
	if got := len(g.deliver()); got != 2 {
		t.Errorf("%d tries, want the late one and its retry", got)
	}
	log := g.PushLedger(0, "channels_ec_*")
	if log[0].OK || log[0].Error != "no answer in time" || !log[1].OK {
		t.Errorf("push ledger: %+v", log)
	}
}

func TestTriesAreSignedAnew(t *testing.T) {
	for _, anew := range []bool{true, false} {
		g := newPushRig(t)
		g.switches(func(sw *wechatsim.Switches) { sw.PushSignedAnew = anew })
		g.rc.always(500, "")
		g.event("channels_ec_order_pay", orderBody)
		g.Deliver(t.Context())
		got := g.rc.take()
		same := got[0].query == got[1].query && string(got[0].body) == string(got[1].body)
		if same == anew {
			t.Errorf("signed anew %v: the first retry is the same request: %v", anew, same)
		}
		a, errA := got[0].open(pushAESKey)
		b, errB := got[2].open(pushAESKey)
		if errA != nil || errB != nil || a.text != b.text {
			t.Errorf("the message changed between tries: %q, %q (%v, %v)", a.text, b.text, errA, errB)
		}
	}
}

// TestEditReachesNothingUnderWay: the key of an event is that of its moment.
func TestEditReachesNothingUnderWay(t *testing.T) {
	g := newPushRig(t)
	g.event("channels_ec_order_pay", orderBody)
	if err := g.SetPush(t.Context(), shopID, wechatsim.PushSettings{URL: g.rc.srv.URL + "/own/shop", Token: pushToken, EncodingAESKey: newAESKey}); err != nil {
		t.Fatal(err)
	}
	g.event("channels_ec_order_pay", orderBody)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushPreviousKey, Skip: 2})
	g.event("channels_ec_order_pay", orderBody)
	g.Deliver(t.Context())
	got := g.rc.take()
	for i, key := range []string{pushAESKey, newAESKey, pushAESKey} {
		if _, err := got[i].open(key); err != nil {
			t.Errorf("event %d does not open with its key: %v", i, err)
		}
	}
}

func TestDeliverStopsWithItsContext(t *testing.T) {
	g := newPushRig(t)
	for range 5 {
		g.event("channels_ec_order_pay", orderBody)
	}
	ctx, cancel := contextThatEnds(t)
	g.rc.answer = func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 2 {
			cancel()
		}
		_, _ = io.WriteString(w, "success")
	}
	g.Deliver(ctx)
	if n := len(g.rc.take()); n != 2 {
		t.Errorf("%d requests before the end, want 2", n)
	}
	g.rc.answer = nil
	// The second was answered or was not, as it fell out; nothing is lost.
	if rest := len(g.deliver()); rest < 3 || rest > 4 || g.PendingPushes() != 0 {
		t.Errorf("%d came after, %d wait", rest, g.PendingPushes())
	}
}

func TestParallelPushes(t *testing.T) {
	g := newPushRig(t)
	g.switches(func(sw *wechatsim.Switches) { sw.PushParallel = 8 })
	for range 100 {
		g.event("channels_ec_order_pay", orderBody)
	}
	if got := len(g.deliver()); got != 100 {
		t.Errorf("%d arrived, want 100", got)
	}
}

func TestPushShopRefusesWhatIsNoEvent(t *testing.T) {
	g := newPushRig(t)
	for _, tt := range []struct{ appid, event, body string }{
		{shopID, "x", `[]`}, {shopID, "x", ``}, {shopID, "x", `{"a":1} x`}, {shopID, "x", `{"a b":1}`}, {shopID, "x", `{"a":`},
		{shopID, "", `{}`}, {"wx00000000000000ff", "x", `{}`}, {shopID, "x", `"text"`}, {shopID, "x", `{"a":[{"<":1}]}`},
	} {
		if err := g.PushShop(tt.appid, tt.event, []byte(tt.body)); err == nil {
			t.Errorf("%+v is accepted", tt)
		}
	}
	if g.PendingPushes() != 0 {
		t.Error("a refused event is queued")
	}
}

// TestNobodyHearsWithoutSettings: no URL, no push, and no queue that grows.
func TestNobodyHearsWithoutSettings(t *testing.T) {
	g := newRig(t)
	if err := g.PushShop(shopID, "channels_ec_order_pay", []byte(orderBody)); err != nil {
		t.Fatal(err)
	}
	if n := g.Deliver(t.Context()); n != 0 || g.PendingPushes() != 0 {
		t.Errorf("%d sent, %d wait", n, g.PendingPushes())
	}
}
