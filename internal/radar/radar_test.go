package radar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/radar"
)

const orderGet, productGet = "/channels/ec/order/get", "/channels/ec/product/get"

// memory is a store with the rules of a real one.
type memory struct {
	mu      sync.Mutex
	uses    map[access.PathUse]int64 // by everything but Calls
	queue   []grant.Event
	from    int64
	changes []grant.APIChange
	written []grant.Effects
	broken  error // answers every write
}

func newMemory() *memory { return &memory{uses: map[access.PathUse]int64{}} }

func (m *memory) AddPathUses(_ context.Context, uses []access.PathUse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	for _, u := range uses {
		n := u.Calls
		u.Calls = 0
		m.uses[u] += n
	}
	return nil
}

func (m *memory) APIDiffs(_ context.Context, limit int) ([]grant.Event, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []grant.Event
	for _, e := range m.queue {
		if e.ID > m.from && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, m.from, nil
}

func (m *memory) NewAPIChanges(_ context.Context, all []grant.APIChange) (fresh []grant.APIChange, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range all {
		known := false
		for _, k := range m.changes {
			known = known || k.ID == c.ID
		}
		if !known {
			fresh = append(fresh, c)
		}
	}
	return fresh, nil
}

func (m *memory) UsersOf(_ context.Context, path string, since time.Time) ([]access.PathUser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	by := map[string]*access.PathUser{}
	for u, n := range m.uses {
		if u.Path != path || u.Day.Before(since) {
			continue
		}
		if by[u.ClientID] == nil {
			by[u.ClientID] = &access.PathUser{ClientID: u.ClientID, ShopID: u.ShopID}
		}
		by[u.ClientID].Shops++
		by[u.ClientID].Calls += n
	}
	var out []access.PathUser
	for _, u := range by {
		out = append(out, *u)
	}
	return out, nil
}

func (m *memory) RecordAPIChanges(_ context.Context, from, to int64, fresh []grant.APIChange, e grant.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	if from != m.from {
		return grant.ErrLost
	}
	m.from, m.changes, m.written = to, append(m.changes, fresh...), append(m.written, e)
	return nil
}

// push puts an announcement into the queue.
func (m *memory) push(body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, grant.Event{ID: int64(len(m.queue) + 1), ShopID: "lantian", Name: radar.EventName, At: time.Now(), SeenAt: time.Now(), Body: []byte(body)})
}

// notices gives all notices so far.
func (m *memory) notices() (all []notice.Notice) {
	for _, e := range m.written {
		all = append(all, e.Notices...)
	}
	return all
}

// announced is an announcement as WeChat's page shows it.
func announced(paths ...string) string {
	var list []map[string]string
	for _, p := range paths {
		list = append(list, map[string]string{"chinese_name": "接口", "cgi_path": p, "doc_url": "https://developers.weixin.qq.com/doc/store", "change_content": "更新接口"})
	}
	b, err := json.Marshal(map[string]any{"changelog_url": "https://developers.weixin.qq.com/doc/store/shop/changelog.html", "api_changes": list, "change_time": "1762492842"})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func newRadar(m *memory) (*radar.Radar, *radar.Counter) {
	c := radar.NewCounter()
	return radar.New(radar.Options{Store: m, Counter: c, Now: time.Now}), c
}

// TestExactlyThoseAreWarned: a change concerns the clients that used its path in 30
// days, and no other.
func TestExactlyThoseAreWarned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r, c := newRadar(m)
		ctx := t.Context()
		c.Count("old", "lantian", orderGet)
		must(t, r.Flush(ctx))
		time.Sleep(31 * 24 * time.Hour)
		for range 3 {
			c.Count("erp", "lantian", orderGet)
		}
		c.Count("bi", "lantian", productGet)
		c.Count("other", "lantian", "/channels/ec/warehouse/get")
		must(t, r.Flush(ctx))
		m.push(announced(orderGet, "/channels/ec/brand/new/path"))
		must(t, r.Look(ctx))
		if diff := cmp.Diff([]string{"erp"}, m.changes[0].Clients); diff != "" {
			t.Error(diff)
		}
		told := m.notices()
		if len(told) != 1 || told[0].Kind != notice.APIChanged || told[0].Details["clients"] != "erp" || told[0].Details["paths"] != orderGet {
			t.Fatalf("told %+v", told)
		}
		events := m.written[0].Events
		if len(events) != 1 || events[0].Client != "erp" || events[0].ShopID != "lantian" || events[0].Name != "api.changed" {
			t.Fatalf("events %+v", events)
		}
		var body radar.Told
		must(t, json.Unmarshal(events[0].Body, &body))
		if len(body.Changes) != 1 || body.Changes[0].Calls != 3 || body.Changes[0].Path != orderGet || body.LogURL == "" {
			t.Errorf("body %+v", body)
		}
	})
}

// TestOneWarningForOneChange: the same change comes to every shop.
func TestOneWarningForOneChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r, c := newRadar(m)
		c.Count("erp", "lantian", orderGet)
		must(t, r.Flush(t.Context()))
		for range 45 {
			m.push(announced(orderGet))
		}
		must(t, r.Look(t.Context()))
		if len(m.changes) != 1 || len(m.notices()) != 1 || m.from != 45 {
			t.Errorf("%d changes, %d notices, at %d", len(m.changes), len(m.notices()), m.from)
		}
	})
}

// TestBadAnnouncements: none stops those behind it.
func TestBadAnnouncements(t *testing.T) {
	bad := []string{
		``, `null`, `[]`, `{}`, `{"api_changes":null}`, `{"api_changes":"x"}`, `{"api_changes":[]}`, `{"api_changes":[{}]}`, `{"api_changes":[1,"2",null]}`,
		`{"api_changes":[{"cgi_path":["/channels/ec/order/get"]}]}`, `{"api_changes":` + strings.Repeat("[", 5000),
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r, c := newRadar(m)
		c.Count("erp", "lantian", orderGet)
		must(t, r.Flush(t.Context()))
		for _, b := range bad {
			m.push(b)
		}
		must(t, r.Look(t.Context()))
		if len(m.changes) != 0 || len(m.notices()) != 0 {
			t.Fatalf("taken in: %+v", m.changes)
		}
		m.push(announced(orderGet))
		must(t, r.Look(t.Context()))
		if len(m.notices()) != 1 || m.from != int64(len(bad)+1) {
			t.Errorf("%d notices, at %d", len(m.notices()), m.from)
		}
	})
}

// TestTricks: texts of a push are shown, not obeyed.
func TestTricks(t *testing.T) {
	tricks := []string{
		orderGet + "\x1b[2J", "/channels/ec/../ec/order/get", "https://example.com" + orderGet, orderGet + "?a=b", "//" + orderGet, "\u202e" + orderGet,
		strings.Repeat("/a", 5000), "<script>alert(1)</script>", orderGet + "\n" + productGet,
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r, c := newRadar(m)
		c.Count("erp", "lantian", orderGet)
		must(t, r.Flush(t.Context()))
		m.push(announced(tricks...))
		must(t, r.Look(t.Context()))
		for _, change := range m.changes {
			if strings.ContainsAny(change.Path, "\x1b\n\u202e") || len([]rune(change.Path)) > 256 {
				t.Errorf("kept %q", change.Path)
			}
			if len(change.Clients) > 0 && change.Path != orderGet {
				t.Errorf("%q concerns %v", change.Path, change.Clients)
			}
		}
	})
}

// TestTenThousandPaths: what somebody uses is not lost among what nobody knows.
func TestTenThousandPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r, c := newRadar(m)
		c.Count("erp", "lantian", orderGet)
		must(t, r.Flush(t.Context()))
		var paths []string
		for i := range 10000 {
			paths = append(paths, fmt.Sprintf("/channels/ec/unheard/%d", i))
		}
		m.push(announced(append(paths, orderGet)...))
		must(t, r.Look(t.Context()))
		if len(m.changes) != 1000 || len(m.notices()) != 1 {
			t.Errorf("%d changes, %d notices", len(m.changes), len(m.notices()))
		}
	})
}

// TestCountsOutliveAnOutage: what the store does not take is kept, and the end of the
// server writes what is left.
func TestCountsOutliveAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r, c := newRadar(m)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		m.mu.Lock()
		m.broken = errors.New("the database is not there")
		m.mu.Unlock()
		var calling sync.WaitGroup
		for range 4 {
			calling.Go(func() {
				for i := range 1000 {
					c.Count("erp", "lantian", orderGet)
					if i%100 == 0 {
						time.Sleep(time.Second)
					}
				}
			})
		}
		calling.Wait()
		time.Sleep(time.Minute)
		m.mu.Lock()
		m.broken = nil
		m.mu.Unlock()
		c.Count("erp", "lantian", productGet)
		stop()
		<-done
		total := int64(0)
		for _, n := range m.uses {
			total += n
		}
		if total != 4001 {
			t.Errorf("%d calls were written, 4001 were made", total)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkCount(b *testing.B) {
	c := radar.NewCounter()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			c.Count("erp", "lantian", orderGet)
		}
	})
}
