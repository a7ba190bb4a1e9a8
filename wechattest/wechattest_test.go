package wechattest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

func fetch(t *testing.T, srv *wechattest.Server) (token string, left int) {
	t.Helper()
	body := fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, wechattest.Shop, wechattest.ShopSecret)
	resp, err := srv.Client.Post(srv.URL+"/cgi-bin/stable_token", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.AccessToken, out.ExpiresIn
}

func TestNewServesTheDefaultWorld(t *testing.T) {
	srv := wechattest.New(t, nil)
	token, left := fetch(t, srv)
	if token == "" || left < 7190 || left > 7200 {
		t.Errorf("token of %d characters for %d s, want one for 7200 s", len(token), left)
	}
	callback := srv.MustAgree(wechattest.Owner, srv.AuthorizeURL("snsapi_userinfo", "https://"+wechattest.Domain+"/cb", "s1"))
	if !strings.HasPrefix(callback, "https://"+wechattest.Domain+"/cb?code=") {
		t.Errorf("callback %q goes elsewhere", callback)
	}
	callback = srv.MustAgree(wechattest.Owner, srv.QRConnectURL("http://localhost:9/cb", "s2"))
	if !strings.HasPrefix(callback, "http://localhost:9/cb?code=") {
		t.Errorf("callback %q goes elsewhere", callback)
	}
}

func TestPipeLivesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wechattest.NewPipe(t, nil)
		first, left := fetch(t, srv)
		if left != 7200 {
			t.Fatalf("expires_in %d, want exactly 7200: time stands still in a bubble", left)
		}
		time.Sleep(time.Hour)
		if again, left := fetch(t, srv); again != first || left != 3600 {
			t.Errorf("after an hour same=%t left=%d, want the same token for 3600 s", again == first, left)
		}
		time.Sleep(56 * time.Minute)
		if next, _ := fetch(t, srv); next == first {
			t.Error("4 minutes before the end the token is still the old one, want its successor")
		}
	})
}

func TestHangInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wechattest.NewPipe(t, nil)
		srv.MustFault(wechatsim.Fault{Path: "/sns/auth", Kind: wechatsim.FaultHang})
		srv.Client.Timeout = time.Minute
		began := time.Now()
		resp, err := srv.Client.Get(srv.URL + "/sns/auth")
		if err == nil {
			resp.Body.Close()
			t.Fatal("a hanging call was answered")
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("gave up after %v, want the client's own minute", took)
		}
	})
}

func TestPipeRefusesAfterTheEnd(t *testing.T) {
	var client *http.Client
	t.Run("inner", func(t *testing.T) { client = wechattest.NewPipe(t, nil).Client })
	if resp, err := client.Get("http://wechat.invalid/sim/health"); err == nil {
		resp.Body.Close()
		t.Error("a closed emulator still answers")
	}
}

// A program's whole login against the emulator: the link, the person, the
// callback, the exchange.
func Example() {
	sim := wechatsim.New(wechatsim.Options{})
	srv := httptest.NewServer(sim) // in a test: wechattest.New(t, nil)
	defer srv.Close()

	link := srv.URL + "/connect/oauth2/authorize?appid=" + wechattest.ServiceAccount +
		"&redirect_uri=" + url.QueryEscape("https://"+wechattest.Domain+"/cb") +
		"&response_type=code&scope=snsapi_userinfo&state=abc#wechat_redirect"
	callback, err := sim.Visit(context.Background(), wechattest.Owner, link, wechatsim.Agree)
	if err != nil {
		fmt.Println(err)
		return
	}
	u, _ := url.Parse(callback)
	resp, err := http.Get(srv.URL + "/sns/oauth2/access_token?grant_type=authorization_code&appid=" + wechattest.ServiceAccount +
		"&secret=" + wechattest.ServiceSecret + "&code=" + u.Query().Get("code"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var tokens struct {
		OpenID string `json:"openid"`
		Scope  string `json:"scope"`
	}
	_ = json.Unmarshal(body, &tokens)
	want, _ := sim.OpenID(wechattest.Owner, wechattest.ServiceAccount)
	fmt.Println(u.Host, u.Query().Get("state"), tokens.Scope, tokens.OpenID == want)
	// Output: zhanggui.example.com abc snsapi_userinfo true
}
