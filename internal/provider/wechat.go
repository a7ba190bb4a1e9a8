package provider

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// WeChat is [Platform] and [Market] over the wire. Client gives the client for an
// app: apps may differ in source address and hosts.
type WeChat struct {
	Client func(access.App) (*wechat.Client, error)
	// Loopback lets WeChat send browsers back to this machine by plain http. It is
	// for the emulator.
	Loopback bool
}

// linkTypes are WeChat's numbers for the kinds of account.
var linkTypes = map[grant.LinkKind]wechat.AuthType{
	grant.LinkAny: wechat.AuthTypeDefault, grant.LinkOfficial: wechat.AuthTypeOfficial, grant.LinkMini: wechat.AuthTypeMini,
	grant.LinkOfficialMini: wechat.AuthTypeBoth, grant.LinkPromoter: wechat.AuthTypePromoter, grant.LinkChannels: wechat.AuthTypeChannels,
	grant.LinkTalent: wechat.AuthTypeTalent, grant.LinkAll: wechat.AuthTypeAll,
}

// LinkURL implements [Platform].
func (w WeChat) LinkURL(ctx context.Context, app access.App, token secret.Value, l grant.Link, back string, phone bool) (string, error) {
	c, err := w.client(app)
	if err != nil {
		return "", err
	}
	pre, err := c.PreAuthCode(ctx, wechat.ComponentToken{Value: token}, app.AppID)
	if err != nil {
		return "", err
	}
	r := wechat.ComponentLinkRequest{ComponentAppID: app.AppID, PreAuthCode: pre.Code, RedirectURI: back,
		AuthType: linkTypes[l.Kind], BizAppID: l.AppID, Loopback: w.Loopback}
	for _, id := range l.Sets {
		r.Categories = append(r.Categories, int(id))
	}
	if phone {
		return c.BindComponentURL(r)
	}
	return c.ComponentLoginURL(r)
}

// Info implements [Platform].
func (w WeChat) Info(ctx context.Context, app access.App, token secret.Value, appID string) (Info, error) {
	c, err := w.client(app)
	if err != nil {
		return Info{}, err
	}
	got, err := c.AuthorizerInfo(ctx, wechat.ComponentToken{Value: token}, app.AppID, appID)
	if err != nil {
		return Info{}, err
	}
	info := Info{Name: got.Name, Kind: KindOther, Refresh: got.Refresh.Value, Sets: wide(got.Sets), Status: Status(got.Status.String())}
	switch {
	case got.Shop:
		info.Kind = KindShop
	case got.Kind == wechat.AccountUnknown:
		info.Kind = KindUnknown
	}
	return info, nil
}

// Exchange implements [Platform].
func (w WeChat) Exchange(ctx context.Context, app access.App, token, code secret.Value) (Pair, error) {
	c, err := w.client(app)
	if err != nil {
		return Pair{}, err
	}
	got, err := c.QueryAuth(ctx, wechat.ComponentToken{Value: token}, app.AppID, wechat.AuthorizationCode{Value: code})
	if err != nil {
		return Pair{}, err
	}
	return Pair{AppID: got.AppID, Access: got.Token.Value, Expires: got.ExpiresAt(), Refresh: got.Refresh.Value, Sets: wide(got.Sets)}, nil
}

// List implements [Platform].
func (w WeChat) List(ctx context.Context, app access.App, token secret.Value, offset, count int) (Page, error) {
	c, err := w.client(app)
	if err != nil {
		return Page{}, err
	}
	got, err := c.AuthorizerList(ctx, wechat.ComponentToken{Value: token}, app.AppID, offset, count)
	if err != nil {
		return Page{}, err
	}
	page := Page{Total: got.Total, Rows: got.Rows(), Accounts: make([]Listed, len(got.Authorizers))}
	for i, a := range got.Authorizers {
		page.Accounts[i] = Listed{AppID: a.AppID, Refresh: a.Refresh.Value, AuthorisedAt: a.AuthorisedAt}
	}
	return page, nil
}

// StartTickets implements [Platform].
func (w WeChat) StartTickets(ctx context.Context, app access.App, appSecret secret.Value) (on bool, err error) {
	c, err := w.client(app)
	if err != nil {
		return false, err
	}
	got, err := c.StartPushTicket(ctx, app.AppID, appSecret)
	if err != nil {
		return false, err
	}
	return got.AlreadyOn, nil
}

// Bought implements [Market].
func (w WeChat) Bought(ctx context.Context, app access.App, token secret.Value, serviceID, appID string) ([]Paid, error) {
	c, err := w.client(app)
	if err != nil {
		return nil, err
	}
	got, err := c.ServiceBuyer(ctx, wechat.ComponentToken{Value: token}, wechat.ID(serviceID), wechat.Buyer{AppID: appID})
	if err != nil {
		return nil, err
	}
	list := make([]Paid, len(got.Specs))
	for i, s := range got.Specs {
		list[i] = Paid{Spec: s.SpecID, Until: s.PaidUntil}
	}
	return list, nil
}

// newestOrders is how many orders are looked at.
const newestOrders = 20

// Orders implements [Market].
func (w WeChat) Orders(ctx context.Context, app access.App, token secret.Value, serviceID, appID string) ([]Paid, error) {
	c, err := w.client(app)
	if err != nil {
		return nil, err
	}
	got, err := c.PaidOrders(ctx, wechat.ComponentToken{Value: token}, wechat.ID(serviceID), wechat.Buyer{AppID: appID}, 0, newestOrders)
	if err != nil {
		return nil, err
	}
	var list []Paid
	for _, o := range got.Orders {
		if o.ServiceID == "" || string(o.ServiceID) == serviceID {
			list = append(list, Paid{Spec: o.SpecID, OrderID: string(o.OrderID), Until: o.ExpiresAt})
		}
	}
	return list, nil
}

// client gives the client; without one nothing is sent.
func (w WeChat) client(app access.App) (*wechat.Client, error) {
	c, err := w.Client(app)
	if err != nil {
		return nil, &wechat.Error{Op: "client", Outcome: wechat.OutcomeNotSent, Err: err}
	}
	return c, nil
}

// wide turns ids of permission sets into ours; nil stays nil.
func wide(sets []int) []int64 {
	if sets == nil {
		return nil
	}
	out := make([]int64, len(sets))
	for i, s := range sets {
		out[i] = int64(s)
	}
	return out
}
