package standby_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// addShops declares n more shops and gives their ids.
func (w *world) addShops(n int) (ids []string) {
	w.t.Helper()
	d := access.Declaration{At: w.now}
	var entries []audit.Entry
	for i := range n {
		id := fmt.Sprintf("many-%03d", i)
		ids = append(ids, id)
		d.Apps = append(d.Apps, access.App{ID: "shop-" + id, Kind: access.ShopApp, AppID: fmt.Sprintf("wx%016x", 0xc000+i), Secret: []byte("sealed"), SecretVersion: 1})
		d.Shops = append(d.Shops, access.Shop{ID: id, TenantID: "lantian", App: "shop-" + id, Name: id})
		entries = append(entries, done("shop.create", "shop:"+id)) // its app changes under its name
	}
	w.declare(d, entries...)
	return ids
}

// addShop declares one more shop.
func (w *world) addShop(id string) string {
	w.t.Helper()
	w.declare(access.Declaration{At: w.now, Apps: []access.App{{ID: "shop-" + id, Kind: access.ShopApp, AppID: "wx00000000000000bf", Secret: []byte("sealed"), SecretVersion: 1}},
		Shops: []access.Shop{{ID: id, TenantID: "lantian", App: "shop-" + id, Name: id}}}, done("shop.create", "shop:"+id))
	return id
}

// same wants the file to say of a shop what the database says.
func (w *world) same(shop string) {
	w.t.Helper()
	want := w.grant(shop)
	w.shut.cut(errGone)
	defer w.shut.cut(nil)
	got, err := w.reads.ShopGrant(w.t.Context(), shop)
	if err != nil || got.State != want.State || got.Tokens.Generation != want.Tokens.Generation || string(got.Tokens.Access) != string(want.Tokens.Access) {
		w.t.Errorf("shop %s: file %+v (%v), database %+v", shop, got, err, want)
	}
}

// TestCopyBesideChanges: rows that change while everything is copied end up as
// they are in the database, whether their page was copied before or not.
func TestCopyBesideChanges(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	ids := w.addShops(40)
	w.begin(5)
	w.now = w.now.Add(10 * time.Second)
	w.feed.Poll(ctx)
	for step := 0; ; step++ {
		if s, _ := w.copy.State(); s.Complete || step > 200 {
			break
		}
		w.copy.Step(ctx)
		id := ids[step*7%len(ids)]
		if step%3 == 0 {
			w.renew(id)
		} else if step%3 == 1 && w.grant(id).State == grant.Active {
			w.declare(access.Declaration{At: w.now, Shops: []access.Shop{{ID: id, TenantID: "lantian", App: "shop-" + id, Name: fmt.Sprint(step)}}}, done("shop.change", "shop:"+id))
		}
		w.feed.Poll(ctx)
	}
	w.follow()
	later := w.addShop("later")
	w.follow()
	want, err := w.main.Shops(ctx)
	must(t, err)
	for _, id := range append(ids, later) {
		w.same(id)
	}
	w.shut.cut(errGone)
	for _, s := range want {
		got, err := w.reads.Shop(ctx, s.ID)
		if diff := cmp.Diff(s, got); diff != "" || err != nil {
			t.Errorf("shop %s: %v\n%s", s.ID, err, diff)
		}
		if _, err := w.reads.App(ctx, s.App); err != nil {
			t.Errorf("app %s: %v", s.App, err)
		}
	}
	if s, err := w.copy.State(); !s.Complete || err != nil {
		t.Errorf("state %+v, %v", s, err)
	}
}

// TestSourceGoesAway: a change that was heard and could not be read is not lost,
// and the time of the last contact does not pass it.
func TestSourceGoesAway(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	contact, _ := w.copy.State()
	must(t, w.main.Revoke(ctx, grant.RevokeEffects(w.now, audit.Actor{Kind: audit.ActorOperator}, "sold", w.grant("tea"))))
	w.now = w.now.Add(time.Minute)
	w.feed.Poll(ctx)
	w.shut.cut(errGone)
	w.copy.Drain(ctx)
	if s, _ := w.copy.State(); !s.Contact.Equal(contact.Contact) {
		t.Errorf("contact at %v with a change that is not in the file, was %v", s.Contact, contact.Contact)
	}
	w.shut.cut(nil)
	w.follow()
	w.same("tea")
}

// TestBrokenFile: a file that cannot be written is not trusted, says so, and is
// filled anew when it can be.
func TestBrokenFile(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	must(t, w.file.Exec(ctx, "PRAGMA query_only(1)"))
	must(t, w.main.RevokeClient(ctx, "erp", w.now, done("client.revoke", "client:erp")))
	w.follow()
	if _, err := w.copy.State(); err == nil {
		t.Error("the state says nothing")
	}
	w.shut.cut(errGone)
	_, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key"))
	wantUnavailable(t, err)
	w.shut.cut(nil)
	must(t, w.file.Exec(ctx, "PRAGMA query_only(0)"))
	w.follow()
	if s, err := w.copy.State(); err != nil || !s.Complete {
		t.Errorf("state %+v, %v", s, err)
	}
	w.same("tea")
}

// TestRun: the copy follows by itself and ends with its context.
func TestRun(t *testing.T) {
	w := newWorld(t)
	w.begin(100)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w.copy.Run(ctx) })
	w.feed.Poll(ctx)
	deadline, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		if s, _ := w.copy.State(); s.Complete {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the copy did not become complete")
		case <-tick.C:
		}
	}
	stop()
	wg.Wait()
}

// TestKeysetFirst: the wrapped keyset is in the file and can be read before
// anything is unlocked, also after a rotation.
func TestKeysetFirst(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	before, _, err := w.main.Keyset(ctx)
	must(t, err)
	must(t, w.vault.Rotate(ctx, func(wrapped []byte) error { return w.main.SaveKeyset(ctx, before, wrapped, done("key.rotate", "")) }))
	w.follow()
	want, _, err := w.main.Keyset(ctx)
	must(t, err)
	got, ok, err := w.file.Keyset(ctx)
	if err != nil || !ok || string(got) != string(want) {
		t.Errorf("keyset %q, %t, %v", got, ok, err)
	}
	if _, err := w.file.ReadState(ctx); errors.Is(err, errGone) || err != nil {
		t.Error(err)
	}
}
