package channel

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Channel is a place that messages go to.
type Channel interface {
	Name() string
	Send(ctx context.Context, m notice.Message) webhook.Outcome
}

// Spec says which place it is.
type Spec struct {
	Name     string
	Kind     access.ChannelKind
	Language Language
	// URL is the address of everything but mail. A robot's holds its key.
	URL secret.Value
	// Secret is what a DingTalk or Feishu robot is signed for with, the password of
	// mail, or the bearer token of Alertmanager. The first two and the last may have
	// none.
	Secret secret.Value
	Mail   access.Mail
}

// Options are what channels send with. All but RootCAs and Installation must be set.
type Options struct {
	Transport http.RoundTripper // see egress.NewTransport
	Dialer    *net.Dialer       // for mail, see egress.NewDialer
	RootCAs   *x509.CertPool    // for mail; nil: the system's
	Now       func() time.Time
	Place     func(ctx context.Context, m notice.Message) Place
	// Installation names ours among those that share an Alertmanager. It must be the
	// same on all servers of a store, and stay.
	Installation string
}

func (o Options) poster() *webhook.Poster { return webhook.NewPoster(o.Transport, o.Now) }

var errAddress = errors.New("channel: not an address; write one that begins with https://")

// New makes a channel of any kind but a signed webhook, which package outbox has.
func New(s Spec, o Options) (Channel, error) {
	switch s.Kind {
	case access.WeCom:
		return newWeCom(s, o), nil
	case access.DingTalk:
		return newDingTalk(s, o), nil
	case access.Feishu:
		return newFeishu(s, o), nil
	case access.Slack:
		return newSlack(s, o), nil
	case access.Alertmanager:
		return newAlertmanager(s, o), nil
	case access.Email:
		return newMail(s, o)
	}
	return nil, fmt.Errorf("channel: %q is not a kind of channel; write wecom, dingtalk, feishu, slack, mail or alertmanager", s.Kind)
}
