package wechatsim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func TestLedgerHidesSecrets(t *testing.T) {
	g := newRig(t, func(o *wechatsim.Options) { o.KeepRaw = false })
	tokens := g.login("owner", info)
	g.userinfo(tokens)
	g.refresh(tokens.str("refresh_token"))
	g.stable(false)
	g.request(http.MethodGet, "/sns/auth?%61ccess_token=hiddenvalue&%zz=hiddenvalue", "")
	secrets := []string{tokens.str("access_token"), tokens.str("refresh_token"), serviceSecret, shopSecret, "hiddenvalue", "state=abc"}
	for _, e := range g.Ledger() {
		line := fmt.Sprintf("%+v", e)
		for _, s := range secrets {
			if strings.Contains(line, s) {
				t.Errorf("entry %s %s shows %.12q", e.Method, e.Path, s)
			}
		}
	}
}

func TestLedgerSaysWho(t *testing.T) {
	g := newRig(t)
	tokens := g.login("owner", info)
	g.userinfo(tokens)
	g.shop("basics/info/get", "")
	g.cgi(shopID, "wrong")
	tests := []struct{ path, appid, kind, person, token string }{
		{"/connect/oauth2/authorize", service, "", "owner", ""},
		{"/sns/userinfo", service, "user", "owner", wechatsim.Digest(tokens.str("access_token"))},
		{infoPath, shopID, "stable", "", wechatsim.Digest(g.stable(false).str("access_token"))},
		{"/cgi-bin/stable_token", shopID, "", "", ""},
	}
	for _, tt := range tests {
		es := g.Ledger(tt.path)
		if len(es) == 0 {
			t.Fatalf("%s is not in the ledger", tt.path)
		}
		if e := es[0]; e.AppID != tt.appid || e.TokenKind != tt.kind || e.Person != tt.person || e.Token != tt.token || !e.Time.Equal(start) {
			t.Errorf("%s: %+v", tt.path, e)
		}
	}
	if e := g.Ledger("/cgi-bin/token")[0]; e.ErrCode != 40001 || e.RID == "" || e.Status != 200 {
		t.Errorf("a refused fetch: %+v", e)
	}
}

func TestLedgerKeepsRawOnRequest(t *testing.T) {
	g := newRig(t)
	g.stable(false)
	if e := g.Ledger("/cgi-bin/stable_token")[0]; !strings.Contains(e.RawBody, shopSecret) {
		t.Errorf("raw body %q", e.RawBody)
	}
}

func TestLedgerIsBounded(t *testing.T) {
	g := newRig(t, func(o *wechatsim.Options) { o.LedgerSize = 3 })
	for i := range 5 {
		g.request(http.MethodGet, fmt.Sprintf("/nothing/%d", i), "")
	}
	var got []string
	for _, e := range g.Ledger() {
		got = append(got, fmt.Sprintf("%d%s", e.Seq, e.Path))
	}
	if want := "3/nothing/2 4/nothing/3 5/nothing/4"; strings.Join(got, " ") != want {
		t.Errorf("ledger %v, want %s", got, want)
	}
	if es := g.LedgerSince(4); len(es) != 1 || es[0].Seq != 5 {
		t.Errorf("since 4: %+v", es)
	}
	if es := g.Ledger("/nothing/3", "/other*"); len(es) != 1 {
		t.Errorf("by path: %+v", es)
	}
	if es := g.Ledger("/noth*"); len(es) != 3 {
		t.Errorf("by prefix: %+v", es)
	}
}

func TestHosts(t *testing.T) {
	g := newRig(t)
	tests := []struct {
		name    string
		handler http.Handler
		target  string
		want    string
	}{
		{"api on open", g.OpenHost(), "/sns/auth", `data-errcode="-1"`},
		{"page on api", g.APIHost(), "/connect/qrconnect", "40066"},
		{"control on api", g.APIHost(), "/sim/world", "40066"},
		{"api on api", g.APIHost(), "/sns/auth", "41001"},
		{"mp", g.MPHost(), "/anything", `data-page="mp"`},
		{"home", g.Sim, "/", "蓝天文具店"},
		{"unknown", g.Sim, "/favicon.ico", "40066"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		tt.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, tt.target, nil))
		if !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %s, want %s in it", tt.name, w.Body, tt.want)
		}
	}
}

// TestEverybodyAtOnce is for the race detector, and counts: nothing may be
// lost or minted twice.
func TestEverybodyAtOnce(t *testing.T) {
	g := newRig(t)
	tokens := make([]string, 8)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			tokens[i] = g.stable(false).str("access_token")
			g.login("owner", info)
			g.cgi(shopID, shopSecret)
			g.Advance(time.Millisecond)
			g.Ledger()
			g.request(http.MethodGet, "/", "")
			if err := g.Withdraw("operator", service); err != nil {
				t.Error(err)
			}
			if err := g.SetSwitches(func(sw *wechatsim.Switches) { sw.ConsentDays++ }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, token := range tokens {
		if token != tokens[0] {
			t.Error("stable_token gave two tokens at once")
		}
	}
	if n := len(g.Ledger("/cgi-bin/stable_token")); n != 8 {
		t.Errorf("%d fetches in the ledger, want 8", n)
	}
	if got := g.Switches().ConsentDays; got != 38 {
		t.Errorf("consent_days %d, want 38: a change was lost", got)
	}
}
