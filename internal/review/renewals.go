package review

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// RenewalStore is what renewals read and change. Each change is one transaction with
// all that follows from it.
type RenewalStore interface {
	Grant(ctx context.Context, id string) (grant.Grant, error)
	Renewal(ctx context.Context, grantID string) (grant.Renewal, error)
	OpenRenewals(ctx context.Context) ([]grant.Renewal, error)
	OldGrants(ctx context.Context, before time.Time, after string, limit int) ([]grant.Aged, error)
	AskRenewal(ctx context.Context, r grant.Renewal, e grant.Effects) (asked bool, err error)
	CloseRenewal(ctx context.Context, grantID string, now time.Time, reason string) error
	Revoke(ctx context.Context, e grant.Effects) error
	// Turn gives one of several servers the turn that a name has at now.
	Turn(ctx context.Context, name string, now, next time.Time) (bool, error)
}

// Links makes what an account's administrator opens to authorise a platform anew.
type Links interface {
	// AccountLink gives a link for one account that is no shop.
	AccountLink(ctx context.Context, app, appID string, now time.Time) (string, error)
}

// RenewalOptions are what Renewals are made of. Store, Links, Link and Now must be set.
type RenewalOptions struct {
	Store RenewalStore
	Links Links
	Link  func(path string) string // makes an absolute URL of a page of ours
	// MaxAge is how old an authorisation may become; 0: as old as it likes.
	MaxAge  time.Duration
	Enforce bool // one that is not given anew in time stops serving
	Now     func() time.Time
	Log     *slog.Logger // nil: discards
}

// Renewals asks for authorisations anew. It is safe for concurrent use. Make it with
// [NewRenewals].
type Renewals struct{ o RenewalOptions }

// NewRenewals makes Renewals.
func NewRenewals(o RenewalOptions) *Renewals {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Renewals{o}
}

// Ahead is how long before its end an authorisation that becomes too old is asked for.
const Ahead = 14 * 24 * time.Hour

// Way is how somebody authorises anew.
type Way string

// The ways.
const (
	// WayMarket is a shop's: WeChat has no link for it. The owner withdraws in the
	// shop's back office and authorises again through the service market.
	WayMarket Way = "market"
	WayLink   Way = "link"  // a link of WeChat's, for accounts that are no shop
	WayLogin  Way = "login" // a person logs in and is named by WeChat anew
)

// Asked is what became of an asking.
type Asked struct {
	Renewal grant.Renewal
	Way     Way
	Link    string // for whoever authorises; of an account, it works once and for half an hour
}

// Errors of askings.
var (
	// ErrOwnKey says that nobody authorised the grant: it rests on an AppSecret.
	ErrOwnKey = errors.New("review: nobody authorised this grant: it rests on an AppSecret; rotate that instead, with zhanggui rotate")
	// ErrEnded says that the grant serves nobody, so that its owner is asked already.
	ErrEnded = errors.New("review: the grant ended, and only its owner can start it again; send them an invitation")
	// ErrDate is a date that is over.
	ErrDate = errors.New("review: the date is not later than now; name a later one, or none")
)

// Ask asks for an authorisation anew until a date, or whenever if that is zero. Whoever
// is asked already has another date then.
func (r *Renewals) Ask(ctx context.Context, grantID string, until time.Time, by audit.Actor) (Asked, error) {
	now := r.o.Now()
	if !until.IsZero() && !until.After(now) {
		return Asked{}, ErrDate
	}
	g, err := r.o.Store.Grant(ctx, grantID)
	if err != nil {
		return Asked{}, err
	}
	switch {
	case g.Kind == grant.Self || g.Kind == grant.Component:
		return Asked{}, ErrOwnKey
	case g.State != grant.Active:
		return Asked{}, ErrEnded
	}
	asked := grant.Renewal{GrantID: g.ID, Why: grant.RenewalAsked, By: named(by), AskedAt: now, DueAt: until}
	if _, err := r.o.Store.AskRenewal(ctx, asked, grant.AskEffects(now, by, asked, g.ShopID)); err != nil {
		return Asked{}, err
	}
	kept, err := r.o.Store.Renewal(ctx, g.ID)
	if err != nil {
		return Asked{}, err
	}
	out := Asked{Renewal: kept, Way: WayOf(g)}
	out.Link, err = r.LinkFor(ctx, g)
	return out, err
}

// WayOf tells how the authorisation of a grant is given anew.
func WayOf(g grant.Grant) Way {
	switch {
	case g.Kind == grant.User:
		return WayLogin
	case g.ShopID != "":
		return WayMarket
	}
	return WayLink
}

// LinkFor makes what whoever gave an authorisation opens to give it anew. For a shop it
// is our page that says how: WeChat has no link of its own.
func (r *Renewals) LinkFor(ctx context.Context, g grant.Grant) (string, error) {
	switch WayOf(g) {
	case WayLogin:
		return r.o.Link("/login?prove=1"), nil
	case WayLink:
		link, err := r.o.Links.AccountLink(ctx, g.App, g.Authorizer, r.o.Now())
		if err != nil {
			return "", fmt.Errorf("review: make a link for the account: %w", err)
		}
		return link, nil
	}
	return r.o.Link("/login?" + url.Values{"shop": {g.ShopID}, "rd": {"/shops/" + g.ShopID}}.Encode()), nil
}

// Open lists whom somebody asks, the oldest first.
func (r *Renewals) Open(ctx context.Context) ([]grant.Renewal, error) {
	return r.o.Store.OpenRenewals(ctx)
}

// Of gives the open asking for a grant; false when nobody is asked.
func (r *Renewals) Of(ctx context.Context, grantID string) (grant.Renewal, bool, error) {
	found, err := r.o.Store.Renewal(ctx, grantID)
	if errors.Is(err, access.ErrNotFound) {
		return grant.Renewal{}, false, nil
	}
	return found, err == nil && found.Open(), err
}

// oldPage is how many old grants are read together.
const oldPage = 500

// Look asks for authorisations that become too old, ends what is over, and stops what
// is overdue where the settings want that.
func (r *Renewals) Look(ctx context.Context) error {
	now := r.o.Now()
	mine, err := r.o.Store.Turn(ctx, "renewals", now, now.Add(lookEvery))
	if err != nil || !mine {
		return err
	}
	if r.o.MaxAge > 0 {
		if err := r.askOld(ctx, now); err != nil {
			return err
		}
	}
	open, err := r.o.Store.OpenRenewals(ctx)
	if err != nil {
		return err
	}
	for _, x := range open {
		if err := r.settle(ctx, x, now); err != nil {
			return err
		}
	}
	return nil
}

// askOld asks for those that are too old in two weeks. One that is too old already has
// as long.
func (r *Renewals) askOld(ctx context.Context, now time.Time) error {
	for after := ""; ; {
		old, err := r.o.Store.OldGrants(ctx, now.Add(Ahead-r.o.MaxAge), after, oldPage)
		if err != nil {
			return err
		}
		for _, g := range old {
			due := g.AuthorisedAt.Add(r.o.MaxAge)
			if least := now.Add(Ahead); due.Before(least) {
				due = least
			}
			x := grant.Renewal{GrantID: g.GrantID, Why: grant.RenewalMaxAge, By: audit.ActorSystem, AskedAt: now, DueAt: due, Told: true}
			_, err := r.o.Store.AskRenewal(ctx, x, grant.AskEffects(now, audit.Actor{Kind: audit.ActorSystem}, x, g.ShopID))
			if err != nil && !errors.Is(err, grant.ErrNotFound) {
				return err
			}
		}
		if len(old) < oldPage {
			return nil
		}
		after = old[len(old)-1].GrantID
	}
}

// settle ends the asking for a grant that is over, and a grant that is overdue.
func (r *Renewals) settle(ctx context.Context, x grant.Renewal, now time.Time) error {
	g, err := r.o.Store.Grant(ctx, x.GrantID)
	switch {
	case errors.Is(err, grant.ErrNotFound):
		return nil // its row went with it
	case err != nil:
		return err
	case g.State == grant.Revoked:
		return r.o.Store.CloseRenewal(ctx, x.GrantID, now, "revoked")
	case !r.o.Enforce || x.DueAt.IsZero() || now.Before(x.DueAt) || g.State != grant.Active:
		return nil
	}
	return r.o.Store.Revoke(ctx, grant.OverdueEffects(now, x, g))
}

// Run looks at once and every hour until ctx ends.
func (r *Renewals) Run(ctx context.Context) {
	every(ctx, lookEvery, func() {
		if err := r.Look(ctx); err != nil && ctx.Err() == nil {
			r.o.Log.Warn("old authorisations were not looked at; they are again in an hour", "error", err)
		}
	})
}
