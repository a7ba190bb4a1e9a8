package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
)

// Times on the way to a back office.
const (
	// AnswerWithin is how long a back office has to begin its answer, where
	// [Host.AnswerWithin] says nothing.
	AnswerWithin = time.Minute
	// MoveWithin is how long a visitor has for the next piece of an upload to be sent,
	// or of an answer to be taken.
	MoveWithin = time.Minute

	dialWithin = 10 * time.Second
	idleFor    = 90 * time.Second
	// idleConns bounds the connections that are kept to one back office.
	idleConns = 64
)

// Host is a back office and the protected host that people know it by.
type Host struct {
	Name         string         // host[:port] as [web.EffectiveHost] gives it
	To           *url.URL       // scheme and host; its path is not used
	SendHost     string         // Host that the back office gets; empty: Name
	CA           *x509.CertPool // who signs its certificate; nil: those that the system trusts
	AnswerWithin time.Duration  // 0: [AnswerWithin]
}

// Options are what a Proxy needs. Log may be nil.
type Options struct {
	Hosts []Host
	// Page makes pages on protected hosts of errors.
	Page func(web.Handler) http.Handler
	Log  *slog.Logger
}

// Proxy passes requests on. It goes behind the guard and inside of [web.Wrap]. Make one
// with [New]. It is safe for concurrent use.
type Proxy struct {
	page    func(web.Handler) http.Handler
	hosts   map[string]*office
	log     *log.Logger
	buffers buffers

	ended  context.Context //nolint:containedctx // of the streams, which outlive the call that made them
	end    context.CancelFunc
	mu     sync.Mutex // guards adding to streams against End
	closed bool
	under  sync.WaitGroup // streams under way
}

// office is one back office, ready to be sent to.
type office struct {
	Host
	transport *http.Transport
}

// New checks the options and makes a Proxy.
func New(o Options) (*Proxy, error) {
	if o.Page == nil {
		return nil, errors.New("upstream: Options.Page is required; set it")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{page: o.Page, hosts: map[string]*office{}, log: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}
	p.ended, p.end = context.WithCancel(context.Background())
	for _, h := range o.Hosts {
		if h.Name == "" || p.hosts[h.Name] != nil || h.To == nil || h.To.Host == "" || h.To.Scheme != "http" && h.To.Scheme != "https" {
			return nil, fmt.Errorf("upstream: host %q has no address, or is there twice; name it once, with http(s)://host", h.Name)
		}
		if h.SendHost == "" {
			h.SendHost = h.Name
		}
		p.hosts[h.Name] = &office{Host: h, transport: newTransport(h)}
	}
	return p, nil
}

// newTransport goes to one back office. It speaks HTTP/1.1, which WebSockets need, asks no
// proxy of the environment, and decompresses nothing.
func newTransport(h Host) *http.Transport {
	within := h.AnswerWithin
	if within == 0 {
		within = AnswerWithin
	}
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialWithin}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: h.CA},
		TLSHandshakeTimeout:   dialWithin,
		ResponseHeaderTimeout: within,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       idleFor,
		MaxIdleConnsPerHost:   idleConns,
		DisableCompression:    true,
	}
}

// ServeHTTP implements http.Handler: it passes a request on to the back office of the host
// that it is for.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := p.hosts[web.EffectiveHost(r.Context())]
	switch {
	case o == nil:
		web.Machine(web.NotFound).ServeHTTP(w, r)
		return
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		p.fail(w, r, errMethod)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	v := &visit{proxy: p, office: o, w: w, in: r, cancel: cancel}
	defer v.over()
	if upgrades(r.Header) && !v.endless() {
		p.fail(w, r, errStopping)
		return
	}
	out := r.WithContext(ctx)
	out.Header = r.Header.Clone()
	cleanRequest(out.Header)
	if r.Body != nil && r.Body != http.NoBody {
		u := newUpload(w, r)
		defer u.over()
		out.Body = u
	}
	t := &taker{ResponseWriter: w}
	defer t.over()
	proxy := httputil.ReverseProxy{
		Rewrite: v.rewrite, ModifyResponse: v.answered, ErrorHandler: v.failed,
		Transport: o.transport, BufferPool: &p.buffers, ErrorLog: p.log,
	}
	proxy.ServeHTTP(t, out)
}

// Serves tells whether the host has a back office here.
func (p *Proxy) Serves(host string) bool { return p.hosts[host] != nil }

// End ends what streams, so that a server that stops does not wait for it, and waits
// until it has ended. It may be called more than once.
func (p *Proxy) End() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.end()
	p.under.Wait()
}

// Close is End, and lets go of the connections to the back offices that are not in use.
func (p *Proxy) Close() {
	p.End()
	for _, o := range p.hosts {
		o.transport.CloseIdleConnections()
	}
}

// buffers are lent to copies of bodies.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, bufferSize)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
