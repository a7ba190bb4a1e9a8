package provider

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// keptTickets is how many tickets of a platform are kept: the newest, and the one
// before for the case that WeChat does not take it yet.
const keptTickets = 2

// decideTicket keeps a ticket, unless two newer ones are kept or it is over.
func (p *Provider) decideTicket(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error) {
	out := grant.Effects{At: at}
	t, err := e.Ticket()
	if err != nil {
		return out, err
	}
	if t.ComponentAppID != app.AppID {
		return out, ErrOtherPlatform
	}
	kept, err := p.o.Directory.Tickets(ctx, app.ID)
	if err != nil {
		return out, fmt.Errorf("provider: read the tickets: %w", err)
	}
	when := e.Time()
	if outdated(kept, when) || !at.Before(when.Add(grant.TicketLife)) {
		return out, nil
	}
	sealed, err := p.o.Vault.Seal(t.Value, vault.Ticket(app.ID, when))
	if err != nil {
		return out, fmt.Errorf("provider: seal a ticket: %w", err)
	}
	out.Ticket = &grant.Ticket{App: app.ID, CreatedAt: when, Value: sealed, SeenAt: at}
	out.Audit = []audit.Entry{{At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "platform.ticket",
		Subject: "app:" + app.ID, Outcome: audit.Done}}
	return out, nil
}

// outdated says that a ticket of that time would not be kept.
func outdated(kept []grant.Ticket, when time.Time) bool {
	for _, t := range kept {
		if t.CreatedAt.Equal(when) {
			return true
		}
	}
	return len(kept) >= keptTickets && when.Before(kept[keptTickets-1].CreatedAt)
}

// watchTickets asks WeChat once to push tickets again when none came for a while,
// and has somebody told; and again when they are back.
func (p *Provider) watchTickets(ctx context.Context, app access.App) error {
	now := p.o.Now()
	last, err := p.lastTicket(ctx, app)
	if err != nil || last.IsZero() {
		return err
	}
	silent := now.Sub(last)
	missing := silent >= p.o.Silence
	n := notice.Notice{At: now, Kind: notice.TicketBack, Subject: "app:" + app.ID, Details: map[string]string{"app": app.ID}}
	outcome := audit.Done
	if missing {
		n.Kind, outcome = notice.TicketMissing, audit.Failed
		n.Details["minutes"] = strconv.Itoa(int(silent.Minutes()))
	}
	said := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(n.Kind), Subject: n.Subject, Outcome: outcome, Details: n.Details}
	changed, err := p.o.Store.SetCondition(ctx, notice.NoTicket(app.ID), missing, n, said)
	if err != nil {
		return fmt.Errorf("provider: note whether tickets come: %w", err)
	}
	if changed && missing {
		p.startTickets(ctx, app)
	}
	return nil
}

// lastTicket is when a platform's newest ticket arrived. For one that never had
// any it is when the platform was declared; zero when that is not known.
func (p *Provider) lastTicket(ctx context.Context, app access.App) (time.Time, error) {
	kept, err := p.o.Directory.Tickets(ctx, app.ID)
	if err != nil {
		return time.Time{}, fmt.Errorf("provider: read the tickets: %w", err)
	}
	if len(kept) > 0 {
		return kept[0].SeenAt, nil
	}
	g, err := p.o.Directory.ComponentGrant(ctx, app.ID)
	if errors.Is(err, grant.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("provider: read the platform's grant: %w", err)
	}
	return g.CreatedAt, nil
}

// startTickets asks for the push to start. What WeChat makes of it is logged: the
// notice is written already.
func (p *Provider) startTickets(ctx context.Context, app access.App) {
	value, err := p.o.Vault.Open(app.Secret, vault.AppSecret(app.ID, app.SecretVersion))
	if err != nil {
		p.o.Logger.Error("the platform's AppSecret cannot be opened, so the push of tickets is not started; declare the app again", "app", app.ID, "err", err)
		return
	}
	ctx, cancel := p.ask(ctx)
	defer cancel()
	on, err := p.o.Platform.StartTickets(ctx, app, value)
	switch {
	case err != nil:
		p.o.Logger.Warn("the push of tickets could not be started; mend what the answer names", "app", app.ID, "err", err)
	case on:
		p.o.Logger.Warn("WeChat says that it pushes tickets, and none arrives; check the authorisation event URL and the firewall", "app", app.ID)
	default:
		p.o.Logger.Info("the push of tickets had stopped and is started again", "app", app.ID)
	}
}
