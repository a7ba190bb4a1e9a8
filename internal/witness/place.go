package witness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Place takes signed heads. Methods are called by one goroutine.
type Place interface {
	// Name tells places apart. It holds no secret.
	Name() string
	// Send hands over head. sent is the newest that the place took, as far as is
	// known here. [ErrDisagrees] says that the place holds another log's.
	Send(ctx context.Context, l Log, sent audit.Sent, head audit.Checkpoint) error
}

func newDecoder(b []byte) *json.Decoder {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d
}

// The kinds of places on the net, which all replicas share.
const (
	kindHook   = "url"
	kindServer = "witness"
)

// shared tells whether a name is of a place on the net.
func shared(name string) bool {
	kind, _, _ := strings.Cut(name, ":")
	return kind == kindHook || kind == kindServer
}

// HookOptions are what a webhook is made of. All must be set.
type HookOptions struct {
	URL       *url.URL
	Secret    secret.Value // whsec_…
	Transport http.RoundTripper
	Now       func() time.Time
}

// Hook gives a place that heads are posted to as signed JSON, see package webhook.
func Hook(o HookOptions) (Place, error) {
	key, err := webhook.ParseSecret(o.Secret)
	if err != nil {
		return nil, err
	}
	return &hook{name: webhook.NameOf(kindHook, o.URL), url: o.URL.String(), key: key, poster: webhook.NewPoster(o.Transport, o.Now)}, nil
}

type hook struct {
	name   string
	url    string
	key    secret.Value
	poster *webhook.Poster
}

// Name implements Place.
func (h *hook) Name() string { return h.name }

// payload is the body of a webhook.
type payload struct {
	Type      string    `json:"type"` // audit.checkpoint
	Timestamp time.Time `json:"timestamp"`
	Data      Message   `json:"data"`
}

// Send implements Place.
func (h *hook) Send(ctx context.Context, l Log, sent audit.Sent, head audit.Checkpoint) error {
	m, err := message(ctx, l, sent.Size, head)
	if err != nil {
		return err
	}
	body, err := json.Marshal(payload{"audit.checkpoint", head.At, m})
	if err != nil {
		return fmt.Errorf("witness: encode a head: %w", err)
	}
	out := h.poster.Post(ctx, webhook.Message{ID: fmt.Sprintf("head_%d_%d", head.Size, head.At.UnixMilli()), Body: body, URL: h.url, Keys: []secret.Value{h.key}})
	if out.Verdict != webhook.Taken {
		return &untaken{out.Reason}
	}
	return nil
}

// untaken is a head that a place did not take. Its words are few and fixed: they
// stand in notices.
type untaken struct{ reason string }

func (u *untaken) Error() string {
	return "witness: the place did not take the head: " + u.reason + "; see that it can be reached"
}

// Server gives a place that is another server of ours, at the address of its
// witness. v checks our own signatures.
func Server(u *url.URL, transport http.RoundTripper, v note.Verifier) Place {
	return &server{name: webhook.NameOf(kindServer, u), url: u.String(), verifier: v, client: &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type server struct {
	name     string
	url      string
	verifier note.Verifier
	client   *http.Client
}

// Name implements Place.
func (s *server) Name() string { return s.name }

// Send implements Place. A witness that holds another head than we thought says
// which; the log must lead to it, and the proof begins there.
func (s *server) Send(ctx context.Context, l Log, sent audit.Sent, head audit.Checkpoint) error {
	old := sent.Size
	for range 2 {
		m, err := message(ctx, l, old, head)
		if err != nil {
			return err
		}
		a, err := s.post(ctx, m)
		if err != nil {
			return err
		}
		if a.State == Taken || a.State == Known {
			return nil
		}
		held, err := audit.OpenCheckpoint([]byte(a.Head), s.verifier)
		if err != nil {
			return fmt.Errorf("witness: %s shows a head that our key did not sign; see which log it keeps under this name: %w", s.name, err)
		}
		if err := leads(ctx, l, held); err != nil {
			return err
		}
		if a.State == Forked {
			return &untaken{"it says that the head contradicts what it holds, and shows nothing that does"}
		}
		if held.Size >= head.Size {
			return nil // another replica was there before
		}
		old = held.Size
	}
	return &untaken{"it asks for proof after proof"}
}

// post sends a message once.
func (s *server) post(ctx context.Context, m Message) (a Answer, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return a, fmt.Errorf("witness: encode a head: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return a, &untaken{"not a URL"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "zhanggui")
	resp, err := s.client.Do(req)
	if err != nil {
		return a, &untaken{"no answer"} // the error would name the URL
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return a, &untaken{"no whole answer"}
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusConflict {
		return a, &untaken{fmt.Sprintf("answered %d", resp.StatusCode)}
	}
	if a, err = decodeStrict[Answer](b); err != nil || a.State == "" {
		return a, &untaken{"not the answer of a witness"}
	}
	return a, nil
}

// reason gives a few fixed words for an error, for notices.
func reason(err error) string {
	if u, ok := errors.AsType[*untaken](err); ok {
		return u.reason
	}
	if errors.Is(err, ErrDisagrees) {
		return "it holds a head that this log does not lead to"
	}
	return "it could not be done"
}
