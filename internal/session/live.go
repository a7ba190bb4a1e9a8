package session

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Grace is how long those who were in stay in while the shared database is away.
const Grace = 15 * time.Minute

const (
	freshFor = 2 * time.Second // how late the feed may be and still be trusted
	keptFor  = time.Hour       // how long anything is believed that nobody changed
	// DefaultMax is how many sessions are held at most; a session needs less than
	// a kilobyte.
	DefaultMax = 200_000
)

// Store is what lasts.
type Store interface {
	// SessionByToken finds a session by its token or the one before.
	SessionByToken(ctx context.Context, hash []byte) (access.Session, error)
	Sessions(ctx context.Context, f access.SessionFilter) ([]access.Session, error)
	Person(ctx context.Context, id string) (access.Person, error)
	StartSession(ctx context.Context, s access.Session, e ...audit.Entry) error
	TouchSessions(ctx context.Context, uses []access.SessionUse) error
	// RotateSession refuses with [access.ErrStale] when somebody else was first.
	RotateSession(ctx context.Context, r access.SessionRotation, e ...audit.Entry) error
	EndSessions(ctx context.Context, e grant.Effects) (int, error)
}

// Options are what Live is made of. Store and Somebody must be set.
type Options struct {
	Store Store
	// Somebody gives the holder of a session from the market, who is nobody by
	// name, or [access.ErrNotFound] when nobody may come in from there any more.
	Somebody func(ctx context.Context, s access.Session) (access.Person, error)
	// Shared says that others change the store, too, and that a feed tells of it:
	// see [Live.Current].
	Shared bool
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default discards
	Max    int              // sessions held at most; default DefaultMax
}

// Live holds the live sessions. Make it with [New]. It is safe for concurrent use.
type Live struct {
	o Options

	mu     sync.RWMutex
	memory memory
	epoch  uint64 // counts what was forgotten

	current atomic.Int64 // until when the feed told everything, in milliseconds
	lost    atomic.Bool  // the feed cannot be read

	uses uses
}

// New makes an empty Live. It panics when a part is missing: that is a mistake in
// the program, not in its use.
func New(o Options) *Live {
	if o.Store == nil || o.Somebody == nil {
		panic("session: Store and Somebody must be set")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Max = cmp.Or(o.Max, DefaultMax)
	return &Live{o: o, memory: newMemory(), uses: uses{waiting: map[string]access.SessionUse{}}}
}

// ByToken gives the live session whose token has this SHA-256, and who has it: a
// person with roles, nobody for an administrator, or somebody without an id who holds
// the session's role in its shop. Neither may be changed. There is none when the
// error is [access.ErrNotFound]; it is [ErrStolen] with that, when the token was
// replaced long ago. Any other error says that nobody knows.
//
// SeenAt of a session that hangs on another is the later one of both.
func (l *Live) ByToken(ctx context.Context, hash []byte) (access.Session, access.Person, error) {
	if len(hash) != len(key{}) {
		return access.Session{}, access.Person{}, access.ErrNotFound
	}
	k := key(hash)
	l.mu.RLock()
	e := l.memory.tokens[k]
	l.mu.RUnlock()
	now := l.o.Now()
	if e != nil && l.sure(now) && e.live(now) {
		return l.known(e, now)
	}
	s, p, err := l.read(ctx, k, now)
	if err != nil && !errors.Is(err, access.ErrNotFound) && e != nil && e.live(now) && l.bears(now) {
		return l.known(e, now)
	}
	return s, p, err
}

// known answers from memory. A parent that came with its child may not have been
// used with its new token so far.
func (l *Live) known(e *entry, now time.Time) (access.Session, access.Person, error) {
	if e.unused.Load() {
		l.firstUse(e, now)
	}
	return e.session(), *e.who(), nil
}

// sure tells whether memory is as good as the store: nobody else writes there, the
// feed is on time, or there is nothing to ask and [Live.bears].
func (l *Live) sure(now time.Time) bool {
	return !l.o.Shared || l.behind(now) <= freshFor || l.lost.Load() && l.bears(now)
}

// bears tells whether memory may stand for a store that does not answer.
func (l *Live) bears(now time.Time) bool { return !l.o.Shared || l.behind(now) <= Grace }

func (l *Live) behind(now time.Time) time.Duration {
	return now.Sub(time.UnixMilli(l.current.Load()))
}

// read asks the store, and keeps what it says unless something changed meanwhile.

func (l *Live) read(ctx context.Context, k key, now time.Time) (access.Session, access.Person, error) {
	l.mu.RLock()
	epoch := l.epoch
	l.mu.RUnlock()
	s, err := l.o.Store.SessionByToken(ctx, k[:])
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	root, err := l.root(ctx, s, now)
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	older := !bytes.Equal(s.TokenHash, k[:])
	if older && !l.honours(s, now) {
		return access.Session{}, access.Person{}, l.stolen(ctx, s, OldToken)
	}
	p, err := l.holder(ctx, s)
	if err != nil {
		return access.Session{}, access.Person{}, err
	}
	if !older {
		if len(s.Previous) > 0 && s.ReplacedAt.IsZero() {
			s.ReplacedAt = now
			l.uses.add(access.SessionUse{Session: s.ID, At: now, Token: s.TokenHash})
		}
		l.keep(epoch, root, s, p)
	}
	if root.SeenAt.After(s.SeenAt) {
		s.SeenAt = root.SeenAt
	}
	return s, p, nil
}

// root gives the login that a session is or hangs on, or [access.ErrNotFound] when
// one of them is over.
func (l *Live) root(ctx context.Context, s access.Session, now time.Time) (access.Session, error) {
	root := s
	if s.Parent != "" {
		rows, err := l.o.Store.Sessions(ctx, access.SessionFilter{ID: s.Parent})
		if err != nil {
			return root, err
		}
		if len(rows) != 1 {
			return root, access.ErrNotFound
		}
		root = rows[0]
	}
	if at := l.uses.last(root.ID); at.After(root.SeenAt) {
		root.SeenAt = at
	}
	if !s.EndedAt.IsZero() || !root.Live(now) {
		return root, access.ErrNotFound
	}
	return root, nil
}

// holder gives who has a session.
func (l *Live) holder(ctx context.Context, s access.Session) (access.Person, error) {
	switch {
	case s.AdminID != "":
		return access.Person{}, nil
	case s.ShopID != "":
		return l.o.Somebody(ctx, s)
	}
	return l.o.Store.Person(ctx, s.PersonID)
}

// Start begins a session in the store; see its StartSession.
func (l *Live) Start(ctx context.Context, s access.Session, e ...audit.Entry) error {
	return l.o.Store.StartSession(ctx, s, e...)
}

// Forget drops what is known of these, by the names that [audit.Entry.People] gives.
// Other names are passed over. What is being read meanwhile is not kept.
func (l *Live) Forget(names ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	for _, name := range names {
		l.memory.forget(name)
	}
}

// Current says that everything that others changed before at was told. Where the
// store is shared, whoever follows the audit log calls it with every reading.
func (l *Live) Current(at time.Time) {
	l.current.Store(at.UnixMilli())
	l.lost.Store(false)
}

// Lost says that the shared store cannot be read.
func (l *Live) Lost() { l.lost.Store(true) }

// Trouble says in words what is amiss; empty when nothing is.
func (l *Live) Trouble() string {
	now := l.o.Now()
	switch {
	case !l.o.Shared || !l.lost.Load():
		return ""
	case l.bears(now):
		until := time.UnixMilli(l.current.Load()).Add(Grace).UTC()
		return "who was logged in stays so until " + until.Format("15:04:05Z") + ", without word from other servers"
	}
	return "nobody's login can be looked up"
}

func (l *Live) keep(epoch uint64, root, s access.Session, p access.Person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch != epoch {
		return
	}
	for len(l.memory.tokens) >= l.o.Max {
		l.memory.dropAny()
	}
	l.memory.keep(root, s, p, l.o.Now())
}
