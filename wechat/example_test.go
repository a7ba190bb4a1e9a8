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
