package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A DingTalk (钉钉) custom robot: open.dingtalk.com/document/orgapp/custom-robot-access,
// and for signatures open.dingtalk.com/document/robots/customize-robot-security-settings.
// The address holds its token. timestamp is in milliseconds, within an hour of
// DingTalk's clock; sign is base64 of HMAC-SHA256 with the secret over timestamp, a
// line feed and the secret. A robot that sends more than 20 messages a minute is
// shut out for ten; a message has at most 20,000 bytes. Mentions are the field at,
// which we leave out. The answer is errcode, 0 when it was taken; 130101 and 410100
// ask for fewer.
const (
	dingTalkBytes = 20000
	dingTalkQuiet = 10 * time.Minute
)

var (
	dingTalkLimit = limit{20, time.Minute}
	dingTalkBusy  = []int64{130101, 410100}
)

type dingTalkBody struct {
	MsgType  string           `json:"msgtype"`
	Markdown dingTalkMarkdown `json:"markdown"`
}

type dingTalkMarkdown struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

func newDingTalk(s Spec, o Options) *Robot {
	return &Robot{name: s.Name, poster: o.poster(), pace: newPace(o.Now, dingTalkLimit), read: code("errcode", dingTalkQuiet, dingTalkBusy...),
		ask: func(ctx context.Context, m notice.Message) (*http.Request, error) {
			to, err := dingTalkAddress(s.URL, s.Secret, o.Now())
			if err != nil {
				return nil, err
			}
			all := fit(cards(s.Language, m, o.Place(ctx, m)), dingTalkBytes, func(c []card) int { return size(dingTalkMessage(c)) })
			return post(ctx, to, dingTalkMessage(all))
		}}
}

func dingTalkMessage(all []card) dingTalkBody {
	return dingTalkBody{"markdown", dingTalkMarkdown{Title: title(all), Text: dingTalkText(all)}}
}

// dingTalkText writes cards in DingTalk's markdown, where a line ends with an empty
// one.
func dingTalkText(all []card) string {
	var lines []string
	for _, c := range all {
		part := c.lines(inert, markdownLink)
		part[0] = "**" + part[0] + "**"
		lines = append(lines, part...)
	}
	return strings.Join(lines, "\n\n")
}

// dingTalkAddress adds the time and the signature. A robot without a secret, which
// goes by keywords or addresses instead, is not signed for.
func dingTalkAddress(to, key secret.Value, now time.Time) (string, error) {
	u, err := url.Parse(to.RevealString())
	if err != nil {
		return "", errAddress
	}
	if key.IsZero() {
		return u.String(), nil
	}
	at := strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, key.Reveal())
	mac.Write([]byte(at + "\n"))
	mac.Write(key.Reveal())
	q := u.Query()
	q.Set("timestamp", at)
	q.Set("sign", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	u.RawQuery = q.Encode()
	return u.String(), nil
}
