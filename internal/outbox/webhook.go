package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// WebhookOptions are what a webhook is made of. URL and Secret must be set.
type WebhookOptions struct {
	Name      string // empty: made of the URL, without what may be secret in it
	URL       *url.URL
	Secret    secret.Value // whsec_…
	Transport http.RoundTripper
	Now       func() time.Time
}

// Webhook gives a channel that posts each notice as signed JSON, see package
// webhook.
func Webhook(o WebhookOptions) (Channel, error) {
	key, err := webhook.ParseSecret(o.Secret)
	if err != nil {
		return nil, err
	}
	return &hook{name: cmp.Or(o.Name, webhook.NameOf("webhook", o.URL)), url: o.URL.String(), key: key, poster: webhook.NewPoster(o.Transport, o.Now)}, nil
}

type hook struct {
	name   string
	url    string
	key    secret.Value
	poster *webhook.Poster
}

// Name implements Channel.
func (h *hook) Name() string { return h.name }

// payload is the body of a webhook.
type payload struct {
	Type      notice.Kind `json:"type"`
	Timestamp time.Time   `json:"timestamp"` // of the notice, not of the attempt
	Data      data        `json:"data"`
}

type data struct {
	ID       string            `json:"id"`
	Subject  string            `json:"subject,omitempty"`
	Details  map[string]string `json:"details,omitempty"`
	What     notice.Text       `json:"what"`
	Next     notice.Text       `json:"next"`
	Severity notice.Severity   `json:"severity,omitempty"`
	Phase    notice.Phase      `json:"phase,omitempty"`
	Alert    int64             `json:"alert,omitempty"`
	About    notice.Kind       `json:"about,omitempty"`
	Count    int               `json:"count,omitempty"`
	Since    *time.Time        `json:"since,omitempty"`
	Subjects []string          `json:"subjects,omitempty"`
	Shop     string            `json:"shop,omitempty"`
	Tenant   string            `json:"tenant,omitempty"`
	Runbook  string            `json:"runbook,omitempty"`
	Direct   string            `json:"direct,omitempty"`
}

func encode(m Message) ([]byte, error) {
	w := m.Notice.Kind.Words()
	var since *time.Time
	if !m.Since.IsZero() {
		since = new(m.Since.UTC())
	}
	return json.Marshal(payload{Type: m.Notice.Kind, Timestamp: m.Notice.At.UTC(), Data: data{
		ID: m.ID, Subject: m.Notice.Subject, Details: m.Notice.Details, What: w.What, Next: w.Next,
		Severity: m.Severity, Phase: m.Phase, Alert: m.Alert, About: m.About, Count: m.Count, Since: since, Subjects: m.Subjects,
		Shop: m.Shop, Tenant: m.Tenant, Runbook: m.Runbook, Direct: m.Direct,
	}})
}

// Send implements Channel.
func (h *hook) Send(ctx context.Context, m Message) webhook.Outcome {
	body, err := encode(m)
	if err != nil {
		return webhook.Outcome{Verdict: webhook.Refused, Reason: "cannot be written as JSON"}
	}
	return h.poster.Post(ctx, webhook.Message{ID: m.ID, Body: body, URL: h.url, Keys: []secret.Value{h.key}})
}
