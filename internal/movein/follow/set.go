package follow

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Kept is what the other system keeps of one account.
type Kept struct {
	Access  secret.Value
	Left    time.Duration // how long Access lives from now on, at least
	Refresh secret.Value  // empty where it is not told
}

// Source is one way to read what the other system keeps. Its method ends when ctx
// ends, and is safe for concurrent use. platform and account are WeChat's ids.
type Source interface {
	Read(ctx context.Context, platform, account string) (Kept, error)
}

// ErrNone says that nothing usable is kept of an account. The source is well.
var ErrNone = errors.New("follow: the other system keeps no token of this account that can be used; look at the name and the content of its key there")

// Place says where the accounts of one platform are kept.
type Place struct {
	App          string       // our id of the platform
	URL          string       // https with {appid} and {platform}, or redis://host:port/db, rediss://host:port/db
	Secret       secret.Value // the bearer token of https, the password of Redis; may be empty
	AccessKey    string       // of Redis, with {platform} and {appid}; empty: as WxJava names it
	RefreshKey   string       // the same of the refresh token
	AllowPrivate bool         // whether the address may be private or this machine's
}

// Directory tells WeChat's id of a platform.
type Directory interface {
	App(ctx context.Context, id string) (access.App, error)
}

// Set reads for several platforms. Make it with [New]. It is safe for concurrent
// use.
type Set struct {
	dir    Directory
	guards map[string]*guard // by our id of the platform
}

// New makes a Set of places, each of another platform. Nothing is connected yet.
func New(dir Directory, now func() time.Time, places ...Place) (*Set, error) {
	s := &Set{dir: dir, guards: map[string]*guard{}}
	for _, p := range places {
		source, err := p.source(now)
		if err != nil {
			return nil, err
		}
		s.guards[p.App] = &guard{source: source, now: now, slots: make(chan struct{}, atOnce)}
	}
	return s, nil
}

func (p Place) source(now func() time.Time) (Source, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, errors.New("follow: the address cannot be read; write https://host/path/{appid} or redis://host:port/db")
	}
	switch u.Scheme {
	case "https", "http":
		return newWeb(p, now), nil
	case "redis", "rediss":
		return newRedis(p, u)
	}
	return nil, fmt.Errorf("follow: nothing is read from %q; use https, redis or rediss", u.Scheme)
}

// Close ends the connections that are kept.
func (s *Set) Close() {
	for _, g := range s.guards {
		if c, ok := g.source.(interface{ close() }); ok {
			c.close()
		}
	}
}

// Follows tells whether a platform has a place.
func (s *Set) Follows(app string) bool { return s.guards[app] != nil }

// Follow gives the access token of an account and how long it lives.
func (s *Set) Follow(ctx context.Context, app, account string) (secret.Value, time.Duration, error) {
	k, err := s.read(ctx, app, account)
	return k.Access, k.Left, err
}

// Refresh gives the refresh token of an account, empty where none is told.
func (s *Set) Refresh(ctx context.Context, app, account string) (secret.Value, error) {
	k, err := s.read(ctx, app, account)
	return k.Refresh, err
}

func (s *Set) read(ctx context.Context, app, account string) (Kept, error) {
	g := s.guards[app]
	if g == nil {
		return Kept{}, errors.New("follow: nothing says where the other system keeps the platform's tokens; name it as moving[].follow in the settings")
	}
	platform, err := g.appID(ctx, s.dir, app)
	if err != nil {
		return Kept{}, fmt.Errorf("follow: find the platform: %w", err)
	}
	return g.read(ctx, platform, account)
}

const (
	// atOnce is how many questions one source is asked at the same time.
	atOnce = 32
	// rest is how long a source that failed is left alone.
	rest = 2 * time.Second
	// readTime bounds one question.
	readTime = 5 * time.Second
)

// guard keeps a source from being asked too much.
type guard struct {
	source Source
	now    func() time.Time
	slots  chan struct{}

	mu       sync.Mutex
	platform string // WeChat's id, once it is known
	until    time.Time
	err      error
}

// appID is WeChat's id of the platform, which does not change under one of ours.
func (g *guard) appID(ctx context.Context, dir Directory, app string) (string, error) {
	g.mu.Lock()
	known := g.platform
	g.mu.Unlock()
	if known != "" {
		return known, nil
	}
	a, err := dir.App(ctx, app)
	if err != nil {
		return "", err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.platform = a.AppID
	return a.AppID, nil
}

func (g *guard) read(ctx context.Context, platform, account string) (Kept, error) {
	if err := g.resting(); err != nil {
		return Kept{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
		return Kept{}, context.Cause(ctx)
	}
	if err := g.resting(); err != nil { // somebody found out while we waited
		return Kept{}, err
	}
	k, err := g.source.Read(ctx, platform, account)
	if err != nil && !errors.Is(err, ErrNone) && !errors.Is(ctx.Err(), context.Canceled) {
		g.mu.Lock()
		g.until, g.err = g.now().Add(rest), err
		g.mu.Unlock()
	}
	return k, err
}

// resting gives the error of a source that failed just now.
func (g *guard) resting() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now().Before(g.until) {
		return g.err
	}
	return nil
}
