package app_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/internal/memnet"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// rig is the real App on a directory of its own, with an emulated WeChat whose
// clock both follow.
type rig struct {
	t      *testing.T
	sim    *wechattest.Server
	gave   *record // what WeChat answered
	got    *record // what the server answered to anybody in the test
	logs   *buffer
	dir    string
	bare   bool // the first start finds nothing, not even an empty database
	cfg    config.Config
	app    *app.App
	base   string // the public URL, prefix included
	root   string // scheme and host of the public listener, or of the balancer before it
	direct string // the same of this replica's own listener, behind a balancer
	ops    string
	http   *http.Client // records, follows nothing, trusts any certificate
	admin  *http.Client // goes to the socket
	stop   context.CancelFunc
	ended  chan error
	key    string           // the client key that declare was given
	now    func() time.Time // nil: the emulator's
	env    []string         // settings that flags cannot say
	file   string           // settings that only a file can say
	public string           // address to listen on; empty: any
	net    *memnet.Network  // that everybody meets on, in virtual time; nil: the machine's

	compareEvery time.Duration // for Options
	lookEvery    time.Duration
	keeper       func(*keeper.Options)
	old          *oldSystem // that a platform moves away from; nil: none does
}

// newRig makes the surroundings and starts the App. flags are settings by their
// names in the file; "prefix" is the path of the public URL.
func newRig(t *testing.T, flags map[string]string) *rig {
	t.Helper()
	r := newStoppedRig(t)
	r.start(flags)
	return r
}

// newStoppedRig is newRig without the App.
func newStoppedRig(t *testing.T) *rig {
	t.Helper()
	return newRigIn(t, twoShops())
}

// newRigIn is newStoppedRig in a world of one's own.
func newRigIn(t *testing.T, world *wechatsim.World) *rig {
	t.Helper()
	// A socket's path must be short; the test's own directory may not be.
	dir, err := os.MkdirTemp("", "zg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return rigWith(t, dir, nil, wechattest.New(t, &wechattest.Options{KeepRaw: true, World: world}))
}

// newVirtualRig is newRigIn in a bubble of testing/synctest: nobody reaches the
// machine's network, and time is virtual.
func newVirtualRig(t *testing.T, world *wechatsim.World) *rig {
	t.Helper()
	network := &memnet.Network{}
	push := &http.Transport{DialContext: network.Dial}
	t.Cleanup(push.CloseIdleConnections)
	return rigWith(t, t.TempDir(), network, wechattest.NewPipe(t, &wechattest.Options{KeepRaw: true, World: world, PushTransport: push}))
}

// rigWith is a rig in a directory, with an emulator whose answers are recorded.
func rigWith(t *testing.T, dir string, network *memnet.Network, sim *wechattest.Server) *rig {
	t.Helper()
	r := &rig{t: t, sim: sim, gave: &record{}, got: &record{}, logs: &buffer{}, dir: filepath.Join(dir, "data"), net: network}
	r.sim.URL = r.serve(r.gave.handler(r.sim.Sim))
	return r
}

// serve gives the URL at which a handler answers until the test ends.
func (r *rig) serve(h http.Handler) string {
	r.t.Helper()
	srv := httptest.NewUnstartedServer(h)
	if r.net != nil {
		r.must(srv.Listener.Close())
		srv.Listener = r.net.Listen()
	}
	srv.Start()
	r.t.Cleanup(srv.Close)
	return srv.URL
}

// Another shop of another tenant.
const (
	otherShop   = "wx00000000000000c2"
	otherSecret = "sandbox-secret-shop-000000000002"
)

// twoShops is the usual world with a second shop in it.
func twoShops() *wechatsim.World {
	w := wechatsim.DefaultWorld()
	w.Apps = append(w.Apps, wechatsim.App{AppID: otherShop, Secret: otherSecret, Kind: wechatsim.ShopApp, Name: "红土茶铺"})
	return w
}

// start runs the App. The test's end stops it if the test has not. What an App that has
// just stopped had open, a process that a test beside this one begins holds too, for
// the moment until it is another program.
func (r *rig) start(flags map[string]string) {
	r.t.Helper()
	var err error
	r.await("a start", func() bool {
		err = r.tryStart(flags)
		return !errors.Is(err, sqlite.ErrLocked)
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// tryStart is start for a start that may be refused.
func (r *rig) tryStart(flags map[string]string) error {
	public, err := r.listen()
	if err != nil {
		return err
	}
	if r.cfg, err = r.config(public.Addr().String(), flags); err != nil {
		return errors.Join(err, public.Close())
	}
	if r.cfg.Database.IsZero() {
		r.layDatabase()
	}
	ctx, stop := context.WithCancel(r.t.Context())
	log := slog.New(slog.NewJSONHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if r.app, err = app.New(ctx, app.Options{Config: r.cfg, Version: "test", Now: r.clock(), Log: log, CompareEvery: r.compareEvery, LookEvery: r.lookEvery, Keeper: r.keeper, Dial: r.dial()}); err != nil {
		stop()
		return errors.Join(err, public.Close())
	}
	l, err := r.listenOn(ctx, public)
	if err != nil {
		stop()
		return errors.Join(err, r.app.Close())
	}
	r.base, r.ops = r.cfg.PublicURL.String(), "http://"+l.Ops.Addr().String()
	r.root = r.cfg.PublicURL.URL().Scheme + "://" + public.Addr().String()
	r.connect(l.Admin.Addr())
	r.stop, r.ended = stop, make(chan error, 1)
	running := r.app
	go func() { r.ended <- running.Run(ctx, l) }()
	r.t.Cleanup(func() { _ = r.shutdown() })
	return nil
}

// layDatabase puts an empty database where there is no directory yet: migrating one is a
// tenth of a second for every test that is not about it.
func (r *rig) layDatabase() {
	r.t.Helper()
	if _, err := os.Stat(r.dir); errors.Is(err, os.ErrNotExist) && !r.bare {
		sqlitetest.Lay(r.t, filepath.Join(r.dir, app.DatabaseFile))
	}
}

// clock is what the App goes by.
func (r *rig) clock() func() time.Time {
	if r.now != nil {
		return r.now
	}
	return r.sim.Now
}

// listen opens the public listener.
func (r *rig) listen() (net.Listener, error) {
	if r.net != nil {
		return r.net.Listen(), nil
	}
	return net.Listen("tcp", cmp.Or(r.public, "127.0.0.1:0"))
}

// listenOn opens the other listeners.
func (r *rig) listenOn(ctx context.Context, public net.Listener) (app.Listeners, error) {
	if r.net != nil {
		return app.Listeners{Public: public, Ops: r.net.Listen(), Admin: r.net.Listen()}, nil
	}
	return r.app.ListenOn(ctx, public)
}

// dialer connects to an address.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// dial is how the App connects to others.
func (r *rig) dial() dialer {
	if r.net != nil {
		return r.net.Dial
	}
	return nil
}

// connect makes the clients.
func (r *rig) connect(admin net.Addr) {
	dial, local := dialer(new(net.Dialer).DialContext), dialer(dialLocal)
	if r.net != nil {
		dial, local = r.net.Dial, r.net.Dial
	}
	plain := &http.Transport{TLSClientConfig: anyCertificate, DialContext: local}
	socket := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dial(ctx, admin.Network(), admin.String())
	}}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r.http = &http.Client{Transport: r.got.transport(plain), CheckRedirect: stay}
	r.admin = &http.Client{Transport: r.got.transport(socket)}
}

func (r *rig) config(address string, flags map[string]string) (config.Config, error) {
	scheme := "http"
	if flags["tls.mode"] == "files" {
		scheme = "https"
	}
	all := map[string]string{
		"public_url": scheme + "://" + address + flags["prefix"], "listen": address, "ops_listen": "127.0.0.1:0", "data": r.dir,
		"wechat.open": r.sim.URL, "wechat.api": r.sim.URL, "wechat.mp": r.sim.URL, "operator.name": "测试",
	}
	for k, v := range flags {
		if k != "prefix" {
			all[k] = v
		}
	}
	c, err := config.Load(config.Source{Flags: all, Environ: r.env, Data: []byte(r.file)})
	if err != nil {
		return config.Config{}, err
	}
	return *c, nil
}

// shutdown stops the App and gives what Run said. A second call says nothing.
func (r *rig) shutdown() error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.stop = nil
	r.http.CloseIdleConnections()
	r.admin.CloseIdleConnections()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("the App did not stop")
	}
}

// The directory that declare makes.
const (
	tenantID = "lantian"
	shopID   = "lantian"
	clientID = "erp"
	proof    = "MP_verify_demo0000demo0000.txt"
)

func (r *rig) manifest() adminapi.Manifest {
	host := strings.TrimPrefix(strings.TrimPrefix(r.root, "http://"), "https://")
	return adminapi.Manifest{
		Apps: []adminapi.ManifestApp{
			{ID: "fuwuhao", Kind: "service_account", AppID: wechattest.ServiceAccount, Secret: wechattest.ServiceSecret, CallbackHost: host,
				VerifyName: proof, VerifyBody: "demo0000demo0000"},
			{ID: "website", Kind: "website", AppID: wechattest.Website, Secret: wechattest.WebsiteSecret, CallbackHost: host},
		},
		Tenants: []adminapi.ManifestTenant{{ID: tenantID, Name: "蓝天文具"}},
		Shops:   []adminapi.ManifestShop{{ID: shopID, Tenant: tenantID, Name: "蓝天文具店", AppID: wechattest.Shop, Secret: wechattest.ShopSecret}},
		Clients: []adminapi.ManifestClient{{ID: clientID, Name: "ERP", Shops: []string{shopID}, Mode: "write"}},
	}
}

// declare makes the usual directory and waits for the shop's first token.
func (r *rig) declare() {
	r.t.Helper()
	r.key = r.apply(r.manifest()).Keys[clientID]
	r.ask("POST", "/v1/grants/"+r.grant("self").ID+"/kick", nil, nil) // else it waits for the keeper's next tick
	r.await("the shop's first token", func() bool { return r.grant("self").Generation > 0 })
}

func (r *rig) apply(m adminapi.Manifest) (out adminapi.Applied) {
	r.t.Helper()
	r.ask("POST", "/v1/apply", m, &out)
	return out
}

// ask sends a request to the admin socket and wants it to work.
func (r *rig) ask(method, path string, in, out any) {
	r.t.Helper()
	status, body := r.say(method, path, in)
	if status >= 300 {
		r.t.Fatalf("%s %s: status %d: %s", method, path, status, body)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(body, out); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// say sends a request to the admin socket.
func (r *rig) say(method, path string, in any) (int, []byte) {
	r.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			r.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://admin.sock"+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return r.do(r.admin, req)
}

func (r *rig) do(c *http.Client, req *http.Request) (int, []byte) {
	r.t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, b
}

// get asks the public or the ops listener, with a bearer key if there is one.
func (r *rig) get(url, key string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	status, b := r.do(r.http, req)
	return status, string(b)
}

// call asks for the shop's name through the gateway.
func (r *rig) call() (int, string) {
	r.t.Helper()
	return r.get(r.base+"/wx/"+shopID+"/channels/ec/basics/info/get", r.key)
}

// grant gives the only grant of a kind, or an empty one; where there are several,
// that of the shop.
func (r *rig) grant(kind string) adminapi.GrantView {
	r.t.Helper()
	var all struct{ Items []adminapi.GrantView }
	r.ask("GET", "/v1/grants?kind="+kind, nil, &all)
	if len(all.Items) == 0 {
		return adminapi.GrantView{}
	}
	i := slices.IndexFunc(all.Items, func(g adminapi.GrantView) bool { return g.Shop == shopID })
	return all.Items[max(i, 0)]
}

// await waits for something that the server does by itself.
func (r *rig) await(what string, done func() bool) { await(r.t, what, done) }

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	deadline := time.After(time.Minute) // a busy machine starts a process in many seconds
	for pause := 10 * time.Millisecond; !done(); pause = min(2*pause, 80*time.Millisecond) {
		tick.Reset(pause) // who asks without a break keeps busy whom they wait for
		select {
		case <-deadline:
			t.Fatalf("%s did not come", what)
		case <-tick.C:
		}
	}
}

// lastSeq is the number of the newest request that WeChat saw.
func (r *rig) lastSeq() int64 {
	l := r.sim.Ledger()
	if len(l) == 0 {
		return 0
	}
	return l[len(l)-1].Seq
}

// buffer is a log that many write to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// message is an answer with its request.
type message struct {
	method, path string
	status       int
	header       http.Header
	body         string
}

// String names the answer without its content.
func (m message) String() string { return fmt.Sprintf("%s %s (%d)", m.method, m.path, m.status) }

// record keeps the answers that went by.
type record struct {
	mu     sync.Mutex
	all    []message
	before func(path string) // runs before a request is answered; may be nil
}

// onRequest has f run before each request is answered, until it is replaced.
func (c *record) onRequest(f func(path string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = f
}

func (c *record) begin(path string) {
	c.mu.Lock()
	f := c.before
	c.mu.Unlock()
	if f != nil {
		f(path)
	}
}

func (c *record) add(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, m)
}

func (c *record) messages() []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]message(nil), c.all...)
}

// handler records what next answers.
func (c *record) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c.begin(req.URL.Path)
		tee := &teeWriter{ResponseWriter: w}
		next.ServeHTTP(tee, req)
		c.add(message{method: req.Method, path: req.URL.Path, header: w.Header().Clone(), body: tee.b.String()})
	})
}

type teeWriter struct {
	http.ResponseWriter
	b bytes.Buffer
}

func (w *teeWriter) Write(p []byte) (int, error) {
	w.b.Write(p)
	return w.ResponseWriter.Write(p)
}

// transport records what comes back through next.
func (c *record) transport(next *http.Transport) http.RoundTripper { return &recorder{c, next} }

type recorder struct {
	to   *record
	next *http.Transport
}

func (t *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	t.to.add(message{req.Method, req.URL.Path, resp.StatusCode, resp.Header.Clone(), string(b)})
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp, nil
}

// CloseIdleConnections lets http.Client reach the transport.
func (t *recorder) CloseIdleConnections() { t.next.CloseIdleConnections() }

// joinURL is base with a path under its own.
func joinURL(t *testing.T, base, ref string) string {
	t.Helper()
	b, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u, err := b.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}
