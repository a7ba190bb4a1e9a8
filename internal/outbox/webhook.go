package outbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	// SecretPrefix begins a webhook's secret, as the Standard Webhooks scheme
	// (www.standardwebhooks.com) has it; base64 of the key follows.
	SecretPrefix = "whsec_"
	minKey       = 24
	maxKey       = 64
	maxAnswer    = 64 << 10
)

var errSecret = errors.New("outbox: not a webhook secret; write whsec_ and base64 of 24 to 64 random bytes, such as from: echo whsec_$(openssl rand -base64 32)")

// WebhookOptions are what a webhook is made of. URL and Secret must be set.
type WebhookOptions struct {
	URL       *url.URL
	Secret    secret.Value // whsec_…
	Transport http.RoundTripper
	Now       func() time.Time
}

// Webhook gives a channel that posts each notice as JSON, signed by the Standard
// Webhooks scheme: the receiver checks the headers webhook-id, webhook-timestamp
// and webhook-signature with the secret, and drops an id that it had.
func Webhook(o WebhookOptions) (Channel, error) {
	key, err := ParseSecret(o.Secret)
	if err != nil {
		return nil, err
	}
	return &webhook{
		name: webhookName(o.URL), url: o.URL.String(), key: key, now: o.Now,
		client: &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// ParseSecret gives the key that a webhook's secret stands for. Its error does not
// repeat the secret.
func ParseSecret(v secret.Value) (key secret.Value, err error) {
	text, ok := strings.CutPrefix(v.RevealString(), SecretPrefix)
	b, decodeErr := base64.StdEncoding.DecodeString(text)
	if !ok || decodeErr != nil || len(b) < minKey || len(b) > maxKey {
		return secret.Value{}, errSecret
	}
	return secret.New(b), nil
}

// webhookName names a webhook by its host and a digest of the whole: a path may
// itself be a secret.
func webhookName(u *url.URL) string {
	sum := sha256.Sum256([]byte(u.String()))
	return "webhook:" + u.Host + ":" + hex.EncodeToString(sum[:4])
}

type webhook struct {
	name   string
	url    string
	key    secret.Value
	now    func() time.Time
	client *http.Client
}

// Name implements Channel.
func (h *webhook) Name() string { return h.name }

// payload is the body of a webhook.
type payload struct {
	Type      notice.Kind `json:"type"`
	Timestamp time.Time   `json:"timestamp"` // of the notice, not of the attempt
	Data      data        `json:"data"`
}

type data struct {
	ID      string            `json:"id"`
	Subject string            `json:"subject,omitempty"`
	Details map[string]string `json:"details,omitempty"`
	What    notice.Text       `json:"what"`
	Next    notice.Text       `json:"next"`
}

func encode(m Message) ([]byte, error) {
	w := m.Notice.Kind.Words()
	return json.Marshal(payload{Type: m.Notice.Kind, Timestamp: m.Notice.At.UTC(), Data: data{
		ID: m.ID, Subject: m.Notice.Subject, Details: m.Notice.Details, What: w.What, Next: w.Next,
	}})
}

// sign gives the signature of a body sent at a time, in seconds since 1970.
func sign(key secret.Value, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key.Reveal())
	fmt.Fprintf(mac, "%s.%s.", id, at)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Send implements Channel.
func (h *webhook) Send(ctx context.Context, m Message) Outcome {
	body, err := encode(m)
	if err != nil {
		return Outcome{Verdict: Refused, Reason: "cannot be written as JSON"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return Outcome{Verdict: Refused, Reason: "not a URL"}
	}
	at := strconv.FormatInt(h.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "zhanggui")
	req.Header.Set("Webhook-Id", m.ID)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", sign(h.key, m.ID, at, body))
	resp, err := h.client.Do(req)
	if err != nil {
		return Outcome{Verdict: Later, Reason: reason(err)}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // the status says it all
	return h.outcome(resp)
}

// outcome reads an answer's status.
func (h *webhook) outcome(resp *http.Response) Outcome {
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		return Outcome{}
	case status == http.StatusGone:
		return Outcome{Verdict: Refused, Reason: "answered 410"}
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return Outcome{Verdict: Later, Reason: "answered " + strconv.Itoa(status), After: retryAfter(resp.Header.Get("Retry-After"), h.now())}
	case status >= 300 && status < 400:
		return Outcome{Verdict: Later, Reason: "redirected"}
	default:
		return Outcome{Verdict: Later, Reason: "answered " + strconv.Itoa(status)}
	}
}

// retryAfter reads seconds or a date; 0 if it is neither, or past.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// reason says why there was no answer without repeating an error, which would
// name the URL.
func reason(err error) string {
	if errors.Is(err, egress.ErrRefused) {
		return "address refused"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate refused"
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return "no answer in time"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "name not found"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "not connected"
	}
	return "no answer"
}
