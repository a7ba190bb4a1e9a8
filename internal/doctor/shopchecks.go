package doctor

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
)

// shopChecks look at one shop. Three ask WeChat, once each.
var shopChecks = []check{
	{name: "grant", run: (*Doctor).grant},
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
	cause, next Text
}{
	grant.NeedsOwner: {Wrong, text("the shop's authorisation has ended", "店铺授权已失效"), text("the owner must authorise again", "需要店主重新授权")},
	grant.Stopped: {Wrong, text("WeChat refuses the shop's credentials or this server's address, so renewal has stopped", "微信拒绝了店铺凭据或本服务器地址，续期已停止"),
		text("mend what errcode and cause name; then zhanggui grant start", "请按 errcode 与 cause 修正，然后执行 zhanggui grant start")},
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
		f.ErrCode, f.Proof = g.ErrCode, append(f.Proof, count("errcode", g.ErrCode), fact("wechat_says", x.CauseEN))
		f.Next = text(x.NextEN, x.NextZH)
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
var shopStates = map[string]Text{
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
var accountStates = map[wechat.AccountStatus]Text{
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

// sets compares the permission sets that a shop granted with those that are needed by
// the paths that its clients call, or are granted by name or by group.
func (d *Doctor) sets(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.Component {
		return nil
	}
	a, err := d.o.Platforms.Authorizer(ctx, at.app.ID, at.shop.AppID)
	if errors.Is(err, access.ErrNotFound) || errors.Is(err, grant.ErrNotFound) {
		return nil
	}
	if err != nil {
		return unread(err)
	}
	if a.CheckedAt.IsZero() && len(a.Sets) == 0 {
		return []Finding{ill(Unknown, text("WeChat has not told yet what the shop granted", "尚未得知店铺授予的权限集"), text("wait for the next comparison: zhanggui reconcile", "请等待下次对账：zhanggui reconcile"), "")}
	}
	clients, err := d.o.Directory.Clients(ctx)
	if err != nil {
		return unread(err)
	}
	called, err := d.called(ctx, clients, at.shop.ID)
	if err != nil {
		return unread(err)
	}
	found := d.lacking(a.Sets, called, Wrong, text("programs call what the shop did not grant to the platform", "程序正在调用店铺未授予平台的权限集"))
	found = append(found, unset(a.Sets, d.o.Usage.Unset(at.shop.ID), found)...)
	if len(found) == 0 {
		found = d.lacking(a.Sets, d.granted(clients, at.shop.ID), Warning, text("programs may call what the shop did not grant to the platform", "程序获准调用的接口中有店铺未授予平台的权限集"))
	}
	if len(found) == 0 {
		found = []Finding{fine(text("the shop granted what its programs call", "店铺已授予程序所需的权限集"))}
	}
	for i := range found {
		found[i].Proof = append(found[i].Proof, fact("granted", numbers(a.Sets)), count("paths_called", len(called)), moment("told_at", a.CheckedAt))
	}
	return found
}

// Of a shop with more clients than these, the first count.
const lookedAt = 100

// calledFor is how long ago a call may have been to count.
const calledFor = 30 * 24 * time.Hour

// called are the paths that clients called for a shop: those of the last days, and
// those of the last minutes that are not written yet.
func (d *Doctor) called(ctx context.Context, clients []access.Client, shop string) (paths []string, err error) {
	since := access.DayOf(d.o.Now().Add(-calledFor))
	n := 0
	for _, c := range clients {
		if n >= lookedAt || !c.Holds(shop) || !c.Live(d.o.Now()) {
			continue
		}
		n++
		at, err := d.o.Usage.PathsAt(ctx, c.ID, shop, since)
		if err != nil {
			return nil, err
		}
		paths = append(paths, at...)
	}
	states, _ := d.o.Usage.Quotas(shop)
	for _, s := range states {
		paths = append(paths, s.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// granted are the paths that clients of a shop are granted by name or by group.
// Nobody means all of them by asking for none.
func (d *Doctor) granted(clients []access.Client, shop string) (paths []string) {
	now := d.o.Now()
	for _, c := range clients {
		if !c.Holds(shop) || !c.Live(now) {
			continue
		}
		for _, p := range c.Rights.Paths {
			paths = append(paths, p.Path)
		}
		groups, err := catalogue.GroupBits(c.Rights.Groups)
		if err != nil || len(c.Rights.Groups) == 0 {
			continue
		}
		for e := range d.o.Catalogue.All() {
			if e.In(groups) {
				paths = append(paths, e.Path)
			}
		}
	}
	return paths
}

// lacking gives one finding for each set that paths need and that is not held.
func (d *Doctor) lacking(held []int64, paths []string, v Verdict, cause Text) []Finding {
	missing := map[int64][]string{}
	for _, p := range paths {
		e, ok := d.o.Catalogue.Lookup(p)
		if !ok || len(e.Sets) == 0 || slices.ContainsFunc(e.Sets, func(s int64) bool { return slices.Contains(held, s) }) {
			continue
		}
		if !slices.Contains(missing[e.Sets[0]], e.Path) {
			missing[e.Sets[0]] = append(missing[e.Sets[0]], e.Path)
		}
	}
	var found []Finding
	for id, needed := range missing {
		slices.Sort(needed)
		f := lack(v, cause, id)
		f.Proof = append(f.Proof, fact("for", strings.Join(needed[:min(len(needed), 3)], " ")), count("paths", len(needed)))
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Proof[0].Value, b.Proof[0].Value) })
	return found
}

// lack is the finding that a set is missing.
func lack(v Verdict, cause Text, id int64) Finding {
	set, number := catalogue.SetOf(id), strconv.FormatInt(id, 10)
	f := ill(v, cause, text("have the platform ask for "+set.EN+" (set "+number+"), publish it, and the owner authorise again",
		"请为平台申请「"+set.ZH+"」(权限集 "+number+")并发布，再由店主重新授权"), pageSets, fact("missing_set", number+" "+set.ZH))
	f.ErrCode = 61007
	return f
}

// unset gives one finding for each set for want of which calls were refused here, but
// those that were found already.
func unset(held []int64, refusals []SetRefusal, already []Finding) (found []Finding) {
	for _, r := range refusals {
		if len(r.Sets) == 0 || slices.ContainsFunc(r.Sets, func(s int64) bool { return slices.Contains(held, s) }) {
			continue
		}
		f := lack(Wrong, text("calls were refused because the shop did not grant what they need to the platform", "有调用因店铺未授予平台所需权限集而被拒绝"), r.Sets[0])
		if !slices.ContainsFunc(already, func(o Finding) bool { return o.Proof[0] == f.Proof[0] }) {
			f.Proof = append(f.Proof, count("refused", r.Times), moment("last_refused", r.Last))
			found = append(found, f)
		}
	}
	return found
}

// numbers writes ids behind each other.
func numbers(ids []int64) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	return strings.Join(texts, " ")
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
