package channel

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// A WeCom (企业微信) group robot: developer.work.weixin.qq.com/document/path/91770.
// Its address holds its key and nothing is signed; 20 messages a minute; a markdown
// message has at most 4096 bytes of UTF-8. <@userid> in it mentions somebody. The
// answer is errcode, 0 when it was taken; 45009 asks for fewer.
const weComBytes = 4096

var weComLimit = limit{20, time.Minute}

const weComBusy = 45009

type weComBody struct {
	MsgType  string       `json:"msgtype"`
	Markdown weComContent `json:"markdown"`
}

type weComContent struct {
	Content string `json:"content"`
}

func newWeCom(s Spec, o Options) *Robot {
	return &Robot{name: s.Name, poster: o.poster(), pace: newPace(o.Now, weComLimit), read: code("errcode", time.Minute, weComBusy),
		ask: func(ctx context.Context, m notice.Message) (*http.Request, error) {
			all := fit(cards(s.Language, m, o.Place(ctx, m)), weComBytes, func(c []card) int { return len(weComText(c)) })
			return post(ctx, s.URL.RevealString(), weComBody{"markdown", weComContent{weComText(all)}})
		}}
}

// weComText writes cards in WeCom's markdown.
func weComText(all []card) string {
	parts := make([]string, len(all))
	for i, c := range all {
		lines := c.lines(inert, markdownLink)
		lines[0] = "**" + lines[0] + "**"
		for n := range c.Facts {
			lines[n+1] = "> " + lines[n+1]
		}
		parts[i] = strings.Join(lines, "\n")
	}
	return strings.Join(parts, "\n\n")
}

func markdownLink(l link) string { return "[" + l.Label + "](" + l.URL + ")" }
