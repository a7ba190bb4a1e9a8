package provider

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Run adopts authorisers that are due, compares them with WeChat's list every
// hour, and watches that tickets come, until ctx ends. It waits for what is under
// way, which takes a claim's length at most, and returns the cause of ctx's end.
func (p *Provider) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { p.adoptDue(ctx) })
	wg.Go(func() { p.again(ctx, p.o.Watch, "tickets are not watched", p.watchTickets) })
	wg.Go(func() {
		p.again(ctx, time.Minute, "authorisers are not compared with WeChat's list", p.reconcileInTurn)
	})
	wg.Wait()
	p.wg.Wait()
	return context.Cause(ctx)
}

// adoptDue looks for due authorisers at every tick and whenever it is woken.
func (p *Provider) adoptDue(ctx context.Context) {
	l := &adopter{p: p, free: make(chan struct{}, p.o.Workers)}
	defer l.wg.Wait()
	tick := time.NewTicker(p.o.Tick)
	defer tick.Stop()
	for {
		l.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.wake:
		}
	}
}

// adopter is the state of one adoptDue.
type adopter struct {
	p       *Provider
	wg      sync.WaitGroup
	free    chan struct{} // holds one item for each adoption under way
	failing bool          // the last claim failed, and that was said
}

// round claims what is due while there is room: what cannot begin is not claimed.
func (l *adopter) round(ctx context.Context) {
	for ctx.Err() == nil {
		n := cap(l.free) - len(l.free)
		if n == 0 {
			return
		}
		rows, err := l.p.o.Store.DueAuthorizers(ctx, grant.ClaimRequest{Owner: l.p.o.Owner, Now: l.p.o.Now(), For: l.p.o.Hold, Limit: n})
		if failing := err != nil; failing != l.failing && ctx.Err() == nil {
			l.failing = failing
			if failing {
				l.p.o.Logger.Warn("authorisers that are due cannot be looked for; it is tried at every tick", "err", err)
			} else {
				l.p.o.Logger.Info("authorisers that are due are looked for again")
			}
		}
		for _, row := range rows {
			l.free <- struct{}{}
			l.wg.Go(func() {
				defer l.p.wakeUp()
				defer func() { <-l.free }()
				l.p.adoptSafely(ctx, row)
			})
		}
		if err != nil || len(rows) < n {
			return
		}
	}
}

// adoptSafely is adopt, with a panic turned into a line of the log: the claim ends
// by itself.
func (p *Provider) adoptSafely(ctx context.Context, row grant.Authorizer) {
	err := p.guarded(func() error { return p.adopt(ctx, row) })
	if err != nil && !errors.Is(err, grant.ErrLost) && ctx.Err() == nil {
		p.o.Logger.Warn("an authoriser was not adopted; its plan says when it is tried again", "app", row.App, "authorizer", row.AppID, "err", err)
	}
}

// guarded turns a panic of f into an error.
func (p *Provider) guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("provider: panic: %v; report it with the log", r)
			p.o.Logger.Error("provider: panic", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	return f()
}

// again does something for each platform, at once and every so often.
func (p *Provider) again(ctx context.Context, every time.Duration, failure string, do func(context.Context, access.App) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := p.guarded(func() error { return p.forPlatforms(ctx, do) }); err != nil && ctx.Err() == nil {
			p.o.Logger.Warn(failure+"; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// forPlatforms does something for each platform; one failure keeps no other from
// its turn.
func (p *Provider) forPlatforms(ctx context.Context, do func(context.Context, access.App) error) error {
	apps, err := p.o.Directory.Apps(ctx)
	if err != nil {
		return fmt.Errorf("provider: list the platforms: %w", err)
	}
	var all []error
	for _, app := range apps {
		if app.Kind == access.Component && ctx.Err() == nil {
			all = append(all, do(ctx, app))
		}
	}
	return errors.Join(all...)
}

// reconcileInTurn compares once an hour, by whichever replica comes first.
func (p *Provider) reconcileInTurn(ctx context.Context, app access.App) error {
	now := p.o.Now()
	ours, err := p.o.Store.Turn(ctx, "reconcile:"+app.ID, now, now.Add(p.o.Reconcile+p.o.Jitter(p.o.Reconcile/10)))
	if err != nil || !ours {
		return err
	}
	_, err = p.Reconcile(ctx, app.ID, audit.Actor{Kind: audit.ActorSystem}, false)
	return err
}
