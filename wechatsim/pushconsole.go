package wechatsim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PushSetupError is why a console refuses push settings.
type PushSetupError struct {
	// Reason is what the console shows.
	Reason string
	// Field is the setting that is refused, as it is called in [PushSettings].
	Field string
	// Status is the HTTP status of the URL check, 0 if there was no answer.
	Status int
}

// Error tells what the console shows, and about which setting.
func (e *PushSetupError) Error() string {
	if e.Status == 0 {
		return e.Field + ": " + e.Reason
	}
	return fmt.Sprintf("%s: %s (HTTP %d)", e.Field, e.Reason, e.Status)
}

// Reasons of a refusal, in the words of the console.
const (
	reasonToken   = "token验证失败 the answer is not the echostr: check signature and token, and answer echostr as it came"
	reasonTimeout = "请求URL超时 no answer within 5 seconds: the URL must be reachable from WeChat"
	reasonStatus  = "请求URL失败 the URL must answer HTTP 200"
	reasonPort    = "URL必须以http://或https://开头,且端口为80或443 use http or https on port 80 or 443"
)

// SetPush saves push settings the way a person does in the console: each URL
// of them is called with an echostr, and a refusal ([*PushSetupError]) changes
// nothing. If the key changes, the old one is kept as the previous one. Pushes
// that wait already keep token and key. [Sim.SetApp] edits without a check.
func (s *Sim) SetPush(ctx context.Context, appid string, next PushSettings) error {
	s.mu.Lock()
	a := s.apps[appid]
	sw := s.sw
	loopback := s.world.Loopback
	s.mu.Unlock()
	if a == nil {
		return fmt.Errorf("app %q: %w", appid, ErrNoApp)
	}
	var ps problems
	next.check("$", a.Kind, &ps)
	if err := ps.err(); err != nil {
		return err
	}
	for _, u := range []struct{ field, url string }{{"url", next.URL}, {"auth_url", next.AuthURL}, {"event_url", next.EventURL}} {
		if u.url == "" {
			continue
		}
		if err := checkPushURL(u.url, loopback); err != nil {
			return &PushSetupError{Field: u.field, Reason: err.Error()}
		}
		if a.Kind == Component && !sw.ComponentURLCheck {
			continue
		}
		if err := s.askEcho(ctx, u.field, strings.ReplaceAll(u.url, "$APPID$", appid), next.Token, sw.PushTimeout.Std()); err != nil {
			return err
		}
	}
	return s.SetApp(appid, func(app *App) {
		if old := app.Push; old != nil && next.PreviousEncodingAESKey == "" && old.EncodingAESKey != next.EncodingAESKey {
			next.PreviousEncodingAESKey = old.EncodingAESKey
		}
		app.Push = &next
	})
}

// checkPushURL looks at the URL alone. On loopback any port may be used if the
// world says so.
func checkPushURL(raw string, loopback bool) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New(reasonPort)
	}
	if loopback && isLoopback(u.Hostname()) {
		return nil
	}
	if port := u.Port(); port != "" && port != "80" && port != "443" {
		return errors.New(reasonPort)
	}
	return nil
}

// askEcho is the URL check: a GET with a signed echostr, which must come back
// as it is. It is not encrypted.
func (s *Sim) askEcho(ctx context.Context, field, target, token string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	e := newEnvelope(s.Now())
	echo := echoString()
	q := url.Values{"signature": {pushSignature(token, e.timestamp, e.nonce)}, "timestamp": {e.timestamp}, "nonce": {e.nonce}, "echostr": {echo}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, withQuery(target, q), nil)
	if err != nil {
		return &PushSetupError{Field: field, Reason: reasonPort}
	}
	a := s.carry(req)
	switch {
	case errors.Is(a.err, context.DeadlineExceeded):
		return &PushSetupError{Field: field, Reason: reasonTimeout}
	case a.err != nil:
		return &PushSetupError{Field: field, Reason: reasonStatus + ": " + a.err.Error()}
	case a.status != http.StatusOK:
		return &PushSetupError{Field: field, Reason: reasonStatus, Status: a.status}
	case a.body != echo:
		return &PushSetupError{Field: field, Reason: reasonToken, Status: a.status}
	}
	return nil
}

// echoString is a number of nineteen digits, as WeChat sends.
func echoString() string {
	var b [19]byte
	_, _ = rand.Read(b[:]) // never fails, by its own documentation
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return "4" + string(b[1:])
}
