package standby_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/standby"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// many is a source with n grants and nothing else.
type many struct{ n int }

func (many) Keyset(context.Context) ([]byte, bool, error) { return nil, false, nil }
func (many) App(context.Context, string) (access.App, error) {
	return access.App{}, access.ErrNotFound
}
func (many) Shop(context.Context, string) (access.Shop, error) {
	return access.Shop{}, access.ErrNotFound
}
func (many) Client(context.Context, string) (access.Client, error) {
	return access.Client{}, access.ErrNotFound
}
func (many) Clients(context.Context) ([]access.Client, error) { return nil, nil }
func (many) AppsAfter(context.Context, string, int) ([]access.App, error) {
	return nil, nil
}
func (many) ShopsAfter(context.Context, string, int) ([]access.Shop, error) {
	return nil, nil
}

func (m many) Grant(_ context.Context, id string) (grant.Grant, error) {
	return grant.Grant{ID: id, Kind: grant.Self, App: "shop-" + id, ShopID: "s" + id, State: grant.Active,
		Tokens: grant.Tokens{Generation: 1, Access: make([]byte, 205), AccessExpires: start}}, nil
}

func (m many) GrantsAfter(ctx context.Context, id string, limit int) (page []grant.Grant, err error) {
	next := 0
	if id != "" {
		fmt.Sscanf(id, "g_%d", &next)
		next++
	}
	for i := next; i < m.n && len(page) < limit; i++ {
		g, err := m.Grant(ctx, fmt.Sprintf("g_%09d", i))
		if err != nil {
			return nil, err
		}
		page = append(page, g)
	}
	return page, nil
}

// BenchmarkCopy copies 20,000 grants without a pause: sealing and writing them.
// The source costs next to nothing here.
func BenchmarkCopy(b *testing.B) {
	const n = 20_000
	kek, err := vault.FileKEK(filepath.Join(b.TempDir(), "master.key"), true)
	if err != nil {
		b.Fatal(err)
	}
	v, _, err := vault.Create(b.Context(), kek)
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	for b.Loop() {
		f, err := standby.OpenOrBegin(b.Context(), filepath.Join(b.TempDir(), standby.FileName), log)
		if err != nil {
			b.Fatal(err)
		}
		f.Unlock(v)
		c, _, err := standby.NewCopy(b.Context(), standby.CopyOptions{File: f, Source: many{n}, Database: database, Share: -1})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Changed(b.Context(), feed.Change{All: true, To: feed.None}); err != nil {
			b.Fatal(err)
		}
		c.Current(b.Context(), time.Now())
		c.Drain(b.Context())
		if s, err := c.State(); !s.Complete {
			b.Fatal(s, err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
