package dropin

import (
	"net/http"
	"net/netip"

	"github.com/zhanggui/zhanggui/internal/web"
)

// writeError writes an error as WeChat does. One without an errcode is a failure of
// ours: nothing was done, so SDKs may repeat it.
func writeError(w http.ResponseWriter, r *http.Request, e *web.Error) {
	code := e.ErrCode
	switch {
	case e.Status == http.StatusRequestEntityTooLarge:
		code = 45002
	case code == 0 && e.Status == http.StatusTooManyRequests:
		code = 45011
	case code == 0 && e.Status == http.StatusForbidden:
		code = 61003
	case code == 0 || e.Status >= http.StatusInternalServerError:
		code = -1
	}
	web.WriteErrcode(w, r, e, code, http.StatusOK)
}

// refusal is an error with WeChat's number and words, and our next step.
func refusal(errcode, status int, code, en, zh, nextEN, nextZH string) *web.Error {
	return &web.Error{Status: status, Code: code, ErrCode: errcode, EN: en, ZH: zh, NextEN: nextEN, NextZH: nextZH}
}

func errMethod(want string) *web.Error {
	if want == http.MethodGet {
		return refusal(43001, http.StatusMethodNotAllowed, "method", "require GET method.", "此接口需使用 GET。", "Send a GET.", "请使用 GET 请求。")
	}
	return refusal(43002, http.StatusMethodNotAllowed, "method", "require POST method.", "此接口需使用 POST。", "Send a POST with a JSON body.", "请使用 POST 请求，内容为 JSON。")
}

// errTarget is for a request line that names a host.
func errTarget() *web.Error {
	return refusal(40066, http.StatusBadRequest, "target", "invalid url: the request line names a host.", "请求行中不应包含主机名。",
		"Send the path only; do not use this server as a proxy.", "请求行只写路径；请勿将本服务器用作代理。")
}

func errBody() *web.Error {
	return refusal(47001, http.StatusBadRequest, "body", "data format error: the body is not the JSON object that is expected here.", "请求内容不是此接口所需的 JSON。",
		"Send what WeChat's page for this API shows.", "请按微信接口文档填写请求内容。")
}

func errGrantType() *web.Error {
	return refusal(40002, http.StatusBadRequest, "grant-type", "invalid grant_type.", "grant_type 不正确。",
		"Send client_credential.", "请填写 client_credential。")
}

func errMissing(errcode int, name string) *web.Error {
	return refusal(errcode, http.StatusBadRequest, "missing", name+" missing.", "缺少参数 "+name+"。",
		"Send the shop's appid, and a client key of this server as secret.", "appid 填店铺 AppID，secret 填本服务器的程序密钥。")
}

func errKey() *web.Error {
	return refusal(40125, http.StatusUnauthorized, "key-unknown", "invalid appsecret: this server takes its own client keys (zgc_...) in its place.", "appsecret 不正确：本服务器以程序密钥（zgc_...）代替 AppSecret。",
		"Send a key that the operator gave you; take the shop's AppSecret out of this program.", "请填写管理员发放的密钥，并从程序中删除店铺的 AppSecret。")
}

// errAppID is for an appid that the client does not hold, whether it exists or not.
func errAppID() *web.Error {
	return refusal(40013, http.StatusForbidden, "shop-not-held", "invalid appid: this client has no right to a shop of this appid.", "appid 无效：该程序无权访问此 AppID 的店铺。",
		"Check the appid, or ask the operator to add the shop to this client.", "请核对 AppID，或请管理员为该程序添加此店铺。")
}

func errComponentAppID() *web.Error {
	return refusal(61024, http.StatusForbidden, "appid-of-platform", "this appid is a third-party platform's.", "此 AppID 属于第三方平台。",
		"Fetch its token from /cgi-bin/component/api_component_token.", "请通过 /cgi-bin/component/api_component_token 获取其令牌。")
}

func errAddress(addr netip.Addr) *web.Error {
	en := "invalid ip, not in whitelist."
	if addr.IsValid() {
		en = "invalid ip " + addr.String() + ", not in whitelist."
	}
	return refusal(40164, http.StatusForbidden, "address-not-allowed", en, "调用来源 IP 不在该程序的允许列表中。",
		"Call from an address of this client, or ask the operator to add this one.", "请从允许的地址调用，或请管理员添加此地址。")
}

func errElsewhere() *web.Error {
	return refusal(48001, http.StatusForbidden, "path-closed", "api unauthorized: this call of a platform's is not answered here.", "api 未授权：本服务器不提供此第三方平台接口。",
		"Platforms are set up and authorised with this server itself; ask the operator.", "第三方平台的配置与授权由本服务器自身完成，请联系管理员。")
}

func errComponent() *web.Error {
	return refusal(40013, http.StatusForbidden, "platform-not-held", "invalid appid: this client has no right to a shop of such a platform.", "appid 无效：该程序无权访问此第三方平台的任何店铺。",
		"Check component_appid, or ask the operator to add one of its shops to this client.", "请核对 component_appid，或请管理员为该程序添加其店铺。")
}

func errPlatformAlias() *web.Error {
	return refusal(40001, http.StatusUnauthorized, "alias-unknown", "invalid credential, component_access_token is invalid or not latest: this server takes its own only.", "component_access_token 无效：本服务器只接受由其发放的令牌。",
		"Fetch one from /cgi-bin/component/api_component_token of this server.", "请从本服务器的 /cgi-bin/component/api_component_token 获取。")
}

func errPlatformEnded() *web.Error {
	e := errPlatformAlias()
	e.ErrCode, e.Code, e.EN, e.ZH = 42001, "alias-ended", "component_access_token expired.", "component_access_token 已过期。"
	return e
}

// errAuthorizer is for a shop that the client does not hold or that another
// platform serves, whether it exists or not.
func errAuthorizer() *web.Error {
	return refusal(61003, http.StatusForbidden, "shop-not-held", "component is not authorized by this account, or this client has no right to it.", "该店铺未授权此第三方平台，或该程序无权访问。",
		"See what api_get_authorizer_list gives, or ask the operator to add the shop to this client.", "请查看 api_get_authorizer_list 的结果，或请管理员为该程序添加此店铺。")
}

func errHandle() *web.Error {
	return refusal(61023, http.StatusForbidden, "handle-unknown", "refresh_token is invalid: this server takes its own only.", "refresh_token 无效：本服务器只接受由其发放的。",
		"Take it from api_get_authorizer_list of this server; it stays the same.", "请从本服务器的 api_get_authorizer_list 获取，此后不变。")
}

func errCode() *web.Error {
	return refusal(61009, http.StatusForbidden, "handle-unknown", "code is invalid: codes of WeChat are exchanged by this server itself.", "授权码无效：微信的授权码由本服务器自行兑换。",
		"Send the refresh_token that api_get_authorizer_list gives as authorization_code.", "请以 api_get_authorizer_list 返回的 refresh_token 作为 authorization_code。")
}

func errCount() *web.Error {
	return refusal(40170, http.StatusBadRequest, "count", "args count exceed count limit.", "count 超出范围。",
		"Send a count from 1 to 500 and an offset from 0.", "count 为 1 至 500，offset 不小于 0。")
}
