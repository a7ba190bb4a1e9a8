package wechatsim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options are the settings of an emulator. The zero Options is ready for use.
type Options struct {
	// World is what the emulator starts with; nil means [DefaultWorld]. It is
	// copied.
	World *World
	// Switches replaces the world's switches; nil leaves them.
	Switches *Switches
	// Now is the base clock; nil means time.Now. [Sim.Advance] moves the
	// emulator relative to it.
	Now func() time.Time
	// KeepRaw makes the ledger keep queries and bodies as they came, secrets
	// included. For tests only.
	KeepRaw bool
	// LedgerSize bounds the ledger and the push ledger; 0 means 100000 entries.
	LedgerSize int
	// PushTransport carries pushes to the program under test; nil means HTTP
	// without a proxy. Give a pipe where there are no sockets.
	PushTransport http.RoundTripper
}

// Sim is one emulated WeChat. It is an [http.Handler] that serves all its
// hosts on one base URL, and it is safe for concurrent use.
type Sim struct {
	clock   clock
	keepRaw bool
	control http.Handler
	routes  map[string]route

	mu       sync.Mutex
	world    *World
	sw       Switches
	apps     map[string]*app
	people   map[string]*person
	shops    map[string]*shop
	codes    map[string]*code
	access   map[string]*pair
	refresh  map[string]*pair
	globals  map[string]*globalToken
	sessions map[string]string
	tickets  map[string]*ticket
	usage    map[usageKey]usage
	clears   map[string]clears
	failed   []remembered
	sweepAt  int
	faults   []*Fault
	faultSeq int
	ledger   ring[Entry]

	platforms     []*app // the apps of kind component
	platformCodes map[string]*platformCode
	orderSeq      uint64

	sent   []SentMessage // to people
	pushes pushState

	delivering sync.Mutex // one [Sim.Deliver] at a time
	carrier    *http.Client
}

// New returns an emulator. It panics if the options hold an invalid world;
// use [Open] where the world comes from outside.
func New(o Options) *Sim {
	s, err := Open(o)
	if err != nil {
		panic(err)
	}
	return s
}

// Load returns an emulator of world with otherwise default options.
func Load(world *World) (*Sim, error) { return Open(Options{World: world}) }

// Open returns an emulator, or a [*WorldError] with all mistakes of the world.
func Open(o Options) (*Sim, error) {
	w := o.World
	if w == nil {
		w = DefaultWorld()
	}
	w = w.clone()
	if o.Switches != nil {
		sw := *o.Switches
		w.Switches = &sw
	}
	w.fill()
	var ps problems
	w.check(&ps)
	if err := ps.err(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.LedgerSize <= 0 {
		o.LedgerSize = 100_000
	}
	return build(w, o), nil
}

func build(w *World, o Options) *Sim {
	s := &Sim{
		clock:    clock{base: o.Now},
		keepRaw:  o.KeepRaw,
		routes:   allRoutes,
		world:    w,
		sw:       *w.Switches,
		apps:     map[string]*app{},
		people:   map[string]*person{},
		shops:    map[string]*shop{},
		codes:    map[string]*code{},
		access:   map[string]*pair{},
		refresh:  map[string]*pair{},
		globals:  map[string]*globalToken{},
		sessions: map[string]string{},
		tickets:  map[string]*ticket{},
		usage:    map[usageKey]usage{},
		clears:   map[string]clears{},
		sweepAt:  firstSweep,

		platformCodes: map[string]*platformCode{},

		ledger: ring[Entry]{size: o.LedgerSize},

		pushes:  pushState{lines: map[string]*ticketLine{}, ledger: ring[PushEntry]{size: o.LedgerSize}},
		carrier: newPushClient(o.PushTransport),
	}
	if w.Epoch.IsZero() {
		now := s.Now().In(china)
		w.Epoch = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, china)
	}
	for i := range w.Apps {
		a := newApp(&w.Apps[i])
		s.apps[a.AppID] = a
		if a.platform != nil {
			s.platforms = append(s.platforms, a)
		}
	}
	for i := range w.People {
		s.people[w.People[i].Name] = &person{Person: &w.People[i], consents: map[string]time.Time{}}
	}
	for i := range w.Shops {
		s.shops[w.Shops[i].AppID] = newShop(w, &w.Shops[i])
	}
	s.gather()
	for _, f := range w.Faults {
		s.arm(f)
	}
	s.control = s.controlHandler()
	return s
}

// Logical hosts, as they appear in the ledger.
const (
	hostOpen = "open"
	hostAPI  = "api"
	hostMP   = "mp"
	hostSim  = "sim"

	hostMarket = "market"
)

// hostOf tells which WeChat host serves a path when all share one listener.
func hostOf(path string) string {
	switch {
	case strings.HasPrefix(path, "/connect/"):
		return hostOpen
	case strings.HasPrefix(path, marketPath):
		return hostMarket
	case grantPageHost(path) != "":
		return grantPageHost(path)
	case path == "/" || strings.HasPrefix(path, "/sim/"):
		return hostSim
	}
	return hostAPI
}

// ServeHTTP serves open, api and the control API by path.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, hostOf(r.URL.Path)) }

// OpenHost serves only the pages of open.weixin.qq.com.
func (s *Sim) OpenHost() http.Handler { return s.host(hostOpen) }

// APIHost serves only the calls of api.weixin.qq.com.
func (s *Sim) APIHost() http.Handler { return s.host(hostAPI) }

// MarketHost serves the pages of the service market, fuwu.weixin.qq.com.
func (s *Sim) MarketHost() http.Handler { return s.host(hostMarket) }

// MPHost serves mp.weixin.qq.com: the page on which accounts authorise a
// component, and a landing page for every other path.
func (s *Sim) MPHost() http.Handler { return s.host(hostMP) }

func (s *Sim) host(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, name) })
}

func (s *Sim) serve(w http.ResponseWriter, r *http.Request, host string) {
	if host == hostSim {
		s.serveControl(w, r)
		return
	}
	a := s.do(r, host)
	if a.lost {
		// Closes the connection without an answer and without a log line.
		panic(http.ErrAbortHandler)
	}
	// Callers that compare clocks see the world's, not the machine's.
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	a.send(r.Context(), w)
}

// maxBody bounds a JSON body, and maxFile one with a file in it. WeChat refuses
// larger ones too; where its bounds are is told for few calls.
const (
	maxBody = 1 << 20
	maxFile = 10 << 20
)

func bodyLimit(rt route) int {
	if rt.raw {
		return maxFile
	}
	return maxBody
}

// do takes one request through faults, handler and ledger. The scripted
// browser enters here as well, so that it meets the same rules.
func (s *Sim) do(r *http.Request, host string) answer {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(bodyLimit(s.routes[r.URL.Path]))+1))
	c := &call{r: r, host: host, body: body, q: r.URL.Query(), now: s.Now()}
	if err != nil {
		return answer{lost: true} // the caller went away while sending
	}
	f := s.begin(c)
	a, done := s.before(c, f)
	if !done {
		a = s.handle(c)
		a = s.after(c, f, a)
	}
	s.finish(c, a)
	return a
}

// begin identifies the caller and takes the fault meant for it, if any.
func (s *Sim) begin(c *call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identify(c)
	return s.takeFault(c)
}

func (s *Sim) handle(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.Now() // a delay may have passed
	switch c.host {
	case hostOpen:
		return s.openPage(c)
	case hostMarket:
		return s.marketPages(c)
	case hostMP:
		if grantPageHost(c.r.URL.Path) == hostMP {
			return s.grantPages(c)
		}
		return mpPage()
	}
	return s.apiCall(c)
}

// remoteIP is the caller's address. Listeners that are not sockets have none;
// their callers count as this machine.
func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || net.ParseIP(host) == nil {
		return "127.0.0.1"
	}
	return host
}

// derive makes a stable hexadecimal string of 64 digits from the seed and parts.
func derive(seed uint64, parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", seed, strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// pause waits for d or until the caller is gone, whichever is first.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
