package adminapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Grants reads grants and ends them.
type Grants interface {
	Grant(ctx context.Context, id string) (grant.Grant, error)
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	Revoke(ctx context.Context, e grant.Effects) error
	Authorise(ctx context.Context, e grant.Effects) error
}

// Keeper is told what to look at now.
type Keeper interface {
	Kick(grantID string)
}

// GrantView is a grant without its tokens.
type GrantView struct {
	ID             string     `json:"id"`
	Kind           string     `json:"kind"`
	App            string     `json:"app"`
	Shop           string     `json:"shop,omitempty"`
	Account        string     `json:"account,omitempty" doc:"WeChat's id of the account that authorised the platform"`
	Person         string     `json:"person,omitempty"`
	Scope          string     `json:"scope,omitempty"`
	State          string     `json:"state"`
	Cause          string     `json:"cause,omitempty"`
	ErrCode        int        `json:"errcode,omitempty"`
	Generation     int64      `json:"generation"`
	AccessExpires  *time.Time `json:"access_expires,omitempty"`
	RefreshExpires *time.Time `json:"refresh_expires,omitempty"`
	DueAt          *time.Time `json:"due_at,omitempty"`
	UpdatedAt      *time.Time `json:"updated_at,omitempty"`
	ProvedAt       *time.Time `json:"proved_at,omitempty" doc:"when WeChat last took the kept token, as far as was written down"`
	Doubts         int        `json:"doubts,omitempty" doc:"definite refusals of the kept token since then"`
	Killing        int        `json:"killing,omitempty" doc:"forced refreshes still to come that end the tokens of a revoked grant at WeChat"`
}

func viewGrant(g grant.Grant) GrantView {
	return GrantView{ID: g.ID, Kind: string(g.Kind), App: g.App, Shop: g.ShopID, Account: g.Authorizer, Person: g.PersonID, Scope: g.Scope,
		State: string(g.State), Cause: g.Cause, ErrCode: g.ErrCode, Generation: g.Tokens.Generation,
		AccessExpires: stamp(g.Tokens.AccessExpires), RefreshExpires: stamp(g.Tokens.RefreshExpires),
		DueAt: stamp(g.DueAt), UpdatedAt: stamp(g.UpdatedAt), ProvedAt: stamp(g.Proved), Doubts: g.Doubts, Killing: g.Kills}
}

// ShopView is a shop with the grant that serves it.
type ShopView struct {
	ID     string     `json:"id"`
	Tenant string     `json:"tenant"`
	Name   string     `json:"name"`
	App    string     `json:"app" doc:"whose key serves the shop: its own app or a component"`
	AppID  string     `json:"appid"`
	Grant  *GrantView `json:"grant,omitempty"`
}

func (h handlers) mountGrants(api huma.API) {
	huma.Register(api, op("list-grants", http.MethodGet, "/v1/grants", "List the grants"), h.grants)
	huma.Register(api, op("revoke-grant", http.MethodPost, "/v1/grants/{id}/revoke", "End a grant: its tokens are deleted, calls are refused, sessions end"), h.revoke)
	huma.Register(api, op("start-grant", http.MethodPost, "/v1/grants/{id}/start", "Give a shop's revoked or stopped grant a new start"), h.start)
	huma.Register(api, op("move-shop", http.MethodPost, "/v1/shops/{shop}/move", "Have a shop served by its own key or by a platform's, without a gap"), h.move)
	huma.Register(api, op("kick-grant", http.MethodPost, "/v1/grants/{id}/kick", "Have the keeper look at a grant now"), h.kick)
}

func (h handlers) grants(ctx context.Context, in *struct {
	Shop   string `query:"shop"`
	Person string `query:"person"`
	Kind   string `query:"kind"`
	State  string `query:"state"`
}) (*body[list[GrantView]], error) {
	grants, err := h.Grants.Grants(ctx, grant.Filter{ShopID: in.Shop, PersonID: in.Person, Kind: grant.Kind(in.Kind), State: grant.State(in.State)})
	if err != nil {
		return nil, fail(err)
	}
	return listOf(grants, viewGrant), nil
}

func (h handlers) revoke(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Body struct {
		Cause string `json:"cause,omitempty" maxLength:"80" pattern:"^[a-z0-9 ._-]*$" doc:"a few plain words for the audit log"`
		Kill  bool   `json:"kill,omitempty" doc:"end the shop's tokens at WeChat too, by two forced refreshes half a minute apart"`
	}
}) (*body[GrantView], error) {
	g, err := h.Grants.Grant(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	if in.Body.Kill && g.Kind != grant.Self {
		return nil, huma.Error422UnprocessableEntity("WeChat has no way to end a person's token: revoke the grant without kill; its token ends by itself within two hours")
	}
	now, cause := h.Now(), cmp.Or(in.Body.Cause, "revoked by an operator")
	e := grant.RevokeEffects(now, actor(ctx), cause, g)
	if in.Body.Kill {
		e = grant.KillEffects(now, actor(ctx), cause, g)
	}
	if err := h.Grants.Revoke(ctx, e); err != nil {
		return nil, fail(err)
	}
	if g, err = h.Grants.Grant(ctx, in.ID); err != nil {
		return nil, fail(err)
	}
	return answer(viewGrant(g)), nil
}

// start undoes a revocation, or tries anew what was stopped. An AppSecret, a shop's
// own or a platform's, is all that it takes; what a person or a shop granted takes
// them. A start ends
// a kill, and WeChat would give out the very token that was to die, so a grant
// that still owes forced refreshes is started only when that is meant.
func (h handlers) start(ctx context.Context, in *struct {
	ID    string `path:"id"`
	Spare bool   `query:"spare" doc:"start a grant that is being killed: a token that WeChat still takes may be kept"`
}) (*body[GrantView], error) {
	g, err := h.Grants.Grant(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	switch g.Kind {
	case grant.ISV:
		return nil, huma.Error422UnprocessableEntity("only the shop can renew what it authorised the platform to: have its owner withdraw and authorise again at WeChat")
	case grant.User:
		return nil, huma.Error422UnprocessableEntity("only a person can renew their authorisation: have them log in again, or send them an invitation")
	}
	if g.Kills > 0 && !in.Spare {
		return nil, huma.Error409Conflict("its tokens are being ended at WeChat, and a start would end that: wait until grant list does not show it as killing; if the token need not die, start it with --spare")
	}
	now := h.Now()
	err = h.Grants.Authorise(ctx, grant.Effects{At: now,
		Authorise: &grant.Authorisation{GrantID: g.ID, Kind: g.Kind, App: g.App, ShopID: g.ShopID, From: g.Tokens.Generation, DueAt: now},
		Audit: []audit.Entry{{At: now, Actor: actor(ctx), Action: "grant.start", Subject: "grant:" + g.ID, Outcome: audit.Done,
			Details: map[string]string{"shop": g.ShopID, "from": string(g.State)}}}})
	if err != nil {
		return nil, fail(err)
	}
	h.Keeper.Kick(g.ID)
	if g, err = h.Grants.Grant(ctx, g.ID); err != nil {
		return nil, fail(err)
	}
	return answer(viewGrant(g)), nil
}

func (h handlers) kick(ctx context.Context, in *struct {
	ID string `path:"id"`
}) (*struct{}, error) {
	if _, err := h.Grants.Grant(ctx, in.ID); err != nil {
		return nil, fail(err)
	}
	h.Keeper.Kick(in.ID)
	return nil, nil
}

// moveBody says whose key is to serve a shop.
type moveBody struct {
	To  string `json:"to" enum:"isv,self" doc:"isv: a third-party platform's that it authorised; self: its own AppID and AppSecret"`
	App string `json:"app,omitempty" doc:"the platform, if the shop authorised several"`
}

func (h handlers) move(ctx context.Context, in *struct {
	Shop string `path:"shop"`
	Body moveBody
}) (*body[ShopView], error) {
	s, err := h.Setup.Move(ctx, h.Grants, h.Tokens, in.Shop, grant.Kind(in.Body.To), in.Body.App, actor(ctx))
	if err != nil {
		return nil, fail(err)
	}
	return answer(ShopView{ID: s.ID, Tenant: s.TenantID, Name: s.Name, App: s.App, AppID: s.AppID}), nil
}

func (h handlers) shops(ctx context.Context, _ *struct{}) (*body[list[ShopView]], error) {
	shops, err := h.Directory.Shops(ctx)
	if err != nil {
		return nil, fail(err)
	}
	type serving struct{ shop, app string }
	grants := map[serving]*GrantView{}
	for _, kind := range []grant.Kind{grant.Self, grant.ISV} {
		all, err := h.Grants.Grants(ctx, grant.Filter{Kind: kind})
		if err != nil {
			return nil, fail(err)
		}
		for _, g := range all {
			grants[serving{g.ShopID, g.App}] = new(viewGrant(g))
		}
	}
	return listOf(shops, func(s access.Shop) ShopView {
		return ShopView{ID: s.ID, Tenant: s.TenantID, Name: s.Name, App: s.App, AppID: s.AppID, Grant: grants[serving{s.ID, s.App}]}
	}), nil
}
