package provider

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func newGrantID() string { return access.NewID("g") }

// slug is the id of ours that an appid is.
func slug(appID string) string { return strings.ToLower(appID) }

func accessCell(grantID string, generation int64) vault.Cell {
	return vault.GrantAccess(grantID, string(grant.ISV), generation)
}

func refreshCell(grantID string, generation int64) vault.Cell {
	return vault.GrantRefresh(grantID, string(grant.ISV), generation)
}

// wants tells whether the account's refresh token must be fetched: there is none,
// its grant gives no tokens any more, or what an event told is not fetched yet. The
// keeper renews with the old one meanwhile, so the age of the grant says nothing.
func (a *adoption) wants() bool {
	g := a.grant
	return len(a.row.Code) > 0 || g.ID == "" || len(g.Tokens.Refresh) == 0 ||
		g.State == grant.NeedsOwner || g.State == grant.Revoked ||
		a.row.State == grant.AuthorizerNew && !a.row.EventAt.IsZero()
}

// tokens finds the account's refresh token: with the code of its event, in what
// WeChat tells of the account, on the list; in this order. Nil says that the kept
// ones stay.
func (a *adoption) tokens(ctx context.Context) (*grant.Tokens, error) {
	if !a.wants() {
		return nil, nil
	}
	pair, err := a.exchange(ctx)
	if err != nil {
		return nil, err
	}
	refresh, err := a.refresh(ctx, pair)
	if err != nil {
		return nil, err
	}
	if pair.Access.IsZero() && a.unchanged(refresh) {
		if a.grant.State == grant.NeedsOwner {
			a.note = "refresh_unchanged"
		}
		return nil, nil
	}
	return a.sealTokens(pair.Access, pair.Expires, refresh)
}

// exchange uses the code of the event, if there is one, after it was written off.
// The zero Pair says to look elsewhere.
func (a *adoption) exchange(ctx context.Context) (Pair, error) {
	if len(a.row.Code) == 0 {
		return Pair{}, nil
	}
	sealed, ends, cell := a.row.Code, a.row.CodeEnds, vault.AuthorizationCode(a.row.App, a.row.AppID, a.row.EventAt)
	row := a.row
	row.Code, row.CodeEnds, row.State = nil, time.Time{}, grant.AuthorizerNew
	if err := a.write(ctx, grant.Effects{At: a.p.o.Now(), Authorizers: []grant.Authorizer{row}}); err != nil {
		return Pair{}, err
	}
	if !a.p.o.Now().Before(ends) {
		return Pair{}, nil
	}
	pair, err := a.sendCode(ctx, sealed, cell)
	if err != nil {
		a.p.o.Logger.Warn("the code of an authorisation brought no tokens; they are taken from WeChat's record of the account",
			"app", a.row.App, "authorizer", a.row.AppID, "err", err)
		return Pair{}, nil
	}
	a.way = "code"
	if pair.Sets != nil {
		a.info.Sets = pair.Sets
	}
	return pair, nil
}

var errOtherAccount = errors.New("provider: the code was another account's; its tokens are not used")

func (a *adoption) sendCode(ctx context.Context, sealed []byte, cell vault.Cell) (Pair, error) {
	code, err := a.p.o.Vault.Open(sealed, cell)
	if err != nil {
		return Pair{}, err
	}
	if err := a.p.useCode(ctx, a.app.ID, code); err != nil {
		return Pair{}, err
	}
	pair, err := a.p.send(ctx, a.app, a.token, code)
	if err == nil && pair.AppID != a.row.AppID {
		return Pair{}, errOtherAccount
	}
	return pair, err
}

// refresh gives the newest refresh token that WeChat tells.
func (a *adoption) refresh(ctx context.Context, pair Pair) (secret.Value, error) {
	if !pair.Refresh.IsZero() {
		return pair.Refresh, nil
	}
	if !a.info.Refresh.IsZero() {
		a.way = "info"
		return a.info.Refresh, nil
	}
	a.way = "list"
	refresh, err := a.p.listed(ctx, a.app, a.token, a.row.AppID)
	if err == nil && refresh.IsZero() {
		err = &trouble{cause: "no_refresh_token"}
	}
	return refresh, err
}

// unchanged tells whether another start with the refresh token that WeChat told is
// of no use: it is the one that serves, or the very one that WeChat refused, and no
// event has come since, so that it would fail alike, hour for hour. What ended because
// nobody authorised anew in time starts with a newer authorisation only: WeChat goes on
// naming the old one.
func (a *adoption) unchanged(refresh secret.Value) bool {
	g := a.grant
	switch g.State {
	case grant.Active, grant.Stopped:
		return a.p.sameRefresh(g, refresh)
	case grant.NeedsOwner:
		if g.Overdue() {
			return !a.row.EventAt.After(g.UpdatedAt)
		}
		return !refutes(g) && !a.row.EventAt.After(g.UpdatedAt) && a.p.sameRefresh(g, refresh)
	}
	return false
}

// refutes tells whether WeChat's naming the account says by itself that the grant
// ended by mistake: WeChat had said that the account withdrew, and it has been wrong
// about that for hours. Its refresh token holds then.
func refutes(g grant.Grant) bool {
	return g.State == grant.NeedsOwner && g.Cause == grant.CauseUnauthorized
}

// sameRefresh compares a refresh token with the kept one.
func (p *Provider) sameRefresh(g grant.Grant, refresh secret.Value) bool {
	if len(g.Tokens.Refresh) == 0 {
		return false
	}
	kept, err := p.o.Vault.Open(g.Tokens.Refresh, refreshCell(g.ID, g.Tokens.Generation))
	return err == nil && kept.Equal(refresh)
}

// listed looks for an account's refresh token on the list, page by page.
func (p *Provider) listed(ctx context.Context, app access.App, token Token, appID string) (secret.Value, error) {
	for offset := 0; ; {
		page, err := p.page(ctx, app, token, offset)
		if err != nil {
			return secret.Value{}, err
		}
		for _, l := range page.Accounts {
			if l.AppID == appID {
				return l.Refresh, nil
			}
		}
		offset += page.Rows
		if page.Rows == 0 || offset >= page.Total {
			return secret.Value{}, nil
		}
	}
}

// page asks for one page of the list.
func (p *Provider) page(ctx context.Context, app access.App, token Token, offset int) (Page, error) {
	asking, cancel := p.ask(ctx)
	defer cancel()
	page, err := p.o.Platform.List(asking, app, token.Value, offset, wechat.MaxAuthorizers)
	p.tokenRefused(ctx, app, token, err)
	return page, err
}
