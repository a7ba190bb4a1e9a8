package grant

import (
	"net/url"
	"time"
)

// APIChange is one thing that WeChat announced of one of its paths. Its texts are
// WeChat's, cleaned of what a terminal or a page would obey.
type APIChange struct {
	ID      string // made of what it says, so that the same one is known again
	Path    string // as WeChat wrote it; see the catalogue for those that are known
	Name    string // WeChat's name of the API
	Content string // what changes, in WeChat's words
	DocURL  string // of the API's page; see [DocLink]
	LogURL  string // of the change log; the same
	At      time.Time
	SeenAt  time.Time
	Clients []string // that used the path in the days before it was seen
}

// docHost is where WeChat documents its APIs.
const docHost = "developers.weixin.qq.com"

// DocLink gives a URL of WeChat's documentation to make a link of. Any other URL
// that stood in a push is text to show, not a place to send anybody: then it gives
// nothing.
func DocLink(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host != docHost || u.User != nil || u.Opaque != "" {
		return ""
	}
	return u.String()
}
