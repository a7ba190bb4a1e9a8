package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// DefaultAPIHost is where WeChat's APIs are.
const DefaultAPIHost = "https://api.weixin.qq.com"

// Defaults and limits of [Config].
const (
	DefaultMaxBody       = 64 << 20
	DefaultAnswerTimeout = 30 * time.Second
	DefaultCallerTimeout = time.Minute
	// KeptBody is the largest request body that is kept for a repeat.
	KeptBody = 256 << 10
)

// Clients finds programs by their key.
type Clients interface {
	// ClientByKey gives the client whose key has this hash, ended or not, or
	// access.ErrNotFound.
	ClientByKey(ctx context.Context, hash []byte) (access.Client, error)
}

// Directory finds shops and the apps whose settings they use. Both methods
// answer access.ErrNotFound for an id that is not there.
type Directory interface {
	Shop(ctx context.Context, id string) (access.Shop, error)
	App(ctx context.Context, id string) (access.App, error)
}

// Token is an access token on loan.
type Token struct {
	Value      secret.Value
	Generation int64 // grows with each token of a shop
}

// Tokens yields access tokens. Errors that callers can act on are
// [*TokenError].
type Tokens interface {
	// Token gives the shop's token.
	Token(ctx context.Context, shop string) (Token, error)
	// Report says that WeChat refused a token. It gives the token to use
	// instead: one of another generation, or an error. It may force a refresh,
	// of which WeChat grants few a day; the gateway asks with that in mind.
	Report(ctx context.Context, c Complaint) (Token, error)
	// Proved says that WeChat took the token of this generation. It is called
	// for every good answer and must return at once.
	Proved(shop string, generation int64)
}

// Complaint is WeChat's refusal of a token.
type Complaint struct {
	Shop       string
	Generation int64 // of the refused token
	ErrCode    int
	Client     string // whose call it was
}

// Metrics counts calls. Every label value comes from a fixed set.
type Metrics interface {
	// Observe counts one request.
	Observe(o Observation)
	// Observed counts one call that was let through because its client, or the
	// server as a whole, only observes a rule that would refuse it.
	Observed(group string)
}

// Paths counts which paths are used.
type Paths interface {
	// Count counts one call that was sent to WeChat. path is the catalogue's spelling,
	// or [catalogue.Other]. It must return at once.
	Count(client, shop, path string)
}

// Observation is what became of one request.
type Observation struct {
	Group string // of the path
	// Via is how the shop is served, as far as that was found out: [ViaOwn],
	// [ViaPlatform] or [ViaUnknown].
	Via string
	// Class is what WeChat's errcode means, or "none" when it said none, or the code
	// of our own problem document.
	Class    string
	Status   int
	Attempts int // how often WeChat was asked
	Took     time.Duration
}

// The ways in which shops are served.
const (
	ViaOwn      = "own"      // with the shop's own key
	ViaPlatform = "platform" // by what it granted a third-party platform
	ViaUnknown  = "unknown"  // the call did not come so far
)

// Config is what a gateway needs. Clients, Directory, Tokens and Transports
// must be set.
type Config struct {
	Clients   Clients
	Directory Directory
	Tokens    Tokens
	// Transports gives the way out for an app's egress setting; see
	// [Transports.For]. Asked for the same egress, it should give the same one.
	Transports func(egress string) (http.RoundTripper, error)

	Aliases Aliases // nil: no alias is good
	// Catalogue says what paths are; nil: the one of this program.
	Catalogue *catalogue.Catalogue
	// Uses counts the calls of paths with a daily cap. Without it they are refused.
	Uses Uses
	// Authorizers tells what shops granted to a platform, for Sets.
	Authorizers Authorizers
	// Sets says what becomes of a call that needs a permission set which the shop
	// did not grant; empty: [SetsOff], as without Authorizers.
	Sets SetsMode
	// Pacer spreads what WeChat lets a shop call over the day; nil: nobody does.
	Pacer Pacer
	// PerSecond and Burst bound the calls of each client whose rights do not say
	// otherwise; 0: no bound.
	PerSecond float64
	Burst     int

	// Paths counts the calls that were sent, by client, shop and path; nil: nobody
	// does.
	Paths Paths

	Refusals Refusals // nil: not recorded
	Metrics  Metrics  // nil: not counted
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now

	// APIHosts are base URLs, tried in order when one cannot be connected to.
	// Empty: DefaultAPIHost. An app may name its own.
	APIHosts []string
	// NoGrace says that Clients and Directory decide themselves for how long they
	// answer without the store: a failed read is not answered from memory.
	NoGrace bool
	// MaxBody limits request bodies in bytes; 0: DefaultMaxBody.
	MaxBody int64
	// AnswerTimeout bounds the wait for the first bytes of an answer's body
	// once its headers are there; 0: DefaultAnswerTimeout. The wait for headers
	// is the transport's.
	AnswerTimeout time.Duration
	// CallerTimeout is how long a caller may stand still while sending a body
	// or taking an answer, so that it does not occupy a connection to WeChat
	// for ever; 0: DefaultCallerTimeout.
	CallerTimeout time.Duration
	// Wait is how long a call may be held until WeChat takes it, when its caller
	// says nothing of it; 0: DefaultWait. MaxWait bounds that and what callers may ask
	// for; 0: DefaultMaxWait. Negative: no call is held.
	Wait, MaxWait time.Duration
}

// Gateway is an http.Handler for /wx/{shop}/{path...}, and for WeChat's own paths
// with an alias in their query; see [Rooted]. It may be used by many goroutines.
type Gateway struct {
	Config
	bases    []*url.URL
	clients  *cache[*caller]
	paces    *paces
	routes   *cache[route]
	stubborn *stubborn
	held     atomic.Int64 // calls that wait for a repeat
	setsAway atomic.Int64 // until when no permission sets are asked for
	handler  http.Handler
	aliased  http.Handler // the same for callers that hold an alias
}

// New checks the configuration and makes a gateway.
func New(c Config) (*Gateway, error) {
	if c.Clients == nil || c.Directory == nil || c.Tokens == nil || c.Transports == nil {
		return nil, errors.New("gateway: clients, directory, tokens and transports are needed; set all four")
	}
	if len(c.APIHosts) == 0 {
		c.APIHosts = []string{DefaultAPIHost}
	}
	bases, err := parseBases(c.APIHosts)
	if err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.MaxBody = cmp.Or(c.MaxBody, DefaultMaxBody)
	c.AnswerTimeout = cmp.Or(c.AnswerTimeout, DefaultAnswerTimeout)
	c.CallerTimeout = cmp.Or(c.CallerTimeout, DefaultCallerTimeout)
	c.MaxWait = cmp.Or(c.MaxWait, DefaultMaxWait)
	c.Wait = min(cmp.Or(c.Wait, DefaultWait), c.MaxWait)
	if c.Catalogue == nil {
		c.Catalogue = catalogue.Default()
	}
	g := &Gateway{Config: c, paces: newPaces(), bases: bases}
	grace := cacheGrace
	if c.NoGrace {
		grace = -1
	}
	away := newAway(c.Log)
	g.clients = newCache(c.Now, away, grace, func(ctx context.Context, hash string) (*caller, error) {
		client, err := c.Clients.ClientByKey(ctx, []byte(hash))
		if err != nil {
			return &nobody, err
		}
		who := g.compile(client)
		who.key = client.Used([]byte(hash))
		return who, nil
	})
	g.routes = newCache(c.Now, away, grace, g.loadRoute)
	g.stubborn = newStubborn(c.Now)
	g.handler, g.aliased = web.Machine(g.serve), web.Page(writeErrcode, g.serve)
	return g, nil
}

// Forget drops what is remembered of clients, shops and apps, so that the next
// call reads them again. Call it after a change; without it a change counts
// within a second.
func (g *Gateway) Forget() {
	g.clients.forget()
	g.routes.forget()
}

// Pattern is what the access log and metrics call these requests.
const Pattern = "/wx/{shop}/{path...}"

// ServeHTTP answers one call. It reads the URL itself instead of a mux's
// wildcards: a mux tidies paths, and an untidy path is refused here.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if Rooted(r.URL.Path) {
		r.Pattern = RootPattern
		g.aliased.ServeHTTP(w, r)
		return
	}
	r.Pattern = Pattern
	g.handler.ServeHTTP(w, r)
}

// serve is the whole life of one call.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) (err error) {
	c := &call{g: g, in: r, client: &nobody, own: w.Header(), began: g.Now()}
	c.conn = patience{rc: *http.NewResponseController(w), wait: g.CallerTimeout}
	if id, ok := c.own["X-Request-Id"]; ok { // as package web set it
		c.own[headerRequest] = id
	}
	defer func() {
		if err != nil {
			c.closeIfUnread()
		}
		now := g.Now()
		c.tellPace(now)
		c.countPath()
		c.observe(err, now)
		c.tellTrace()
	}()
	if err := c.admit(); err != nil {
		return c.refused(err)
	}
	if upgrades(r.Header) {
		return c.refused(errUpgrade())
	}
	if err := c.takeWait(); err != nil {
		return c.refused(err)
	}
	defer c.conn.end()
	if err := c.takeBody(&c.conn); err != nil {
		return err
	}
	defer c.body.end()
	if err := c.prepare(); err != nil {
		return err
	}
	return c.proxy(w)
}
