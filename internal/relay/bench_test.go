package relay_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/relay"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// taker takes everything, and says when it has as much as it waits for.
type taker struct {
	n    atomic.Int64
	want int64
	all  chan struct{}
}

// RoundTrip implements http.RoundTripper.
func (t *taker) RoundTrip(*http.Request) (*http.Response, error) {
	if t.n.Add(1) == t.want {
		close(t.all)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// BenchmarkRelay sends events of 200 shops to one subscription, out of the store and
// with everything but the network. One operation is one event.
func BenchmarkRelay(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	kek, err := vault.FileKEK(filepath.Join(b.TempDir(), "master.key"), true)
	if err != nil {
		b.Fatal(err)
	}
	v, _, err := vault.Create(b.Context(), kek)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	d := access.Declaration{At: now, Tenants: []access.Tenant{{ID: "lantian", Name: "蓝天"}},
		Apps: []access.App{{ID: "isv", Kind: access.Component, AppID: "wx00000000000000c1", Secret: []byte("sealed"), SecretVersion: 1}}}
	c := access.Client{ID: "erp", KeyHash: access.HashKey("bench"), Mode: access.Read, CreatedAt: now}
	for i := range 200 {
		id := fmt.Sprintf("shop-%03d", i)
		d.Shops = append(d.Shops, access.Shop{ID: id, TenantID: "lantian", App: "isv", AppID: fmt.Sprintf("wx%016x", i), Name: id})
		c.Shops = append(c.Shops, id)
	}
	d.Clients = []access.Client{c}
	if err := s.Declare(b.Context(), d); err != nil {
		b.Fatal(err)
	}
	to := &taker{want: int64(b.N), all: make(chan struct{})}
	r := relay.New(relay.Options{Store: s, Clients: s, Vault: v, Owner: "bench", Transport: func(bool) http.RoundTripper { return to }})
	if _, _, err := r.Create(b.Context(), audit.Actor{Kind: audit.ActorOperator}, grant.NewSubscription{Client: "erp", URL: "https://hooks.example.com/", Events: []string{"*"}}); err != nil {
		b.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"order_info":{"order_id":"3705115058471208928","note":"%0900d"}}`, 7)
	for n := 0; n < b.N; {
		e := grant.Effects{At: now}
		for range min(1000, b.N-n) {
			e.Events = append(e.Events, grant.Event{App: "isv", ShopID: c.Shops[n%200], Name: "channels_ec_order_pay", At: now, SeenAt: now, Body: body})
			n++
		}
		if err := s.Authorise(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	b.ResetTimer()
	wg.Go(func() { r.Run(ctx) })
	<-to.all
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	stop()
	wg.Wait()
}
