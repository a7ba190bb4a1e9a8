package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// callCmd calls a shop API through the running server's gateway, with the
// rights of whoever may open the admin socket.
type callCmd struct {
	remote
	Shop   string `arg:"" help:"Id of the shop."`
	Path   string `arg:"" help:"WeChat's own path, e.g. /channels/ec/basics/info/get."`
	Body   string `short:"d" name:"body" help:"JSON body; makes the call a POST."`
	Method string `short:"X" help:"Method; GET without a body, POST with one." enum:",GET,POST" default:""`
}

// Help shows examples.
func (callCmd) Help() string {
	return "Examples:\n  zhanggui call lantian /channels/ec/basics/info/get\n  zhanggui call lantian /channels/ec/product/list/get -d '{\"page_size\":5}'"
}

// Run implements the command.
func (cc callCmd) Run(ctx context.Context, c console) error {
	if cc.URL != "" {
		return &usageError{"call works over the admin socket only; from elsewhere use the gateway with a client key"}
	}
	if cc.Body != "" && !json.Valid([]byte(cc.Body)) {
		return &usageError{"the body given with -d is not JSON"}
	}
	method, body := http.MethodGet, io.Reader(nil)
	if cc.Body != "" {
		method, body = http.MethodPost, strings.NewReader(cc.Body)
	}
	if cc.Method != "" {
		method = cc.Method
	}
	resp, err := cc.send(ctx, method, "/wx/"+url.PathEscape(cc.Shop)+"/"+strings.TrimPrefix(cc.Path, "/"), body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		return problemOf(resp, answer)
	}
	if _, err := c.out.Write(append(answer, '\n')); err != nil {
		return err
	}
	if code := resp.Header.Get("X-Zhanggui-Errcode"); code != "" && code != "0" {
		return fmt.Errorf("WeChat answered errcode %s: %s", code, resp.Header.Get("X-Zhanggui-Cause"))
	}
	return nil
}
