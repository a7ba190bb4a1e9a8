package adminapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/movein"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Mover takes a platform's accounts over from another system and gives them back.
type Mover interface {
	TakeIn(ctx context.Context, o movein.Order, rows []movein.Row) ([]movein.Result, error)
	TakeList(ctx context.Context, o movein.Order, offset int) (movein.ListPage, error)
	Hand(ctx context.Context, o movein.Order, to grant.State, grants ...grant.Grant) (movein.Handed, error)
	HandAll(ctx context.Context, o movein.Order, to grant.State, after string) (movein.Handed, error)
	Export(ctx context.Context, o movein.Order, after string) (movein.Page, error)
}

// AccountBody is one account of a platform with its refresh token.
type AccountBody struct {
	AppID        string `json:"appid" maxLength:"64"`
	RefreshToken string `json:"refresh_token" maxLength:"2048"`
	Shop         string `json:"shop,omitempty" maxLength:"64" doc:"our id for its shop; the appid if there is none"`
	Tenant       string `json:"tenant,omitempty" maxLength:"64" doc:"our id for the shop's tenant; the shop's id if there is none"`
	Name         string `json:"name,omitempty" maxLength:"1000"`
}

// ImportBody is a part of what another system kept.
type ImportBody struct {
	Accounts []AccountBody `json:"accounts" maxItems:"500"`
	Hold     bool          `json:"hold,omitempty" doc:"keep them without using them: the other system still renews them"`
	DryRun   bool          `json:"dry_run,omitempty" doc:"say what would happen, change nothing"`
}

// ListBody asks for a part of WeChat's own list.
type ListBody struct {
	Offset int  `json:"offset" minimum:"0"`
	Hold   bool `json:"hold,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`
}

// ListedView tells what became of a part of WeChat's own list.
type ListedView struct {
	Items   []movein.Result `json:"items"`
	Skipped int             `json:"skipped" doc:"accounts that are no shops"`
	Next    int             `json:"next" doc:"offset of the next part"`
	Total   int             `json:"total" doc:"length of the list"`
}

// ExportView is a part of a platform's accounts with their refresh tokens.
type ExportView struct {
	Items []AccountBody `json:"items"`
	Lost  []string      `json:"lost,omitempty" doc:"accounts whose kept token does not open"`
	Next  string        `json:"next,omitempty" doc:"where the next part begins; empty at the end"`
}

func (h handlers) mountMovein(api huma.API) {
	huma.Register(api, op("import-accounts", http.MethodPost, "/v1/apps/{app}/import", "Take a platform's accounts in from another system, at most 500 at once"), h.importAccounts)
	huma.Register(api, op("import-list", http.MethodPost, "/v1/apps/{app}/import-list", "Take a part of WeChat's own list of a platform's accounts in"), h.importList)
	huma.Register(api, op("export-accounts", http.MethodPost, "/v1/apps/{app}/export", "Give out a platform's refresh tokens, in parts; over the admin socket only"), h.exportAccounts)
	huma.Register(api, op("hand-over-app", http.MethodPost, "/v1/apps/{app}/mode", "Say who renews the grants of a platform's accounts, in parts"), h.handApp)
	huma.Register(api, op("hand-over-grant", http.MethodPost, "/v1/grants/{id}/mode", "Say who renews the grant of a platform's account"), h.handGrant)
}

// modes lead from who renews a grant to its state.
var modes = map[string]grant.State{"hold": grant.Held, "follow": grant.Followed, "lead": grant.Active}

// moveFail turns an error of a Mover into an answer.
func moveFail(err error) error {
	switch {
	case errors.Is(err, movein.ErrNoPlatform):
		return refuse(http.StatusNotFound, "no-platform", "this app is no third-party platform", "name one that is declared with the kind component",
			"此应用不是第三方平台", "请指定类型为 component 的应用")
	case errors.Is(err, movein.ErrNoSource):
		return refuse(http.StatusUnprocessableEntity, "no-source", "nothing says where the other system keeps this platform's tokens", "name it as moving[].follow in the settings and restart",
			"未配置另一系统保存令牌之处", "请在设置的 moving[].follow 中指定并重启")
	case errors.Is(err, movein.ErrTooMany):
		return refuse(http.StatusUnprocessableEntity, "too-many", "too many at once", "send them in parts",
			"一次过多", "请分批发送")
	}
	return fail(err)
}

func (h handlers) importAccounts(ctx context.Context, in *struct {
	App  string `path:"app" doc:"Our id of the app"`
	Body ImportBody
}) (*body[list[movein.Result]], error) {
	rows := make([]movein.Row, len(in.Body.Accounts))
	for i, a := range in.Body.Accounts {
		rows[i] = movein.Row{AppID: a.AppID, Refresh: secret.FromString(a.RefreshToken), Shop: a.Shop, Tenant: a.Tenant, Name: a.Name}
	}
	results, err := h.Mover.TakeIn(ctx, movein.Order{App: in.App, By: actor(ctx), Hold: in.Body.Hold, DryRun: in.Body.DryRun}, rows)
	if err != nil {
		return nil, moveFail(err)
	}
	return listOf(results, func(r movein.Result) movein.Result { return r }), nil
}

func (h handlers) importList(ctx context.Context, in *struct {
	App  string `path:"app" doc:"Our id of the app"`
	Body ListBody
}) (*body[ListedView], error) {
	p, err := h.Mover.TakeList(ctx, movein.Order{App: in.App, By: actor(ctx), Hold: in.Body.Hold, DryRun: in.Body.DryRun}, in.Body.Offset)
	if err != nil {
		return nil, moveFail(err)
	}
	return answer(ListedView{Items: append([]movein.Result{}, p.Results...), Skipped: p.Skipped, Next: p.Next, Total: p.Total}), nil
}

// exportAccounts answers nobody but whoever may open the admin socket: an
// administrator's key must not be worth the keys of every shop.
func (h handlers) exportAccounts(ctx context.Context, in *struct {
	App  string `path:"app" doc:"Our id of the app"`
	Body struct {
		After string `json:"after,omitempty" maxLength:"64"`
	}
}) (*body[ExportView], error) {
	if actor(ctx).Kind != audit.ActorOperator {
		return nil, refuse(http.StatusForbidden, "socket-only", "refresh tokens go out over the admin socket only", "run zhanggui export on the server's machine",
			"刷新令牌只能经管理套接字导出", "请在服务器上运行 zhanggui export")
	}
	p, err := h.Mover.Export(ctx, movein.Order{App: in.App, By: actor(ctx)}, in.Body.After)
	if err != nil {
		return nil, moveFail(err)
	}
	v := ExportView{Items: []AccountBody{}, Lost: p.Lost, Next: p.Next}
	for _, r := range p.Rows {
		v.Items = append(v.Items, AccountBody{AppID: r.AppID, RefreshToken: r.Refresh.RevealString(), Shop: r.Shop, Tenant: r.Tenant, Name: r.Name})
	}
	return answer(v), nil
}

func (h handlers) handApp(ctx context.Context, in *struct {
	App  string `path:"app" doc:"Our id of the app"`
	Body struct {
		Mode  string `json:"mode" enum:"hold,follow,lead"`
		After string `json:"after,omitempty" maxLength:"64"`
	}
}) (*body[movein.Handed], error) {
	done, err := h.Mover.HandAll(ctx, movein.Order{App: in.App, By: actor(ctx)}, modes[in.Body.Mode], in.Body.After)
	if err != nil {
		return nil, moveFail(err)
	}
	return answer(done), nil
}

func (h handlers) handGrant(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"Its id"`
	Body struct {
		Mode string `json:"mode" enum:"hold,follow,lead"`
	}
}) (*body[GrantView], error) {
	g, err := h.Grants.Grant(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	done, err := h.Mover.Hand(ctx, movein.Order{App: g.App, By: actor(ctx)}, modes[in.Body.Mode], g)
	switch {
	case err != nil:
		return nil, moveFail(err)
	case len(done.Busy) > 0:
		return nil, refuse(http.StatusConflict, "busy", "it is being renewed right now, and the answer must not be lost", "repeat in a minute",
			"正在刷新，应答不可丢失", "请一分钟后重试")
	case len(done.Not) > 0:
		return nil, refuse(http.StatusUnprocessableEntity, "no-handover", "only the grant of an account of a third-party platform can change hands, and none that was revoked; the platform's own can be held and not followed", "list the grants",
			"只有第三方平台账号的有效授权可以移交；平台自身的授权可保留而不可跟随", "请先列出授权")
	}
	if g, err = h.Grants.Grant(ctx, in.ID); err != nil {
		return nil, fail(err)
	}
	return answer(viewGrant(g)), nil
}
