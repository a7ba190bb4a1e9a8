package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// LinkView is a link on which an account authorises a platform.
type LinkView struct {
	ID      string    `json:"id" doc:"names the link in the audit log"`
	App     string    `json:"app"`
	Kind    string    `json:"kind,omitempty"`
	AppID   string    `json:"appid,omitempty"`
	Sets    []int64   `json:"sets,omitempty"`
	Expires time.Time `json:"expires"`
	Link    string    `json:"link" doc:"for the account's administrator; works once; shown this once"`
}

// linkBody says whom a link is for.
type linkBody struct {
	Kind  string  `json:"kind,omitempty" enum:"official,mini,official_mini,promoter,channels,talent,all" doc:"kinds of account that WeChat's page offers; left out: 公众号 and 小程序. A 微信小店 has no link"`
	AppID string  `json:"appid,omitempty" doc:"WeChat's id of the one account that may authorise, instead of a kind"`
	Sets  []int64 `json:"sets,omitempty" maxItems:"32" doc:"permission sets to ask for; left out: all that the platform published"`
}

// link makes a link. Nothing is kept of it but an entry of the audit log: what it
// says stands sealed in its address.
func (h handlers) link(ctx context.Context, in *struct {
	App  string `path:"app" doc:"Our id of the app"`
	Body linkBody
}) (*body[LinkView], error) {
	app, err := h.component(ctx, in.App)
	if err != nil {
		return nil, fail(err)
	}
	now, by := h.Now(), actor(ctx)
	l := grant.Link{ID: access.NewID("l"), App: app.ID, Kind: grant.LinkKind(in.Body.Kind), AppID: in.Body.AppID, Sets: in.Body.Sets, Ends: now.Add(grant.LinkLife)}
	if err := l.Check(); err != nil {
		return nil, errLink(err)
	}
	address, err := h.Platforms.LinkAddress(app, l)
	if err != nil {
		return nil, errLink(err)
	}
	e := audit.Entry{At: now, Actor: by, Action: "account_link.create", Subject: "account_link:" + l.ID, Outcome: audit.Done,
		Details: map[string]string{"app": app.ID}}
	for name, value := range map[string]string{"kind": string(l.Kind), "account": l.AppID} {
		if value != "" {
			e.Details[name] = value
		}
	}
	if err := h.Grants.Authorise(ctx, grant.Effects{At: now, Audit: []audit.Entry{e}}); err != nil {
		return nil, fail(err)
	}
	return answer(LinkView{ID: l.ID, App: l.App, Kind: string(l.Kind), AppID: l.AppID, Sets: l.Sets, Expires: l.Ends.UTC(), Link: address}), nil
}

// errLink tells why no link can be made; the words name no input.
func errLink(err error) error {
	return refuse(http.StatusUnprocessableEntity, "link", err.Error(), "mend the request", "无法生成此链接", "请修正请求")
}

// component finds a third-party platform, or gives [access.ErrNotFound].
func (h handlers) component(ctx context.Context, id string) (access.App, error) {
	apps, err := h.components(ctx)
	for _, app := range apps {
		if app.ID == id {
			return app, nil
		}
	}
	if err == nil {
		err = access.ErrNotFound
	}
	return access.App{}, err
}
