package session_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/session"
)

// crowd logs so many in, half of them into a protected host, and gives the hashes of
// their tokens.
func crowd(t testing.TB, n int) (*world, [][]byte) {
	w := newWorld(t, nil)
	w.store.live = nil
	hashes := make([][]byte, 0, n)
	byHash := map[string]access.Session{}
	for i := range n / 2 {
		id, person := fmt.Sprintf("s_%026d", i), fmt.Sprintf("p_%026d", i)
		s := w.login(id, person)
		s.Address, s.Device = "198.51.100.0/24", fmt.Sprint("微信 · ", "Android")
		w.store.sessions = w.store.sessions[:0]
		w.store.persons[person] = access.Person{ID: person,
			Profile: access.Profile{PersonID: person, Nickname: "掌柜的小店 " + id[20:], AvatarURL: fmt.Sprintf("https://thirdwx.qlogo.cn/mmopen/vi_32/%064d/132", i)},
			Members: w.store.persons[person].Members}
		child := s
		child.ID, child.TokenHash, child.Parent, child.Host = id+"erp", access.HashKey(id+"erp"), id, fmt.Sprint("erp.example", ".com")
		for _, s := range []access.Session{s, child} {
			byHash[string(s.TokenHash)] = s
			hashes = append(hashes, s.TokenHash)
		}
	}
	w.live = newLive(w, byHash)
	return w, hashes
}

// TestMemory: a live session costs less than a kilobyte, its person included.
func TestMemory(t *testing.T) {
	const n = 100_000
	w, hashes := crowd(t, n)
	before := heap()
	for _, hash := range hashes {
		if _, _, err := w.live.ByToken(t.Context(), hash); err != nil {
			t.Fatal(err)
		}
	}
	each := float64(heap()-before) / n
	t.Logf("%d live sessions of %d persons: %.0f bytes each", n, n/2, each)
	if each > 1024 {
		t.Errorf("a session costs %.0f bytes, want 1024 at most", each)
	}
	runtime.KeepAlive(w)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestNoAllocations: a session that is known costs no garbage.
func TestNoAllocations(t *testing.T) {
	w, hashes := crowd(t, 2)
	ask := func() {
		if _, _, err := w.live.ByToken(t.Context(), hashes[1]); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	if n := testing.AllocsPerRun(100, ask); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkByToken(b *testing.B) {
	w, hashes := crowd(b, 10_000)
	for _, hash := range hashes {
		_, _, _ = w.live.ByToken(b.Context(), hash)
	}
	ctx := b.Context()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, _, err := w.live.ByToken(ctx, hashes[i%len(hashes)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkByTokenParallel(b *testing.B) {
	w, hashes := crowd(b, 10_000)
	for _, hash := range hashes {
		_, _, _ = w.live.ByToken(b.Context(), hash)
	}
	ctx := b.Context()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, _, err := w.live.ByToken(ctx, hashes[i%len(hashes)]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// indexed is a fakeStore that finds sessions fast and gives strings of its own with
// each answer, as a database does.
type indexed struct {
	*fakeStore
	byHash map[string]access.Session
	byID   map[string]access.Session
}

func newLive(w *world, byHash map[string]access.Session) *session.Live {
	x := &indexed{fakeStore: w.store, byHash: byHash, byID: map[string]access.Session{}}
	for _, s := range byHash {
		x.byID[s.ID] = s
	}
	return session.New(session.Options{Store: x, Somebody: w.somebody, Now: func() time.Time { return w.now }})
}

func (x *indexed) SessionByToken(_ context.Context, hash []byte) (access.Session, error) {
	return owned(x.byHash[string(hash)]), nil
}

func (x *indexed) Sessions(_ context.Context, f access.SessionFilter) ([]access.Session, error) {
	return []access.Session{owned(x.byID[f.ID])}, nil
}

func (x *indexed) Person(ctx context.Context, id string) (access.Person, error) {
	p, err := x.fakeStore.Person(ctx, id)
	p.ID, p.Profile.PersonID = strings.Clone(p.ID), strings.Clone(p.ID)
	p.Profile.Nickname, p.Profile.AvatarURL = strings.Clone(p.Profile.Nickname), strings.Clone(p.Profile.AvatarURL)
	p.Members = slices.Clone(p.Members)
	for i := range p.Members {
		p.Members[i].TenantID, p.Members[i].PersonID = strings.Clone(p.Members[i].TenantID), strings.Clone(p.ID)
	}
	return p, err
}

func owned(s access.Session) access.Session {
	for _, text := range []*string{&s.ID, &s.PersonID, &s.App, &s.Device, &s.Parent, &s.Host, &s.Address, &s.System} {
		*text = strings.Clone(*text)
	}
	s.TokenHash = slices.Clone(s.TokenHash)
	return s
}
