package session_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/session"
)

var (
	start   = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	errDown = errors.New("fake: the database is down")
)

// fakeStore keeps the store's promises in memory and counts what is asked of it.
type fakeStore struct {
	mu       sync.Mutex
	sessions []access.Session
	persons  map[string]access.Person
	reads    int // of sessions by their tokens
	touches  [][]access.SessionUse
	audit    []audit.Entry
	notices  []notice.Notice
	down     bool
	live     *session.Live
	reading  func() // runs within each read, before it answers
}

func (f *fakeStore) find(ok func(access.Session) bool) int {
	return slices.IndexFunc(f.sessions, ok)
}

func (f *fakeStore) SessionByToken(_ context.Context, hash []byte) (access.Session, error) {
	f.mu.Lock()
	f.reads++
	i := f.find(func(s access.Session) bool { return bytes.Equal(s.TokenHash, hash) })
	if i < 0 {
		i = f.find(func(s access.Session) bool { return bytes.Equal(s.Previous, hash) })
	}
	var s access.Session
	err := access.ErrNotFound
	if i >= 0 {
		s, err = f.sessions[i], nil
	}
	if f.down {
		err = errDown
	}
	reading := f.reading
	f.mu.Unlock()
	if reading != nil {
		reading()
	}
	return s, err
}

func (f *fakeStore) Sessions(_ context.Context, filter access.SessionFilter) ([]access.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return nil, errDown
	}
	return slices.DeleteFunc(slices.Clone(f.sessions), func(s access.Session) bool { return s.ID != filter.ID }), nil
}

func (f *fakeStore) Person(_ context.Context, id string) (access.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.persons[id]
	switch {
	case f.down:
		return p, errDown
	case !ok:
		return p, access.ErrNotFound
	}
	return p, nil
}

func (f *fakeStore) StartSession(_ context.Context, s access.Session, e ...audit.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions, f.audit = append(f.sessions, s), append(f.audit, e...)
	return nil
}

func (f *fakeStore) TouchSessions(_ context.Context, uses []access.SessionUse) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return errDown
	}
	slices.SortFunc(uses, func(a, b access.SessionUse) int { return bytes.Compare([]byte(a.Session), []byte(b.Session)) })
	f.touches = append(f.touches, uses)
	for _, u := range uses {
		i := f.find(func(s access.Session) bool { return s.ID == u.Session })
		if i < 0 {
			continue
		}
		s := &f.sessions[i]
		s.SeenAt, s.Address = u.At, u.Address
		if bytes.Equal(u.Token, s.TokenHash) && s.ReplacedAt.IsZero() {
			s.ReplacedAt = u.At
		}
	}
	return nil
}

func (f *fakeStore) RotateSession(_ context.Context, r access.SessionRotation, e ...audit.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return errDown
	}
	i := f.find(func(s access.Session) bool { return s.ID == r.Session && bytes.Equal(s.TokenHash, r.Current) })
	if i < 0 {
		return access.ErrStale
	}
	s := &f.sessions[i]
	s.TokenHash, s.Previous, s.RotatedAt, s.ReplacedAt = r.Token, r.Used, r.At, time.Time{}
	f.audit = append(f.audit, e...)
	f.live.Forget("session:" + s.ID)
	return nil
}

func (f *fakeStore) EndSessions(_ context.Context, e grant.Effects) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return 0, errDown
	}
	n := 0
	for _, filter := range e.EndSessions {
		for i := range f.sessions {
			if s := &f.sessions[i]; s.EndedAt.IsZero() && (s.ID == filter.ID || s.Parent == filter.ID) {
				s.EndedAt, s.EndedWhy = e.At, filter.Why
				f.live.Forget("session:" + s.ID)
				n++
			}
		}
	}
	f.audit, f.notices = append(f.audit, e.Audit...), append(f.notices, e.Notices...)
	return n, nil
}

// world is a Live over a fake store.
type world struct {
	t     testing.TB
	store *fakeStore
	live  *session.Live
	now   time.Time
	gone  bool // nobody may come in from the market
}

func newWorld(t testing.TB, change func(*session.Options)) *world {
	w := &world{t: t, now: start, store: &fakeStore{persons: map[string]access.Person{}}}
	o := session.Options{Store: w.store, Now: func() time.Time { return w.now }, Somebody: w.somebody}
	if change != nil {
		change(&o)
	}
	w.live = session.New(o)
	w.store.live = w.live
	return w
}

func (w *world) somebody(_ context.Context, s access.Session) (access.Person, error) {
	if w.gone {
		return access.Person{}, access.ErrNotFound
	}
	return access.Person{Members: []access.Member{{TenantID: "lan", ShopID: s.ShopID, Role: s.Role}}}, nil
}

// login gives a person a session, whose token is its id.
func (w *world) login(id, person string) access.Session {
	s := access.Session{
		ID: id, TokenHash: access.HashKey(id), PersonID: person, App: "mp", Door: access.DoorWeChat, Device: "微信 · Android", System: "Android",
		CreatedAt: w.now, SeenAt: w.now, ProvedAt: w.now, ExpiresAt: w.now.Add(30 * 24 * time.Hour), IdleLimit: 7 * 24 * time.Hour,
	}
	w.store.sessions = append(w.store.sessions, s)
	w.store.persons[person] = access.Person{ID: person, Members: []access.Member{{TenantID: "lan", PersonID: person, Role: access.Owner, Since: w.now}}}
	return s
}

// child gives a protected host a session that hangs on parent.
func (w *world) child(id string, parent access.Session) access.Session {
	s := parent
	s.ID, s.TokenHash, s.Parent, s.Host = id, access.HashKey(id), parent.ID, "erp.example.com"
	w.store.sessions = append(w.store.sessions, s)
	return s
}

func (w *world) byToken(token string) (access.Session, access.Person, error) {
	w.t.Helper()
	return w.live.ByToken(w.t.Context(), access.HashKey(token))
}

// in wants a token to count, or not.
func (w *world) in(token string, want bool) {
	w.t.Helper()
	_, _, err := w.byToken(token)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		w.t.Errorf("token %s: %v", token, err)
	}
	if got := err == nil; got != want {
		w.t.Errorf("token %s: in %t, want %t", token, got, want)
	}
}

// reads is how often the store was asked since the last call.
func (w *world) reads() int {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	n := w.store.reads
	w.store.reads = 0
	return n
}

// end ends a session in the store behind Live's back, as another server would.
func (w *world) end(id string) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	i := w.store.find(func(s access.Session) bool { return s.ID == id })
	w.store.sessions[i].EndedAt = w.now
}
