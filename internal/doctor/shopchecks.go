package doctor

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat"
)

// shopChecks look at one shop. Three ask WeChat, once each.
var shopChecks = []check{
	{name: "grant", run: (*Doctor).grant},
	{name: "stranger", run: (*Doctor).stranger},
	{name: "shop", asks: true, run: (*Doctor).shop},
	{name: "account", asks: true, run: (*Doctor).account},
	{name: "network", asks: true, run: (*Doctor).network},
	{name: "sets", run: (*Doctor).sets},
	{name: "service", run: (*Doctor).service},
	{name: "quota", run: (*Doctor).quota},
}

// stateTexts say what the states of a grant mean, but the active one.
var stateTexts = map[grant.State]struct {
	verdict     Verdict
	cause, next notice.Text
}{
	grant.NeedsOwner: {Wrong, text("the shop's authorisation has ended", "店铺授权已失效"), text("the owner must authorise again", "需要店主重新授权")},
	grant.Stopped: {Wrong, text("WeChat refuses the shop's credentials or this server's address, so renewal has stopped", "微信拒绝了店铺凭据或本服务器地址，续期已停止"),
		text("mend what errcode and cause name; WeChat is asked again by itself", "请按 errcode 与 cause 修正，系统会自动重试")},
	grant.Revoked:  {Wrong, text("the shop's authorisation was revoked here", "店铺授权已在本系统撤销"), text("authorise the shop again if it is to be served", "如需继续服务，请重新授权")},
	grant.Held:     {Warning, text("another system still serves this shop", "此店铺仍由另一系统提供服务"), text("take it over when the other system has stopped", "请在原系统停止后完成切换")},
	grant.Followed: {OK, text("another system renews this shop's token, and it is followed", "此店铺的令牌由另一系统续期，本系统跟随使用"), nothing},
}

func (d *Doctor) grant(ctx context.Context, at place) []Finding {
	g, err := d.o.Grants.ShopGrant(ctx, at.shop.ID)
	if errors.Is(err, grant.ErrNotFound) {
		return []Finding{ill(Wrong, text("the shop was never authorised here", "店铺尚未在本系统授权"),
			text("have the owner authorise the shop, or declare its AppSecret", "请店主授权，或声明其 AppSecret"), "/shops/"+at.shop.ID)}
	}
	if err != nil {
		return unread(err)
	}
	now := d.o.Now()
	proof := []Fact{fact("state", string(g.State)), moment("token_ends", g.Tokens.AccessExpires), moment("next_renewal", g.DueAt), count("failures_in_a_row", g.Attempt), moment("last_proved", g.Proved)}
	if g.Cause != "" {
		proof = append(proof, fact("cause", plain(g.Cause, 80)))
	}
	f := grantFinding(g, now, proof)
	if f.Verdict != OK && g.ErrCode != 0 {
		x := wechat.Explain(refreshKind(g.Kind), g.ErrCode)
		f.ErrCode, f.Proof = g.ErrCode, append(f.Proof, count("errcode", g.ErrCode))
		f.Cause, f.Next = both(f.Cause, text(x.CauseEN, x.CauseZH)), text(x.NextEN, x.NextZH)
		if g.State == grant.Stopped && g.Kind == grant.Self {
			f.Next = both(f.Next, text("then zhanggui grant start "+at.shop.ID, "然后执行 zhanggui grant start "+at.shop.ID))
		}
	}
	return []Finding{f}
}

func grantFinding(g grant.Grant, now time.Time, proof []Fact) Finding {
	s, unwell := stateTexts[g.State]
	switch {
	case unwell:
		return ill(s.verdict, s.cause, s.next, "/shops/"+g.ShopID, proof...)
	case g.Tokens.Generation == 0 || !now.Before(g.Tokens.AccessExpires):
		return ill(Wrong, text("the shop has no usable token", "店铺当前没有可用令牌"), text("renewal goes on by itself; look at the findings about WeChat and the app", "系统会自动续期；请查看有关微信与应用的检查结果"), "", proof...)
	case g.Doubts > 0:
		return ill(Warning, text("WeChat renews the shop's token and refuses it in calls", "微信续期令牌成功，但调用时拒绝该令牌"), text("look at the finding of the check shop", "请查看 shop 检查的结果"), "", append(proof, count("refusals", g.Doubts))...)
	case g.Attempt > 0:
		return ill(Warning, text("renewal failed lately and is tried again; the token is still good", "最近续期失败并将重试，当前令牌仍可用"), text("wait; if it goes on, look at cause and errcode", "请稍候；若持续失败，请查看 cause 与 errcode"), "", proof...)
	}
	return fine(text("the shop has a token and it is renewed in time", "店铺令牌有效并会按时续期"), proof...)
}

// refreshKind is where a grant's errcode came from.
func refreshKind(k grant.Kind) wechat.EndpointKind {
	switch k {
	case grant.ISV:
		return wechat.KindAuthorizerRefresh
	case grant.Component:
		return wechat.KindComponentToken
	case grant.User:
		return wechat.KindUserRefresh
	}
	return wechat.KindTokenCall
}

// shopStates are the words for the state of a shop that cannot sell, see
// developers.weixin.qq.com/doc/store/shop/API/storemanage/api_mmecapi_basicinfo.
var shopStates = map[string]notice.Text{
	"opening":        text("the shop is still being opened", "店铺正在开店流程中"),
	"closing":        text("the shop is being closed", "店铺正在关店"),
	"close_finished": text("the shop is closed", "店铺已关闭"),
}

// shop reads the shop's own page with the kept token: it proves token, address and
// rights at once.
func (d *Doctor) shop(ctx context.Context, at place) []Finding {
	var out struct {
		Info struct {
			Status string `json:"status"`
		} `json:"info"`
	}
	const path = "/channels/ec/basics/info/get"
	if err := d.askShop(ctx, at, http.MethodGet, path, nil, &out); err != nil {
		return d.refusedShop(at, err)
	}
	proof := []Fact{fact("call", "GET "+path), fact("status", plain(out.Info.Status, 40))}
	if cause, ok := shopStates[out.Info.Status]; ok {
		return []Finding{ill(Warning, cause, text("the owner decides in the shop's back office", "请店主在店铺后台处理"), storeConsole, proof...)}
	}
	return []Finding{fine(text("WeChat answers for the shop", "微信对此店铺的调用应答正常"), proof...)}
}

// accountStates are what WeChat may think of an account, see
// developers.weixin.qq.com/doc/oplatform/openApi/authorization-management/api_getauthorizerinfo.
var accountStates = map[wechat.AccountStatus]notice.Text{
	wechat.StatusCancelled: text("the account is cancelled", "账号已注销"),
	wechat.StatusBanned:    text("the account is banned", "账号已封禁"),
	wechat.StatusWarned:    text("the account is warned", "账号已告警"),
	wechat.StatusFrozen:    text("the account is frozen", "账号已冻结"),
}

// accountAnswer is what matters of api_get_authorizer_info. The refresh token in the
// answer is not decoded.
type accountAnswer struct {
	Who struct {
		Status int       `json:"account_status"`
		Store  *struct{} `json:"store_info"`
	} `json:"authorizer_info"`
}

// account asks, as the platform that serves the shop, what the account is.
func (d *Doctor) account(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.Component {
		return nil
	}
	var out accountAnswer
	in := map[string]string{"component_appid": at.app.AppID, "authorizer_appid": at.shop.AppID}
	if err := d.o.WeChat.CallPlatform(ctx, at.app, http.MethodPost, "/cgi-bin/component/api_get_authorizer_info", in, &out); err != nil {
		return d.beside(at, err)
	}
	status := wechat.AccountStatus(out.Who.Status)
	proof := []Fact{fact("account_status", status.String())}
	if cause, ok := accountStates[status]; ok {
		v := Wrong
		if status == wechat.StatusWarned {
			v = Warning
		}
		return []Finding{ill(v, cause, text("the owner must see to it in the shop's back office", "请店主在店铺后台处理"), storeConsole, proof...)}
	}
	if out.Who.Store == nil {
		return []Finding{ill(Wrong, text("the account that authorised the platform is no shop", "授权给平台的账号不是微信小店"),
			text("have the shop itself authorise, by buying the service", "请由店铺本身通过购买服务完成授权"), pageMarket, proof...)}
	}
	return []Finding{fine(text("the shop's account is in order", "店铺账号状态正常"), proof...)}
}

// network has WeChat reach the app's push address by itself. It is documented for shops.
func (d *Doctor) network(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.ShopApp || len(at.app.Push.Keys) == 0 {
		return nil
	}
	var out struct {
		Ping []struct {
			IP   string `json:"ip"`
			Loss string `json:"package_loss"`
		} `json:"ping"`
	}
	in := map[string]string{"action": "all", "check_operator": "DEFAULT"}
	if err := d.askShop(ctx, at, http.MethodPost, "/cgi-bin/callback/check", in, &out); err != nil {
		return d.beside(at, err)
	}
	var proof []Fact
	lost := 0
	for _, p := range out.Ping[:min(len(out.Ping), 10)] {
		proof = append(proof, fact("ping", plain(p.IP+" loses "+p.Loss, 60)))
		if p.Loss == "100%" {
			lost++
		}
	}
	if lost > 0 {
		return []Finding{ill(Warning, text("WeChat's test packets to the push address are lost", "微信到推送地址的网络测试丢包"),
			text("if pushes fail too, open the firewall to WeChat's addresses", "若推送也失败，请在防火墙放行微信的地址"), pageNetwork, proof...)}
	}
	return []Finding{fine(text("WeChat reaches the push address", "微信可到达推送地址"), proof...)}
}

// serviceSoon is how long before its end a bought service is told of.
const serviceSoon = 7 * 24 * time.Hour

// service looks until when the shop has paid for what it uses.
func (d *Doctor) service(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.Component || len(at.app.Services) == 0 {
		return nil
	}
	bought, err := d.o.Platforms.Purchases(ctx, at.app.ID, at.shop.AppID)
	if err != nil {
		return unread(err)
	}
	if len(bought) == 0 {
		return []Finding{ill(Unknown, text("nothing is known of a purchase in the service market", "未获知服务市场的购买记录"), text("have the merchant open the service in the market once", "请商家在服务市场点击一次「去使用」"), pageMarket)}
	}
	now, last := d.o.Now(), time.Time{}
	for _, p := range bought {
		if p.PaidUntil.After(last) {
			last = p.PaidUntil
		}
	}
	proof := []Fact{moment("paid_until", last), count("purchases", len(bought))}
	next := text("ask the merchant to renew the service in the service market", "请商家在服务市场续费")
	switch {
	case last.IsZero():
		return []Finding{ill(Unknown, text("WeChat did not say until when the service is paid for", "微信未告知服务的到期时间"), next, pageMarket, proof...)}
	case !now.Before(last):
		return []Finding{ill(Wrong, text("the bought service is expired", "购买的服务已到期"), next, pageMarket, proof...)}
	case last.Sub(now) < serviceSoon:
		return []Finding{ill(Warning, text("the bought service ends within a week", "购买的服务将在一周内到期"), next, pageMarket, proof...)}
	}
	return []Finding{fine(text("the service is paid for", "服务在有效期内"), proof...)}
}

// quota looks at what is left of what WeChat lets the shop call today.
func (d *Doctor) quota(_ context.Context, at place) []Finding {
	states, counted := d.o.Usage.Quotas(at.shop.ID)
	if !counted {
		return nil
	}
	var found []Finding
	for _, s := range states {
		proof := []Fact{fact("path", s.Path), count("left", s.Left), count("limit", s.Limit), count("today", s.Today)}
		next := text("see who calls it: zhanggui quota "+at.shop.ID+" "+s.Path, "查看调用方：zhanggui quota "+at.shop.ID+" "+s.Path)
		switch {
		case s.Left == 0:
			found = append(found, ill(Wrong, text("the daily quota of a path is used up", "接口当日额度已用完"), next, pageQuota, proof...))
		case !s.Dry.IsZero():
			found = append(found, ill(Warning, text("the daily quota of a path runs dry today", "接口当日额度即将用完"), next, pageQuota, append(proof, moment("dry", s.Dry))...))
		}
	}
	if len(found) == 0 {
		return []Finding{fine(text("the quotas last", "接口额度充足"), count("paths_called", len(states)))}
	}
	return found[:min(len(found), 10)]
}
