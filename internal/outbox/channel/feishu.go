package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A Feishu (飞书) custom bot: open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN.
// The address holds its key. timestamp is in seconds, within an hour of Feishu's
// clock; sign is base64 of HMAC-SHA256 of nothing, with timestamp, a line feed and
// the secret as the key; both are in the body. 100 messages a minute, 5 a second; a
// body has at most 20 KB. Mentions are elements of their own, and <at> in text. The
// answer is code, 0 when it was taken; 11232 asks for fewer.
const feishuBytes = 20000

var feishuLimits = []limit{{100, time.Minute}, {5, time.Second}}

const feishuBusy = 11232

type feishuBody struct {
	Timestamp string        `json:"timestamp,omitempty"`
	Sign      string        `json:"sign,omitempty"`
	MsgType   string        `json:"msg_type"`
	Content   feishuContent `json:"content"`
}

type feishuContent struct {
	Post map[string]feishuPost `json:"post"` // by locale
}

type feishuPost struct {
	Title   string            `json:"title"`
	Content [][]feishuElement `json:"content"`
}

type feishuElement struct {
	Tag  string `json:"tag"`
	Text string `json:"text"`
	Href string `json:"href,omitempty"`
}

func newFeishu(s Spec, o Options) *Robot {
	return &Robot{name: s.Name, poster: o.poster(), pace: newPace(o.Now, feishuLimits...), read: code("code", time.Minute, feishuBusy),
		ask: func(ctx context.Context, m notice.Message) (*http.Request, error) {
			body := func(c []card) feishuBody { return feishuMessage(s.Language, c).signed(s.Secret, o.Now()) }
			all := fit(cards(s.Language, m, o.Place(ctx, m)), feishuBytes, func(c []card) int { return size(body(c)) })
			return post(ctx, s.URL.RevealString(), body(all))
		}}
}

// angles are all that text in a rich message can begin a tag with.
var angles = strings.NewReplacer("<", "＜", ">", "＞")

// feishuMessage writes cards as a rich message, whose text is not markup.
func feishuMessage(l Language, all []card) feishuBody {
	post := feishuPost{Title: title(all)}
	for i, c := range all {
		lines := c.lines(func(s string) string { return angles.Replace(unlinked(s)) }, func(link) string { return "" })
		if i == 0 {
			lines = lines[1:] // it is the title
		}
		for _, text := range lines[:len(lines)-len(c.Links)] {
			post.Content = append(post.Content, []feishuElement{{Tag: "text", Text: text}})
		}
		var row []feishuElement
		for _, l := range c.Links {
			row = append(row, feishuElement{Tag: "a", Text: l.Label, Href: l.URL}, feishuElement{Tag: "text", Text: " "})
		}
		if len(row) > 0 {
			post.Content = append(post.Content, row)
		}
	}
	locale := "zh_cn"
	if l == English {
		locale = "en_us"
	}
	return feishuBody{MsgType: "post", Content: feishuContent{Post: map[string]feishuPost{locale: post}}}
}

// signed adds the time and the signature, if the bot has a secret.
func (b feishuBody) signed(key secret.Value, now time.Time) feishuBody {
	if key.IsZero() {
		return b
	}
	b.Timestamp = strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, append([]byte(b.Timestamp+"\n"), key.Reveal()...))
	b.Sign = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return b
}
