package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/alias"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/collate"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/console"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/dropin"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/guard"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/login"
	"github.com/zhanggui/zhanggui/internal/movein/follow"
	"github.com/zhanggui/zhanggui/internal/oidc"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/owners"
	"github.com/zhanggui/zhanggui/internal/passon"
	"github.com/zhanggui/zhanggui/internal/people"
	"github.com/zhanggui/zhanggui/internal/provider"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/internal/radar"
	"github.com/zhanggui/zhanggui/internal/relay"
	"github.com/zhanggui/zhanggui/internal/review"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/internal/session"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/signer"
	"github.com/zhanggui/zhanggui/internal/stranger"
	"github.com/zhanggui/zhanggui/internal/trace"
	"github.com/zhanggui/zhanggui/internal/trace/otlp"
	"github.com/zhanggui/zhanggui/internal/upstream"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/internal/witness"
	"github.com/zhanggui/zhanggui/wechat"
)

// Names of files in the data directory.
const (
	DatabaseFile  = "zhanggui.db"
	MasterKeyFile = "master.key"
	SocketFile    = "admin.sock"
	SummaryFile   = "grants.summary" // what the audit log says of grants; may be deleted
)

// lastPushes is how long the end of an App waits for pushes that are being written.
const lastPushes = 10 * time.Second

// Options are what an App is made of. Config and Version must be set.
type Options struct {
	Config  config.Config
	Version string
	Now     func() time.Time // nil: the machine's, or the database's where replicas share one; its monotonic reading is used
	Machine func() time.Time // the machine's clock, when Now is nil; nil: time.Now. For zhanggui chaos, which sets it wrong
	Log     *slog.Logger     // nil: discards
	// CompareEvery is how often grants are compared with the audit log while the
	// server runs; 0: every ten minutes.
	CompareEvery time.Duration
	// LookEvery is how often the server looks whether something that it measures is
	// wrong, at its clock, at tickets, and at tokens that died; 0: each at its own pace. It is
	// for tests that move the clock.
	LookEvery time.Duration
	// Dial makes the connections to WeChat, to webhooks and to the server's own pages;
	// nil: over the network, where private addresses are guarded. It is for tests in
	// which time is virtual.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Keeper changes the keeper's numbers before it is made; nil leaves them.
	// It is for zhanggui chaos, which cannot wait for leases of 30 seconds, and for
	// tests that end the process at a step of a refresh.
	Keeper func(*keeper.Options)
}

// App is the whole server. Make it with [New], start it with [App.Run].
type App struct {
	o         Options
	store     *store
	replica   *replica     // nil on SQLite, where nobody shares the store
	shared    *sharedClock // nil: the App was given a clock
	vault     *vault.Vault
	heads     *heads
	grants    *collate.Checker
	keeper    *keeper.Keeper
	provider  *provider.Provider
	pushes    *push.Receiver
	pushSeen  *pushWatch
	unset     *setsWatch
	doctor    *doctor.Doctor
	sessions  *session.Live
	login     *login.Login
	signer    *signer.Signer
	oidc      *oidc.Provider
	aliases   *alias.Maker
	gateway   *gateway.Gateway
	catalogue *catalogue.Catalogue
	dropin    *dropin.Dropin
	own       *gateway.Gateway // for the admin socket
	setup     *setup.Setup
	clients   *clients
	metrics   *web.Metrics
	meters    *meters
	ui        *ui.UI
	hostUI    *ui.UI // for pages on protected hosts
	guard     *guard.Guard
	upstreams *upstream.Proxy
	refused   *refusals
	console   *console.Console
	people    *people.People
	reviews   *review.Reviews
	renewals  *review.Renewals
	owners    *owners.Owners
	outbox    *outbox.Outbox
	made      *madeChannels // those of the outbox that were made while the server runs
	policy    alert.Policy  // of alerts
	alerts    *alert.Engine
	rates     *alert.Rates
	relay     *relay.Relay
	rotate    *rotate.Assistant
	keyUses   keyUses
	quotas    *quotas // nil: nobody looks at quotas
	radar     *radar.Radar
	paths     documented
	strangers *stranger.Watch
	follow    *follow.Set
	places    []checkpointPlace // that signed heads go to
	witness   *witness.Witness  // of other servers' logs
	passer    *passon.Passer
	skew      *clock.Skew
	clock     *clock.Watcher
	spans     *otlp.Sender // nil: nothing is traced, as with tracer
	tracer    *trace.Tracer
	hooks     []*http.Transport          // to webhooks
	ways      map[bool]http.RoundTripper // to channels, by whether they may reach private addresses
	owner     string                     // names this process in leases
	spooler   string                     // names it in those under which standby.db goes into the database
	lease     time.Duration              // of a grant; 0: the standard one
}

// New opens the store and the vault and connects the features. Nothing listens
// and nothing is asked of WeChat until [App.Run]. If it fails, what it opened is
// closed again.
func New(ctx context.Context, o Options) (_ *App, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{o: o, owner: "r_" + rand.Text()[:12]}
	if o.Now == nil {
		a.shared = &sharedClock{log: o.Log, local: o.Machine}
		if o.Machine == nil {
			a.shared.local = time.Now
		}
		o.Now = a.shared.Now
	}
	a.o = o
	if a.catalogue, err = readCatalogue(o.Config.Catalogue); err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.makeCollator(); a.whole() {
		if err := a.examine(ctx); err != nil {
			return nil, err
		}
	}
	a.metrics = web.NewMetrics(o.Version)
	a.metrics.Room = roomOf
	a.meters = newMeters(a.metrics.Registry)
	a.policy = alertPolicy(o.Config.Alerts)
	a.rates = alert.NewRates(a.policy.Rules, o.Now)
	a.replica.meter(a.metrics.Registry)
	a.meters.watchStore(a.store)
	a.refused = newRefusals(a.vault.MAC("address", nil), o.Now, o.Log)
	rules := config.RulesOf(&o.Config)
	rules.Catalogue = a.catalogue
	a.setup = setup.New(a.store, a.keys(), o.Now, rules)
	if err := a.o.Config.ResolveSecrets(os.LookupEnv); err != nil {
		return nil, err
	}
	if err := a.connectTracing(ctx); err != nil {
		return nil, err
	}
	if err := a.connectMoving(); err != nil {
		return nil, err
	}
	a.connectClock()
	a.signer = signer.New(signer.Options{Store: a.store, Vault: a.keys(), Now: a.o.Now, Log: a.o.Log})
	a.connectRadar()
	a.connectStranger()
	a.connectRotation()
	a.connectKeeper()
	a.meters.watchKeeper(a.keeper, a.o.Config.Data)
	a.meters.watchCensus(a)
	for _, step := range []func() error{
		a.connectPlatforms,
		a.connectOutbox,
		a.connectAlerts,
		a.connectWitness,
		a.connectUI,
		a.connectLogin,
		a.connectUpstreams,
		a.connectGuard,
		a.connectOIDC,
		a.connectGateway,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	a.connectRelay()
	a.connectDoctor()
	a.connectReview()
	a.connectOwners()
	a.connectConsole()
	return a, nil
}

// examine holds the database against what is known of it, before anything of it is
// served.
func (a *App) examine(ctx context.Context) error {
	if err := a.heads.compare(ctx); err != nil {
		return err
	}
	return a.collate(ctx)
}

// open opens what is on disk: database, keyset, signing key.
func (a *App) open(ctx context.Context) error {
	c := a.o.Config
	if err := ownDir(c.Data, a.o.Log); err != nil {
		return err
	}
	if !c.Database.IsZero() {
		return a.openShared(ctx)
	}
	db, err := openStore(ctx, c, a.o.Log)
	if err != nil {
		return err
	}
	a.store = &store{database: db}
	if err := a.openKeys(ctx); err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// openKeys opens the keyset of an opened store, and the key that signs its log.
func (a *App) openKeys(ctx context.Context) (err error) {
	a.vault, err = openVault(ctx, a.store.Store, a.masterKey(ctx), a.o.Now())
	if err != nil {
		return err
	}
	a.heads, err = openHeads(ctx, a.o.Config.Data, a.store.database, a.o.Now, a.o.Log)
	return err
}

// ownDir makes the data directory, and closes one that is there to others. Where
// that is not ours to do, as on some mounted volumes, the files' own modes
// protect them.
func ownDir(path string, log *slog.Logger) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("data directory: %w; choose another with --data", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("data directory: %w; choose another with --data", err)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(path, info.Mode().Perm()&0o700); err != nil {
		log.Warn("the data directory stays open to others; run chmod 700 on it as its owner", "error", err)
	}
	return nil
}

// masterKey finds the master key where the configuration says.
func (a *App) masterKey(ctx context.Context) func(create bool) (vault.KEK, error) {
	m := a.o.Config.MasterKey
	return func(create bool) (vault.KEK, error) {
		switch {
		case m.Env != "":
			return vault.EnvKEK(m.Env)
		case len(m.Command) > 0:
			return vault.CommandKEK(ctx, m.Command)
		}
		return vault.FileKEK(cmp.Or(m.File, filepath.Join(a.o.Config.Data, MasterKeyFile)), create)
	}
}

func (a *App) connectKeeper() {
	w := a.o.Config.WeChat
	hosts := wechat.Hosts{Open: w.Open.String(), API: append([]string{w.API.String()}, w.Hosts...), MP: w.MP.String()}
	a.clients = &clients{hosts: hosts, now: a.o.Now, skew: a.skew, egress: a.o.Config.Egress, tracer: a.tracer, names: pathNames{a.catalogue}, made: map[string]*wechat.Client{},
		transports: gateway.NewTransports(gateway.EgressOptions{Dial: a.o.Dial})}
	o := keeper.Options{
		Store:      a.store,
		Components: a.store,
		Ledger:     a.store,
		Vault:      a.keys(),
		Platform:   countedPlatform{keeper.WeChat{Client: a.clients.For}, a.paths},
		Owner:      a.owner,
		Now:        a.o.Now,
		Logger:     a.o.Log,
		Observer:   a.counting(),
		Witness:    a.strangers,
		Follower:   a.follow,
		SleepAfter: a.o.Config.Keeper.SleepAfter,
		Tracer:     a.tracer,
		Secrets:    a.rotate,
	}
	if a.replica != nil {
		o.Recheck = -1 // the feed tells of what others changed
		if a.replica.file != nil {
			o.Spool = a.replica
		}
	}
	if a.o.Keeper != nil {
		a.o.Keeper(&o)
	}
	a.spooler, a.lease = o.Owner+"_spool", o.Lease
	a.keeper = keeper.New(o)
	a.store.forget = func(grantIDs ...string) {
		for _, id := range grantIDs {
			a.keeper.Forget(id)
		}
		a.pushes.Forget()
		a.gateway.Forget()
		a.own.Forget()
		a.relay.Forget()
		a.dropin.Forget()
	}
}

func (a *App) connectUI() (err error) {
	op := a.o.Config.Operator
	o := ui.Options{
		Operator:   ui.Operator{Name: op.Name, Contact: op.Contact, ICP: op.ICP, PoliceICP: op.PoliceICP},
		BasePath:   a.basePath(),
		Version:    a.o.Version,
		Catalogues: []fs.FS{login.Catalogue, oidc.Catalogue, console.Words(), guard.Words(), people.Words()},
	}
	if a.ui, err = ui.New(o); err != nil {
		return err
	}
	o.BasePath, o.Catalogues = guard.Place, []fs.FS{guard.Words()}
	a.hostUI, err = ui.New(o)
	return err
}

func (a *App) connectLogin() (err error) {
	c := a.o.Config
	public := c.PublicURL.URL()
	a.connectSessions()
	a.login, err = login.New(login.Options{
		Store: countedLogins{a.store, a.rates}, Live: a.sessions, Platform: login.WeChat{Client: a.clients.For, Loopback: c.Loopback}, Vault: a.keys(),
		UI: a.ui, Page: a.page, PublicURL: public, Redirects: web.NewRedirects(public, append(protectedNames(c), c.RedirectHosts...)),
		Tally:    countedRefusals{a.refused, a.rates},
		Observer: a.meters,
		Behind:   a.clock.Behind,
		Now:      a.o.Now,
		Log:      a.o.Log,
		Idle:     c.Session.Idle,
		Absolute: c.Session.Absolute,
		Market:   a.market(), Shops: marketShops{a.store, a.provider}, Links: a.provider, Minis: a.minis(),
		Operator: login.Operator{Name: c.Operator.Name, ICP: c.Operator.ICP, Contact: c.Operator.Contact}, Company: company(c),
	})
	return err
}

// connectSessions makes what knows who is logged in. What this process changes, it
// hears of from the store; what others change, from the feed.
func (a *App) connectSessions() {
	a.sessions = session.New(session.Options{
		Store: a.store, Shared: a.replica != nil, Now: a.o.Now, Log: a.o.Log,
		Somebody: func(ctx context.Context, s access.Session) (access.Person, error) { return a.login.Somebody(ctx, s) },
	})
	a.store.OnPeople(func(names []string) { a.sessions.Forget(names...) })
}

// page wraps every route that a browser uses.
func (a *App) page(h web.Handler) http.Handler {
	return web.CrossOrigin(a.o.Config.PublicURL.URL())(web.BrowserHeaders(a.fresh(a.ui.Page(a.silently(h))), a.formTargets()...))
}

// formTargets are the other origins at which a form of ours may end, by the redirects
// that answer it: WeChat, and where people go after a login.
func (a *App) formTargets() []string {
	c := a.o.Config
	all := []string{c.WeChat.Open.String(), c.WeChat.MP.String()}
	for _, host := range c.RedirectHosts {
		all = append(all, "https://"+host)
	}
	for _, host := range protectedNames(c) {
		scheme := "https://"
		if web.IsLoopbackHost(host) {
			scheme = c.PublicURL.URL().Scheme + "://"
		}
		all = append(all, scheme+host)
	}
	return all
}

// fresh asks the login, which is made after the first pages.
func (a *App) fresh(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.login.Fresh(h).ServeHTTP(w, r) })
}

// silently asks the login, too.
func (a *App) silently(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error { return a.login.Silently(h)(w, r) }
}

func (a *App) connectGateway() (err error) {
	a.aliases = alias.New(a.vault.MAC)
	a.connectQuota()
	a.unset = newSetsWatch(a.refused)
	public := a.gatewayConfig(a.store, keeper.ByClient)
	public.Aliases, public.Paths = a.aliases, a.paths.Counter
	if a.gateway, err = gateway.New(public); err != nil {
		return err
	}
	own := a.gatewayConfig(operatorClient{a.store, a.catalogue}, byOperator)
	own.PerSecond, own.Burst = 0, 0
	if a.own, err = gateway.New(own); err != nil {
		return err
	}
	a.dropin = dropin.New(dropin.Options{
		Clients: a.gateway, Directory: a.store, Tokens: exportable{a.keeper}, Exports: a.store, Aliases: a.aliases, Tally: a.refused, Paths: a.paths, Now: a.o.Now,
	})
	return nil
}

// gatewayConfig is the same for programs and for the admin socket, which differ
// in who is let in.
func (a *App) gatewayConfig(in gateway.Clients, by func(client string) string) gateway.Config {
	return gateway.Config{
		Clients: in, Directory: a.store, Tokens: tokens{a.keeper, by},
		Transports: func(egress string) (http.RoundTripper, error) {
			return a.clients.way(egress)
		},
		Catalogue: a.catalogue, Uses: a.store, Authorizers: a.store, Sets: gateway.SetsMode(a.o.Config.PermissionSets),
		PerSecond: a.o.Config.Clients.PerSecond, Burst: a.o.Config.Clients.Burst, MaxWait: maxWait(a.o.Config.Clients),
		Pacer: a.quotas.pacer(), Refusals: a.unset, Metrics: a.counting(), Log: a.o.Log, Now: a.o.Now, APIHosts: a.clients.hosts.API,
		NoGrace: a.replica != nil && a.replica.file != nil, // the file that stands by has a time of its own
	}
}

// maxWait tells a setting of nothing from one that was not made.
func maxWait(c config.ClientDefaults) time.Duration {
	if c.MaxWait == 0 {
		return -1
	}
	return c.MaxWait
}

func (a *App) connectConsole() {
	a.people = people.New(people.Options{UI: a.ui, Page: a.page, Now: a.o.Now, Login: a.login, Store: a.store, Link: a.Link, Log: a.o.Log})
	a.console = console.New(console.Options{
		UI: a.ui, Page: a.page, Now: a.o.Now, Login: a.login, Directory: a.store, People: a.store, Invites: a.store, Log: a.store,
		Purchases: a.store,
		Exports:   a.store,
		Board:     a.people,
		Staff:     a.store,
		Doctor:    doctors{a},
		Radar:     a.store,
		Channels:  channels{a},
		Alerts:    a.store,
		Runbook:   a.policy.Runbook,
		Caller:    shopCaller{keeper: a.keeper, clients: a.clients, dir: a.store},
		Link:      a.Link,
		Reviews:   a.reviews,
		Renewals:  a.renewals,
		Rotations: rotations{a.rotate, a},
	})
}

func (a *App) adminOptions() adminapi.Options {
	return adminapi.Options{
		Version:       a.o.Version,
		Now:           a.o.Now,
		Setup:         a.setup,
		Directory:     a.store,
		Grants:        a.store,
		Keeper:        a.keeper,
		Tokens:        movers{a.keeper},
		Clients:       a.store,
		Members:       a.store,
		People:        a.store,
		OIDC:          a.store,
		Signing:       a.signer,
		Invites:       a.store,
		Sessions:      a.store,
		Admins:        a.store,
		Log:           a.store,
		Proofs:        a.auditProofs(),
		OlderHead:     a.olderHead,
		Notices:       a.store,
		Alerts:        a.store,
		AlertRules:    a.ruleViews(),
		Runbook:       a.policy.Runbook,
		Channels:      channels{a},
		Clock:         a.clock,
		Quotas:        a,
		Doctor:        doctors{a},
		Support:       support{a},
		Reviews:       a.reviews,
		Renewals:      a.renewals,
		Platforms:     adminPlatforms{a.store, a.provider, a.login},
		Subscriptions: a.relay,
		Mover:         a.mover(),
		Rotations:     rotations{a.rotate, a},
		Requests:      a.store,
		Sealer:        a.keys(),
		Keys:          keys{vault: a.vault, store: a.store.Store, now: a.o.Now},
		Link:          a.Link,
		PublicHost:    a.o.Config.PublicURL.Host(),
		Loopback:      a.o.Config.Loopback,
		Radar:         a.store,
		Strangers:     a.strangers,
		Killer:        a.store,
	}
}

// basePath is the path prefix of the public URL, without a slash at its end.
func (a *App) basePath() string {
	if p := a.o.Config.PublicURL.URL().Path; p != "/" {
		return p
	}
	return ""
}

// Link makes an absolute URL of the public listener from a path.
func (a *App) Link(path string) string { return a.o.Config.PublicURL.String() + path }

// SetupLink makes a link for the first administrator: it works once, for 30
// minutes, and only while there is no administrator. ok is false when there is
// one. A link that was made before and not used is dead.
func (a *App) SetupLink(ctx context.Context) (link string, ok bool, err error) {
	if !a.whole() {
		return "", false, nil
	}
	key, hash := access.NewKey(access.SetupPrefix)
	now := a.o.Now()
	err = a.store.CreateSetupLink(ctx, hash, now, now.Add(setupLife))
	if errors.Is(err, access.ErrUsed) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("make the set-up link: %w", err)
	}
	return a.Link("/setup/" + key.RevealString()), true, nil
}

// setupLife is how long a set-up link lives.
const setupLife = 30 * time.Minute

// SignHead signs the head of the audit log now, if it grew.
func (a *App) SignHead(ctx context.Context) error { return a.heads.sign(ctx) }

// Close releases what New opened. Run calls it; call it only if Run was not
// called.
func (a *App) Close() error {
	if a.clients != nil {
		a.clients.transports.CloseIdle()
	}
	for _, t := range a.hooks {
		t.CloseIdleConnections()
	}
	if a.upstreams != nil {
		a.upstreams.Close()
	}
	var err error
	if a.pushes != nil { // nil: making the App failed before
		ctx, cancel := context.WithTimeout(context.Background(), lastPushes)
		defer cancel()
		err = a.pushes.Close(ctx)
	}
	a.endMoving()
	if a.heads != nil { // nil: the database never answered
		err = errors.Join(err, a.heads.file.Close())
	}
	return errors.Join(err, a.replica.close(), a.store.Close())
}
