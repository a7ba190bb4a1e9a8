package wechatsim

import (
	"encoding/xml"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// story is an emulator of [PlatformWorld] whose queue of pushes can be read.
func story(t *testing.T) *Sim {
	t.Helper()
	w := PlatformWorld()
	for i := range w.Apps {
		push := &PushSettings{Token: "demotoken1", EncodingAESKey: strings.Repeat("A", 43)}
		switch w.Apps[i].AppID {
		case DefaultComponent:
			push.AuthURL = "http://isv.localhost/auth"
		case DefaultMarketShop:
			push.URL = "http://shop.localhost/push"
		default:
			push = nil
		}
		w.Apps[i].Push = push
	}
	return New(Options{World: w, Now: func() time.Time { return time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC) }})
}

// told takes the queue: name, receiver and account of each push.
func (s *Sim) told() [][3]string {
	out := [][3]string{}
	for _, p := range s.takeDue(s.Now()) {
		out = append(out, [3]string{p.name, p.appid, p.shop})
	}
	return out
}

func TestEventsOfAnAuthorisation(t *testing.T) {
	s := story(t)
	step := func(name string, err error, want ...[3]string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(append([][3]string{}, want...), s.told()); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", name, diff)
		}
	}
	buy := func() error { _, err := s.Buy(DefaultMarketShop, DefaultService, ""); return err }
	event := func(name string) [3]string { return [3]string{name, DefaultComponent, DefaultMarketShop} }

	step("first purchase", buy(), event("authorized"))
	step("second purchase", buy())
	step("authorised again, same sets", s.Reauthorize(DefaultComponent, DefaultMarketShop, nil))
	step("authorised again, fewer sets", s.Reauthorize(DefaultComponent, DefaultMarketShop, []int{131}), event("updateauthorized"))
	step("the component asks for more", s.SetApp(DefaultComponent, func(a *App) { a.PermissionSets = []int{129, 130, 131, 132} }))
	step("and gets it", s.Reauthorize(DefaultComponent, DefaultMarketShop, []int{132, 131}), event("updateauthorized"))
	step("withdrawn", s.WithdrawGrant(DefaultComponent, DefaultMarketShop), event("unauthorized"))
	if err := s.SetSwitches(func(sw *Switches) { sw.LoseAuthorized = true }); err != nil {
		t.Fatal(err)
	}
	step("a lost event", buy())
	_, err := s.IssueTicket(DefaultComponent)
	step("ticket", err, [3]string{"component_verify_ticket", DefaultComponent, ""})
	step("password", s.ChangeAccountPassword(DefaultMarketShop))
}

func TestAuthorizedCarriesACodeThatWorks(t *testing.T) {
	for _, moment := range []bool{true, false} {
		s := story(t)
		if err := s.SetSwitches(func(sw *Switches) { sw.AuthCodeExpiryIsMoment = moment }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Buy(DefaultMarketShop, DefaultService, ""); err != nil {
			t.Fatal(err)
		}
		type event struct{ AuthorizerAppid, AuthorizationCode, AuthorizationCodeExpiredTime, PreAuthCode string }
		var fields event
		if err := xml.Unmarshal(s.pushes.queue[0].plain, &fields); err != nil {
			t.Fatal(err)
		}
		want := event{AuthorizerAppid: DefaultMarketShop, AuthorizationCode: fields.AuthorizationCode, AuthorizationCodeExpiredTime: "3600"}
		if moment {
			want.AuthorizationCodeExpiredTime = strconv.FormatInt(s.Now().Add(time.Hour).Unix(), 10)
		}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		if k := s.platformCodes[fields.AuthorizationCode]; k == nil || k.kind != codeAuth || k.account != DefaultMarketShop {
			t.Error("the code of the event is unknown")
		}
	}
}

func TestEventsOfAShopThatCloses(t *testing.T) {
	for _, tt := range []struct{ from, to, want string }{
		{"opening", "open_finished", ""},
		{"open_finished", "closing", "channels_ec_change_status"},
		{"closing", "open_finished", "channels_ec_change_status"},
		{"closing", "close_finished", "channels_ec_close_store"},
		{"closing", "closing", ""},
	} {
		s := story(t)
		if err := s.SetShopStatus(DefaultMarketShop, tt.from); err != nil {
			t.Fatal(err)
		}
		s.told()
		if err := s.SetShopStatus(DefaultMarketShop, tt.to); err != nil {
			t.Fatal(err)
		}
		var name strings.Builder
		for _, e := range s.told() {
			name.WriteString(e[0])
		}
		if name.String() != tt.want {
			t.Errorf("%s to %s: events %q, want %q", tt.from, tt.to, name.String(), tt.want)
		}
	}
	s := story(t)
	if err := s.SetAccountStatus(DefaultMarketShop, accountCancelled); err != nil {
		t.Fatal(err)
	}
	if got := s.told(); len(got) != 1 || got[0][0] != "channels_ec_close_store" || s.shops[DefaultMarketShop].Status != "close_finished" {
		t.Errorf("a cancelled shop: %v", got)
	}
}

// TestSetAppDoesNotLeak changes nested settings and then makes the change fail.
func TestSetAppDoesNotLeak(t *testing.T) {
	s := story(t)
	err := s.SetApp(DefaultComponent, func(a *App) {
		a.Services[0].URL, a.Services[0].Specs[0].Days, a.PermissionSets[0] = "http://evil.localhost/", 9999, 1
		a.Secret = ""
	})
	if err == nil {
		t.Fatal("an empty secret was accepted")
	}
	a := s.apps[DefaultComponent]
	if a.Services[0].URL == "http://evil.localhost/" || a.Services[0].Specs[0].Days == 9999 || a.PermissionSets[0] == 1 {
		t.Errorf("a refused change was kept: %+v", a.App)
	}
}

func TestPlatformCodesAreForgotten(t *testing.T) {
	s := story(t)
	old := s.newPlatformCode(platformCode{kind: codeAuth, ends: s.Now().Add(-25 * time.Hour)})
	young := s.newPlatformCode(platformCode{kind: codeAuth, ends: s.Now()})
	s.sweepAt = 0
	s.sweep(s.Now())
	if s.platformCodes[old] != nil || s.platformCodes[young] == nil {
		t.Error("the old code is there, or the young one is gone")
	}
}
