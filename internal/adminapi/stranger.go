package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/stranger"
)

// Strangers tells what is known of tokens that died before their end.
type Strangers interface {
	// Evidence is false for a grant of which no token did.
	Evidence(ctx context.Context, grantID string) (stranger.Evidence, bool, error)
}

// Killer ends the tokens of a grant that goes on being served.
type Killer interface {
	// OweKills answers [grant.ErrNotFound] when no such self grant is active.
	OweKills(ctx context.Context, grantID string, at time.Time, entries ...audit.Entry) error
	ForcedRefreshes(ctx context.Context, grantID string, since time.Time) ([]grant.Force, error)
}

// StrangerView is whether somebody else refreshes the tokens of a grant.
type StrangerView struct {
	Grant   string           `json:"grant"`
	Shop    string           `json:"shop,omitempty"`
	Level   string           `json:"level" enum:"none,innocent,unknown,likely,proven" doc:"of the last day; none: no token died before its end"`
	Deaths  int              `json:"deaths" doc:"tokens that died before their end, ever"`
	First   *time.Time       `json:"first,omitempty" doc:"when the first of them died"`
	Last    *time.Time       `json:"last,omitempty" doc:"when the last of them died"`
	Proven  []notice.Text    `json:"proven" doc:"facts that no request of this server explains"`
	Guess   []notice.Text    `json:"guess" doc:"what they make likely"`
	Else    []notice.Text    `json:"else" doc:"what else may be behind it"`
	Next    []notice.Text    `json:"next" doc:"what to do"`
	Records []DeathView      `json:"records" doc:"the newest deaths, the last one last"`
	Counts  []TokenCountView `json:"counts" doc:"WeChat's counts of requests for tokens beside ours"`
	Killing int              `json:"killing,omitempty" doc:"forced refreshes still to come that end every token that is out"`
	Forced  int              `json:"forced" doc:"forced refreshes of the last 24 hours; WeChat allows 20"`
}

// DeathView is a token that died before its end, judged.
type DeathView struct {
	At         time.Time  `json:"at" doc:"when it was found dead"`
	Generation int64      `json:"generation" doc:"of the dead token"`
	Level      string     `json:"level" enum:"innocent,unknown,likely,proven" doc:"how much it says about somebody else"`
	Reason     string     `json:"reason" doc:"why, for programs"`
	Probed     bool       `json:"probed,omitempty" doc:"WeChat refused it in a read of this server's"`
	ErrCode    int        `json:"errcode,omitempty" doc:"with which WeChat refused to name a token"`
	QuietFrom  *time.Time `json:"quiet_from,omitempty" doc:"from then on this server asked for no token"`
	QuietTo    *time.Time `json:"quiet_to,omitempty" doc:"until then"`
	MadeFrom   *time.Time `json:"made_from,omitempty" doc:"the token that WeChat named then was made at this time or later"`
	MadeTo     *time.Time `json:"made_to,omitempty" doc:"and at this time or earlier"`
	End        time.Time  `json:"end" doc:"when the dead token should have ended"`
}

// TokenCountView is WeChat's count of a day's requests for tokens beside ours.
type TokenCountView struct {
	Path string    `json:"path" doc:"of WeChat's"`
	At   time.Time `json:"at" doc:"when WeChat was asked"`
	Used int64     `json:"used" doc:"requests of the day, as WeChat says"`
	Ours int64     `json:"ours" doc:"as they were counted here, to about a quarter of a minute"`
	More bool      `json:"more" doc:"WeChat counts more than this server can have sent"`
}

func viewDeath(r stranger.Record) DeathView {
	return DeathView{At: r.At.UTC(), Generation: r.Generation, Level: string(r.Level), Reason: string(r.Reason), Probed: r.Probed, ErrCode: r.Code,
		QuietFrom: stamp(r.QuietFrom), QuietTo: stamp(r.QuietTo), MadeFrom: stamp(r.MadeFrom), MadeTo: stamp(r.MadeTo), End: r.End.UTC()}
}

func (h handlers) mountStranger(api huma.API) {
	huma.Register(api, op("get-grant-stranger", http.MethodGet, "/v1/grants/{id}/stranger", "Show whether somebody else refreshes the tokens of a grant"), h.grantStranger)
	huma.Register(api, op("list-shop-strangers", http.MethodGet, "/v1/shops/{shop}/stranger", "Show whether somebody else refreshes the tokens of a shop, for each of its grants"), h.shopStranger)
	huma.Register(api, op("kill-tokens", http.MethodPost, "/v1/shops/{shop}/token/kill", "End every token of a shop that is out, by two forced refreshes, while the newest is served"), h.killTokens)
}

func (h handlers) grantStranger(ctx context.Context, in *idPath) (*body[StrangerView], error) {
	g, err := h.Grants.Grant(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	v, err := h.viewStranger(ctx, g)
	if err != nil {
		return nil, fail(err)
	}
	return answer(v), nil
}

func (h handlers) shopStranger(ctx context.Context, in *struct {
	Page
	ShopPath
}) (*body[list[StrangerView]], error) {
	if _, err := h.Directory.Shop(ctx, in.Shop); err != nil {
		return nil, fail(err)
	}
	grants, err := h.Grants.Grants(ctx, grant.Filter{ShopID: in.Shop})
	if err != nil {
		return nil, fail(err)
	}
	views := make([]StrangerView, len(grants))
	for i, g := range grants {
		if views[i], err = h.viewStranger(ctx, g); err != nil {
			return nil, fail(err)
		}
	}
	return window(in.Page, "shop-stranger", views, func(v StrangerView) string { return v.Grant }, func(v StrangerView) StrangerView { return v })
}

func (h handlers) viewStranger(ctx context.Context, g grant.Grant) (StrangerView, error) {
	v := StrangerView{Grant: g.ID, Shop: g.ShopID, Level: "none", Killing: g.Kills, Records: []DeathView{}, Counts: []TokenCountView{}}
	now := h.Now()
	forces, err := h.Killer.ForcedRefreshes(ctx, g.ID, now.AddDate(0, 0, -1))
	if err != nil {
		return v, err
	}
	v.Forced = len(forces)
	e, ok, err := h.Strangers.Evidence(ctx, g.ID)
	if err != nil {
		return v, err
	}
	words := e.Words(now)
	v.Proven, v.Guess, v.Else, v.Next = texts(words.Proven), texts(words.Guess), texts(words.Else), texts(words.Next)
	if !ok {
		return v, nil
	}
	if words.Level != "" {
		v.Level = string(words.Level)
	}
	v.Deaths, v.First, v.Last = e.Deaths, stamp(e.First), stamp(e.Last)
	for _, r := range e.Records {
		v.Records = append(v.Records, viewDeath(r))
	}
	for _, c := range e.Counts {
		v.Counts = append(v.Counts, TokenCountView{Path: c.Path, At: c.At.UTC(), Used: c.Used, Ours: c.Ours, More: c.More()})
	}
	return v, nil
}

// texts is never null in an answer.
func texts(all []notice.Text) []notice.Text { return append([]notice.Text{}, all...) }

// killTokens wants the shop's id once more: every program that works with a token of
// its own loses it.
func (h handlers) killTokens(ctx context.Context, in *struct {
	ShopPath
	Body struct {
		Confirm string `json:"confirm" doc:"the shop's id once more: programs that use tokens of this shop past this server lose them"`
	}
}) (*body[StrangerView], error) {
	if in.Body.Confirm != in.Shop {
		return nil, refuse(http.StatusUnprocessableEntity, "confirm", "confirm is not the shop's id", "send the shop's id as confirm", "confirm 与店铺标识不一致", "请在 confirm 中填写店铺标识")
	}
	grants, err := h.Grants.Grants(ctx, grant.Filter{ShopID: in.Shop, Kind: grant.Self})
	if err != nil {
		return nil, fail(err)
	}
	if len(grants) == 0 || grants[0].State != grant.Active {
		return nil, refuse(http.StatusConflict, "no-kill", "the shop has no active grant of its own; WeChat forces the refresh of no other token",
			"revoke the grant, or wait until its token ends", "该店铺没有有效的自有授权；微信不支持强制刷新其他令牌", "请撤销授权，或等待令牌到期")
	}
	id, now := grants[0].ID, h.Now()
	entry := audit.Entry{At: now, Actor: actor(ctx), Action: "token.kill", Subject: "grant:" + id, Outcome: audit.Done, Details: map[string]string{"shop": in.Shop}}
	if err := h.Killer.OweKills(ctx, id, now, entry); err != nil {
		return nil, fail(err)
	}
	h.Keeper.Kick(id)
	return h.grantStranger(ctx, &idPath{ID: id})
}
