package adminapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Grants reads grants and ends them.
type Grants interface {
	Grant(ctx context.Context, id string) (grant.Grant, error)
	// Grants gives those of one person or one shop; GrantsAfter all, in pages.
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	GrantsAfter(ctx context.Context, id string, limit int) ([]grant.Grant, error)
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
	Killing        int        `json:"killing,omitempty" doc:"forced refreshes still to come that end the tokens at WeChat"`
}

func viewGrant(g grant.Grant) GrantView {
	return GrantView{ID: g.ID, Kind: string(g.Kind), App: g.App, Shop: g.ShopID, Account: g.Authorizer, Person: g.PersonID, Scope: g.Scope,
		State: string(g.State), Cause: g.Cause, ErrCode: g.ErrCode, Generation: g.Tokens.Generation,
		AccessExpires: stamp(g.Tokens.AccessExpires), RefreshExpires: stamp(g.Tokens.RefreshExpires),
		DueAt: stamp(g.DueAt), UpdatedAt: stamp(g.UpdatedAt), ProvedAt: stamp(g.Proved), Doubts: g.Doubts, Killing: g.Kills}
}

func (h handlers) mountGrants(api huma.API) {
	huma.Register(api, op("list-grants", http.MethodGet, "/v1/grants", "List the grants"), h.grants)
	huma.Register(api, op("get-grant", http.MethodGet, "/v1/grants/{id}", "Show one grant"), h.grant)
	huma.Register(api, op("revoke-grant", http.MethodPost, "/v1/grants/{id}/revoke", "End a grant: its tokens are deleted, calls are refused, sessions end"), h.revoke)
	huma.Register(api, op("start-grant", http.MethodPost, "/v1/grants/{id}/start", "Give a shop's revoked or stopped grant a new start"), h.start)
	huma.Register(api, op("move-shop", http.MethodPost, "/v1/shops/{shop}/move", "Have a shop served by its own key or by a platform's, without a gap"), h.move)
	huma.Register(api, op("kick-grant", http.MethodPost, "/v1/grants/{id}/kick", "Have the keeper look at a grant now"), h.kick)
}

func (h handlers) grants(ctx context.Context, in *struct {
	Page
	Shop   string `query:"shop" doc:"Only those of this shop"`
	Person string `query:"person" doc:"Only those of this person"`
	Kind   string `query:"kind" doc:"Only those of this kind: self, isv, user or component"`
	State  string `query:"state" doc:"Only those in this state"`
}) (*body[list[GrantView]], error) {
	after, err := in.after("grants")
	if err != nil {
		return nil, err
	}
	f := grant.Filter{ShopID: in.Shop, PersonID: in.Person, Kind: grant.Kind(in.Kind), State: grant.State(in.State)}
	rows, err := h.grantsAfter(ctx, f, after, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(rows, in.Limit, viewGrant, func(g grant.Grant) string { return cursor("grants", g.ID) }), nil
}

// scanned is how many rows are read together while a list is looked through.
const scanned = 500

// grantsAfter gives at most n grants behind an id. One person's or one shop's are
// few; all others are looked through in pages.
func (h handlers) grantsAfter(ctx context.Context, f grant.Filter, after string, n int) (found []grant.Grant, err error) {
	few := f.PersonID != "" || f.ShopID != ""
	for {
		var rows []grant.Grant
		if few {
			rows, err = h.Grants.Grants(ctx, f)
			slices.SortFunc(rows, func(a, b grant.Grant) int { return cmp.Compare(a.ID, b.ID) })
		} else {
			rows, err = h.Grants.GrantsAfter(ctx, after, scanned)
		}
		if err != nil {
			return nil, err
		}
		for _, g := range rows {
			if g.ID > after && (f.Kind == "" || g.Kind == f.Kind) && (f.State == "" || g.State == f.State) {
				found = append(found, g)
			}
		}
		if few || len(rows) < scanned || len(found) >= n {
			return found[:min(n, len(found))], nil
		}
		after = rows[len(rows)-1].ID
	}
}

func (h handlers) grant(ctx context.Context, in *idPath) (*body[GrantView], error) {
	g, err := h.Grants.Grant(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(viewGrant(g)), nil
}

func (h handlers) revoke(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
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
		return nil, refuse(http.StatusUnprocessableEntity, "no-kill", "WeChat has no way to end a person's token", "revoke the grant without kill; its token ends by itself within two hours",
			"微信无法使个人令牌失效", "请不带 kill 撤销；令牌会在两小时内自行失效")
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
	ID    string `path:"id" doc:"Its id"`
	Spare bool   `query:"spare" doc:"start a grant that is being killed: a token that WeChat still takes may be kept"`
}) (*body[GrantView], error) {
	g, err := h.Grants.Grant(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	switch g.Kind {
	case grant.ISV:
		return nil, refuse(http.StatusUnprocessableEntity, "owner-needed", "only the shop can renew what it authorised the platform to", "have its owner withdraw and authorise again at WeChat",
			"只有店铺能重新授权", "请店铺所有者在微信取消后重新授权")
	case grant.User:
		return nil, refuse(http.StatusUnprocessableEntity, "person-needed", "only a person can renew their authorisation", "have them log in again, or send them an invitation",
			"只有本人能重新授权", "请其重新登录，或发送邀请")
	}
	if g.Kills > 0 && !in.Spare {
		return nil, refuse(http.StatusConflict, "killing", "its tokens are being ended at WeChat, and a start would end that", "wait until grant list does not show it as killing; if the token need not die, start it with --spare",
			"其令牌正在微信侧失效，重新开始会中断此过程", "请等到列表不再显示 killing；若令牌不必失效，请带 spare 重新开始")
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

func (h handlers) kick(ctx context.Context, in *idPath) (*struct{}, error) {
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
	Shop string `path:"shop" doc:"Our id of the shop"`
	Body moveBody
}) (*body[ShopView], error) {
	s, err := h.Setup.Move(ctx, h.Grants, h.Tokens, in.Shop, grant.Kind(in.Body.To), in.Body.App, actor(ctx))
	if err != nil {
		return nil, fail(err)
	}
	return answer(ShopView{ID: s.ID, Tenant: s.TenantID, Name: s.Name, App: s.App, AppID: s.AppID}), nil
}
