package wechat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func ExampleClient_AuthorizeURL() {
	client, err := wechat.New(wechat.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := client.AuthorizeURL(wechat.AuthorizeRequest{
		AppID:       "wx00000000000000a1",
		RedirectURI: "https://login.example.com/oauth/callback/a1",
		Scope:       wechat.ScopeBase,
		State:       "4f1d",
	})
	fmt.Println(link, err)
	// Output:
	// https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx00000000000000a1&redirect_uri=https%3A%2F%2Flogin.example.com%2Foauth%2Fcallback%2Fa1&response_type=code&scope=snsapi_base&state=4f1d#wechat_redirect <nil>
}

// What to do after a failed exchange depends on what is known about it.
func ExampleClient_ExchangeCode() {
	body := `{"errcode":40163,"errmsg":"code been used, rid: 61725984-6126f6f9-040f19c4"}`
	client, err := wechat.New(wechat.Config{Transport: answering(200, "text/plain", strings.NewReader(body))})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.ExchangeCode(context.Background(), "wx00000000000000a1",
		secret.FromString("demo-app-secret"), secret.FromString("demo-code"))
	if e, ok := errors.AsType[*wechat.Error](err); ok {
		fmt.Println(wechat.OutcomeOf(err), e.Class(), e.Code, e.RID)
		fmt.Println(e.Explain().CauseZH)
	}
	// Output:
	// answered reauthorise 40163 61725984-6126f6f9-040f19c4
	// code 已被使用过
}

// A platform stores the refresh token first, then uses the access token.
func ExampleClient_RefreshAuthorizer() {
	body := `{"authorizer_access_token":"demo-access","expires_in":7200,"authorizer_refresh_token":""}`
	client, err := wechat.New(wechat.Config{Transport: answering(200, "", strings.NewReader(body))})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored := wechat.AuthorizerRefreshToken{Value: secret.FromString("refreshtoken@@@demo")}
	grant, err := client.RefreshAuthorizer(context.Background(),
		wechat.ComponentToken{Value: secret.FromString("demo-component-token")},
		"wx00000000000000c0", "wx00000000000000a1", stored)
	if err != nil {
		fmt.Println(err)
		return
	}
	if !grant.Refresh.IsZero() {
		stored = grant.Refresh
	}
	fmt.Println(grant.AppID, grant.ExpiresIn, stored.RevealString(), grant.Token)
	// Output:
	// wx00000000000000a1 2h0m0s refreshtoken@@@demo [secret]
}

// A market jump names a shop, and nobody.
func ExampleClient_ServiceLogin() {
	body := `{"errcode":0,"errmsg":"ok","order_id":3359339022749466625,"openid":"","appid":"wx00000000000000a1",` +
		`"service_id":1234567890123,"sku_id":"915673","spec_id":"standard"}`
	client, err := wechat.New(wechat.Config{Transport: answering(200, "", strings.NewReader(body))})
	if err != nil {
		fmt.Println(err)
		return
	}
	login, err := client.ServiceLogin(context.Background(),
		wechat.ComponentToken{Value: secret.FromString("demo-component-token")},
		wechat.MarketCode{Value: secret.FromString("demo-code")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(login.AppID, login.ServiceID, login.OrderID, login.SpecID)
	// Output:
	// wx00000000000000a1 1234567890123 3359339022749466625 standard
}

func ExampleClient_ComponentLoginURL() {
	client, err := wechat.New(wechat.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := client.ComponentLoginURL(wechat.ComponentLinkRequest{
		ComponentAppID: "wx00000000000000c0",
		PreAuthCode:    wechat.PreAuthCode{Value: secret.FromString("preauthcode@@@demo")},
		RedirectURI:    "https://platform.example.com/authorised/4f1d",
		AuthType:       wechat.AuthTypeOfficial,
	})
	fmt.Println(link, err)
	// Output:
	// https://mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid=wx00000000000000c0&pre_auth_code=preauthcode%40%40%40demo&redirect_uri=https%3A%2F%2Fplatform.example.com%2Fauthorised%2F4f1d&auth_type=1 <nil>
}

func ExamplePeek() {
	body := strings.NewReader(`{"errcode":45009,"errmsg":"reach max api daily quota limit"}`)
	head, rest := wechat.Peek(body, 0)
	fmt.Println(head.Code, wechat.Explain(wechat.KindDataCall, head.Code).Class)
	n, err := io.Copy(io.Discard, rest)
	fmt.Println(n, err)
	// Output:
	// 45009 slow
	// 60 <nil>
}
