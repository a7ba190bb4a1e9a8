package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// evidence gives what is known of the shop's own grant.
func (r *rig) evidence() adminapi.StrangerView {
	r.t.Helper()
	var all struct{ Items []adminapi.StrangerView }
	r.ask("GET", "/v1/shops/"+shopID+"/stranger", nil, &all)
	if len(all.Items) != 1 {
		r.t.Fatalf("%d grants", len(all.Items))
	}
	return all.Items[0]
}

// TestAStrangerIsFoundAndShutOut: another program forces a refresh with the same
// AppSecret. The next call works all the same; that somebody did it is proven, and a
// human is told once. The kill switch ends what the program got.
func TestAStrangerIsFoundAndShutOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	called := func() {
		t.Helper()
		if status, body := r.call(); status != http.StatusOK {
			t.Fatalf("call: %d %s", status, body)
		}
	}
	called()
	r.sim.Advance(50 * time.Minute)
	called()
	if v := r.evidence(); v.Level != "none" || v.Deaths != 0 {
		t.Errorf("before anything happened: %+v", v)
	}
	if err := r.sim.Stranger(wechattest.Shop, wechatsim.StrangerForced); err != nil {
		t.Fatal(err)
	}
	r.sim.Advance(10 * time.Minute)
	called()
	r.await("a verdict", func() bool { return r.evidence().Level == "proven" })
	if found, text := r.examine(shopID); !names(found, "stranger", "forced it is a guess", "made_from") || !strings.Contains(text, "zhanggui token kill "+shopID) {
		t.Errorf("the doctor says %s", text)
	}
	v := r.evidence()
	if v.Deaths != 1 || len(v.Proven) != 2 || len(v.Guess) == 0 || len(v.Next) == 0 || v.Forced != 0 || len(v.Counts) != 2 {
		t.Errorf("known: %+v", v)
	}
	r.await("a notice", func() bool {
		var all struct{ Items []adminapi.NoticeView }
		r.ask("GET", "/v1/notices", nil, &all)
		n := 0
		for _, x := range all.Items {
			if x.Kind == "token.stranger" {
				n++
			}
		}
		return n == 1
	})
	r.killsWhatIsOut(called)
}

// killsWhatIsOut presses the kill switch, with calls all the while.
func (r *rig) killsWhatIsOut(called func()) {
	r.t.Helper()
	r.sim.Advance(time.Minute)
	if status, body := r.say("POST", "/v1/shops/"+shopID+"/token/kill", map[string]string{"confirm": "yes"}); status != http.StatusUnprocessableEntity {
		r.t.Errorf("without the shop's id: %d %s", status, body)
	}
	since, before := r.lastSeq(), r.shopGrant(shopID).Generation
	var v adminapi.StrangerView
	r.ask("POST", "/v1/shops/"+shopID+"/token/kill", map[string]string{"confirm": shopID}, &v)
	for left := 1; left >= 0; left-- {
		r.await("a forced refresh", func() bool { return r.shopGrant(shopID).Killing == left })
		called()
		r.sim.Advance(time.Minute)
	}
	if g := r.shopGrant(shopID); g.State != "active" || g.Generation != before+2 {
		r.t.Errorf("afterwards: %+v", g)
	}
	if forced := r.asked(since, true); forced != 2 {
		r.t.Errorf("%d forced refreshes", forced)
	}
	if n := r.count("token.kill"); n != 1 {
		r.t.Errorf("%d entries of who pressed it", n)
	}
}

// TestTheDoctorIsNoStranger: WeChat ends a token, and the doctor's question is the next
// one that brings one. Both count as this server's, and nobody is accused.
func TestTheDoctorIsNoStranger(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	counted := func() int64 {
		t.Helper()
		n, err := r.app.TokenRequests(t.Context(), "shop-"+shopID)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := counted()
	if before == 0 {
		t.Error("the keeper's requests are not counted")
	}
	r.sim.Advance(50 * time.Minute)
	if n := r.sim.KillTokens(wechattest.Shop, "stable"); n == 0 {
		t.Fatal("no token was ended")
	}
	r.ask("GET", "/v1/doctor?shop="+shopID, nil, nil)
	if n := counted(); n <= before {
		t.Errorf("the doctor's request is not counted: %d, before %d", n, before)
	}
	r.sim.Advance(10 * time.Minute)
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	r.await("a verdict", func() bool { return r.evidence().Deaths > 0 })
	if v := r.evidence(); v.Level == "proven" || v.Level == "likely" {
		t.Errorf("the doctor is taken for somebody else: %+v", v)
	}
}
