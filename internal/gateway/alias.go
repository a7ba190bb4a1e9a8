package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
	"github.com/zhanggui/zhanggui/internal/web"
)

// The second way in: programs whose SDK can change the host of WeChat's paths and
// nothing else. They send an alias where WeChat has an access token, and it names
// client and shop. What they may do is decided as for everybody else.

// Aliases reads stand-ins for access tokens. [alias.Maker] is one.
type Aliases interface {
	// Read gives what an alias says, or alias.ErrForged or alias.ErrEnded.
	Read(text string, now time.Time) (alias.Name, error)
}

// RootPattern is what the access log and metrics call requests with an alias.
const RootPattern = "/{path...}?access_token"

// roots are the trees of WeChat's paths that belong to shops. Anything else is not
// passed on.
var roots = []string{"/channels/ec/", "/shop/", "/wxa/", "/cgi-bin/"}

// Rooted tells whether path is WeChat's own, so that an alias is wanted and errors
// have WeChat's shape.
func Rooted(path string) bool {
	return slices.ContainsFunc(roots, func(tree string) bool { return strings.HasPrefix(path, tree) })
}

// Client gives the client whose key has this hash, ended or not, as it was read
// within the last second; access.ErrNotFound when there is none.
func (g *Gateway) Client(ctx context.Context, hash []byte) (access.Client, error) {
	who, err := g.clients.get(ctx, string(hash))
	return who.Client, err
}

// Pace takes one call off what the client whose key has this hash may make in a
// second, over everything that asks for the key. Its error is a [*web.Error] of
// status 429 that tells when the next call may come, or access.ErrNotFound.
func (g *Gateway) Pace(ctx context.Context, hash []byte) error {
	who, err := g.clients.get(ctx, string(hash))
	if err != nil {
		return err
	}
	return who.bucket.take(who.ID, g.Now())
}

// credential gives the hash of the caller's key: of the key they send, or of the one
// that their alias names.
func (c *call) credential() (hash string, err error) {
	if Rooted(c.in.URL.Path) {
		return c.readAlias()
	}
	key, ok := bearer(c.in.Header)
	if !ok {
		return "", errKey(nil)
	}
	return string(access.HashKey(key)), nil
}

// readAlias takes the alias out of the query.
func (c *call) readAlias() (hash string, err error) {
	text, err := aliasIn(c.in.URL.RawQuery)
	if err != nil {
		return "", err
	}
	if c.g.Aliases == nil {
		return "", errAlias(alias.ErrForged)
	}
	c.alias, err = c.g.Aliases.Read(text, c.g.Now())
	if err != nil {
		return "", errAlias(err)
	}
	if c.alias.Kind != alias.Shop {
		return "", errPlatform()
	}
	return c.alias.KeyHash, nil
}

// aliasIn finds the one access token of a query. Another spelling beside it, or a
// second one, might be what WeChat reads.
func aliasIn(raw string) (text string, err error) {
	found := 0
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, err := splitPair(pair)
		switch {
		case pair == "":
		case err != nil:
			return "", errTarget(err)
		case key == tokenKey:
			text = value
			found++
		case isTokenKey(key):
			found += 2
		}
	}
	switch {
	case found == 0 || found == 1 && text == "":
		return "", errNoAlias()
	case found > 1:
		return "", errAlias(errTokens)
	}
	return text, nil
}

var errTokens = errors.New("more than one access token in the query; send one access_token")

// target reads what the caller asked for.
func (c *call) target() (target, error) {
	if !Rooted(c.in.URL.Path) {
		return parseTarget(c.in.URL)
	}
	u := *c.in.URL
	if u.RawPath == "" { // else parseTarget refuses it
		u.Path = mountedAt + c.alias.ID + u.Path
	}
	return parseTarget(&u)
}

func errNoAlias() error {
	return &web.Error{
		Status: http.StatusUnauthorized, Code: "alias-missing",
		EN: "access_token missing.", ZH: "缺少 access_token。",
		NextEN: "Fetch one from /cgi-bin/stable_token of this server, with the shop's appid and a client key as secret.",
		NextZH: "请从本服务器的 /cgi-bin/stable_token 获取，appid 填店铺 AppID，secret 填程序密钥。",
	}
}

// errAlias is for what is no alias, or no longer one. It does not repeat what was
// sent: that may be a real token.
func errAlias(err error) error {
	e := &web.Error{
		Status: http.StatusUnauthorized, Code: "alias-unknown", Err: err,
		EN: "invalid credential, access_token is invalid or not latest: this server takes its own only.", ZH: "access_token 无效：本服务器只接受由其发放的令牌。",
		NextEN: "Fetch one from /cgi-bin/stable_token of this server, with the shop's appid and a client key as secret.",
		NextZH: "请从本服务器的 /cgi-bin/stable_token 获取，appid 填店铺 AppID，secret 填程序密钥。",
	}
	if errors.Is(err, alias.ErrEnded) {
		e.Code, e.EN, e.ZH = "alias-ended", "access_token expired.", "access_token 已过期。"
	}
	return e
}

func errPlatform() error {
	return &web.Error{
		Status: http.StatusForbidden, Code: "alias-of-platform",
		EN: "This access_token is a third-party platform's, and the call needs a shop's.", ZH: "该令牌属于第三方平台，此接口需要店铺的令牌。",
		NextEN: "Fetch the shop's from /cgi-bin/component/api_authorizer_token of this server.",
		NextZH: "请从本服务器的 /cgi-bin/component/api_authorizer_token 获取店铺令牌。",
	}
}

// errcodes say in WeChat's numbers what our own refusals mean to an SDK.
var errcodes = map[string]int{
	"alias-missing":       41001,
	"alias-unknown":       40001, // SDKs fetch another one
	"key-unknown":         40001, // the key behind the alias has ended
	"alias-ended":         42001,
	"method":              43002,
	"target":              40066,
	"body-too-large":      45002,
	"body-broken":         47001,
	"body-stalled":        47001,
	"wechat-unreachable":  -1, // nothing was sent: SDKs that repeat it do no harm
	"address-not-allowed": 40164,
	"daily-cap":           45009,
	"quota-pace":          45009,
	"wait":                47001,
	"permission-set":      61007,
	"grant-revoked":       61003,
	"grant-needs-owner":   61003,
}

// errcodeOf gives the errcode and the HTTP status for an error. The status is 200 as
// with WeChat, which SDKs want before they read an errcode. It is not where WeChat
// may have carried out the call: SDKs repeat what they take for WeChat's "busy".
func errcodeOf(e *web.Error) (code, status int) {
	if code, ok := errcodes[e.Code]; ok {
		return code, http.StatusOK
	}
	switch {
	case e.Status == http.StatusServiceUnavailable:
		return -1, http.StatusOK
	case e.Status >= http.StatusInternalServerError, e.Status == web.StatusClientGone:
		return -e.Status, e.Status
	case e.Status == http.StatusTooManyRequests:
		return 45011, http.StatusOK
	}
	return 48001, http.StatusOK
}

// writeErrcode writes an error as WeChat does.
func writeErrcode(w http.ResponseWriter, r *http.Request, e *web.Error) {
	code, status := errcodeOf(e)
	web.WriteErrcode(w, r, e, code, status)
}
