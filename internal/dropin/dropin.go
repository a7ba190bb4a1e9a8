package dropin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
)

// Clients finds programs by the hash of their key.
type Clients interface {
	// Client gives the client whose key has this hash, ended or not, or
	// access.ErrNotFound. It is asked for every request: it should remember.
	Client(ctx context.Context, hash []byte) (access.Client, error)
	// Pace takes one call off what the client of this hash may make in a second. Its
	// error, a [*web.Error], refuses the call.
	Pace(ctx context.Context, hash []byte) error
}

// Directory reads shops and platforms. What is not there is access.ErrNotFound.
type Directory interface {
	Shop(ctx context.Context, id string) (access.Shop, error)
	ShopByAppID(ctx context.Context, appID string) (access.Shop, error)
	// PlatformShops gives at most limit shops of a client that the platform with
	// WeChat's appid serves, in the order of their ids, in one reading.
	PlatformShops(ctx context.Context, client, component string, limit int) ([]access.Shop, error)
	Apps(ctx context.Context) ([]access.App, error)
	Authorizer(ctx context.Context, app, appID string) (grant.Authorizer, error)
}

// Tally records refusals, many alike as one. It must return at once.
type Tally interface {
	Refused(ctx context.Context, e audit.Entry, from netip.Addr)
}

// Paths counts which paths are used.
type Paths interface {
	// Count counts one answer that a client got for a shop. It must return at once.
	Count(client, shop, path string)
}

// Options are the parts of a Dropin. All must be set but Paths and Now.
type Options struct {
	Clients   Clients
	Directory Directory
	Tokens    Tokens
	Exports   Exports
	Aliases   *alias.Maker
	Tally     Tally
	Paths     Paths            // nil: nobody counts
	Now       func() time.Time // nil: time.Now
}

// Dropin answers the endpoints of the package comment. It may be used by many
// goroutines.
type Dropin struct {
	o        Options
	shops    *memo
	exported exported
	paths    map[string]http.Handler
}

// New makes a Dropin.
func New(o Options) *Dropin {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Dropin{o: o, shops: newMemo(o.Now)}
	d.paths = map[string]http.Handler{
		pathToken:                             d.handle(http.MethodGet, d.token),
		pathStable:                            d.handle(http.MethodPost, d.stable),
		component + "api_component_token":     d.handle(http.MethodPost, d.componentToken),
		component + "api_authorizer_token":    d.handle(http.MethodPost, d.platform(d.authorizerToken)),
		component + "api_query_auth":          d.handle(http.MethodPost, d.platform(d.queryAuth)),
		component + "api_get_authorizer_list": d.handle(http.MethodPost, d.platform(d.authorizerList)),
		component + "api_get_authorizer_info": d.handle(http.MethodPost, d.platform(d.authorizerInfo)),
	}
	return d
}

// The paths under /cgi-bin/ that are answered here.
const (
	pathToken  = "/cgi-bin/token"
	pathStable = "/cgi-bin/stable_token"
	component  = "/cgi-bin/component/"
)

// Serves tells whether a path of WeChat's is answered here rather than passed on.
func Serves(path string) bool {
	return path == pathToken || path == pathStable || strings.HasPrefix(path, component)
}

// ServeHTTP answers the paths that [Serves] names.
func (d *Dropin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, ok := d.paths[r.URL.Path]
	switch {
	case namesHost(r.URL):
		r.Pattern, h = component+"{path...}", refuseAll(errTarget())
	case !ok || r.URL.RawPath != "":
		r.Pattern, h = component+"{path...}", refuseAll(errElsewhere())
	default:
		r.Pattern = r.URL.Path
	}
	h.ServeHTTP(w, r)
}

// namesHost tells whether the request line names a host, as for a proxy. Package
// gateway refuses that too: programs on the way may read another host than this.
func namesHost(u *url.URL) bool {
	return u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil
}

func refuseAll(err error) http.Handler {
	return web.Page(writeError, func(http.ResponseWriter, *http.Request) error { return err })
}

// Forget drops what is remembered of shops. Call it after a change of the directory;
// without it a change counts within a second.
func (d *Dropin) Forget() { d.shops.forget() }

// maxBody bounds a request: a few names, a key, a ticket.
const maxBody = 8 << 10

// handle makes a handler of an endpoint that knows one method. The time for the body
// is bounded by web.Server.
func (d *Dropin) handle(method string, h web.Handler) http.Handler {
	return web.Page(writeError, func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != method {
			return errMethod(method)
		}
		if r.ContentLength > maxBody {
			w.Header().Set("Connection", "close") // the rest is not worth reading
			return &http.MaxBytesError{Limit: maxBody}
		}
		if r.ContentLength < 0 {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		return h(w, r)
	})
}

// caller is who asks, and how they proved it.
type caller struct {
	access.Client
	hash string // of the key
	addr netip.Addr
}

// maxKey bounds what is hashed for strangers.
const maxKey = 128

// byKey finds out whose key stands where an AppSecret stood.
func (d *Dropin) byKey(ctx context.Context, key string) (caller, error) {
	if !strings.HasPrefix(key, access.ClientKeyPrefix) || len(key) > maxKey {
		return caller{}, d.refuse(ctx, caller{}, "", errKey())
	}
	return d.byHash(ctx, string(access.HashKey(key)), errKey)
}

// byHash lets a live client in from its addresses; unknown says that there is none.
func (d *Dropin) byHash(ctx context.Context, hash string, unknown func() *web.Error) (caller, error) {
	who := caller{hash: hash, addr: web.ClientAddr(ctx)}
	client, err := d.o.Clients.Client(ctx, []byte(hash))
	if errors.Is(err, access.ErrNotFound) {
		return who, d.refuse(ctx, who, "", unknown())
	}
	if err != nil {
		return who, err
	}
	who.Client = client
	if !client.Live(d.o.Now()) {
		return who, d.refuse(ctx, who, "", unknown())
	}
	if len(client.Rights.From) > 0 && !from(client.Rights, who.addr) {
		return who, d.refuse(ctx, who, "", errAddress(who.addr))
	}
	return who, d.pace(ctx, who, unknown)
}

// pace holds the caller to the client's rate, which counts calls of shops and
// fetches of tokens together.
func (d *Dropin) pace(ctx context.Context, who caller, unknown func() *web.Error) error {
	err := d.o.Clients.Pace(ctx, []byte(who.hash))
	if errors.Is(err, access.ErrNotFound) { // revoked a moment ago
		return d.refuse(ctx, who, "", unknown())
	}
	if e, ok := errors.AsType[*web.Error](err); ok {
		return d.refuse(ctx, who, "", e)
	}
	return err
}

// from tells whether an address is one of those that a client may call from.
func from(r access.Rights, addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(r.From, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// count counts an answer about a shop.
func (d *Dropin) count(r *http.Request, who caller, shop access.Shop) {
	if d.o.Paths != nil {
		d.o.Paths.Count(who.ID, shop.ID, r.URL.Path)
	}
}

// refuse records a refusal on its way out.
func (d *Dropin) refuse(ctx context.Context, who caller, shop string, e *web.Error) error {
	entry := audit.Entry{At: d.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger}, Action: "dropin.call", Outcome: audit.Refused, Reason: e.Code}
	if who.ID != "" {
		entry.Actor = audit.Actor{Kind: audit.ActorClient, ID: who.ID}
	}
	if key := who.Used([]byte(who.hash)); key != "" {
		entry.Details = map[string]string{"key": key}
	}
	if shop != "" {
		entry.Subject = "shop:" + shop
	}
	d.o.Tally.Refused(ctx, entry, web.ClientAddr(ctx))
	return e
}

// shopOf gives the shop with WeChat's appid if the caller holds it. false: it is
// not theirs, or not there. What is remembered counts for holders alone: others
// would learn from the time that it is there.
func (d *Dropin) shopOf(ctx context.Context, who caller, appID string) (access.Shop, bool, error) {
	if shop, ok := d.shops.get(appID); ok && who.Holds(shop.ID) {
		return shop, true, nil
	}
	shop, err := d.o.Directory.ShopByAppID(ctx, appID)
	switch {
	case errors.Is(err, access.ErrNotFound):
		return access.Shop{}, false, nil
	case err != nil:
		shop, err = d.shopAmong(ctx, who, appID, err)
	}
	if err != nil {
		return access.Shop{}, false, err
	}
	d.shops.put(appID, shop)
	return shop, who.Holds(shop.ID), nil
}

// shopAmong looks through the caller's shops, which can be read by their ids when the
// database does not answer. why is what is told when it is not there.
func (d *Dropin) shopAmong(ctx context.Context, who caller, appID string, why error) (access.Shop, error) {
	for _, id := range who.Shops {
		shop, err := d.o.Directory.Shop(ctx, id)
		if err == nil && shop.AppID == appID {
			return shop, nil
		}
		if err != nil && !errors.Is(err, access.ErrNotFound) {
			return access.Shop{}, err
		}
	}
	return access.Shop{}, why
}
