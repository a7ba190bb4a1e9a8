package chaos

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/balance"
)

// callers are the programs that use the shops through all replicas, in turn.
type callers struct {
	replicas []*replica
	shops    int
	key      string
	client   *http.Client

	mu    sync.Mutex
	calls []balance.Call
	next  int
}

// patience is how long a program waits for an answer.
const patience = 4 * time.Second

func newCallers(replicas []*replica, shops int, key string) *callers {
	return &callers{replicas: replicas, shops: shops, key: key, client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
}

// run calls with n programs, each at most once in pace, until ctx ends.
func (c *callers) run(ctx context.Context, n int, pace time.Duration) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			tick := time.NewTicker(pace)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					c.call(ctx)
				}
			}
		})
	}
	wg.Wait()
}

// call makes the next call. One that ctx ended says nothing and is not kept.
func (c *callers) call(ctx context.Context) {
	c.mu.Lock()
	n := c.next
	c.next++
	c.mu.Unlock()
	r, shop := c.replicas[n%len(c.replicas)], n/len(c.replicas)%c.shops
	x := balance.Call{From: time.Now(), Replica: r.spec.Index, Grant: shopAppID(shop)}
	c.ask(ctx, r.public()+"/wx/"+shopID(shop)+infoPath, shopName(shop), &x)
	if x.To = time.Now(); ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, x)
}

// ask sends one call and looks at the truth of its answer.
func (c *callers) ask(ctx context.Context, url, name string, x *balance.Call) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	resp, err := c.client.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return
	}
	var answer struct {
		ErrCode int `json:"errcode"`
		Info    struct {
			Nickname string `json:"nickname"`
		} `json:"info"`
	}
	x.Status = resp.StatusCode
	if x.Status != http.StatusOK {
		return
	}
	if json.Unmarshal(b, &answer) != nil {
		x.Status = 0 // an answer that cannot be read is none
		return
	}
	x.ErrCode = answer.ErrCode
	x.Wrong = answer.ErrCode == 0 && answer.Info.Nickname != name
}

// made gives the calls so far.
func (c *callers) made() []balance.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]balance.Call(nil), c.calls...)
}
