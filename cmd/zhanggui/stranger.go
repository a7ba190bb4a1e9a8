package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// tokenCmd is about the tokens of a shop.
type tokenCmd struct {
	Show     tokenShowCmd     `cmd:"" default:"withargs" help:"Tell where a shop's token stands."`
	Evidence tokenEvidenceCmd `cmd:"" help:"Tell whether somebody else refreshes a shop's token: what is proven, what is a guess."`
	Kill     tokenKillCmd     `cmd:"" help:"End every token of a shop that is out, while the newest is served."`
}

type tokenEvidenceCmd struct {
	remote
	Shop    string `arg:"" help:"Id of the shop."`
	Chinese bool   `name:"zh" help:"In Chinese."`
}

// Help shows an example.
func (tokenEvidenceCmd) Help() string {
	return "A token that dies before its end is looked into: when was the next one made, and who asked then. See docs/operate/stranger.md.\n\nExample:\n  zhanggui token evidence lantian"
}

// Run implements the command.
func (e tokenEvidenceCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.StrangerView]
	if err := all.read(ctx, e.remote, "/v1/shops/"+url.PathEscape(e.Shop)+"/stranger"); err != nil {
		return err
	}
	if e.JSON {
		return c.printJSON(all.Items)
	}
	for _, v := range all.Items {
		e.print(c, v)
	}
	return nil
}

func (e tokenEvidenceCmd) print(c console, v adminapi.StrangerView) {
	words := evidenceEN
	if e.Chinese {
		words = evidenceZH
	}
	fmt.Fprintf(c.out, words.head, v.Grant, cmp.Or(words.levels[v.Level], v.Level), v.Deaths, when(v.Last), v.Forced)
	if v.Killing > 0 {
		fmt.Fprintf(c.out, words.killing, v.Killing)
	}
	fmt.Fprintln(c.out)
	if v.Deaths == 0 {
		fmt.Fprintln(c.out, "  "+words.none)
	}
	for i, texts := range [][]notice.Text{v.Proven, v.Guess, v.Else, v.Next} {
		for _, t := range texts {
			text := t.EN
			if e.Chinese {
				text = t.ZH
			}
			fmt.Fprintf(c.out, "  %s %s\n", words.parts[i], text)
		}
	}
	for _, n := range v.Counts {
		fmt.Fprintf(c.out, words.count, n.Path, n.Used, n.Ours, n.At.UTC().Format(time.RFC3339))
	}
}

// evidenceWords are what stands around the texts of the server.
type evidenceWords struct {
	head, killing, none, count string
	levels                     map[string]string // those that are not called as programs call them
	parts                      [4]string         // proven, guess, else, next
}

var (
	evidenceEN = evidenceWords{
		head:    "grant %s: %s; tokens that died before their end: %d, last %s; forced refreshes of 24 hours: %d of 20",
		killing: ", %d still to come", none: "no token died before its end", count: "  count    %s: WeChat says %d, ours %d, at %s\n",
		parts: [4]string{"proven  ", "guess   ", "or else ", "next    "},
	}
	evidenceZH = evidenceWords{
		head:    "授权 %s：%s，提前失效 %d 次，最近 %s；24 小时内强制刷新 %d/20 次",
		levels:  map[string]string{"none": "无", "innocent": "有解释", "unknown": "无迹象", "likely": "推测", "proven": "已证实"},
		killing: "，尚余 %d 次", none: "没有令牌提前失效", count: "  统计   %s：微信 %d 次，本系统约 %d 次，于 %s\n",
		parts: [4]string{"已证实", "推测  ", "或因  ", "下一步"},
	}
)

type tokenKillCmd struct {
	remote
	Shop string `arg:"" help:"Id of the shop."`
	Yes  bool   `help:"Do it: every program that uses a token of this shop past this server loses it."`
}

// Help shows an example.
func (tokenKillCmd) Help() string {
	return "Two forced refreshes, 40 seconds apart, of the 20 that WeChat allows in a day. Callers of this server have the newest token all the while. A server that stops between the two goes on when it is back; `token evidence` tells how many are still to come.\n\nExample:\n  zhanggui token kill lantian --yes"
}

// Run implements the command.
func (k tokenKillCmd) Run(ctx context.Context, c console) error {
	if !k.Yes {
		return &usageError{"this ends the tokens of every other program of shop " + k.Shop + "; add --yes to do it"}
	}
	var v adminapi.StrangerView
	if err := k.do(ctx, http.MethodPost, "/v1/shops/"+url.PathEscape(k.Shop)+"/token/kill", map[string]string{"confirm": k.Shop}, &v); err != nil {
		return err
	}
	if k.JSON {
		return c.printJSON(v)
	}
	fmt.Fprintf(c.out, "grant %s: %d forced refreshes to come, about a minute; %d of 20 were spent in the last 24 hours\n", v.Grant, v.Killing, v.Forced)
	return nil
}
