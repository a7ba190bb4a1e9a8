package doctor

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// appChecks look at one app. The first two ask WeChat, once at most each.
var appChecks = []check{
	{name: "secret", asks: true, run: (*Doctor).secret},
	{name: "platform", asks: true, run: (*Doctor).platform},
	{name: "sealed", run: (*Doctor).sealed},
	{name: "domain", run: (*Doctor).domain},
	{name: "push", run: (*Doctor).push},
	{name: "ticket", run: (*Doctor).ticket},
	{name: "stranger", run: (*Doctor).platformStranger},
}

// provable are the kinds of app whose secret brings a token of their own. That of a
// website is proved by logins only, and that of a third-party platform by its token.
var provable = []access.AppKind{access.ShopApp, access.ServiceAccount, access.MiniProgram}

// secret asks for the app's token as WeChat keeps it.
func (d *Doctor) secret(ctx context.Context, at place) []Finding {
	if len(at.app.Secret) == 0 || !slices.Contains(provable, at.app.Kind) {
		return nil
	}
	if err := d.o.WeChat.Secret(ctx, at.app); err != nil {
		return []Finding{d.refused(at, err)}
	}
	return []Finding{
		fine(text("WeChat takes AppID and AppSecret", "微信接受此 AppID 与 AppSecret"), fact("call", "POST /cgi-bin/stable_token"), fact("appid", at.app.AppID)),
		{Check: "address", Verdict: OK, Cause: text("WeChat takes calls from this server's address", "微信接受来自本服务器出口 IP 的请求"), Next: nothing},
	}
}

// platform asks, as a third-party platform, for the addresses that pushes come from.
func (d *Doctor) platform(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.Component {
		return nil
	}
	var out struct {
		Sources []string `json:"ip_list"`
	}
	if err := d.o.WeChat.CallPlatform(ctx, at.app, http.MethodGet, "/cgi-bin/getcallbackip", nil, &out); err != nil {
		return []Finding{d.refused(at, err)}
	}
	return []Finding{
		fine(text("WeChat takes the platform's token", "微信接受第三方平台的令牌"), count("push_sources", len(out.Sources))),
		{Check: "address", Verdict: OK, Cause: text("WeChat takes calls from this server's address", "微信接受来自本服务器出口 IP 的请求"), Next: nothing},
	}
}

// sealed opens what is kept of the app, and forgets it.
func (d *Doctor) sealed(_ context.Context, at place) []Finding {
	if len(at.app.Secret) == 0 {
		return nil
	}
	if _, err := d.o.Vault.Open(at.app.Secret, vault.AppSecret(at.app.ID, at.app.SecretVersion)); err != nil {
		return []Finding{ill(Wrong, text("the kept AppSecret cannot be opened: the master key or the row is another one", "无法解密已保存的 AppSecret：主密钥或数据行已被更换"),
			text("give the right master key, or declare the app again with its secret", "请提供正确的主密钥，或带上密钥重新声明此应用"), "", count("version", at.app.SecretVersion))}
	}
	return []Finding{fine(text("the kept AppSecret can be opened", "已保存的 AppSecret 可解密"), count("version", at.app.SecretVersion))}
}

// domain compares the callback domain with our own, and fetches its proof.
func (d *Doctor) domain(ctx context.Context, at place) []Finding {
	if at.app.CallbackHost == "" {
		return nil
	}
	proof := []Fact{fact("callback_domain", at.app.CallbackHost), fact("public_host", d.o.PublicURL.Host)}
	if !strings.EqualFold(at.app.CallbackHost, d.o.PublicURL.Host) {
		return []Finding{ill(Wrong, text("the app's callback domain is another host than the public URL", "应用的授权回调域名与公网地址的主机不一致"),
			text("enter the exact host of the public URL at WeChat and in the app's callback_host", "请在微信后台与应用的 callback_host 中填写公网地址的完整主机名"), consoleOf(at.app.Kind), proof...)}
	}
	if at.app.VerifyName == "" {
		return []Finding{fine(text("the callback domain is this server's", "授权回调域名即本服务器"), proof...)}
	}
	return []Finding{d.verifyFile(ctx, at.app, proof)}
}

// verifyFile fetches the domain's proof as WeChat does.
func (d *Doctor) verifyFile(ctx context.Context, app access.App, proof []Fact) Finding {
	where := url.URL{Scheme: d.o.PublicURL.Scheme, Host: d.o.PublicURL.Host, Path: "/" + app.VerifyName}
	proof = append(proof, fact("file", where.String()))
	page, err := d.o.Web.Get(ctx, where.String())
	next := text("have the proxy pass /MP_verify_*.txt on to this server before everything else", "请让代理优先把 /MP_verify_*.txt 转发到本服务器")
	switch {
	case err != nil:
		return ill(Wrong, text("the domain's proof cannot be fetched", "无法获取域名验证文件"), next, "", append(proof, fact("reason", reasonOf(err)))...)
	case page.Status != http.StatusOK:
		return ill(Wrong, text("the domain's proof is not there", "域名验证文件不存在"), next, "", append(proof, count("http_status", page.Status))...)
	case strings.TrimSpace(string(page.Body)) != strings.TrimSpace(app.VerifyBody):
		return ill(Wrong, text("something else answers in place of the domain's proof", "域名验证文件的内容不符"), next, "", append(proof, count("bytes", len(page.Body)))...)
	}
	return fine(text("the callback domain is this server's, and its proof is there", "授权回调域名即本服务器，且验证文件可访问"), proof...)
}

// pushLate is how long a platform may hear nothing: a ticket comes every ten minutes.
const pushLate = 30 * time.Minute

// push checks the push URL with a signature, as WeChat does when it is saved, and looks
// at what came in.
func (d *Doctor) push(ctx context.Context, at place) []Finding {
	if len(at.app.Push.Keys) == 0 {
		return nil
	}
	keys, err := d.pushKeyring(at.app)
	if err != nil {
		return []Finding{ill(Wrong, text("the kept push token and key cannot be opened", "无法解密已保存的推送 Token 与密钥"),
			text("declare the app again with its push settings", "请带上推送设置重新声明此应用"), "")}
	}
	return append(d.pushURL(ctx, at.app, keys), d.pushLog(at.app)...)
}

func (d *Doctor) pushKeyring(app access.App) (*msgcrypt.Keyring, error) {
	packed, err := d.o.Vault.Open(app.Push.Keys, vault.PushKeys(app.ID, app.Push.Version))
	if err != nil {
		return nil, err
	}
	keys, err := access.UnpackPushKeys(packed)
	if err != nil {
		return nil, err
	}
	return msgcrypt.NewKeyring([]secret.Value{keys.Token}, []secret.Value{keys.AESKey}, app.AppID)
}

// pushURL asks our own URL to prove itself. Nothing changes: it is a question that
// echoes a word. Of the two keys it proves the token; the other one opens bodies, and
// whether it fits shows in what was refused.
func (d *Doctor) pushURL(ctx context.Context, app access.App, keys *msgcrypt.Keyring) []Finding {
	where := d.o.PublicURL.JoinPath("wechat", "push", app.ID, "event", app.AppID)
	if app.Kind == access.Component {
		where = d.o.PublicURL.JoinPath("wechat", "push", app.ID, "auth")
	}
	proof := []Fact{fact("url", where.String())}
	query, _, err := keys.Seal(msgcrypt.Push{AppID: app.AppID, Time: d.o.Now()})
	if err != nil {
		return nil // an appid that no envelope can name is the directory's mistake
	}
	word := rand.Text()
	query.EchoStr = word
	where.RawQuery = query.Values().Encode()
	page, err := d.o.Web.Get(ctx, where.String())
	next := text("have the proxy pass /wechat/push/ on to this server, with the query", "请让代理把 /wechat/push/ 连同查询参数转发到本服务器")
	switch {
	case err != nil:
		return []Finding{ill(Wrong, text("the push URL cannot be reached", "无法访问推送地址"), next, consoleOf(app.Kind), append(proof, fact("reason", reasonOf(err)))...)}
	case page.Status != http.StatusOK || string(page.Body) != word:
		return []Finding{ill(Wrong, text("the push URL does not answer a signed check", "推送地址未能通过签名校验"), next, consoleOf(app.Kind), append(proof, count("http_status", page.Status))...)}
	}
	return []Finding{fine(text("the push URL answers a signed check", "推送地址通过签名校验"), proof...)}
}

// pushCauses say what a reason of refusal means; others speak for themselves.
var pushCauses = map[string]notice.Text{
	"signature":  text("the Token at WeChat is another than the one here", "微信后台的 Token 与此处不一致"),
	"ciphertext": text("the EncodingAESKey at WeChat is another than the one here", "微信后台的 EncodingAESKey 与此处不一致"),
	"padding":    text("the EncodingAESKey at WeChat is another than the one here", "微信后台的 EncodingAESKey 与此处不一致"),
	"length":     text("the EncodingAESKey at WeChat is another than the one here", "微信后台的 EncodingAESKey 与此处不一致"),
	"appid":      text("the push is for another appid", "推送属于其他 appid"),
	"platform":   text("the push is for another platform", "推送属于其他第三方平台"),
	"url":        text("pushes come to a URL that is for others", "推送地址填写错误"),
	"plain-mode": text("the push is not encrypted; safe mode is needed", "推送未加密，需使用安全模式"),
	"stale":      text("the push is too old; perhaps a clock is wrong", "推送时间过旧，可能时钟有误"),
	"future":     text("the push is from the future; perhaps a clock is wrong", "推送时间在未来，可能时钟有误"),
}

// pushLog looks at what this server saw of the app's pushes. Refusals that are older
// than what was taken afterwards are past.
func (d *Doctor) pushLog(app access.App) []Finding {
	log := d.o.Pushes.Pushed(app.ID)
	proof := []Fact{moment("last_taken", log.Taken), moment("watched_since", log.Since)}
	var found []Finding
	for _, r := range log.Refused {
		if log.Taken.After(r.Last) {
			continue
		}
		cause, ok := pushCauses[r.Reason]
		if !ok {
			cause = text("pushes are refused: "+r.Reason, "推送被拒收："+r.Reason)
		}
		found = append(found, ill(Wrong, cause,
			text("compare Token and EncodingAESKey on both sides, in safe mode; declare the app again if they differ", "请核对两端的 Token 与 EncodingAESKey，使用安全模式；不一致时请重新声明此应用"),
			consoleOf(app.Kind), append(slices.Clone(proof), fact("reason", r.Reason), count("refused", r.Times), moment("last_refused", r.Last))...))
	}
	return found
}

// ticket looks how old a platform's newest ticket is.
func (d *Doctor) ticket(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.Component {
		return nil
	}
	kept, err := d.o.Platforms.Tickets(ctx, at.app.ID)
	if err != nil {
		return unread(err)
	}
	next := text("check the authorisation event URL and that it answers success, then start the push: the platform's console, or it is asked for by itself",
		"请检查授权事件接收 URL 是否返回 success，并在平台后台重新启动推送；系统也会自动请求一次")
	if len(kept) == 0 {
		return []Finding{ill(Wrong, text("WeChat has pushed no ticket yet, and without one there is no token", "微信尚未推送 ticket，没有 ticket 就没有令牌"), next, pageTickets, moment("newest_ticket", time.Time{}))}
	}
	age := d.o.Now().Sub(kept[0].SeenAt)
	proof := []Fact{moment("newest_ticket", kept[0].SeenAt), span("age", age)}
	switch {
	case age >= grant.TicketLife:
		return []Finding{ill(Wrong, text("the newest ticket is over; the platform gets no token", "最新 ticket 已失效，平台无法取得令牌"), next, pageTickets, proof...)}
	case age >= pushLate:
		return []Finding{ill(Wrong, text("WeChat pushed no ticket for more than half an hour", "微信已超过半小时未推送 ticket"), next, pageTickets,
			append(proof, moment("usable_until", kept[0].SeenAt.Add(grant.TicketLife)))...)}
	}
	return []Finding{fine(text("tickets come", "ticket 推送正常"), proof...)}
}
