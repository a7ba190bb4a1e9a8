package doctor

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat"
)

// ridAnswer is what WeChat knows of a call. Query and bodies hold the call's token and
// its data: they never leave [ridAnswer.facts].
type ridAnswer struct {
	Request struct {
		Invoked  int64  `json:"invoke_time"`
		Cost     int64  `json:"cost_in_ms"`
		URL      string `json:"request_url"`
		Response string `json:"response_body"`
		IP       string `json:"client_ip"`
	} `json:"request"`
}

// facts reduces the answer to what may be shown: when, how long, which path and which
// errcode, and from where, unless that is a platform's affair.
func (a *ridAnswer) facts(rid string, by access.AppKind) (code int, path string, all []Fact) {
	r := &a.Request
	all = []Fact{fact("rid", rid), moment("invoked", time.Unix(r.Invoked, 0)), count("cost_ms", r.Cost)}
	if by != access.Component {
		all = append(all, fact("client_ip", plain(r.IP, 60)))
	}
	if u, err := url.Parse(r.URL); err == nil && len(u.Path) > 1 && u.Path[0] == '/' {
		path = plain(u.Path, 120)
		all = append(all, fact("path", path))
	}
	if head, _ := wechat.Look([]byte(r.Response)); head.Found {
		code = head.Code
		all = append(all, count("errcode", code))
	}
	return code, path, all
}

// ridFindings asks WeChat about a call of a shop, see
// developers.weixin.qq.com/doc/store/API/apimgnt/getRidInfo.
func (d *Doctor) ridFindings(ctx context.Context, s symptom, at place, ask bool) (found []Finding, code int) {
	if !ask || at.shop.ID == "" {
		if s.hasCode {
			return nil, 0 // what matters was said
		}
		return []Finding{ill(Unknown, text("WeChat knows for seven days what a rid was about, and tells the shop that called", "微信保留 rid 七天，仅向发起调用的店铺提供"),
			text("name the shop: zhanggui doctor SHOP --explain RID", "请指明店铺：zhanggui doctor 店铺 --explain RID"), pageRID, fact("rid", s.rid))}, 0
	}
	found = d.memo.get("rid "+at.shop.ID+" "+s.rid, func() []Finding {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CheckTimeout)
		defer cancel()
		return []Finding{d.ridFinding(ctx, s, at)}
	})
	return found, found[0].ErrCode
}

// ridFinding is what WeChat tells of a call, without what it echoes.
func (d *Doctor) ridFinding(ctx context.Context, s symptom, at place) Finding {
	var out ridAnswer
	if err := d.askShop(ctx, at, http.MethodPost, "/cgi-bin/openapi/rid/get", map[string]string{"rid": s.rid}, &out); err != nil {
		f := d.ridRefused(at, s.rid, err)
		f.ErrCode = 0 // it is not the code of the call that was asked about
		return f
	}
	code, path, facts := out.facts(s.rid, at.app.Kind)
	x := wechat.Explain(wechat.KindOf(cmp.Or(path, s.path)), code)
	f := ill(verdictOf(x.Class), text(x.CauseEN, x.CauseZH), text(x.NextEN, x.NextZH), pageOf(x.Kind, code), facts...)
	if code == 0 {
		f = fine(text("WeChat answered this call without an error", "微信对该调用的应答没有错误"), facts...)
	}
	f.ErrCode = code
	return f
}

// ridRefused says why WeChat tells nothing of a rid. That is no fault of the shop's.
func (d *Doctor) ridRefused(at place, rid string, err error) Finding {
	f := d.refusedShop(at, err)[0]
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.Class() == wechat.ClassCaller {
		f.Verdict, f.Page = Unknown, pageRID
		f.Next = text("take the rid of a call of the last seven days, and name the shop that called", "请使用七天内调用的 rid，并指明发起调用的店铺")
	}
	f.Proof = append(f.Proof, fact("looked_up", rid))
	return f
}
