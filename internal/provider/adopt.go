package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/line"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// adoption is one look at one authoriser that is claimed.
type adoption struct {
	p *Provider
	known
	app      access.App
	shop     access.Shop // of the account, if there is one
	declared bool        // there is one
	token    Token
	info     Info

	grantID string // of the grant that is made or restarted
	way     string // where its refresh token came from
	note    string // why it was not restarted
	link    string // id of the link that brought it
}

// adopt looks at a claimed authoriser and writes what follows. On failure it has
// planned the next look, unless the store failed too: then the claim ends by
// itself. [grant.ErrLost] says that somebody decided otherwise meanwhile.
func (p *Provider) adopt(ctx context.Context, row grant.Authorizer) error {
	looking, cancel := context.WithTimeout(ctx, p.o.Hold*3/4)
	defer cancel()
	a := &adoption{p: p, known: known{row: row}}
	err := a.look(looking)
	if err == nil || errors.Is(err, grant.ErrLost) || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, a.putOff(ctx, err))
}

func (a *adoption) look(ctx context.Context) error {
	if rest, err := a.prepare(ctx); err != nil || rest != "" {
		return a.rest(ctx, rest, err)
	}
	var err error
	if a.token, err = a.p.o.Keeper.ComponentToken(ctx, a.app.ID); err != nil {
		return &trouble{cause: grant.CausePlatform, err: err}
	}
	if a.info, err = a.p.info(ctx, a.app, a.token, a.row.AppID); err != nil {
		return err
	}
	if !a.isKept() {
		return a.foreign(ctx)
	}
	if a.account() == grant.AccountShop && !a.declared && a.p.o.DeclaredOnly {
		return &trouble{cause: causeUndeclared, wait: a.p.o.Reconcile}
	}
	tokens, err := a.tokens(ctx)
	if err != nil {
		return err
	}
	return a.keep(ctx, tokens)
}

// prepare reads what is here. rest says why there is nothing to do.
func (a *adoption) prepare(ctx context.Context) (rest string, err error) {
	a.app, err = a.p.o.Directory.App(ctx, a.row.App)
	if errors.Is(err, access.ErrNotFound) || err == nil && a.app.Kind != access.Component {
		return "no_platform", nil
	}
	if err != nil {
		return "", fmt.Errorf("provider: read the platform: %w", err)
	}
	if a.known, err = a.p.withGrant(ctx, a.row); err != nil {
		return "", err
	}
	if a.grant.State == grant.Revoked && !a.reopenedByOwner() {
		return "revoked", nil
	}
	if a.grant.State.Elsewhere() {
		return string(a.grant.State), nil // a code that is sent here would end the other system's token
	}
	a.shop, err = a.p.o.Directory.ShopByAppID(ctx, a.row.AppID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return "", fmt.Errorf("provider: find the shop of an authoriser: %w", err)
	}
	a.declared = err == nil
	return "", nil
}

// rest plans no further look, except for what another system hands over some day.
func (a *adoption) rest(ctx context.Context, why string, err error) error {
	if err != nil {
		return err
	}
	row := a.row
	now := a.p.o.Now()
	row.Code, row.CodeEnds, row.DueAt, row.Attempt, row.Cause = nil, time.Time{}, time.Time{}, 0, why
	if a.grant.State.Elsewhere() {
		row.DueAt = a.p.nextLook(now)
	}
	return a.write(ctx, grant.Effects{At: now, Authorizers: []grant.Authorizer{row}})
}

// isKept tells whether the account's tokens are kept: it is a shop, or came by a
// link.
func (a *adoption) isKept() bool {
	return a.account() == grant.AccountShop || a.account() == grant.AccountLinked
}

// account is what the account is. What is known here is believed before an answer
// that does not say.
func (a *adoption) account() grant.Account {
	switch {
	case a.info.Kind == KindShop:
		return grant.AccountShop
	case a.row.Account == grant.AccountLinked:
		return grant.AccountLinked
	case a.grant.ID != "", a.info.Kind == KindUnknown && (a.declared || a.row.Account == grant.AccountShop):
		return grant.AccountShop
	case a.info.Kind == KindUnknown:
		return grant.AccountUnknown
	}
	return grant.AccountOther
}

// foreign notes an account that is no shop: its permission sets may name those of
// shops, and shop APIs would answer 48001 all the same.
func (a *adoption) foreign(ctx context.Context) error {
	now, row := a.p.o.Now(), a.told()
	e := grant.Effects{At: now}
	if row.State != grant.AuthorizerForeign {
		e.Audit = entry(now, "authorizer.foreign", row, nil)
	}
	row.State, row.Account, row.DueAt = grant.AuthorizerForeign, a.account(), time.Time{}
	if row.Account == grant.AccountUnknown {
		row.DueAt = a.p.nextLook(now)
	}
	e.Authorizers = []grant.Authorizer{row}
	return a.write(ctx, e)
}

// told is the row with what WeChat told of the account.
func (a *adoption) told() grant.Authorizer {
	row := a.row
	row.Name, row.CheckedAt = nameOf(a.info.Name, row.AppID), a.p.o.Now()
	if a.info.Sets != nil {
		row.Sets = a.info.Sets
	}
	row.Code, row.CodeEnds, row.Attempt, row.Cause = nil, time.Time{}, 0, ""
	return row
}

// The bounds of the name of a shop, in characters and, as manifests have it, in bytes.
const (
	longestName = 64
	widestName  = 200
)

// nameOf makes a name of what an account calls itself: one line, as a manifest would take
// it.
func nameOf(nick, appID string) string {
	r := []rune(line.Of(nick))
	r = r[:min(len(r), longestName)]
	for len(string(r)) > widestName {
		r = r[:len(r)-1]
	}
	return cmp.Or(string(r), appID)
}

// nextLook spreads the daily looks, so that shops adopted together drift apart.
func (p *Provider) nextLook(now time.Time) time.Time {
	return now.Add(p.o.Look - p.o.Jitter(p.o.Look/8))
}

// keep writes an account that is kept, with its new tokens if there are any. Only a
// shop is opened, and asked for what it granted and bought.
func (a *adoption) keep(ctx context.Context, tokens *grant.Tokens) error {
	now, row := a.p.o.Now(), a.told()
	row.State, row.Account, row.DueAt = grant.AuthorizerKept, a.account(), a.p.nextLook(now)
	row.Cause = a.note
	e := grant.Effects{At: now}
	isShop := row.Account == grant.AccountShop
	if a.declared {
		row.ShopID = a.shop.ID
	} else if isShop {
		e.Open = a.opening(row)
		row.ShopID = e.Open.Shop.ID
	}
	if !a.info.Status.ordinary() {
		row.Cause = "account_" + string(a.info.Status)
	}
	if isShop {
		e.Notices = a.p.findings(now, a.row, row)
	}
	if tokens != nil {
		a.authorise(&e, row, tokens)
	}
	e.Authorizers = []grant.Authorizer{row}
	if err := a.write(ctx, e); err != nil {
		return err
	}
	if isShop {
		a.p.refreshPurchases(ctx, a.app, a.token, row.AppID)
	}
	return nil
}

// opening makes a tenant and a shop of the account, named by its appid: nobody
// else can have that name.
func (a *adoption) opening(row grant.Authorizer) *grant.Opening {
	return &grant.Opening{
		Tenant: access.Tenant{ID: slug(row.AppID), Name: row.Name},
		Shop:   access.Shop{ID: slug(row.AppID), TenantID: slug(row.AppID), App: row.App, AppID: row.AppID, Name: row.Name},
	}
}

// authorise adds the grant with its new tokens to the effects.
func (a *adoption) authorise(e *grant.Effects, row grant.Authorizer, tokens *grant.Tokens) {
	g := a.grant
	e.Authorise = &grant.Authorisation{
		GrantID: a.grantID, Kind: grant.ISV, App: row.App, ShopID: row.ShopID, Authorizer: row.AppID,
		From: g.Tokens.Generation, Tokens: tokens, DueAt: dueAt(e.At, tokens.AccessExpires),
	}
	opened := ""
	if e.Open != nil {
		opened = "true"
	}
	e.Audit = entry(e.At, "authorizer.adopt", row, map[string]string{
		"grant": a.grantID, "shop": row.ShopID, "way": a.way, "link": a.link, "opened": opened, "generation": strconv.FormatInt(tokens.Generation, 10),
	})
	if g.State == grant.NeedsOwner {
		g.ShopID = row.ShopID
		e.Notices = append(e.Notices, notice.Notice{At: e.At, Kind: notice.GrantHealed, Subject: "grant:" + g.ID,
			Details: map[string]string{"cause": g.Cause, "shop": row.ShopID}})
		e.Events = own(e.At, notice.GrantHealed, g, g.Cause)
	}
}

// dueAt is when the keeper renews: after eleven twelfths of a token's life, which
// is 1 h 50 min of two hours, or at once when there is none.
func dueAt(now, expires time.Time) time.Time {
	if left := expires.Sub(now); left > 0 {
		return now.Add(left / 12 * 11)
	}
	return now
}

// write applies effects that contain the row, and counts its version.
func (a *adoption) write(ctx context.Context, e grant.Effects) error {
	if err := a.p.o.Store.Authorise(ctx, e); err != nil {
		return fmt.Errorf("provider: write an authoriser: %w", err)
	}
	a.row = e.Authorizers[0]
	a.row.Version++
	if e.Authorise != nil || e.Revoke != nil {
		a.p.Recorded(e)
	}
	return nil
}

// info asks who an account is.
func (p *Provider) info(ctx context.Context, app access.App, token Token, appID string) (Info, error) {
	asking, cancel := p.ask(ctx)
	defer cancel()
	info, err := p.o.Platform.Info(asking, app, token.Value, appID)
	p.tokenRefused(ctx, app, token, err)
	return info, err
}

// sealTokens seals new tokens as the generation after the kept one.
func (a *adoption) sealTokens(access secret.Value, expires time.Time, refresh secret.Value) (*grant.Tokens, error) {
	a.grantID = a.grant.ID
	if a.grantID == "" {
		a.grantID = newGrantID()
	}
	t := &grant.Tokens{Generation: a.grant.Tokens.Generation + 1}
	var err error
	if t.Refresh, err = a.p.o.Vault.Seal(refresh, refreshCell(a.grantID, t.Generation)); err != nil {
		return nil, fmt.Errorf("provider: seal a refresh token: %w", err)
	}
	if access.IsZero() {
		return t, nil
	}
	if t.Access, err = a.p.o.Vault.Seal(access, accessCell(a.grantID, t.Generation)); err != nil {
		return nil, fmt.Errorf("provider: seal an access token: %w", err)
	}
	t.AccessExpires = expires
	return t, nil
}
