package wechat_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// What the platform's requests of the tests carry.
const (
	componentAppID = "wx00000000000000c0"
	serviceID      = wechat.ID("1234567890123")
	componentToken = "bait-component-token-3"
	ticketText     = "bait-ticket@@@-5"
	authCode       = "bait-authorization-code-1"
	marketCode     = "bait-market-code-2"
	authorizerKey  = "bait-authorizer-refresh-6"
)

// platform returns the platform's token of the tests.
func platform() wechat.ComponentToken {
	return wechat.ComponentToken{Value: secret.FromString(componentToken)}
}

// fields are those of a success in the words of the vectors.
type fields map[string]any

// set adds a field, unless the value is empty.
func (f fields) set(key string, value any) fields {
	switch v := value.(type) {
	case string:
		if v == "" {
			return f
		}
	case bool:
		if !v {
			return f
		}
	case int64:
		if v == 0 {
			return f
		}
	case int:
		if v == 0 {
			return f
		}
	case wechat.ID:
		return f.set(key, v.String())
	case time.Time:
		if v.IsZero() {
			return f
		}
		value = v.Unix()
	case []int:
		if v == nil {
			return f
		}
	}
	f[key] = value
	return f
}

// plain puts fields into the types of decoded JSON.
func (f fields) plain(t *testing.T) map[string]any {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// platformCalls are the typed calls of a platform, by path.
var platformCalls = map[string]func(context.Context, *wechat.Client) (fields, error){
	"/cgi-bin/component/api_component_token":            askComponentToken,
	"/cgi-bin/component/api_start_push_ticket":          askTicketPush,
	"/cgi-bin/component/api_create_preauthcode":         askPreAuthCode,
	"/cgi-bin/component/api_query_auth":                 askQueryAuth,
	"/cgi-bin/component/api_authorizer_token":           askAuthorizerToken,
	"/cgi-bin/component/api_get_authorizer_info":        askAuthorizerInfo,
	"/cgi-bin/component/api_get_authorizer_list":        askAuthorizerList,
	"/wxa/servicemarket/service/login_auth":             askServiceLogin,
	"/product/service/check_auth":                       askCheckServiceAuth,
	"/wxa/servicemarket/service/get_service_buyer":      askServiceBuyer,
	"/wxa/servicemarket/service/get_service_buyer_list": askServiceBuyerList,
	"/wxa/servicemarket/get_paid_order_list":            askPaidOrders,
	"/cgi-bin/getcallbackip":                            askCallbackIPs,
}

// platformPaths are the paths of platformCalls, in order.
func platformPaths() []string { return slices.Sorted(maps.Keys(platformCalls)) }

func askComponentToken(ctx context.Context, c *wechat.Client) (fields, error) {
	g, err := c.ComponentToken(ctx, componentAppID, secret.FromString(appSecret), wechat.Ticket{Value: secret.FromString(ticketText)})
	if err != nil {
		return nil, err
	}
	return fields{}.set("token", g.Token.RevealString()).set("expires_in", lifeOf(g.ExpiresAt(), g.Meta)), nil
}

func askTicketPush(ctx context.Context, c *wechat.Client) (fields, error) {
	p, err := c.StartPushTicket(ctx, componentAppID, secret.FromString(appSecret))
	if err != nil {
		return nil, err
	}
	return fields{}.set("already_on", p.AlreadyOn), nil
}

func askPreAuthCode(ctx context.Context, c *wechat.Client) (fields, error) {
	p, err := c.PreAuthCode(ctx, platform(), componentAppID)
	if err != nil {
		return nil, err
	}
	return fields{}.set("code", p.Code.RevealString()).set("expires_in", lifeOf(p.ExpiresAt(), p.Meta)), nil
}

func askQueryAuth(ctx context.Context, c *wechat.Client) (fields, error) {
	return authorizerFields(c.QueryAuth(ctx, platform(), componentAppID, wechat.AuthorizationCode{Value: secret.FromString(authCode)}))
}

func askAuthorizerToken(ctx context.Context, c *wechat.Client) (fields, error) {
	refresh := wechat.AuthorizerRefreshToken{Value: secret.FromString(authorizerKey)}
	return authorizerFields(c.RefreshAuthorizer(ctx, platform(), componentAppID, appID, refresh))
}

func authorizerFields(g *wechat.AuthorizerGrant, err error) (fields, error) {
	if err != nil {
		return nil, err
	}
	f := fields{}.set("appid", g.AppID).set("access_token", g.Token.RevealString()).set("refresh_token", g.Refresh.RevealString())
	return f.set("expires_in", lifeOf(g.ExpiresAt(), g.Meta)).set("sets", g.Sets), nil
}

// lifeOf returns a lifetime in seconds, computed as a caller would.
func lifeOf(end time.Time, meta wechat.Meta) int64 {
	return int64(end.Sub(meta.RequestStart).Seconds())
}

func askAuthorizerInfo(ctx context.Context, c *wechat.Client) (fields, error) {
	i, err := c.AuthorizerInfo(ctx, platform(), componentAppID, appID)
	if err != nil {
		return nil, err
	}
	f := fields{}.set("appid", i.AppID).set("name", i.Name).set("head_img", i.HeadImageURL).set("original_id", i.OriginalID)
	f = f.set("principal", i.Principal).set("kind", i.Kind.String()).set("shop", i.Shop).set("status", i.Status.String())
	return f.set("refresh_token", i.Refresh.RevealString()).set("sets", i.Sets), nil
}

func askAuthorizerList(ctx context.Context, c *wechat.Client) (fields, error) {
	p, err := c.AuthorizerList(ctx, platform(), componentAppID, 0, wechat.MaxAuthorizers)
	if err != nil {
		return nil, err
	}
	list := []fields{}
	for _, a := range p.Authorizers {
		list = append(list, fields{}.set("appid", a.AppID).set("refresh_token", a.Refresh.RevealString()).set("auth_time", a.AuthorisedAt))
	}
	return fields{"total": p.Total, "rows": p.Rows(), "list": list}.set("skipped", p.Skipped), nil
}

func askServiceLogin(ctx context.Context, c *wechat.Client) (fields, error) {
	return loginFields(c.ServiceLogin(ctx, platform(), wechat.MarketCode{Value: secret.FromString(marketCode)}))
}

func askCheckServiceAuth(ctx context.Context, c *wechat.Client) (fields, error) {
	return loginFields(c.CheckServiceAuth(ctx, platform(), wechat.MarketCode{Value: secret.FromString(marketCode)}))
}

func loginFields(l *wechat.ServiceLogin, err error) (fields, error) {
	if err != nil {
		return nil, err
	}
	f := fields{}.set("appid", l.AppID).set("openid", l.OpenID).set("service_id", l.ServiceID)
	return f.set("order_id", l.OrderID).set("sku_id", l.SKUID).set("spec_id", l.SpecID), nil
}

func askServiceBuyer(ctx context.Context, c *wechat.Client) (fields, error) {
	b, err := c.ServiceBuyer(ctx, platform(), serviceID, wechat.Buyer{AppID: appID})
	if err != nil {
		return nil, err
	}
	return purchaseFields(b.Purchase), nil
}

func purchaseFields(p wechat.Purchase) fields {
	var specs []fields
	for _, s := range p.Specs {
		specs = append(specs, fields{}.set("spec_id", s.SpecID).set("paid_until", s.PaidUntil))
	}
	f := fields{}.set("appid", p.AppID).set("openid", p.OpenID).set("service_id", p.ServiceID).set("paid_until", p.PaidUntil())
	if specs != nil {
		f["specs"] = specs
	}
	return f
}

func askServiceBuyerList(ctx context.Context, c *wechat.Client) (fields, error) {
	p, err := c.ServiceBuyerList(ctx, platform(), serviceID, 0, wechat.MaxServiceBuyers)
	if err != nil {
		return nil, err
	}
	buyers := []fields{}
	for _, b := range p.Buyers {
		buyers = append(buyers, purchaseFields(b))
	}
	return fields{"total": p.Total, "rows": p.Rows(), "buyers": buyers}.set("skipped", p.Skipped), nil
}

func askPaidOrders(ctx context.Context, c *wechat.Client) (fields, error) {
	p, err := c.PaidOrders(ctx, platform(), serviceID, wechat.Buyer{AppID: appID}, 0, 10)
	if err != nil {
		return nil, err
	}
	orders := []fields{}
	for _, o := range p.Orders {
		f := fields{}.set("order_id", o.OrderID).set("service_id", o.ServiceID).set("spec_id", o.SpecID)
		orders = append(orders, f.set("effective_at", o.EffectiveAt).set("expires_at", o.ExpiresAt).set("total_fen", o.TotalFen))
	}
	return fields{"rows": p.Rows(), "orders": orders}.set("skipped", p.Skipped), nil
}

func askCallbackIPs(ctx context.Context, c *wechat.Client) (fields, error) {
	s, err := c.CallbackIPs(ctx, shop())
	if err != nil {
		return nil, err
	}
	var prefixes []string
	for _, p := range s.Prefixes {
		prefixes = append(prefixes, p.String())
	}
	return fields{"prefixes": prefixes}.set("skipped", s.Skipped), nil
}
