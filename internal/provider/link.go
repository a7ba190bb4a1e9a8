package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// LinkURL gives WeChat's page on which an account authorises the platform by l. The
// page is for WeChat's browser if phone is true, and else for a PC. WeChat sends
// the browser on to back, with auth_code added. The address holds a fresh
// pre-authorisation code: it is for one browser and no log.
func (p *Provider) LinkURL(ctx context.Context, app access.App, l grant.Link, back string, phone bool) (string, error) {
	token, err := p.o.Keeper.ComponentToken(ctx, app.ID)
	if err != nil {
		return "", fmt.Errorf("provider: make an authorisation link: %w", err)
	}
	asking, cancel := p.ask(ctx)
	defer cancel()
	target, err := p.o.Platform.LinkURL(asking, app, token.Value, l, back, phone)
	p.tokenRefused(ctx, app, token, err)
	if err != nil {
		return "", fmt.Errorf("provider: make an authorisation link: %w", err)
	}
	return target, nil
}

// Link takes the code with which WeChat sent an account's administrator back, and
// keeps the account from then on. The code is sent at most once, also if a push
// brings the same. The tokens are kept when Link returns without an error; what
// WeChat calls the account is asked for a few seconds at most, and again later.
//
// Besides WeChat's errors and those of the store there are [grant.ErrCodeUsed],
// [grant.ErrOtherAccount] and [grant.ErrAway]. If the answer is lost and l names
// the account, or the tokens cannot be written, they are looked for in WeChat's
// record of the account soon after.
func (p *Provider) Link(ctx context.Context, app access.App, l grant.Link, code secret.Value) (grant.Linked, error) {
	if err := p.mayLink(ctx, app, l); err != nil {
		return grant.Linked{}, err
	}
	token, err := p.o.Keeper.ComponentToken(ctx, app.ID)
	if err != nil {
		return grant.Linked{}, fmt.Errorf("provider: take an authorisation: %w", err)
	}
	if err := p.useCode(ctx, app.ID, code); err != nil {
		return grant.Linked{}, err
	}
	pair, err := p.send(ctx, app, token, code)
	switch {
	case err != nil:
		if l.AppID != "" && wechat.OutcomeOf(err) == wechat.OutcomeUnknown {
			err = errors.Join(err, p.expect(ctx, app, l.AppID))
		}
		return grant.Linked{}, fmt.Errorf("provider: exchange the code of an authorisation: %w", err)
	case l.AppID != "" && pair.AppID != l.AppID:
		return grant.Linked{}, grant.ErrOtherAccount
	}
	return p.keepLinked(ctx, app, l, token, pair)
}

// mayLink keeps a code unsent that would end another system's token. Which account
// it is shows only with the answer, unless the link names it.
func (p *Provider) mayLink(ctx context.Context, app access.App, l grant.Link) error {
	if l.AppID == "" {
		return nil
	}
	k, err := p.known(ctx, app, l.AppID)
	if err == nil && k.grant.State.Elsewhere() {
		err = grant.ErrAway
	}
	return err
}

// useCode writes down that a code of an authorisation is being sent. A redirect
// and a push may bring the same one: [grant.ErrCodeUsed] says that it was sent.
func (p *Provider) useCode(ctx context.Context, app string, code secret.Value) error {
	hash := sha256.Sum256([]byte("authorization code\x00" + app + "\x00" + code.RevealString()))
	_, err := p.o.Store.UseState(ctx, grant.Callback{App: app, StateHash: hash[:], At: p.o.Now()})
	if errors.Is(err, access.ErrUsed) {
		return grant.ErrCodeUsed
	}
	if err != nil {
		return fmt.Errorf("provider: write down that a code is used: %w", err)
	}
	return nil
}

// send exchanges a code.
func (p *Provider) send(ctx context.Context, app access.App, token Token, code secret.Value) (Pair, error) {
	asking, cancel := p.ask(ctx)
	defer cancel()
	pair, err := p.o.Platform.Exchange(asking, app, token.Value, code)
	p.tokenRefused(ctx, app, token, err)
	return pair, err
}

// expect notes that an account authorised by a link although its tokens are not
// here: the adoption finds its refresh token.
func (p *Provider) expect(ctx context.Context, app access.App, appID string) error {
	k, err := p.known(ctx, app, appID)
	if err != nil {
		return err
	}
	now, row := p.o.Now(), k.row
	row.State, row.Account, row.DueAt, row.Attempt, row.Cause = grant.AuthorizerNew, linkedAccount(row), now, 0, "link"
	e := grant.Effects{At: now, Authorizers: []grant.Authorizer{row}}
	if err := p.o.Store.Authorise(ctx, e); err != nil {
		return fmt.Errorf("provider: note that an account authorised: %w", err)
	}
	p.wakeUp()
	return nil
}

// linkedAccount is what an account is that came by a link. A shop stays one.
func linkedAccount(row grant.Authorizer) grant.Account {
	if row.Account == grant.AccountShop {
		return grant.AccountShop
	}
	return grant.AccountLinked
}

// writes is how often a write is tried: somebody else may be first, and the code is
// used up.
const writes = 5

// keepLinked writes the account with its tokens, whatever was known of it: its
// administrator has just authorised the platform, and an administrator here asked
// for that.
func (p *Provider) keepLinked(ctx context.Context, app access.App, l grant.Link, token Token, pair Pair) (grant.Linked, error) {
	var a *adoption
	var err error
	for range writes {
		if a, err = p.linking(ctx, app, l, token, pair.AppID); err != nil {
			return grant.Linked{}, err
		}
		if err = a.keepPair(ctx, pair); err == nil {
			break
		}
	}
	if err != nil {
		return grant.Linked{}, errors.Join(err, p.expect(ctx, app, pair.AppID))
	}
	looking, cancel := context.WithTimeout(ctx, p.o.Wait)
	defer cancel()
	p.adoptSafely(looking, a.row) // its name; who claimed it meanwhile looks as well
	return p.linked(ctx, a.row), nil
}

// linking reads what is here of an account that comes by a link.
func (p *Provider) linking(ctx context.Context, app access.App, l grant.Link, token Token, appID string) (*adoption, error) {
	k, err := p.known(ctx, app, appID)
	if err != nil {
		return nil, err
	}
	if k.grant.State.Elsewhere() {
		return nil, grant.ErrAway
	}
	a := &adoption{p: p, known: k, app: app, token: token, way: "link", link: l.ID}
	a.shop, err = p.o.Directory.ShopByAppID(ctx, appID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return nil, fmt.Errorf("provider: find the shop of an authoriser: %w", err)
	}
	a.declared = err == nil
	return a, nil
}

// keepPair writes what an exchange brought, and claims the row for a first look.
func (a *adoption) keepPair(ctx context.Context, pair Pair) error {
	now, row := a.p.o.Now(), a.row
	row.State, row.Account, row.DueAt = grant.AuthorizerKept, linkedAccount(row), now.Add(a.p.o.Hold)
	row.Code, row.CodeEnds, row.Attempt, row.Cause = nil, time.Time{}, 0, ""
	row.Name = nameOf(row.Name, row.AppID)
	if pair.Sets != nil {
		row.Sets = pair.Sets
	}
	if a.declared {
		row.ShopID = a.shop.ID
	}
	refresh, err := a.refresh(ctx, pair)
	if err != nil {
		return err
	}
	tokens, err := a.sealTokens(pair.Access, pair.Expires, refresh)
	if err != nil {
		return err
	}
	e := grant.Effects{At: now, Authorizers: []grant.Authorizer{row}}
	a.authorise(&e, row, tokens)
	return a.write(ctx, e)
}

// linked is the account as it is kept by now; failing to read it is no reason to
// call the authorisation failed.
func (p *Provider) linked(ctx context.Context, row grant.Authorizer) grant.Linked {
	if now, err := p.o.Store.Authorizer(ctx, row.App, row.AppID); err == nil {
		row = now
	}
	return grant.Linked{AppID: row.AppID, Name: row.Name, Sets: row.Sets}
}
