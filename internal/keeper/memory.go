package keeper

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Token is an access token that is durable and, as far as we know, valid.
type Token struct {
	Value      secret.Value
	Generation int64     // name it in [Keeper.Report] when WeChat refuses the token
	Expires    time.Time // its real end, counted from the start of the request that brought it
	GrantID    string
}

// held is a token in memory. It is never changed, only replaced.
type held struct {
	Token
	soft     time.Duration // on the keeper's uptime: from here on a newer one is wanted
	check    time.Duration // from here on the store is looked at beside serving
	checking atomic.Bool   // one look at a time
	proved   atomic.Bool   // WeChat took it; see [Keeper.Proved]
}

// table is the memory: tokens by key. A hit takes no lock and allocates
// nothing; writing is rare and goes one at a time.
type table struct {
	m sync.Map // key to *held

	mu      sync.Mutex
	byGrant map[string]string // grant id to key
}

func newTable() *table { return &table{byGrant: map[string]string{}} }

// get returns what is held under key, or nil.
func (t *table) get(key string) *held {
	v, _ := t.m.Load(key)
	h, _ := v.(*held)
	return h
}

// put holds h unless current says no, or a newer generation of the same grant
// is held. current is asked under the lock that drop takes, so that a token
// that was read before a drop is never put after it.
func (t *table) put(key string, h *held, current func() bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.get(key)
	if !current() || old != nil && old.GrantID == h.GrantID && old.Generation > h.Generation {
		return
	}
	if old != nil && old.GrantID != h.GrantID {
		delete(t.byGrant, old.GrantID)
	}
	if old != nil && old.GrantID == h.GrantID && old.Generation == h.Generation {
		// Its end is on the monotonic clock already; reading the row again after
		// the wall clock jumped must not move it.
		h.Token, h.soft = old.Token, old.soft
		h.proved.Store(old.proved.Load())
	}
	t.m.Store(key, h)
	t.byGrant[h.GrantID] = key
}

// drop forgets the token of a grant.
func (t *table) drop(grantID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if key, ok := t.byGrant[grantID]; ok {
		delete(t.byGrant, grantID)
		t.m.Delete(key)
	}
}

// dropKey forgets what is held under key.
func (t *table) dropKey(key string) {
	if h := t.get(key); h != nil {
		t.drop(h.GrantID)
	}
}
