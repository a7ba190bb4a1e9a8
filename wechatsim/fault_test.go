package wechatsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const infoPath = "/channels/ec/basics/info/get"

func (g *rig) arm(f wechatsim.Fault) int {
	g.t.Helper()
	id, err := g.AddFault(f)
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

func TestFaultAnswers(t *testing.T) {
	tests := []struct {
		name   string
		fault  wechatsim.Fault
		status int
		check  func(body string) bool
	}{
		{"errcode", wechatsim.Fault{Kind: wechatsim.FaultErrcode, ErrCode: -1}, 200,
			func(b string) bool { return strings.Contains(b, `"errcode":-1,"errmsg":"system error rid: `) }},
		{"errcode with text", wechatsim.Fault{Kind: wechatsim.FaultErrcode, ErrCode: 44990, ErrMsg: "too fast"}, 200,
			func(b string) bool { return strings.Contains(b, `"errcode":44990,"errmsg":"too fast rid: `) }},
		{"html", wechatsim.Fault{Kind: wechatsim.FaultHTML}, 502, func(b string) bool { return strings.HasPrefix(b, "<html>") }},
		{"empty", wechatsim.Fault{Kind: wechatsim.FaultEmpty}, 200, func(b string) bool { return b == "" }},
		{"cut", wechatsim.Fault{Kind: wechatsim.FaultCut}, 200,
			func(b string) bool { return strings.HasPrefix(b, `{"errcode":0`) && !json.Valid([]byte(b)) }},
	}
	for _, tt := range tests {
		g := newRig(t)
		target := infoPath + "?access_token=" + g.stable(false).str("access_token")
		tt.fault.Path = infoPath
		g.arm(tt.fault)
		w := g.request(http.MethodGet, target, "")
		if w.Code != tt.status || !tt.check(w.Body.String()) {
			t.Errorf("%s: HTTP %d %q", tt.name, w.Code, w.Body)
		}
		if w := g.request(http.MethodGet, target, ""); decode(t, w.Body.Bytes()).code() != "0" {
			t.Errorf("%s: the next request met it too: %s", tt.name, w.Body)
		}
	}
}

// TestFaultsAndEffect is about the two halves of a lost answer: did it happen?
func TestFaultsAndEffect(t *testing.T) {
	tests := []struct {
		fault wechatsim.Fault
		lost  bool
		took  bool
	}{
		{wechatsim.Fault{Kind: wechatsim.FaultLostBefore}, true, false},
		{wechatsim.Fault{Kind: wechatsim.FaultLostAfter}, true, true},
		{wechatsim.Fault{Kind: wechatsim.FaultCut}, false, true},
		{wechatsim.Fault{Kind: wechatsim.FaultHTML}, false, false},
		{wechatsim.Fault{Kind: wechatsim.FaultHTML, AfterEffect: true}, false, true},
		{wechatsim.Fault{Kind: wechatsim.FaultEmpty, AfterEffect: true}, false, true},
		{wechatsim.Fault{Kind: wechatsim.FaultErrcode, ErrCode: -1, AfterEffect: true}, false, true},
		{wechatsim.Fault{Kind: wechatsim.FaultErrcode, ErrCode: -1}, false, false},
		{wechatsim.Fault{Kind: wechatsim.FaultHang, Delay: wechatsim.Duration(time.Nanosecond), AfterEffect: true}, true, true},
	}
	for _, tt := range tests {
		g := newRig(t)
		code := g.code("owner", link(base, ""))
		tt.fault.Path = "/sns/oauth2/access_token"
		g.arm(tt.fault)
		target := "/sns/oauth2/access_token?appid=" + service + "&secret=" + serviceSecret + "&grant_type=authorization_code&code=" + code
		if _, lost := g.do(httptest.NewRequest(http.MethodGet, target, nil)); lost != tt.lost {
			t.Errorf("%+v: lost=%t", tt.fault, lost)
		}
		last := g.Ledger()[len(g.Ledger())-1]
		if last.Lost != tt.lost || last.Fault != string(tt.fault.Kind) {
			t.Errorf("%+v: ledger says %+v", tt.fault, last)
		}
		want := ""
		if tt.took {
			want = "40163"
		}
		g.wantCode(g.exchange(service, serviceSecret, code), want)
	}
}

func TestLostRefreshRotates(t *testing.T) {
	g := newRig(t)
	old := g.login("owner", info).str("refresh_token")
	g.arm(wechatsim.Fault{Path: "/sns/oauth2/refresh_token", Kind: wechatsim.FaultLostAfter})
	r := httptest.NewRequest(http.MethodGet, "/sns/oauth2/refresh_token?appid="+service+"&grant_type=refresh_token&refresh_token="+old, nil)
	if _, lost := g.do(r); !lost {
		t.Fatal("the answer was not lost")
	}
	g.wantCode(g.refresh(old), "40030") // the new one was issued and nobody has it
}

func TestFaultOrder(t *testing.T) {
	g := newRig(t)
	g.arm(wechatsim.Fault{Path: "/sns/*", Kind: wechatsim.FaultErrcode, ErrCode: 1, Skip: 1, Count: 2})
	g.arm(wechatsim.Fault{Path: "/sns/auth", Kind: wechatsim.FaultErrcode, ErrCode: 2, Count: -1})
	var got []string
	for range 5 {
		got = append(got, g.get("/sns/auth").code())
	}
	if want := "41001 1 1 2 2"; strings.Join(got, " ") != want {
		t.Errorf("errcodes %v, want %s", got, want)
	}
	left := g.Faults()
	if len(left) != 1 || left[0].Count != -1 {
		t.Errorf("armed: %+v, want the endless one", left)
	}
	if !g.ClearFault(left[0].ID) || g.ClearFault(left[0].ID) {
		t.Error("ClearFault does not know what is armed")
	}
	g.wantCode(g.get("/sns/auth"), "41001")
}

func TestFaultOfOneApp(t *testing.T) {
	g := newRig(t)
	g.arm(wechatsim.Fault{Path: "/cgi-bin/*", Kind: wechatsim.FaultErrcode, ErrCode: -1, Count: -1, AppID: shopID})
	g.wantCode(g.stable(false), "-1")
	g.wantCode(g.cgi(shopID, shopSecret), "-1")
	g.wantCode(g.cgi(service, serviceSecret), "")
	g.ClearFaults()
	g.wantCode(g.stable(false), "")
}

func TestFaultOnAPage(t *testing.T) {
	g := newRig(t)
	g.arm(wechatsim.Fault{Path: "/connect/oauth2/authorize", Kind: wechatsim.FaultErrcode, ErrCode: 10009})
	_, err := g.Visit(t.Context(), "owner", link(base, ""), wechatsim.Agree)
	if pe, ok := errors.AsType[*wechatsim.PageError](err); !ok || pe.Code != 10009 {
		t.Errorf("err %v, want page 10009", err)
	}
	g.arm(wechatsim.Fault{Path: "/connect/*", Kind: wechatsim.FaultLostAfter})
	if _, err := g.Visit(t.Context(), "owner", link(base, ""), wechatsim.Agree); err == nil {
		t.Error("a lost page gave a callback")
	}
	g.arm(wechatsim.Fault{Path: "/connect/*", Kind: wechatsim.FaultHTML})
	if _, err := g.Visit(t.Context(), "owner", link(base, ""), wechatsim.Agree); err == nil {
		t.Error("a broken page gave a callback")
	}
}

func TestBadFaults(t *testing.T) {
	tests := []struct {
		fault wechatsim.Fault
		path  string
	}{
		{wechatsim.Fault{Kind: wechatsim.FaultEmpty}, "$.path"},
		{wechatsim.Fault{Path: "/x", Kind: "sulk"}, "$.kind"},
		{wechatsim.Fault{Path: "/x", Kind: wechatsim.FaultErrcode}, "$.errcode"},
		{wechatsim.Fault{Path: "/x", Kind: wechatsim.FaultDelay}, "$.delay"},
		{wechatsim.Fault{Path: "/x", Kind: wechatsim.FaultEmpty, Count: -2}, "$ "},
	}
	g := newRig(t)
	for _, tt := range tests {
		if _, err := g.AddFault(tt.fault); err == nil || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%+v: %v, want a problem at %s", tt.fault, err, tt.path)
		}
	}
	if len(g.Faults()) != 0 {
		t.Error("a bad fault was armed")
	}
}

func TestDelayAndHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &rig{t: t, Sim: wechatsim.New(wechatsim.Options{})}
		g.arm(wechatsim.Fault{Path: "/sns/auth", Kind: wechatsim.FaultDelay, Delay: wechatsim.Duration(90 * time.Second)})
		began := time.Now()
		g.wantCode(g.get("/sns/auth"), "41001")
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("answered after %v, want 90s", took)
		}
		g.arm(wechatsim.Fault{Path: "/sns/auth", Kind: wechatsim.FaultHang})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		_, lost := g.do(httptest.NewRequest(http.MethodGet, "/sns/auth", nil).WithContext(ctx))
		if took := time.Since(began); !lost || took != time.Minute {
			t.Errorf("hang: lost=%t after %v, want the caller's minute", lost, took)
		}
	})
}
