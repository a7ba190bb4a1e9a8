package dropin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Token is a kept access token.
type Token struct {
	Value      secret.Value
	Generation int64
	Ends       time.Time
}

// Tokens yields kept tokens. Its errors are for people: a [*web.Error], or a failure
// of ours.
type Tokens interface {
	Token(ctx context.Context, shop string) (Token, error)
}

// Exports remembers which kept tokens left.
type Exports interface {
	// RecordExport writes in one transaction that a token left, the audit entries of
	// the effects, and once a day for each client and shop their notices.
	// access.ErrNotFound: the client is revoked.
	RecordExport(ctx context.Context, x access.Export, e grant.Effects) error
}

// exportKey is the query parameter that asks for the kept token.
const exportKey = "export"

func wantsExport(r *http.Request) bool { return r.URL.Query().Get(exportKey) == "1" }

// export gives the kept token to who has the right to it. It is recorded before it
// leaves. When the same token leaves again, that is only counted.
func (d *Dropin) export(ctx context.Context, who caller, shop access.Shop) (Token, error) {
	if !who.Rights.TokenExport || !from(who.Rights, who.addr) {
		return Token{}, d.refuse(ctx, who, shop.ID, errExport())
	}
	t, err := d.o.Tokens.Token(ctx, shop.ID)
	if err != nil {
		return Token{}, err
	}
	now := d.o.Now()
	x := access.Export{ClientID: who.ID, ShopID: shop.ID, Generation: t.Generation, At: now, Ends: t.Ends}
	entry := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorClient, ID: who.ID}, Action: "token.export",
		Subject: "shop:" + shop.ID, Outcome: audit.Done, Details: map[string]string{"ends": t.Ends.UTC().Format(time.RFC3339)}}
	if key := who.Used([]byte(who.hash)); key != "" {
		entry.Details["key"] = key
	}
	if d.exported.again(x) {
		d.o.Tally.Refused(ctx, entry, who.addr)
		return t, nil
	}
	err = d.o.Exports.RecordExport(ctx, x, grant.Effects{At: now, Audit: []audit.Entry{entry}, Notices: []notice.Notice{{
		At: now, Kind: notice.TokenExported, Subject: "client:" + who.ID, Details: map[string]string{"shop": shop.ID, "client": who.ID},
	}}})
	if errors.Is(err, access.ErrNotFound) { // revoked a moment ago
		return Token{}, d.refuse(ctx, who, shop.ID, errKey())
	}
	if err != nil {
		return Token{}, err
	}
	d.exported.note(x)
	return t, nil
}

// exported remembers what was recorded, so that a program that asks every second
// does not write every second.
type exported struct {
	mu   sync.Mutex
	last map[exportOf]access.Export
}

type exportOf struct{ client, shop string }

// sameEnd is how far the ends of one token may lie apart: they are counted from now.
const sameEnd = time.Minute

// exportsKnown bounds what is remembered. One more costs an entry too many.
const exportsKnown = 4096

// again tells whether the same token of the same day was recorded already. Generations
// begin anew when another app serves the shop, so the end is looked at too.
func (e *exported) again(x access.Export) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, ok := e.last[exportOf{x.ClientID, x.ShopID}]
	return ok && last.Generation == x.Generation && last.Ends.Sub(x.Ends).Abs() < sameEnd && last.Day().Equal(x.Day())
}

func (e *exported) note(x access.Export) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.last) >= exportsKnown || e.last == nil {
		e.last = make(map[exportOf]access.Export)
	}
	e.last[exportOf{x.ClientID, x.ShopID}] = x
}

// tokenView is the answer of GET /v1/shops/{shop}/token.
type tokenView struct {
	Shop      string    `json:"shop"`
	AppID     string    `json:"appid"`
	Token     string    `json:"access_token"`
	ExpiresIn int64     `json:"expires_in"`
	ExpiresAt time.Time `json:"expires_at"`
}

// ForClient tells whether a request is for [Dropin.Export].
func ForClient(r *http.Request) bool {
	shop, ok := shopIn(r.URL.Path)
	return ok && shop != "" && r.URL.RawPath == ""
}

// shopIn takes the shop out of /v1/shops/{shop}/token.
func shopIn(path string) (shop string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/v1/shops/")
	if !ok {
		return "", false
	}
	shop, last, _ := strings.Cut(rest, "/")
	return shop, last == "token"
}

// Export answers GET /v1/shops/{shop}/token, to clients alone: the kept token with
// what is left of its life.
func (d *Dropin) Export() http.Handler {
	return web.Machine(func(w http.ResponseWriter, r *http.Request) error {
		r.Pattern = "GET /v1/shops/{shop}/token"
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			return withoutErrcode(errMethod(http.MethodGet))
		}
		if namesHost(r.URL) {
			return withoutErrcode(errTarget())
		}
		return withoutErrcode(d.kept(w, r))
	})
}

func (d *Dropin) kept(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	who, err := d.bearer(r)
	if err != nil {
		return err
	}
	id, _ := shopIn(r.URL.Path)
	if !who.Holds(id) {
		return d.refuse(ctx, who, "", errShop())
	}
	shop, err := d.o.Directory.Shop(ctx, id)
	if errors.Is(err, access.ErrNotFound) {
		return d.refuse(ctx, who, "", errShop())
	}
	if err != nil {
		return err
	}
	t, err := d.export(ctx, who, shop)
	if err != nil {
		return err
	}
	return write(w, tokenView{shop.ID, shop.AppID, t.Value.RevealString(), seconds(t.Ends.Sub(d.o.Now())), t.Ends.UTC()})
}

// withoutErrcode takes the errcode out of our own refusals: in a problem document it
// would look like WeChat's.
func withoutErrcode(err error) error {
	e, ok := errors.AsType[*web.Error](err)
	if !ok || e.Err != nil {
		return err
	}
	own := *e
	own.ErrCode = 0
	return &own
}

// bearer finds out whose key the one Authorization header carries.
func (d *Dropin) bearer(r *http.Request) (caller, error) {
	values := r.Header["Authorization"]
	if len(values) == 1 {
		if scheme, key, ok := strings.Cut(values[0], " "); ok && strings.EqualFold(scheme, "Bearer") &&
			strings.HasPrefix(key, access.ClientKeyPrefix) && len(key) <= maxKey {
			return d.byHash(r.Context(), string(access.HashKey(key)), errBearer)
		}
	}
	return caller{}, d.refuse(r.Context(), caller{}, "", errBearer())
}

func errBearer() *web.Error {
	return refusal(0, http.StatusUnauthorized, "key-unknown", "The client key is missing, unknown, expired or revoked.", "客户端密钥缺失、无效、已过期或已被撤销。",
		"Send one header \"Authorization: Bearer zgc_…\" with a key that the operator gave you.", "请在请求头中携带一次 Authorization: Bearer zgc_…，密钥由管理员发放。")
}

// errShop is for a shop that the client does not hold, whether it exists or not.
func errShop() *web.Error {
	return refusal(0, http.StatusForbidden, "shop-not-held", "This client has no right to a shop of this name.", "该客户端无权访问此店铺。",
		"Check the shop id, or ask the operator to add the shop to this client.", "请核对店铺标识，或请管理员为该客户端添加此店铺。")
}

func errExport() *web.Error {
	return refusal(48001, http.StatusForbidden, "token-export", "api unauthorized: this client may not take the token itself, or not from this address.", "该程序无权取走访问令牌，或来源地址不在允许范围内。",
		"Use the alias, which does the same here; or ask the operator for the right token:export and this address.", "请使用本服务器发放的别名令牌；如确有需要，请管理员授予 token:export 权限并登记来源地址。")
}
