package channel

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// A Slack incoming webhook: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
// docs.slack.dev/messaging/formatting-message-text for what is escaped, and
// docs.slack.dev/apis/web-api/rate-limits: one message a second. The address holds
// its key. &, < and > are written as entities, which keeps mentions such as
// <!channel> text; mrkdwn is off, so that * and _ are text too. Errors are statuses,
// and 429 says how long to wait. Text beyond 40,000 characters is cut by Slack; we
// stay far below.
const slackBytes = 12000

var slackLimit = limit{1, time.Second}

type slackBody struct {
	Text        string `json:"text"`
	Mrkdwn      bool   `json:"mrkdwn"`
	UnfurlLinks bool   `json:"unfurl_links"`
	UnfurlMedia bool   `json:"unfurl_media"`
}

func newSlack(s Spec, o Options) *Robot {
	return &Robot{name: s.Name, poster: o.poster(), pace: newPace(o.Now, slackLimit),
		ask: func(ctx context.Context, m notice.Message) (*http.Request, error) {
			all := fit(cards(s.Language, m, o.Place(ctx, m)), slackBytes, func(c []card) int { return len(slackText(c)) })
			return post(ctx, s.URL.RevealString(), slackBody{Text: slackText(all)})
		}}
}

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackText writes cards as text. Addresses stand alone: Slack makes links of them.
func slackText(all []card) string {
	parts := make([]string, len(all))
	for i, c := range all {
		parts[i] = entities.Replace(strings.Join(c.lines(unlinked, plainLink(c)), "\n"))
	}
	return strings.Join(parts, "\n\n")
}
