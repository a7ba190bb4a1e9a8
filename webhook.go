package zhanggui

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The bounds of what a webhook takes.
const (
	webhookWindow = 5 * time.Minute // between the server's clock and ours, either way
	maxWebhook    = 4 << 20
	maxSeen       = 1 << 16 // ids that are remembered
	minSecret     = 24      // bytes, by Standard Webhooks
)

// The reasons for which a message is refused. Test for them with errors.Is.
var (
	// ErrUnsigned: no signature is right; it is not from the server, or the secret
	// is another one.
	ErrUnsigned = errors.New("zhanggui: no signature of the message is right; check the subscription's secret")
	// ErrStale: the message is from another time, maybe played again.
	ErrStale = errors.New("zhanggui: the message is more than five minutes old or new; check this machine's clock")
)

// Webhook checks messages that the server posts, by the scheme of Standard Webhooks
// (www.standardwebhooks.com). Make it with [NewWebhook]. It may be used by many
// goroutines.
type Webhook struct {
	keys []secret.Value
	now  func() time.Time

	mu   sync.Mutex
	seen map[string]time.Time // ids that were handled, and when
}

// NewWebhook takes the secrets whsec_… of a subscription: one, or the old and the
// new one while it is being replaced. now is the clock; time.Now when nil.
func NewWebhook(now func() time.Time, secrets ...secret.Value) (*Webhook, error) {
	if now == nil {
		now = time.Now
	}
	w := &Webhook{now: now, seen: map[string]time.Time{}}
	for _, s := range secrets {
		text, ok := strings.CutPrefix(s.RevealString(), "whsec_")
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < minSecret {
			return nil, errors.New("zhanggui: that is no secret of a subscription; take the one beginning with whsec_ from the answer that made it")
		}
		w.keys = append(w.keys, secret.New(key))
	}
	if len(w.keys) == 0 {
		return nil, errors.New("zhanggui: a webhook needs the subscription's secret, whsec_…")
	}
	return w, nil
}

// Verify checks a message by its headers: a signature is right, and the message is
// of this time. It does not remember the message; whoever plays it again within five
// minutes gets through. [Webhook.Handler] remembers.
func (w *Webhook) Verify(header http.Header, body []byte) error {
	id, stamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" {
		return ErrUnsigned
	}
	if !w.signed(header.Get("Webhook-Signature"), id, stamp, body) {
		return ErrUnsigned
	}
	if away := w.now().Sub(time.Unix(seconds, 0)); away > webhookWindow || away < -webhookWindow {
		return ErrStale
	}
	return nil
}

func (w *Webhook) signed(all, id, stamp string, body []byte) bool {
	for _, key := range w.keys {
		mac := hmac.New(sha256.New, key.Reveal())
		fmt.Fprintf(mac, "%s.%s.", id, stamp)
		mac.Write(body)
		want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for given := range strings.SplitSeq(all, " ") {
			if hmac.Equal([]byte(given), want) {
				return true
			}
		}
	}
	return false
}

// Read reads, checks and decodes a request of the server's.
func (w *Webhook) Read(r *http.Request) (Event, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebhook+1))
	if err != nil {
		return Event{}, fmt.Errorf("zhanggui: the message broke off; it comes again: %w", err)
	}
	if len(body) > maxWebhook {
		return Event{}, fmt.Errorf("%w: it is longer than %d MiB", ErrUnsigned, maxWebhook>>20)
	}
	if err := w.Verify(r.Header, body); err != nil {
		return Event{}, err
	}
	var e Event
	if err := json.Unmarshal(body, &e); err != nil || e.Type == "" {
		return Event{}, fmt.Errorf("%w: it is signed, but no event", ErrAnswer)
	}
	return e, nil
}

// Handler answers the server's requests. take gets each event once in ten minutes, as
// far as this process remembers; keep the ids that you handled where you keep what
// you made of them if twice does harm. An error of take's is answered 503, and the
// event comes again.
func (w *Webhook) Handler(take func(context.Context, Event) error) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		e, err := w.Read(r)
		switch {
		case r.Method != http.MethodPost:
			http.Error(rw, "events are posted", http.StatusMethodNotAllowed)
		case errors.Is(err, ErrAnswer):
			http.Error(rw, "no event", http.StatusUnprocessableEntity)
		case errors.Is(err, ErrUnsigned), errors.Is(err, ErrStale):
			http.Error(rw, "not signed for this time", http.StatusUnauthorized)
		case err != nil:
			http.Error(rw, "cannot be read", http.StatusBadRequest)
		case w.had(e.ID):
			rw.WriteHeader(http.StatusNoContent)
		case take(r.Context(), e) != nil:
			http.Error(rw, "later", http.StatusServiceUnavailable)
		default:
			w.note(e.ID)
			rw.WriteHeader(http.StatusNoContent)
		}
	})
}

// had tells whether an event was taken while its messages still counted.
func (w *Webhook) had(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.seen[id]
	return ok && w.now().Sub(at) <= 2*webhookWindow
}

func (w *Webhook) note(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if len(w.seen) >= maxSeen {
		w.forget(now)
	}
	w.seen[id] = now
}

// forget drops what does not count any more, or everything when nothing is old.
func (w *Webhook) forget(now time.Time) {
	for id, at := range w.seen {
		if now.Sub(at) > 2*webhookWindow {
			delete(w.seen, id)
		}
	}
	if len(w.seen) >= maxSeen {
		clear(w.seen)
	}
}
