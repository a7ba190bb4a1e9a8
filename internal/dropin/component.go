package dropin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
)

// What platforms' programs send and get:
// developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/.
type (
	componentRequest struct {
		AppID  string `json:"component_appid"`
		Secret string `json:"component_appsecret"`
		// component_verify_ticket is not read: the server has its own.
	}
	componentAnswer struct {
		Token     string `json:"component_access_token"`
		ExpiresIn int64  `json:"expires_in"`
	}
	platformRequest struct {
		AppID      string `json:"component_appid"`
		Authorizer string `json:"authorizer_appid"`
		Handle     string `json:"authorizer_refresh_token"`
		Code       string `json:"authorization_code"`
		Offset     int    `json:"offset"`
		Count      int    `json:"count"`
	}
	authorizerAnswer struct {
		Token     string `json:"authorizer_access_token"`
		ExpiresIn int64  `json:"expires_in"`
		Handle    string `json:"authorizer_refresh_token"`
	}
	authorization struct {
		AppID     string      `json:"authorizer_appid"`
		Token     string      `json:"authorizer_access_token,omitempty"`
		ExpiresIn int64       `json:"expires_in,omitempty"`
		Handle    string      `json:"authorizer_refresh_token"`
		Sets      []funcScope `json:"func_info"`
	}
	funcScope struct {
		Category struct {
			ID int64 `json:"id"`
		} `json:"funcscope_category"`
	}
	listAnswer struct {
		Total int      `json:"total_count"`
		List  []listed `json:"list"`
	}
	listed struct {
		AppID    string `json:"authorizer_appid"`
		Handle   string `json:"refresh_token"` // so named here, alone of all
		AuthTime int64  `json:"auth_time"`
	}
	account struct {
		Name string `json:"nick_name"`
	}
)

// componentToken answers api_component_token.
func (d *Dropin) componentToken(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var in componentRequest
	if err := read(r, &in); err != nil {
		return err
	}
	if in.AppID == "" {
		return errMissing(41018, "component_appid")
	}
	if in.Secret == "" {
		return errMissing(41004, "component_appsecret")
	}
	who, err := d.byKey(ctx, in.Secret)
	if err != nil {
		return err
	}
	app, err := d.platformOf(ctx, who, in.AppID)
	if errors.Is(err, access.ErrNotFound) {
		return d.refuse(ctx, who, "", errComponent())
	}
	if err != nil {
		return err
	}
	text, left := d.o.Aliases.Make(alias.Name{Kind: alias.Platform, KeyHash: who.hash, ID: app.ID}, d.o.Now())
	return write(w, componentAnswer{text.RevealString(), seconds(left)})
}

// platformOf gives the platform with WeChat's appid if the caller holds a shop of
// it, else access.ErrNotFound.
func (d *Dropin) platformOf(ctx context.Context, who caller, appID string) (access.App, error) {
	apps, err := d.o.Directory.Apps(ctx)
	if err != nil {
		return access.App{}, err
	}
	i := slices.IndexFunc(apps, func(a access.App) bool { return a.Kind == access.Component && a.AppID == appID })
	if i < 0 {
		return access.App{}, access.ErrNotFound
	}
	return apps[i], d.each(ctx, who, apps[i], func(access.Shop) bool { return false })
}

// each yields the caller's shops that a platform serves, in the order of their ids,
// until yield gives false. access.ErrNotFound: there is none.
func (d *Dropin) each(ctx context.Context, who caller, app access.App, yield func(access.Shop) bool) error {
	found := access.ErrNotFound
	for _, id := range who.Shops {
		shop, err := d.o.Directory.Shop(ctx, id)
		if errors.Is(err, access.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if shop.App != app.ID {
			continue
		}
		found = nil
		if !yield(shop) {
			break
		}
	}
	return found
}

// onBehalf is one call with a platform's alias.
type onBehalf struct {
	who caller
	app access.App
	in  platformRequest
}

// platform makes a handler of one that knows who asks for which platform.
func (d *Dropin) platform(h func(w http.ResponseWriter, r *http.Request, b onBehalf) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		name, err := d.platformAlias(r)
		if err != nil {
			return err
		}
		b := onBehalf{}
		if b.who, err = d.byHash(ctx, name.KeyHash, errPlatformAlias); err != nil {
			return err
		}
		if err = read(r, &b.in); err != nil {
			return err
		}
		b.app, err = d.platformOf(ctx, b.who, b.in.AppID)
		if err == nil && b.app.ID != name.ID {
			err = access.ErrNotFound
		}
		if errors.Is(err, access.ErrNotFound) {
			return d.refuse(ctx, b.who, "", errComponent())
		}
		if err != nil {
			return err
		}
		return h(w, r, b)
	}
}

// platformAlias reads the one alias of the query. WeChat's pages name the parameter
// in two ways.
func (d *Dropin) platformAlias(r *http.Request) (alias.Name, error) {
	q := r.URL.Query()
	texts := slices.Concat(q["component_access_token"], q["access_token"])
	if len(texts) == 0 || len(texts) == 1 && texts[0] == "" {
		return alias.Name{}, errMissing(41001, "component_access_token")
	}
	if len(texts) > 1 && slices.ContainsFunc(texts, func(s string) bool { return s != texts[0] }) {
		return alias.Name{}, d.refuse(r.Context(), caller{}, "", errPlatformAlias())
	}
	name, err := d.o.Aliases.Read(texts[0], d.o.Now())
	switch {
	case errors.Is(err, alias.ErrEnded):
		return name, errPlatformEnded()
	case err != nil || name.Kind != alias.Platform:
		return name, d.refuse(r.Context(), caller{}, "", errPlatformAlias())
	}
	return name, nil
}

// shop gives one of the caller's shops that the platform serves.
func (d *Dropin) shop(ctx context.Context, b onBehalf, appID string) (access.Shop, error) {
	shop, ok, err := d.shopOf(ctx, b.who, appID)
	if err != nil {
		return shop, err
	}
	if !ok || shop.App != b.app.ID {
		return shop, d.refuse(ctx, b.who, "", errAuthorizer())
	}
	return shop, nil
}

// authorizerToken answers api_authorizer_token.
func (d *Dropin) authorizerToken(w http.ResponseWriter, r *http.Request, b onBehalf) error {
	appID, ok := d.o.Aliases.ReadHandle(b.in.Handle, b.who.ID, b.app.ID)
	if !ok || appID != b.in.Authorizer {
		return d.refuse(r.Context(), b.who, "", errHandle())
	}
	shop, err := d.shop(r.Context(), b, appID)
	if err != nil {
		return err
	}
	text, left := d.alias(b.who, shop)
	return write(w, authorizerAnswer{text.RevealString(), seconds(left), d.handleOf(b, shop)})
}

// queryAuth answers api_query_auth. The code is a handle.
func (d *Dropin) queryAuth(w http.ResponseWriter, r *http.Request, b onBehalf) error {
	appID, ok := d.o.Aliases.ReadHandle(b.in.Code, b.who.ID, b.app.ID)
	if !ok {
		return d.refuse(r.Context(), b.who, "", errCode())
	}
	shop, err := d.shop(r.Context(), b, appID)
	if err != nil {
		return err
	}
	info, err := d.authorization(r.Context(), b, shop)
	if err != nil {
		return err
	}
	text, left := d.alias(b.who, shop)
	info.Token, info.ExpiresIn = text.RevealString(), seconds(left)
	return write(w, map[string]authorization{"authorization_info": info})
}

// authorization is what is kept of a shop's authorisation.
func (d *Dropin) authorization(ctx context.Context, b onBehalf, shop access.Shop) (authorization, error) {
	row, err := d.o.Directory.Authorizer(ctx, b.app.ID, shop.AppID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return authorization{}, err
	}
	a := authorization{AppID: shop.AppID, Handle: d.handleOf(b, shop), Sets: make([]funcScope, len(row.Sets))}
	for i, id := range row.Sets {
		a.Sets[i].Category.ID = id
	}
	return a, nil
}

func (d *Dropin) handleOf(b onBehalf, shop access.Shop) string {
	return d.o.Aliases.Handle(b.who.ID, b.app.ID, shop.AppID)
}

// maxCount is the longest page: WeChat refuses more.
const maxCount = 500

// authorizerList answers api_get_authorizer_list with the shops that the client
// holds, in the order of their appids.
func (d *Dropin) authorizerList(w http.ResponseWriter, r *http.Request, b onBehalf) error {
	if b.in.Count < 1 || b.in.Count > maxCount || b.in.Offset < 0 {
		return errCount()
	}
	var shops []access.Shop
	if err := d.each(r.Context(), b.who, b.app, func(s access.Shop) bool {
		shops = append(shops, s)
		return true
	}); err != nil {
		return err
	}
	slices.SortFunc(shops, func(a, b access.Shop) int { return strings.Compare(a.AppID, b.AppID) })
	out := listAnswer{Total: len(shops), List: []listed{}}
	page := shops[min(b.in.Offset, len(shops)):]
	for _, shop := range page[:min(b.in.Count, len(page))] {
		row, err := d.authorizer(r.Context(), b, shop)
		if err != nil {
			return err
		}
		out.List = append(out.List, row)
	}
	return write(w, out)
}

func (d *Dropin) authorizer(ctx context.Context, b onBehalf, shop access.Shop) (listed, error) {
	row, err := d.o.Directory.Authorizer(ctx, b.app.ID, shop.AppID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return listed{}, err
	}
	l := listed{AppID: shop.AppID, Handle: d.handleOf(b, shop)}
	if !row.EventAt.IsZero() {
		l.AuthTime = row.EventAt.Unix()
	}
	return l, nil
}

// authorizerInfo answers api_get_authorizer_info with what is kept: name and
// permission sets. What is not kept is left out.
func (d *Dropin) authorizerInfo(w http.ResponseWriter, r *http.Request, b onBehalf) error {
	shop, err := d.shop(r.Context(), b, b.in.Authorizer)
	if err != nil {
		return err
	}
	info, err := d.authorization(r.Context(), b, shop)
	if err != nil {
		return err
	}
	return write(w, struct {
		Account account       `json:"authorizer_info"`
		Info    authorization `json:"authorization_info"`
	}{account{shop.Name}, info})
}
