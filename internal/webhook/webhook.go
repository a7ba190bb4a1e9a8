package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
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
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	// SecretPrefix begins a webhook's secret; base64 of the key follows.
	SecretPrefix = "whsec_"
	minKey       = 24
	maxKey       = 64
	newKey       = 32
	maxAnswer    = 64 << 10
)

var errSecret = errors.New("webhook: not a webhook secret; write whsec_ and base64 of 24 to 64 random bytes, such as from: echo whsec_$(openssl rand -base64 32)")

// NewSecret makes a secret.
func NewSecret() secret.Value {
	key := make([]byte, newKey)
	_, _ = rand.Read(key) // it never fails
	return secret.FromString(SecretPrefix + base64.StdEncoding.EncodeToString(key))
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

// Verdict says what a receiver made of a message.
type Verdict int

// The verdicts.
const (
	Taken   Verdict = iota // it has it
	Later                  // it does not, or we do not know: try again
	Refused                // it never will
)

// Outcome is how an attempt ended.
type Outcome struct {
	Verdict Verdict
	Reason  string        // why it was not taken, in a few fixed words
	After   time.Duration // how long the receiver asks us to wait, an hour at most; 0: it does not say
	// Parts say it of each, where a place has several receivers that answer for
	// themselves and this attempt came so far.
	Parts []Part
}

// Part is what one of several receivers made of a message.
type Part struct {
	ID      string // tells it apart for ever; it does not say who it is
	Name    string // for people, masked
	Verdict Verdict
	Reason  string
}

// Message is one body as it goes out.
type Message struct {
	ID   string // the same at every attempt
	Body []byte // JSON
	URL  string
	Keys []secret.Value // what it is signed with, see [ParseSecret]
}

// NameOf names a receiver of some kind, such as "webhook", by its host and a digest of
// the whole URL: a path may itself be a secret. The same URL has the same name for ever;
// stores keep it.
func NameOf(kind string, u *url.URL) string {
	sum := sha256.Sum256([]byte(u.String()))
	return kind + ":" + u.Host + ":" + hex.EncodeToString(sum[:4])
}

// Poster sends. Make it with [NewPoster]; it is safe for concurrent use.
type Poster struct {
	client *http.Client
	now    func() time.Time
}

// NewPoster makes a poster that sends over transport, see [egress.NewTransport].
func NewPoster(transport http.RoundTripper, now func() time.Time) *Poster {
	return &Poster{now: now, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// sign gives the signatures of a body sent at a time, in seconds since 1970.
func sign(keys []secret.Value, id, at string, body []byte) string {
	all := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key.Reveal())
		fmt.Fprintf(mac, "%s.%s.", id, at)
		mac.Write(body)
		all[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(all, " ")
}

// Post tries once, until ctx ends at the latest.
func (p *Poster) Post(ctx context.Context, m Message) Outcome {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return Outcome{Verdict: Refused, Reason: "not a URL"}
	}
	at := strconv.FormatInt(p.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", m.ID)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", sign(m.Keys, m.ID, at, m.Body))
	_, out, _ := p.do(req) // the status says it all
	return out
}

// Ask sends a request once and gives what was answered, up to 64 KiB, for
// receivers whose status is not all they say. The outcome is as the status says;
// the answer is the caller's to read, and nobody's to show.
func (p *Poster) Ask(req *http.Request) (answer []byte, out Outcome) {
	answer, out, err := p.do(req)
	if err != nil && out.Verdict == Taken {
		return nil, Outcome{Verdict: Later, Reason: Reason(err)} // what broke off says nothing
	}
	return answer, out
}

// do sends a request. An error is of the answer's body.
func (p *Poster) do(req *http.Request) (answer []byte, out Outcome, err error) {
	req.Header.Set("User-Agent", "zhanggui")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, Outcome{Verdict: Later, Reason: Reason(err)}, nil
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer, p.outcome(resp), err
}

// outcome reads an answer's status.
func (p *Poster) outcome(resp *http.Response) Outcome {
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		return Outcome{}
	case status == http.StatusGone:
		return Outcome{Verdict: Refused, Reason: "answered 410"}
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return Outcome{Verdict: Later, Reason: "answered " + strconv.Itoa(status), After: retryAfter(resp.Header.Get("Retry-After"), p.now())}
	case status >= 300 && status < 400:
		return Outcome{Verdict: Later, Reason: "redirected"}
	default:
		return Outcome{Verdict: Later, Reason: "answered " + strconv.Itoa(status)}
	}
}

// retryAfter reads seconds or a date; 0 if it is neither, or past. It gives at most
// maxRetryAfter.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

// Reason says why there was no answer without repeating an error, which would
// name the URL.
func Reason(err error) string {
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
