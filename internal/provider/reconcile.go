package provider

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Reconcile compares a platform's authorisers here with WeChat's list, and has
// what differs put right: what is listed and not kept is adopted soon after, what
// is kept and not listed is withdrawn if WeChat confirms that. A dry run writes
// nothing. One page of the list is in memory at a time, and eight bytes for each
// account seen.
//
// [access.ErrNotFound] says that there is no such platform. Other errors say how
// far the run came; the report counts what was seen until then.
func (p *Provider) Reconcile(ctx context.Context, app string, by audit.Actor, dry bool) (grant.Reconciliation, error) {
	c := &comparison{p: p, by: by, seed: maphash.MakeSeed(), begin: p.o.Now()}
	c.report = grant.Reconciliation{App: app, At: c.begin, DryRun: dry, Counts: map[grant.Difference]int{}}
	err := c.run(ctx, app)
	if errors.Is(err, access.ErrNotFound) {
		return c.report, err
	}
	if err != nil {
		err = fmt.Errorf("provider: compare %s with WeChat's list: %w", app, err)
	}
	if !dry {
		err = errors.Join(err, c.record(ctx, err))
		p.wakeUp()
	}
	return c.report, err
}

// comparison is one run.
type comparison struct {
	p      *Provider
	app    access.App
	token  Token
	by     audit.Actor
	begin  time.Time
	seed   maphash.Seed
	seen   []uint64 // fingerprints of listed accounts
	report grant.Reconciliation
}

func (c *comparison) run(ctx context.Context, app string) (err error) {
	if c.app, err = c.p.o.Directory.App(ctx, app); err != nil {
		return err
	}
	if c.app.Kind != access.Component {
		return access.ErrNotFound
	}
	if c.token, err = c.p.o.Keeper.ComponentToken(ctx, app); err != nil {
		return err
	}
	if err = c.list(ctx); err != nil {
		return err
	}
	return c.sweep(ctx)
}

// list walks WeChat's list. It is complete when as many accounts were seen as
// WeChat counts, and there was one: an empty list proves nothing.
func (c *comparison) list(ctx context.Context) error {
	for offset := 0; ; {
		page, err := c.renewing(ctx, func(t Token) (Page, error) { return c.p.page(ctx, c.app, t, offset) })
		if err != nil {
			return err
		}
		if err := c.compare(ctx, page); err != nil {
			return err
		}
		offset += page.Rows
		c.report.Total, c.report.Listed = page.Total, offset
		if page.Rows == 0 || offset >= page.Total {
			break
		}
	}
	c.report.Complete = c.report.Listed > 0 && c.report.Listed >= c.report.Total
	slices.Sort(c.seen)
	return nil
}

// renewing asks with the token of the run, and once more with a newer one: a run
// over many pages outlives a token.
func (c *comparison) renewing(ctx context.Context, ask func(Token) (Page, error)) (Page, error) {
	page, err := ask(c.token)
	if err == nil {
		return page, nil
	}
	newer, tokenErr := c.p.o.Keeper.ComponentToken(ctx, c.app.ID)
	if tokenErr != nil || newer.Generation == c.token.Generation {
		return page, err
	}
	c.token = newer
	return ask(c.token)
}

// compare holds a page against what is here.
func (c *comparison) compare(ctx context.Context, page Page) error {
	var due []grant.Authorizer
	for _, l := range page.Accounts {
		c.seen = append(c.seen, maphash.String(c.seed, l.AppID))
		k, err := c.p.known(ctx, c.app, l.AppID)
		if err != nil {
			return err
		}
		what := c.difference(k, l)
		if what == "" {
			continue
		}
		c.report.Note(grant.Found{AppID: l.AppID, ShopID: k.shopID(), What: what})
		if row, ok := c.again(k.row, l, what); ok {
			due = append(due, row)
		}
	}
	return c.plan(ctx, due)
}

// settled is how old a withdrawal must be before a list that still names the
// account counts against it.
const settled = 10 * time.Minute

// difference says how an account here differs from the list, if it does.
func (c *comparison) difference(k known, l Listed) grant.Difference {
	if k.grant.State == grant.Revoked && !k.reopenedByOwner() {
		return grant.FoundRevoked
	}
	switch k.row.State {
	case "":
		return grant.FoundUnknown
	case grant.AuthorizerWithdrawn:
		if l.AuthorisedAt.After(k.row.EventAt) || c.begin.Sub(k.row.EventAt) >= settled {
			return grant.FoundReturned
		}
	case grant.AuthorizerKept:
		return c.lost(k, l)
	}
	return "" // new ones are being adopted; what is foreign stays so
}

// lost tells whether a kept shop has no refresh token that WeChat takes.
func (c *comparison) lost(k known, l Listed) grant.Difference {
	switch {
	case k.grant.Overdue() && !l.AuthorisedAt.After(k.grant.UpdatedAt):
		return "" // its owner is asked
	case len(k.grant.Tokens.Refresh) == 0:
		return grant.FoundLost
	case k.grant.State != grant.NeedsOwner:
		return ""
	case !refutes(k.grant) && c.p.sameRefresh(k.grant, l.Refresh):
		return grant.FoundUnchanged
	}
	return grant.FoundLost
}

// again is the row that has an account adopted, or false.
func (c *comparison) again(row grant.Authorizer, l Listed, what grant.Difference) (grant.Authorizer, bool) {
	switch what {
	case grant.FoundUnknown, grant.FoundReturned:
		row.State = grant.AuthorizerNew
	case grant.FoundLost:
	default:
		return row, false
	}
	if l.AuthorisedAt.After(row.EventAt) && !l.AuthorisedAt.After(c.begin) {
		row.EventAt = l.AuthorisedAt
	}
	row.Code, row.CodeEnds = nil, time.Time{}
	row.DueAt, row.Attempt, row.Cause = c.begin, 0, "listed"
	return row, true
}

// plan writes the rows of a page. What changed since it was read is left to
// whoever changed it.
func (c *comparison) plan(ctx context.Context, due []grant.Authorizer) error {
	if len(due) == 0 || c.report.DryRun {
		return nil
	}
	err := c.p.o.Store.Authorise(ctx, grant.Effects{At: c.begin, Authorizers: due})
	if !errors.Is(err, grant.ErrLost) {
		return err
	}
	for _, row := range due {
		err := c.p.o.Store.Authorise(ctx, grant.Effects{At: c.begin, Authorizers: []grant.Authorizer{row}})
		if err != nil && !errors.Is(err, grant.ErrLost) {
			return err
		}
	}
	return nil
}

// sweepPage is how many rows here are looked at together.
const sweepPage = 500

// sweep looks for accounts here that the list did not name.
func (c *comparison) sweep(ctx context.Context) error {
	for after := ""; ; {
		rows, err := c.p.o.Store.AuthorizersPage(ctx, c.app.ID, after, sweepPage)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.State != grant.AuthorizerKept && row.State != grant.AuthorizerForeign {
				continue
			}
			c.report.Kept++
			if err := c.absent(ctx, row); err != nil {
				return err
			}
		}
		if len(rows) < sweepPage {
			return nil
		}
		after = rows[len(rows)-1].AppID
	}
}

// absent deals with an account here that a complete list did not name. One that
// was heard of since the run began is not missing: it came after its page.
func (c *comparison) absent(ctx context.Context, row grant.Authorizer) error {
	if !c.report.Complete || c.named(row.AppID) || !row.EventAt.Before(c.begin) || !row.CheckedAt.Before(c.begin) {
		return nil
	}
	k, err := c.p.withGrant(ctx, row)
	if err != nil {
		return err
	}
	found := grant.Found{AppID: row.AppID, ShopID: k.shopID(), What: grant.FoundUnclear}
	if _, err := c.p.info(ctx, c.app, c.token, row.AppID); codeOf(err) == notAuthorised {
		found.What = grant.FoundWithdrawn
	}
	c.report.Note(found)
	if found.What != grant.FoundWithdrawn || c.report.DryRun {
		return ctx.Err()
	}
	e := k.withdraw(c.p.o.Now(), "list")
	if err = c.p.o.Store.Authorise(ctx, e); err == nil {
		c.p.Recorded(e)
	}
	if errors.Is(err, grant.ErrLost) {
		return nil
	}
	return err
}

// named tells whether the list named an account.
func (c *comparison) named(appID string) bool {
	_, ok := slices.BinarySearch(c.seen, maphash.String(c.seed, appID))
	return ok
}

// record writes the audit entry of a run.
func (c *comparison) record(ctx context.Context, failure error) error {
	r, outcome := c.report, audit.Done
	if failure != nil {
		outcome = audit.Failed
	}
	d := map[string]string{
		"listed": strconv.Itoa(r.Listed), "total": strconv.Itoa(r.Total), "kept": strconv.Itoa(r.Kept), "complete": strconv.FormatBool(r.Complete),
	}
	for what, n := range r.Counts {
		d[string(what)] = strconv.Itoa(n)
	}
	if code := codeOf(failure); code != 0 {
		d["errcode"] = strconv.Itoa(code)
	}
	return c.p.o.Store.Authorise(ctx, grant.Effects{At: c.p.o.Now(), Audit: []audit.Entry{{
		At: c.p.o.Now(), Actor: c.by, Action: "platform.reconcile", Subject: "app:" + r.App, Outcome: outcome, Details: d,
	}}})
}
