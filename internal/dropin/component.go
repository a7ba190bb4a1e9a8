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
	text, left := d.o.Aliases.Make(alias.Name{Kind: alias.Platform, KeyHash: who.hash, ID: app}, d.o.Now())
	return write(w, componentAnswer{text.RevealString(), seconds(left)})
}

// platformOf gives our id of the platform with WeChat's appid if the caller holds a
// shop of it, else access.ErrNotFound.
func (d *Dropin) platformOf(ctx context.Context, who caller, appID string) (app string, err error) {
	shops, err := d.platformShops(ctx, who, appID, 1)
	if err != nil {
		return "", err
	}
	return shops[0].App, nil
}

// platformShops gives at most limit of the caller's shops that a platform serves, in
// the order of their ids. access.ErrNotFound: there is none, or no such platform,
// which takes as long.
func (d *Dropin) platformShops(ctx context.Context, who caller, appID string, limit int) ([]access.Shop, error) {
	shops, err := d.o.Directory.PlatformShops(ctx, who.ID, appID, limit)
	if err != nil {
		shops, err = d.platformShopsAmong(ctx, who, appID, limit)
	}
	if err == nil && len(shops) == 0 {
		err = access.ErrNotFound
	}
	return shops, err
}

// platformShopsAmong looks through the caller's shops, which can be read by their ids
// when the database does not answer.
func (d *Dropin) platformShopsAmong(ctx context.Context, who caller, appID string, limit int) (found []access.Shop, err error) {
	apps, err := d.o.Directory.Apps(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(apps, func(a access.App) bool { return a.Kind == access.Component && a.AppID == appID })
	if i < 0 {
		return nil, nil
	}
	for _, id := range who.Shops {
		shop, err := d.o.Directory.Shop(ctx, id)
		switch {
		case errors.Is(err, access.ErrNotFound):
		case err != nil:
			return nil, err
		case shop.App == apps[i].ID:
			if found = append(found, shop); len(found) == limit {
				return found, nil
			}
		}
	}
	return found, nil
}

// onBehalf is one call with a platform's alias.
type onBehalf struct {
	who caller
	app string // our id of it
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
		if err == nil && b.app != name.ID {
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
	if !ok || shop.App != b.app {
		return shop, d.refuse(ctx, b.who, "", errAuthorizer())
	}
	return shop, nil
}

// authorizerToken answers api_authorizer_token.
func (d *Dropin) authorizerToken(w http.ResponseWriter, r *http.Request, b onBehalf) error {
	appID, ok := d.o.Aliases.ReadHandle(b.in.Handle, b.who.ID, b.app)
	if !ok || appID != b.in.Authorizer {
		return d.refuse(r.Context(), b.who, "", errHandle())
	}
	shop, err := d.shop(r.Context(), b, appID)
	if err != nil {
		return err
	}
	text, left := d.alias(b.who, shop)
	d.count(r, b.who, shop)
	return write(w, authorizerAnswer{text.RevealString(), seconds(left), d.handleOf(b, shop)})
}

// queryAuth answers api_query_auth. The code is a handle.
func (d *Dropin) queryAuth(w http.ResponseWriter, r *http.Request, b onBehalf) error {
	appID, ok := d.o.Aliases.ReadHandle(b.in.Code, b.who.ID, b.app)
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
	d.count(r, b.who, shop)
	info.Token, info.ExpiresIn = text.RevealString(), seconds(left)
	return write(w, map[string]authorization{"authorization_info": info})
}

// authorization is what is kept of a shop's authorisation.
func (d *Dropin) authorization(ctx context.Context, b onBehalf, shop access.Shop) (authorization, error) {
	row, err := d.o.Directory.Authorizer(ctx, b.app, shop.AppID)
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
	return d.o.Aliases.Handle(b.who.ID, b.app, shop.AppID)
}

// maxCount is the longest page: WeChat refuses more.
const maxCount = 500

// authorizerList answers api_get_authorizer_list with the shops that the client
// holds, in the order of their appids.
func (d *Dropin) authorizerList(w http.ResponseWriter, r *http.Request, b onBehalf) error {
	if b.in.Count < 1 || b.in.Count > maxCount || b.in.Offset < 0 {
		return errCount()
	}
	shops, err := d.platformShops(r.Context(), b.who, b.in.AppID, max(1, len(b.who.Shops)))
	if err != nil {
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
	row, err := d.o.Directory.Authorizer(ctx, b.app, shop.AppID)
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
