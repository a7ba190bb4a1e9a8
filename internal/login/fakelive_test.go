package login

import (
	"context"
	"net/netip"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// fakeLive knows who is logged in from the store, each time anew.
type fakeLive struct {
	w       *world
	rotate  bool   // the next page gets another token
	strange string // a system that gives itself away
}

func (f *fakeLive) ByToken(ctx context.Context, hash []byte) (access.Session, access.Person, error) {
	s, err := f.w.store.SessionByToken(ctx, hash)
	if err == nil && !s.Live(f.w.clock.now()) {
		err = access.ErrNotFound
	}
	switch {
	case err != nil || s.AdminID != "":
		return s, access.Person{}, err
	case s.ShopID != "":
		p, err := f.w.login.Somebody(ctx, s)
		return s, p, err
	}
	p, err := f.w.store.Person(ctx, s.PersonID)
	return s, p, err
}

func (f *fakeLive) Used(id string, at time.Time, from netip.Addr) {
	f.w.store.mu.Lock()
	defer f.w.store.mu.Unlock()
	for i := range f.w.store.sessions {
		s := &f.w.store.sessions[i]
		if s.ID == id && at.Sub(s.SeenAt) >= time.Minute {
			s.SeenAt, s.Address = at, access.Network(from)
		}
	}
}

func (f *fakeLive) Rotate(_ context.Context, s access.Session, _ access.Person, hash []byte) (secret.Value, bool, error) {
	if !f.rotate {
		return secret.Value{}, false, nil
	}
	if err := f.w.store.failing("Rotate"); err != nil {
		return secret.Value{}, false, err
	}
	f.rotate = false
	token, fresh := access.NewKey(access.SessionPrefix)
	f.w.store.mu.Lock()
	defer f.w.store.mu.Unlock()
	for i := range f.w.store.sessions {
		if f.w.store.sessions[i].ID == s.ID {
			f.w.store.sessions[i].TokenHash, f.w.store.sessions[i].Previous = fresh, hash
		}
	}
	return token, true, nil
}

func (f *fakeLive) Strange(_ context.Context, _ access.Session, system string) (bool, error) {
	return system == f.strange, f.w.store.failing("Strange")
}
