package doctor

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
)

// Explanation is what is known about something that was pasted.
type Explanation struct {
	Input    string // as understood: masked, one line, cut
	Codes    []int  // that it was about
	Findings []Finding
}

// Explain finds out what a pasted text means: an errcode, an errmsg, an answer, a URL
// or a rid. shop names the shop that it is about and may be empty; a rid is looked up
// for a shop only, the one that there is if none is named, and only if ask allows it:
// that costs one call. Any input has an
// answer; the error is [access.ErrNotFound] for a shop that is not there.
func (d *Doctor) Explain(ctx context.Context, input, shop string, ask bool) (Explanation, error) {
	s := read(input)
	at := place{subject: "paste"}
	if shop == "" && s.rid != "" {
		shop = d.onlyShop(ctx)
	}
	if shop != "" {
		var err error
		if at, err = d.shopPlace(ctx, shop); err != nil {
			return Explanation{}, err
		}
	}
	out := Explanation{Input: s.text}
	if s.hasCode {
		out.Codes = append(out.Codes, s.code)
		out.Findings = append(out.Findings, d.codeFindings(s, at)...)
	}
	if f, ok := statusFinding(s); ok {
		out.Findings = append(out.Findings, f)
	}
	out.Findings = append(out.Findings, d.urlFindings(ctx, s)...)
	if s.rid != "" {
		found, code := d.ridFindings(ctx, s, at, ask)
		out.Findings = append(out.Findings, found...)
		if code != 0 && !s.hasCode {
			out.Codes = append(out.Codes, code)
		}
	}
	if len(out.Findings) == 0 {
		out.Findings = []Finding{nothingKnown()}
	}
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Check = "explain"
		if f.Subject == "" {
			f.Subject = at.subject
		}
	}
	return out, nil
}

// onlyShop is the shop of a server that has one: nobody need name it.
func (d *Doctor) onlyShop(ctx context.Context) string {
	shops, err := d.o.Directory.ShopsAfter(ctx, "", 2)
	if err != nil || len(shops) != 1 {
		return ""
	}
	return shops[0].ID
}

func (d *Doctor) shopPlace(ctx context.Context, id string) (place, error) {
	shop, err := d.o.Directory.Shop(ctx, id)
	if err != nil {
		return place{}, err
	}
	app, err := d.o.Directory.App(ctx, shop.App)
	return place{subject: "shop:" + shop.ID, shop: shop, app: app}, err
}

func nothingKnown() Finding {
	return ill(Unknown, text("this text holds no errcode, path or rid that is known here", "此内容中没有可识别的错误码、接口路径或 rid"),
		text("paste the whole answer of WeChat, with errcode and errmsg", "请粘贴微信的完整应答，包含 errcode 与 errmsg"), pageAllErrors)
}

// codeFindings explains a code: where the text says where it came from, what it means
// there; otherwise what it means anywhere.
func (d *Doctor) codeFindings(s symptom, at place) []Finding {
	if s.path != "" || s.code == 0 {
		return []Finding{d.codeFinding(wechat.Explain(wechat.KindOf(s.path), s.code), s, at)}
	}
	var found []Finding
	seen := map[string]bool{}
	for _, x := range explanations(s.code) {
		if !seen[x.CauseEN] {
			seen[x.CauseEN] = true
			found = append(found, d.codeFinding(x, s, at))
		}
	}
	if len(found) == 0 {
		found = []Finding{d.codeFinding(wechat.Explain(wechat.KindAny, s.code), s, at)}
	}
	return found
}

func (d *Doctor) codeFinding(x wechat.Explanation, s symptom, at place) Finding {
	v := verdictOf(x.Class)
	if x.Class == wechat.ClassOK {
		v = OK
	}
	f := ill(v, text(x.CauseEN, x.CauseZH), text(x.NextEN, x.NextZH), pageOf(x.Kind, x.Code), count("errcode", x.Code), fact("class", x.Class.String()))
	f.ErrCode = x.Code
	switch {
	case x.Kind != wechat.KindAny:
		f.Proof = append(f.Proof, fact("where", x.Kind.String()))
	case s.path == "" && len(explanations(x.Code)) > 1:
		f.Proof = append(f.Proof, fact("where", "elsewhere"))
	}
	f.Proof = append(f.Proof, s.facts()...)
	e := &wechat.Error{Code: x.Code}
	if aboutAddress(e) && s.ip.IsValid() {
		f.Proof = append(f.Proof, fact("address_seen", s.ip.String()))
	}
	if aboutAddress(e) && at.app.Kind != "" {
		f.Page = consoleOf(at.app.Kind)
	}
	if p, ok := d.o.Catalogue.Lookup(s.path); ok && x.Class == wechat.ClassCaller && p.URL() != "" {
		f.Page = p.URL()
	}
	return f
}

// facts are what else the text told.
func (s symptom) facts() []Fact {
	var all []Fact
	if s.path != "" {
		all = append(all, fact("path", plain(s.path, 120)))
	}
	if s.rid != "" {
		all = append(all, fact("rid", s.rid))
	}
	if s.hint != "" {
		all = append(all, fact("hint", s.hint))
	}
	if s.guessed {
		all = append(all, fact("read_from", "the words of the errmsg"))
	}
	return all
}

// statusFinding explains an HTTP status that came without an errcode.
func statusFinding(s symptom) (Finding, bool) {
	if s.status == 0 {
		return Finding{}, false
	}
	x := (&wechat.Error{HTTPStatus: s.status, Outcome: wechat.OutcomeAnswered}).Explain()
	page := pageAllErrors
	if s.status == http.StatusForbidden {
		page = pageShopList
	}
	return ill(verdictOf(x.Class), text(x.CauseEN, x.CauseZH), text(x.NextEN, x.NextZH), page, count("http_status", s.status)), true
}

// urlFindings explains a URL: what the endpoint is and needs, or what is wrong with a
// link to a page of WeChat's.
func (d *Doctor) urlFindings(ctx context.Context, s symptom) []Finding {
	var found []Finding
	if e, ok := d.o.Catalogue.Lookup(s.path); ok && !s.hasCode {
		f := fine(text("this is "+e.EN, "这是「"+e.ZH+"」"), fact("path", e.Path))
		if len(e.Sets) > 0 {
			f.Proof = append(f.Proof, fact("needs_one_of_sets", numbers(e.Sets)))
		}
		f.Page = e.URL()
		found = append(found, f)
	}
	if s.url == nil {
		return found
	}
	if f, ok := d.linkFinding(ctx, s.url); ok {
		found = append(found, f)
	}
	return found
}

// linkFinding holds a link to an authorisation page against the app that it names.
func (d *Doctor) linkFinding(ctx context.Context, u *url.URL) (Finding, bool) {
	if u.Path != "/connect/oauth2/authorize" && u.Path != "/connect/qrconnect" {
		return Finding{}, false
	}
	q := u.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	appid := plain(q.Get("appid"), 40)
	if err != nil || back.Host == "" {
		return ill(Wrong, text("the link has no redirect_uri that can be read", "链接中没有可识别的 redirect_uri"),
			text("encode redirect_uri once, with scheme and host", "redirect_uri 须包含协议与主机，并且只编码一次"), pageLogin, fact("appid", appid)), true
	}
	proof := []Fact{fact("appid", appid), fact("redirect_host", plain(back.Host, 100)), fact("scope", plain(q.Get("scope"), 40))}
	app, ok, err := d.appOf(ctx, q.Get("appid"))
	switch {
	case err != nil:
		return unread(err)[0], true
	case !ok:
		return ill(Warning, text("the link names an app that is not kept here", "链接中的 appid 不在本系统中"), text("compare appid with those of zhanggui app list", "请与 zhanggui app list 核对"), pageLogin, proof...), true
	case !strings.EqualFold(app.CallbackHost, back.Host):
		return ill(Wrong, text("redirect_uri leads to another host than the app's callback domain: WeChat answers 10003", "redirect_uri 的主机与应用的授权回调域名不一致，微信会返回 10003"),
			text("use the callback domain, or enter this host at WeChat", "请使用授权回调域名，或在微信后台填写该主机"), consoleOf(app.Kind), append(proof, fact("callback_domain", app.CallbackHost))...), true
	}
	return fine(text("the link leads back to the app's callback domain", "链接的回调主机与授权回调域名一致"), proof...), true
}

func (d *Doctor) appOf(ctx context.Context, appid string) (access.App, bool, error) {
	apps, err := d.o.Directory.Apps(ctx)
	for _, a := range apps {
		if a.AppID == appid {
			return a, true, nil
		}
	}
	return access.App{}, false, err
}
