// Command goclient reads a shop through a Zhanggui server in the three ways that a Go
// program has: by the path, by types, and as an SDK of WeChat's would.
//
//	ZHANGGUI_URL=http://127.0.0.1:8080 ZHANGGUI_KEY=zgc_… go run ./examples/goclient lantian
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string, env func(string) string) error {
	if len(args) != 1 {
		return errors.New("name one shop, such as: goclient lantian")
	}
	client, err := zhanggui.New(env("ZHANGGUI_URL"), secret.FromString(env("ZHANGGUI_KEY")))
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context, io.Writer, *zhanggui.Client, string) error{byPath, byTypes, asSDK, events} {
		if err := step(ctx, out, client, args[0]); err != nil {
			return err
		}
	}
	return nil
}

// byPath calls one of WeChat's paths and decodes what is wanted of the answer.
func byPath(ctx context.Context, out io.Writer, client *zhanggui.Client, id string) error {
	answer, err := client.Shop(id).Get(ctx, "/channels/ec/basics/info/get", nil)
	if err != nil {
		return err
	}
	var info struct {
		Info struct{ Nickname string }
	}
	if err := answer.Decode(&info); err != nil {
		return err
	}
	fmt.Fprintf(out, "shop: %s (request %s)\n", info.Info.Nickname, answer.Request)
	return nil
}

// byTypes lists the orders of the last day with the types of package wechat/shop.
func byTypes(ctx context.Context, out io.Writer, client *zhanggui.Client, id string) error {
	api, err := client.Shop(id).API()
	if err != nil {
		return err
	}
	n := 0
	for _, err := range api.Orders(ctx, shop.OrderQuery{Created: shop.Since(time.Now(), 24*time.Hour)}) {
		if err != nil {
			return err
		}
		n++
	}
	fmt.Fprintf(out, "orders of the last day: %d\n", n)
	return nil
}

// asSDK is what an SDK does with the http.Client that it is given: it calls WeChat. The
// token in its query is dropped on the way.
func asSDK(ctx context.Context, out io.Writer, client *zhanggui.Client, id string) error {
	sdk := &http.Client{Transport: client.Transport(id, nil), Timeout: time.Minute}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.weixin.qq.com/channels/ec/basics/info/get?access_token=any", nil)
	if err != nil {
		return err
	}
	res, err := sdk.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var verdict struct{ Errcode int }
	if err := json.NewDecoder(res.Body).Decode(&verdict); err != nil {
		return err
	}
	fmt.Fprintf(out, "as an SDK: %s, errcode %d\n", res.Status, verdict.Errcode)
	return nil
}

// events reads what happened since the oldest event that is kept.
func events(ctx context.Context, out io.Writer, client *zhanggui.Client, id string) error {
	n := 0
	for _, err := range client.Events(ctx, zhanggui.EventQuery{Shop: id}) {
		if err != nil {
			return err
		}
		n++
	}
	fmt.Fprintf(out, "events kept: %d\n", n)
	return nil
}
