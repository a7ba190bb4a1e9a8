package app_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// rewrite replaces the database file's content.
func (r *rig) rewrite(change func(whole []byte) []byte) {
	r.t.Helper()
	path := filepath.Join(r.dir, app.DatabaseFile)
	b, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// copyFiles gives a rig what a server that has stopped left behind.
func (r *rig) copyFiles(from *rig) {
	r.t.Helper()
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	files, err := os.ReadDir(from.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from.dir, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(r.dir, f.Name()), b, 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// TestBadInputAtTheStart: a database with which nothing good can be done is
// refused at once, with what to do, and stays byte for byte as it is.
func TestBadInputAtTheStart(t *testing.T) {
	t.Parallel()
	good := newRig(t, nil)
	good.declare()
	if err := good.shutdown(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		damage func(r *rig)
		want   []string
	}{
		{"cut within a page", func(r *rig) { r.rewrite(func(b []byte) []byte { return b[:len(b)-100] }) },
			[]string{"cut short", "restore a backup"}},
		{"cut between pages", func(r *rig) { r.rewrite(func(b []byte) []byte { return b[:len(b)/2/4096*4096] }) },
			[]string{"damaged or cut short", "restore a backup"}},
		{"cut to nothing", func(r *rig) { r.rewrite(func([]byte) []byte { return nil }) },
			[]string{"empty", "restore a backup"}},
		{"overwritten at its beginning", func(r *rig) { r.rewrite(func(b []byte) []byte { return append(make([]byte, 100), b[100:]...) }) },
			[]string{"not a SQLite database", "restore a backup"}},
		{"of a newer version", func(r *rig) {
			r.edit("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
		}, []string{"newer version", "start the newer version", "restore the backup"}},
		{"of another program", func(r *rig) { r.edit("PRAGMA application_id = 7") },
			[]string{"another program", "name another file"}},
		{"with another head row", func(r *rig) { r.edit("UPDATE audit_head SET size = size - 1") },
			[]string{"head row", "audit verify", "backup"}},
		{"with the log's end cut off", func(r *rig) { r.edit("DELETE FROM audit_entries WHERE seq > 2") },
			[]string{"head row", "audit verify", "backup"}},
		{"with a keyset cut short", func(r *rig) { r.edit("UPDATE meta SET body = substr(body, 1, 40) WHERE name = 'keyset'") },
			[]string{"keyset", "restore"}},
		{"with a keyset that is gone", func(r *rig) { r.edit("DELETE FROM meta WHERE name = 'keyset'") },
			[]string{"keyset", "restore"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newStoppedRig(t)
			r.copyFiles(good)
			c.damage(r)
			before, err := os.ReadFile(filepath.Join(r.dir, app.DatabaseFile))
			if err != nil {
				t.Fatal(err)
			}
			err = r.tryStart(nil)
			if err == nil {
				t.Fatal("it started")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			after, err := os.ReadFile(filepath.Join(r.dir, app.DatabaseFile))
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the refusal changed the file: %v", err)
			}
		})
	}
}

// TestBadInputInRows: what somebody wrote into rows is noticed and not served,
// and others are.
func TestBadInputInRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		edit   string
		status int
		says   string // to whoever calls
		state  grant.State
		cause  string // of the grant
	}{
		{"generation changed", "UPDATE grants SET generation = generation + 1 WHERE shop_id = 'lantian'",
			403, "grant-revoked", grant.Revoked, audit.GrantRowPutBack},
		{"token changed", "UPDATE grants SET access = CAST(access || x'00' AS BLOB) WHERE shop_id = 'lantian'",
			403, "grant-revoked", grant.Revoked, audit.GrantRowPutBack},
		{"token moved from another shop's row", "UPDATE grants SET access = (SELECT access FROM grants WHERE shop_id = 'tea') WHERE shop_id = 'lantian'",
			403, "grant-revoked", grant.Revoked, audit.GrantRowPutBack},
		{"token's end moved", "UPDATE grants SET access_expires = access_expires + 1000 WHERE shop_id = 'lantian'",
			403, "grant-revoked", grant.Revoked, audit.GrantRowPutBack},
		// The kept token is good and goes on being served; no other can be had.
		{"app secret moved from another app's row",
			"UPDATE apps SET secret = (SELECT o.secret FROM apps o JOIN shops s ON s.app = o.id WHERE s.id = 'tea') WHERE id = (SELECT app FROM shops WHERE id = 'lantian')",
			200, "蓝天文具店", grant.Stopped, "secret_unreadable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.declare()
			r.apply(tea())
			r.await("the other shop's token", func() bool { return r.shopGrant("tea").Generation > 0 })
			r.restart(func() { r.edit(c.edit) })
			r.ask("POST", "/v1/grants/"+r.shopGrant(shopID).ID+"/kick", nil, nil)
			r.await("the state", func() bool { return r.shopGrant(shopID).State == string(c.state) })
			status, body := r.call()
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("call: %d %s", status, body)
			}
			if g := r.shopGrant(shopID); g.Cause != c.cause {
				t.Errorf("the grant is %+v", g)
			}
			if status == http.StatusOK {
				r.mended()
			}
			if g := r.shopGrant("tea"); g.State != string(grant.Active) {
				t.Errorf("the other shop's grant is %+v", g)
			}
		})
	}
}

// TestBadInputTruncatedWAL: commits that are cut off the write-ahead log of a
// killed server are gone without a word of SQLite's; the signed heads tell.
func TestBadInputTruncatedWAL(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	p := r.spawn()
	p.ready()
	r.declare()
	heads := filepath.Join(r.dir, audit.HeadsFile)
	signed := func() int64 {
		info, err := os.Stat(heads)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before := signed()
	p.kill()
	p = r.spawn() // signs at once what the last one wrote
	p.ready()
	r.await("a head over the last entries", func() bool { return signed() > before })
	p.kill()
	wal := filepath.Join(r.dir, app.DatabaseFile+"-wal")
	info, err := os.Stat(wal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(wal, info.Size()/2+17); err != nil {
		t.Fatal(err)
	}
	r.start(nil)
	if log := r.logs.String(); !strings.Contains(log, "an older one was put in its place") || !strings.Contains(log, "look for the newer database") {
		t.Errorf("the log does not name it:\n%s", log)
	}
	if status, body := r.get(r.ops+"/readyz", ""); status != http.StatusOK || !strings.Contains(body, "is not the one whose audit log was signed") {
		t.Errorf("readyz: %d %s", status, body)
	}
	if signed() < before {
		t.Error("signed heads were overwritten")
	}
	first := r.logs.String()
	r.restart(func() {})
	if again := strings.TrimPrefix(r.logs.String(), first); strings.Contains(again, "older one was put") {
		t.Error("it is told again after the log went on")
	}
}

// TestBadInputSecondProcess: the second server on one directory is named, and the
// first one goes on.
func TestBadInputSecondProcess(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	second := *r
	err := second.tryStart(nil)
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "stop that one first") {
		t.Errorf("second server: %v", err)
	}
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("call of the first: %d %s", status, body)
	}
	if _, err := os.Stat(filepath.Join(r.dir, app.SocketFile)); errors.Is(err, os.ErrNotExist) {
		t.Error("the second one removed the first one's socket")
	}
}

// mended follows a shop whose secret cannot be opened until it was applied again.
func (r *rig) mended() {
	r.t.Helper()
	r.sim.Advance(3 * time.Hour)
	if status, body := r.call(); status != http.StatusServiceUnavailable || !strings.Contains(body, "grant-unreadable") {
		r.t.Errorf("call after the token's end: %d %s", status, body)
	}
	r.apply(r.manifest())
	r.await("calls after the secret was applied again", func() bool { status, _ := r.call(); return status == http.StatusOK })
}
