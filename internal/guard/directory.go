package guard

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// readEvery is how old the shops may be. Shops change seldom, and every request needs
// one.
const readEvery = 500 * time.Millisecond

// directory gives the shops as they were a moment ago. While the store cannot be
// asked, the last ones stay: who is logged in at all is not decided here.
type directory struct {
	store interface {
		Shops(ctx context.Context) ([]access.Shop, error)
	}
	now     func() time.Time
	reading sync.Mutex
	last    atomic.Pointer[snapshot]
}

// snapshot is all shops at one time.
type snapshot struct {
	tried    time.Time // when the store was asked, with or without an answer
	byID     map[string]access.Shop
	byTenant map[string][]access.Shop
}

func (s *snapshot) of(tenant string) []access.Shop { return s.byTenant[tenant] }

// get gives the shops. One request reads them; others go on with what there is, and
// wait only when there is nothing.
func (d *directory) get(ctx context.Context) (*snapshot, error) {
	s := d.last.Load()
	if s != nil && d.fresh(s) {
		return s, nil
	}
	if s == nil {
		d.reading.Lock()
	} else if !d.reading.TryLock() {
		return s, nil
	}
	defer d.reading.Unlock()
	if s = d.last.Load(); s != nil && d.fresh(s) {
		return s, nil
	}
	return d.read(ctx, s)
}

func (d *directory) fresh(s *snapshot) bool {
	age := d.now().Sub(s.tried)
	return age >= 0 && age < readEvery
}

func (d *directory) read(ctx context.Context, before *snapshot) (*snapshot, error) {
	all, err := d.store.Shops(context.WithoutCancel(ctx))
	if err != nil {
		if before == nil {
			return nil, err
		}
		again := *before
		again.tried = d.now()
		d.last.Store(&again)
		return &again, nil
	}
	s := &snapshot{tried: d.now(), byID: map[string]access.Shop{}, byTenant: map[string][]access.Shop{}}
	for _, shop := range all {
		s.byID[shop.ID] = shop
		s.byTenant[shop.TenantID] = append(s.byTenant[shop.TenantID], shop)
	}
	d.last.Store(s)
	return s, nil
}
