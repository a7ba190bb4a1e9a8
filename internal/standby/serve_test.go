package standby_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/standby"
)

var errGone = errors.New("connection refused")

// wantUnavailable wants an answer that says that the database is down.
func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if o, ok := outage.Of(err); !ok || o.Kind != outage.Away || o.Since.IsZero() {
		t.Errorf("got %v, want an outage", err)
	}
}

// TestServesWhileDown: what serving asks comes out of the file as it was in the
// database, and what is not there is still not there.
func TestServesWhileDown(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(1)
	w.follow()
	client, err := w.main.ClientByKey(ctx, access.HashKey("erp-key"))
	must(t, err)
	apps, err := w.main.Apps(ctx)
	must(t, err)
	shop, err := w.main.Shop(ctx, "tea")
	must(t, err)
	was := w.grant("tea")
	w.shut.cut(errGone)

	gotClient, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key"))
	must(t, err)
	gotApps, err := w.reads.Apps(ctx)
	must(t, err)
	gotApp, err := w.reads.App(ctx, "shop-tea")
	must(t, err)
	gotShop, err := w.reads.Shop(ctx, "tea")
	must(t, err)
	byShop, err := w.reads.ShopGrant(ctx, "tea")
	must(t, err)
	byID, err := w.reads.Grant(ctx, was.ID)
	must(t, err)
	if diff := cmp.Diff([]any{client, apps, apps[1], shop, byID}, []any{gotClient, gotApps, gotApp, gotShop, byShop}); diff != "" {
		t.Errorf("database and file differ:\n%s", diff)
	}
	if byID.Tokens.Generation != was.Tokens.Generation || !bytes.Equal(byID.Tokens.Access, was.Tokens.Access) ||
		!byID.Tokens.AccessExpires.Equal(was.Tokens.AccessExpires) || byID.State != was.State || !byID.DueAt.Equal(was.DueAt) {
		t.Errorf("grant %+v, was %+v", byID, was)
	}
	if _, err := w.reads.ClientByKey(ctx, access.HashKey("another")); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("an unknown key: %v", err)
	}
	if _, err := w.reads.ShopGrant(ctx, "nowhere"); !errors.Is(err, grant.ErrNotFound) {
		t.Errorf("an unknown shop: %v", err)
	}
	if _, err := w.reads.Shop(ctx, "nowhere"); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("an unknown shop: %v", err)
	}
}

// TestHearsOfChanges: what was revoked, changed and removed before the outage is
// so in the file.
func TestHearsOfChanges(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	renewed := w.renew("tea")
	must(t, w.main.RevokeClient(ctx, "erp", w.now, done("client.revoke", "client:erp")))
	must(t, w.main.Revoke(ctx, grant.RevokeEffects(w.now, audit.Actor{Kind: audit.ActorOperator}, "sold", w.grant("rice"))))
	w.declare(access.Declaration{At: w.now, Apps: []access.App{{ID: "shop-tea", Kind: access.ShopApp, AppID: "wx00000000000000b1", SecretVersion: 1, Egress: "192.0.2.7"}},
		Remove: access.Removal{Shops: []string{"rice"}}}, done("app.change", "app:shop-tea"), done("shop.remove", "shop:rice"))
	w.follow()
	w.shut.cut(errGone)

	client, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key"))
	if err != nil || client.Live(w.now) {
		t.Errorf("client %+v, %v; want a revoked one", client, err)
	}
	if g, err := w.reads.ShopGrant(ctx, "rice"); err != nil || g.State != grant.Revoked || len(g.Tokens.Access) > 0 {
		t.Errorf("grant %+v, %v; want a revoked one", g, err)
	}
	if _, err := w.reads.Shop(ctx, "rice"); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("the removed shop: %v", err)
	}
	if a, err := w.reads.App(ctx, "shop-tea"); err != nil || a.Egress != "192.0.2.7" {
		t.Errorf("app %+v, %v", a, err)
	}
	if g, err := w.reads.ShopGrant(ctx, "tea"); err != nil || g.Tokens.Generation != renewed.Tokens.Generation {
		t.Errorf("generation %d, %v; want %d", g.Tokens.Generation, err, renewed.Tokens.Generation)
	}
}

// TestServesFor15Minutes: no longer, counted from the last word of the database,
// and again when it answers.
func TestServesFor15Minutes(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	contact := w.now
	w.shut.cut(errGone)
	w.feed.Poll(ctx)
	for _, c := range []struct {
		after time.Duration
		serve bool
	}{{time.Second, true}, {standby.Grace, true}, {standby.Grace + time.Second, false}, {5 * time.Hour, false}, {-time.Hour, false}} {
		w.now = contact.Add(c.after)
		_, err := w.reads.ShopGrant(ctx, "tea")
		if c.serve && err != nil {
			t.Errorf("after %v: %v", c.after, err)
		}
		if !c.serve {
			wantUnavailable(t, err)
		}
		o, down := w.reads.Outage(true)
		if !down || c.serve != (o.Why == nil) || c.serve && !o.Until.Equal(contact.Add(standby.Grace)) {
			t.Errorf("after %v: outage %+v, %t", c.after, o, down)
		}
	}
	wantUnavailable(t, w.reads.Check())
	w.shut.cut(nil)
	w.follow()
	if err := w.reads.Check(); err != nil {
		t.Error(err)
	}
	if _, err := w.reads.ShopGrant(ctx, "tea"); err != nil {
		t.Error(err)
	}
}

// TestPartialCopy: what was not copied yet is not "not there".
func TestPartialCopy(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(1)
	w.now = w.now.Add(10 * time.Second)
	w.feed.Poll(ctx)
	for range 4 { // begins, takes the keyset, tells the time, copies the clients
		w.copy.Step(ctx)
	}
	w.shut.cut(errGone)
	if _, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key")); err != nil {
		t.Error(err)
	}
	_, err := w.reads.ShopGrant(ctx, "tea")
	wantUnavailable(t, err)
	_, err = w.reads.ClientByKey(ctx, access.HashKey("another"))
	wantUnavailable(t, err)
	_, err = w.reads.Apps(ctx)
	wantUnavailable(t, err)
}

// TestRestart: a file is gone on with when it is this database's, complete and
// young, and filled anew otherwise.
func TestRestart(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	w.follow() // tells the time once more
	state, _ := w.copy.State()
	w.crash()
	for name, c := range map[string]struct {
		database string
		after    time.Duration
		want     bool
	}{
		"again":            {database, time.Minute, true},
		"another database": {"database-2", time.Minute, false},
		"too old":          {database, standby.Grace + time.Minute, false},
		"from the future":  {database, -time.Hour, false},
	} {
		f, err := standby.Open(ctx, w.path, true)
		must(t, err)
		f.Unlock(w.vault)
		_, err = f.Usable(ctx, c.database, state.Contact.Add(c.after))
		if c.want != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, f.Close())
	}
	w.begin(100)
	must(t, w.main.RevokeClient(ctx, "erp", w.now, done("client.revoke", "client:erp")))
	w.follow()
	w.shut.cut(errGone)
	if client, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key")); err != nil || client.Live(w.now) {
		t.Errorf("client %+v, %v; want a revoked one", client, err)
	}
	if _, err := w.reads.ShopGrant(ctx, "tea"); err != nil {
		t.Error(err)
	}
}

// TestRefusedFiles: a file that cannot be trusted is an error without the
// database, and is begun anew with it, the old one beside it.
func TestRefusedFiles(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"of another program": func(p string) error {
			return os.WriteFile(p, []byte("hello, I am no database at all, and long enough"), 0o600)
		},
		"empty": func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"cut short": func(p string) error {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			return os.Truncate(p, info.Size()/2)
		},
		"overwritten": func(p string) error {
			f, err := os.OpenFile(p, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 4096), 4096)
			return errors.Join(err, f.Close())
		},
		"newer": func(p string) error { return setVersion(p, 2) },
		"older": func(p string) error { return setVersion(p, 0) },
		"a link": func(p string) error {
			return errors.Join(os.Rename(p, p+".real"), os.Symlink(p+".real", p))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.begin(100)
			w.follow()
			w.crash()
			must(t, spoil(w.path))
			if f, err := standby.Open(t.Context(), w.path, true); err == nil {
				t.Error("the file was taken", f.Close())
			}
			w.begin(100)
			w.follow()
			w.shut.cut(errGone)
			if _, err := w.reads.ShopGrant(t.Context(), "tea"); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(w.path + ".refused"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTamperedRows: a row that somebody exchanged or changed is not served.
func TestTamperedRows(t *testing.T) {
	stolen := fmt.Sprintf("%x", access.HashKey("stolen"))
	client := func(w *world) error {
		_, err := w.reads.ClientByKey(t.Context(), access.HashKey("stolen"))
		return err
	}
	shop := func(w *world) error {
		_, err := w.reads.Shop(t.Context(), "tea")
		return err
	}
	token := func(w *world) error {
		_, err := w.reads.ShopGrant(t.Context(), "tea")
		return err
	}
	for _, c := range []struct {
		name, sql string
		read      func(*world) error
	}{
		{"another key finds the client", "UPDATE rows SET alt = '" + stolen + "' WHERE kind = 'client'", client},
		{"another shop's token", "UPDATE rows SET alt = CASE alt WHEN 'tea' THEN 'rice' ELSE 'tea' END WHERE kind = 'grant'", token},
		{"another row's content", "UPDATE rows SET body = (SELECT body FROM rows WHERE kind = 'shop' AND id = 'rice') WHERE kind = 'shop' AND id = 'tea'", shop},
		{"another kind's content", "UPDATE rows SET body = (SELECT body FROM rows WHERE kind = 'app' AND id = 'shop-tea') WHERE kind = 'shop' AND id = 'tea'", shop},
		{"a cut row", "UPDATE rows SET body = substr(body, 1, 20)", shop},
		{"an empty row", "UPDATE rows SET body = x''", token},
	} {
		w := newWorld(t)
		w.begin(100)
		w.follow()
		must(t, w.file.Exec(t.Context(), c.sql))
		w.shut.cut(errGone)
		if err := c.read(w); err == nil {
			t.Errorf("%s: served", c.name)
		} else {
			wantUnavailable(t, err)
		}
	}
}

// TestNothingInTheClear: the file holds no name, no policy and no token.
func TestNothingInTheClear(t *testing.T) {
	w := newWorld(t)
	w.begin(100)
	w.follow()
	g := w.grant("tea")
	w.crash()
	b, err := os.ReadFile(w.path)
	must(t, err)
	for _, s := range [][]byte{[]byte("茶"), []byte("wx00000000000000b1"), []byte("api.example.com"), []byte("read"), g.Tokens.Access} {
		if bytes.Contains(b, s) {
			t.Errorf("the file shows %q", s)
		}
	}
	if info, err := os.Stat(w.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestSlowDatabase: a database that hangs is waited for once, for a second.
func TestSlowDatabase(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	w.shut.cut(nil)
	slow := standby.NewReads(standby.ReadsOptions{Main: hanging{w.shut}, File: w.file, State: w.copy.State, Database: database,
		Now: func() time.Time { return w.now }, Patience: 20 * time.Millisecond})
	if _, err := slow.ShopGrant(ctx, "tea"); err != nil {
		t.Error(err)
	}
	if _, sure := slow.Outage(true); sure {
		t.Error("one slow answer is an outage")
	}
	if _, down := slow.Outage(false); !down {
		t.Error("the next caller would wait as well")
	}
}
