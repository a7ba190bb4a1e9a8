package provider

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// BenchmarkReconcile compares 20,000 authorisers on SQLite with the list, when
// nothing differs: forty pages.
func BenchmarkReconcile(b *testing.B) {
	const shops = 20_000
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	w := newWorld(b, func(o *Options) { o.Store, o.Directory = db, db })
	if err := db.Declare(b.Context(), access.Declaration{At: start, Apps: []access.App{w.app}}); err != nil {
		b.Fatal(err)
	}
	for i := range shops {
		w.authorises(fmt.Sprintf("wx%016x", i))
	}
	list := newOneList(w.wechat)
	w.p.o.Platform = list
	if r, err := w.p.Reconcile(b.Context(), "market", system, false); err != nil || r.Listed != shops {
		b.Fatalf("%+v, %v", r, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r, err := w.p.Reconcile(b.Context(), "market", system, false); err != nil || len(r.Found) > 0 {
			b.Fatalf("%d found, %v", len(r.Found), err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/shops*float64(time.Second/time.Microsecond), "µs/shop")
}

// oneList answers pages of a list that does not change, without sorting it anew.
type oneList struct {
	*fakeWeChat
	all []Listed
}

func newOneList(w *fakeWeChat) oneList {
	l := oneList{fakeWeChat: w}
	for id, a := range w.accounts {
		l.all = append(l.all, Listed{AppID: id, Refresh: secret.FromString(a.refresh), AuthorisedAt: a.since})
	}
	return l
}

func (l oneList) List(_ context.Context, _ access.App, _ secret.Value, offset, count int) (Page, error) {
	rows := l.all[offset:min(offset+count, len(l.all))]
	return Page{Total: len(l.all), Rows: len(rows), Accounts: rows}, nil
}
