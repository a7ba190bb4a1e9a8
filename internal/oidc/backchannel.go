package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// sendTime is how long a program has to take a logout token.
const sendTime = 10 * time.Second

// holdTime is how long a replica has to tell one batch of programs before others do.
const holdTime = 2 * time.Minute

// again are the waits before a program is told once more: nine attempts within eleven
// hours. Its own session is likely over by then.
var again = []time.Duration{
	10 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
}

// tellBatch is how many programs are told at once.
const tellBatch = 10

// tellAll tells the programs that are due, as many as can be told before the next turn:
// programs that take their time must not hold up the end of logins for long.
func (p *Provider) tellAll(ctx context.Context) error {
	for start := p.o.Now(); ; {
		now := p.o.Now()
		due, err := p.o.Store.DueOIDCLogouts(ctx, now, now.Add(holdTime), tellBatch)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		failed := make([]error, len(due))
		for i, l := range due {
			wg.Go(func() { failed[i] = p.tell(ctx, l) })
		}
		wg.Wait()
		if err := errors.Join(failed...); err != nil || len(due) < tellBatch || p.o.Now().Sub(start) >= sweepEvery {
			return err
		}
	}
}

// tell tells a client of the end of a login, and writes down what came of it.
func (p *Provider) tell(ctx context.Context, l access.OIDCLogin) error {
	c, err := p.o.Store.OIDCClient(ctx, l.ClientID)
	if errors.Is(err, access.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	now := p.o.Now()
	e := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "oidc.logout", Subject: subjectOf(c.ID), Outcome: audit.Done,
		Details: map[string]string{"login": l.ID}}
	failure := p.post(ctx, c, l, now)
	if failure == nil || c.BackchannelURI == "" {
		return p.o.Store.SettleOIDCLogout(ctx, l, time.Time{}, e)
	}
	if ctx.Err() != nil {
		return ctx.Err() // the next server tells it
	}
	if i := l.LogoutAttempt - 1; i < len(again) {
		p.o.Log.WarnContext(ctx, "a program was not told of a logout; it is told again", "client", c.ID, "attempt", l.LogoutAttempt, "error", failure)
		return p.o.Store.SettleOIDCLogout(ctx, l, now.Add(again[max(i, 0)]))
	}
	p.o.Log.ErrorContext(ctx, "a program was never told of a logout: its own session may go on; look at its address under backchannel_logout_uri", "client", c.ID, "error", failure)
	e.Outcome, e.Reason = audit.Failed, "gave_up"
	return p.o.Store.SettleOIDCLogout(ctx, l, time.Time{}, e)
}

// logoutToken is what a program is told (Back-Channel Logout 1.0, section 2.4). It has
// no nonce, so that it is never taken for an ID token.
type logoutToken struct {
	Issuer   string              `json:"iss"`
	Audience string              `json:"aud"`
	Issued   int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	ID       string              `json:"jti"`
	Subject  string              `json:"sub"`
	Session  string              `json:"sid"`
	Events   map[string]struct{} `json:"events"`
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// post sends a logout token. Redirects are not followed: they could lead elsewhere.
func (p *Provider) post(ctx context.Context, c access.OIDCClient, l access.OIDCLogin, now time.Time) error {
	if c.BackchannelURI == "" {
		return nil // not declared any more
	}
	token, err := p.o.Signer.SignAs(ctx, algorithm, "logout+jwt", logoutToken{
		Issuer: p.issuer, Audience: c.ID, Issued: now.Unix(), Expires: now.Add(logoutLife).Unix(), ID: rand.Text(),
		Subject: p.subject(c, l), Session: p.sid(l), Events: map[string]struct{}{logoutEvent: {}},
	})
	if err != nil {
		return err
	}
	body := strings.NewReader(url.Values{"logout_token": {token}}.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackchannelURI, body)
	if err != nil {
		return secret.Scrub(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := p.send[c.AllowPrivate].Do(r)
	if err != nil {
		return secret.Scrub(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("it answered %d", answer.StatusCode)
	}
	return nil
}
