package oidc

import (
	"context"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// How often the logins are looked after.
const (
	sweepEvery = 2 * time.Second // ended sessions, and programs to be told
	walkEvery  = time.Minute     // everything else that a login may have lost
	batch      = 100
)

// Run ends logins whose session ended or whose role is gone, and tells programs of
// it, until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	failing := false
	for {
		err := errors.Join(p.sweep(ctx), p.walk(ctx), p.tellAll(ctx))
		if err != nil && !failing && ctx.Err() == nil { // once, not every two seconds of an outage
			p.o.Log.WarnContext(ctx, "logins into programs could not be looked after; the server goes on trying", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep ends the logins of sessions that ended. Several replicas may do so at once:
// each login ends once.
func (p *Provider) sweep(ctx context.Context) error {
	for {
		logins, err := p.o.Store.OverOIDCLogins(ctx, p.o.Now(), batch)
		if err != nil {
			return err
		}
		for _, l := range logins {
			if err := p.end(ctx, l, "session_over"); err != nil {
				return err
			}
		}
		if len(logins) < batch {
			return nil
		}
	}
}

// walk looks at every login once a minute, on one replica: roles, shops and what a
// client was declared with change without a session's end.
func (p *Provider) walk(ctx context.Context) error {
	now := p.o.Now()
	if mine, err := p.o.Store.Turn(ctx, "oidc_walk", now, now.Add(walkEvery)); err != nil || !mine {
		return err
	}
	clients := map[string]access.OIDCClient{}
	for after := ""; ; {
		logins, err := p.o.Store.LiveOIDCLogins(ctx, after, batch)
		if err != nil {
			return err
		}
		for _, l := range logins {
			if err := p.look(ctx, clients, l); err != nil {
				return err
			}
			after = l.ID
		}
		if len(logins) < batch {
			return nil
		}
	}
}

// look ends a login that does not count any more.
func (p *Provider) look(ctx context.Context, clients map[string]access.OIDCClient, l access.OIDCLogin) error {
	c, known := clients[l.ClientID]
	if !known {
		var err error
		if c, err = p.o.Store.OIDCClient(ctx, l.ClientID); errors.Is(err, access.ErrNotFound) {
			return nil // its logins went with it
		} else if err != nil {
			return err
		}
		clients[l.ClientID] = c
	}
	_, err := p.standing(ctx, c, l)
	if err == nil {
		return nil
	}
	if err = p.endIfOver(ctx, l, err); isRefusal(err) || errors.Is(err, access.ErrNotFound) {
		return nil
	}
	return err
}
