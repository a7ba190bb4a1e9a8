package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/event"
)

// known is what is kept of an account and a platform: zero values where there is
// nothing, but the ids of the row are always set.
type known struct {
	row   grant.Authorizer
	grant grant.Grant
}

// known reads what is kept of an account.
func (p *Provider) known(ctx context.Context, app access.App, appID string) (known, error) {
	row, err := p.o.Store.Authorizer(ctx, app.ID, appID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return known{}, fmt.Errorf("provider: read an authoriser: %w", err)
	}
	if err != nil {
		row = grant.Authorizer{App: app.ID, AppID: appID}
	}
	return p.withGrant(ctx, row)
}

// withGrant adds the grant to a row.
func (p *Provider) withGrant(ctx context.Context, row grant.Authorizer) (known, error) {
	g, err := p.o.Directory.AuthorizerGrant(ctx, row.App, row.AppID)
	if err != nil && !errors.Is(err, grant.ErrNotFound) {
		return known{}, fmt.Errorf("provider: read the grant of an authoriser: %w", err)
	}
	if err != nil {
		g = grant.Grant{}
	}
	return known{row: row, grant: g}, nil
}

// shopID is the shop that the account's grant opens, or empty.
func (k known) shopID() string {
	if k.grant.ShopID != "" {
		return k.grant.ShopID
	}
	return k.row.ShopID
}

// withdraw ends what the account granted: the tokens are dropped, whoever came
// from the market into the shop is out, and its owner may authorise again. A
// grant that was revoked here stays so. how says what told it.
func (k known) withdraw(at time.Time, how string) grant.Effects {
	row, g := k.row, k.grant
	row.State, row.Code, row.CodeEnds = grant.AuthorizerWithdrawn, nil, time.Time{}
	row.DueAt, row.Attempt, row.Cause = time.Time{}, 0, grant.CauseUnauthorized
	e := grant.Effects{At: at, Authorizers: []grant.Authorizer{row}}
	e.Audit = entry(at, "authorizer.withdraw", row, map[string]string{"how": how, "shop": k.shopID(), "grant": g.ID})
	if shop := k.shopID(); shop != "" {
		e.EndSessions = []access.SessionFilter{{ShopID: shop, Why: "shop withdrew at wechat"}}
	}
	if g.ID == "" || g.State == grant.Revoked {
		return e
	}
	e.Revoke = []grant.Revocation{{GrantID: g.ID, Cause: grant.CauseUnauthorized, State: grant.NeedsOwner}}
	if g.State == grant.NeedsOwner {
		return e // that was told before
	}
	e.Notices = []notice.Notice{{At: at, Kind: notice.GrantNeedsOwner, Subject: "grant:" + g.ID,
		Details: map[string]string{"cause": grant.CauseUnauthorized, "kind": string(g.Kind), "shop": g.ShopID}}}
	e.Events = own(at, notice.GrantNeedsOwner, g, grant.CauseUnauthorized)
	return e
}

// own is an event of ours about a shop's grant.
func own(at time.Time, kind notice.Kind, g grant.Grant, cause string) []grant.Event {
	if g.ShopID == "" {
		return nil
	}
	body, err := json.Marshal(map[string]string{"cause": cause, "grant": g.ID, "kind": string(g.Kind)})
	if err != nil {
		return nil // strings always marshal
	}
	return []grant.Event{{ShopID: g.ShopID, Name: string(kind), At: at, SeenAt: at, Body: body}}
}

// codeLife is how long a code is tried when its event does not say: the redirect
// of the same authorisation carries expires_in=600.
const codeLife = 10 * time.Minute

// sealCode seals the code of an event for its row.
func (p *Provider) sealCode(row grant.Authorizer, a event.Authorization, at time.Time) ([]byte, time.Time, error) {
	sealed, err := p.o.Vault.Seal(a.Code, vault.AuthorizationCode(row.App, row.AppID, row.EventAt))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("provider: seal a code: %w", err)
	}
	ends := a.CodeExpires
	if ends.IsZero() {
		ends = at.Add(codeLife)
	}
	return sealed, ends, nil
}

// entry is the audit entry about an authoriser; empty details are left out.
func entry(at time.Time, action string, row grant.Authorizer, details map[string]string) []audit.Entry {
	d := map[string]string{"app": row.App}
	for key, value := range details {
		if value != "" {
			d[key] = value
		}
	}
	return []audit.Entry{{At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: action,
		Subject: "authorizer:" + row.AppID, Outcome: audit.Done, Details: d}}
}
