package gateway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The keys and tokens of the tests. bait stands in every token, so that a leak
// is found by searching for it.
const (
	writeKey   = "zgc_WRITE00000000000000000001"
	readKey    = "zgc_READ000000000000000000001"
	otherKey   = "zgc_OTHER00000000000000000001"
	endedKey   = "zgc_ENDED00000000000000000001"
	expiredKey = "zgc_EXPIRED000000000000000001"
	bait       = "BAIT-7Wv9"
	readPath   = "/channels/ec/order/get"
	writePath  = "/channels/ec/product/stock/update"
)

// fakeStore is Clients and Directory.
type fakeStore struct {
	mu      sync.Mutex
	clients map[string]access.Client
	shops   map[string]access.Shop
	apps    map[string]access.App
	err     error
	reads   int
}

func (s *fakeStore) ClientByKey(_ context.Context, hash []byte) (access.Client, error) {
	return lookup(s, s.clients, string(hash))
}

func (s *fakeStore) Shop(_ context.Context, id string) (access.Shop, error) {
	return lookup(s, s.shops, id)
}

func (s *fakeStore) App(_ context.Context, id string) (access.App, error) {
	return lookup(s, s.apps, id)
}

func lookup[V any](s *fakeStore, m map[string]V, key string) (V, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	v, ok := m[key]
	switch {
	case s.err != nil:
		return *new(V), s.err
	case !ok:
		return v, access.ErrNotFound
	}
	return v, nil
}

func (s *fakeStore) with(change func(s *fakeStore)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// fakeTokens hands out a token for each generation.
type fakeTokens struct {
	mu         sync.Mutex
	generation int64
	err        error
	stuck      bool // Report finds no newer token
	reports    []Complaint
	proved     []int64 // generations
}

func tokenOf(generation int64) secret.Value {
	return secret.FromString(bait + "_" + string(rune('a'+generation)))
}

func (f *fakeTokens) token() Token {
	return Token{Value: tokenOf(f.generation), Generation: f.generation}
}

func (f *fakeTokens) Token(context.Context, string) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.token(), f.err
}

func (f *fakeTokens) Proved(_ string, generation int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proved = append(f.proved, generation)
}

func (f *fakeTokens) Report(_ context.Context, c Complaint) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, c)
	if !f.stuck && c.Generation == f.generation {
		f.generation++
	}
	return f.token(), f.err
}

// notes is Refusals and Metrics.
type notes struct {
	mu       sync.Mutex
	refusals []Refusal
	observed []observed
}

type observed struct {
	group    string
	status   int
	class    string
	attempts int
}

func (n *notes) Refuse(_ context.Context, r Refusal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refusals = append(n.refusals, r)
}

func (n *notes) Observe(o Observation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.observed = append(n.observed, observed{o.Group, o.Status, o.Class, o.Attempts})
}

// Observed counts under a class of its own.
func (n *notes) Observed(group string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.observed = append(n.observed, observed{group, 0, "observed", 0})
}

// last gives what was counted for the last call.
func (r *rig) last() observed {
	r.settle()
	r.notes.mu.Lock()
	defer r.notes.mu.Unlock()
	return r.notes.observed[len(r.notes.observed)-1]
}

// settle waits until the gateway is done with every request: a caller has its
// answer a moment before that.
func (r *rig) settle() { r.running.Wait() }

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a gateway between a client and an upstream, with everything it needs.
type rig struct {
	*Gateway
	store  *fakeStore
	tokens *fakeTokens
	notes  *notes
	log    *lockedBuffer
	front  *httptest.Server
	client *http.Client

	running sync.WaitGroup // requests in the gateway

	mu  sync.Mutex
	now time.Time
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func client(id string, mode access.Mode, shops ...string) access.Client {
	return access.Client{ID: id, Mode: mode, Shops: shops}
}

// newRig starts upstream and a gateway in front of it.
func newRig(t testing.TB, upstream http.HandlerFunc, change ...func(*Config)) *rig {
	t.Helper()
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	return rigFor(t, append([]func(*Config){func(c *Config) { c.APIHosts = []string{up.URL} }}, change...)...)
}

func rigFor(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{
		store: newStore(), tokens: &fakeTokens{}, notes: &notes{}, log: &lockedBuffer{},
		now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	ways := NewTransports(EgressOptions{})
	t.Cleanup(ways.CloseIdle)
	logger := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config := Config{
		Clients: r.store, Directory: r.store, Tokens: r.tokens, Transports: ways.For,
		Refusals: r.notes, Metrics: r.notes, Log: logger, Now: r.clock,
		Wait: -1,
	}
	for _, f := range change {
		f(&config)
	}
	g, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway = g
	r.front = httptest.NewUnstartedServer(nil)
	wrapped := web.Wrap(g, web.Options{Log: logger})
	r.front.Config = web.Server(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.running.Add(1)
		defer r.running.Done()
		w.Header().Set("Cache-Control", "no-store") // as an outer handler may
		wrapped.ServeHTTP(w, req)
	}), logger)
	r.front.Start()
	t.Cleanup(r.front.Close)
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return r
}

func newStore() *fakeStore {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	revoked, old := client("gone", access.Write, "lantian"), client("old", access.Write, "lantian")
	revoked.RevokedAt, old.ExpiresAt = end, end
	byKey := func(key string) string { return string(access.HashKey(key)) }
	return &fakeStore{
		clients: map[string]access.Client{
			byKey(writeKey):   client("erp", access.Write, "lantian", "removed"),
			byKey(readKey):    client("board", access.Read, "lantian"),
			byKey(otherKey):   client("other", access.Write, "baiyun"),
			byKey(endedKey):   revoked,
			byKey(expiredKey): old,
		},
		shops: map[string]access.Shop{
			"lantian": {ID: "lantian", App: "lantian-app"},
			"baiyun":  {ID: "baiyun", App: "lantian-app"},
		},
		apps: map[string]access.App{"lantian-app": {ID: "lantian-app"}},
	}
}

// answer is what came back, read whole.
type answer struct {
	*http.Response
	body string
}

// do sends a request for /wx/lantian + path with key.
func (r *rig) do(t testing.TB, method, key, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.front.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(b)}
}

func (r *rig) post(t testing.TB, path, body string, header ...string) answer {
	t.Helper()
	return r.do(t, http.MethodPost, writeKey, "/wx/lantian"+path, body, header...)
}

// clean fails the test if a token or key shows in the log or in texts.
func (r *rig) clean(t testing.TB, texts ...string) {
	t.Helper()
	r.settle()
	for _, s := range append(texts, r.log.String()) {
		if strings.Contains(s, bait) || strings.Contains(s, "zgc_WRITE") {
			t.Errorf("a secret shows: %s", s)
		}
	}
}

// TestMain looks for goroutines that outlive all tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if stacks := leaked(); code == 0 && stacks != "" {
		os.Stderr.WriteString("goroutines are left:\n" + stacks)
		code = 1
	}
	os.Exit(code)
}

// leaked waits a little for connections to close and gives what is left.
func leaked() string {
	buf := make([]byte, 1<<20)
	for deadline := time.After(3 * time.Second); ; {
		stacks := string(buf[:runtime.Stack(buf, true)])
		_, others, _ := strings.Cut(stacks, "\n\n") // the first one is this
		if !strings.Contains(others, "net/http.") && !strings.Contains(others, "internal/gateway.") {
			return ""
		}
		select {
		case <-deadline:
			return stacks
		case <-time.After(20 * time.Millisecond):
		}
	}
}
