package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

var start = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

func newStore(t *testing.T, path string, o Options) *sqlstore.Store {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// database makes a store with a few shops, closes it and gives its path.
func database(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "zhanggui.db")
	s := newStore(t, path, Options{})
	if err := s.Declare(t.Context(), storetest.ManyShops(0, 50, start), appended()); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	return path
}

func appended() audit.Entry {
	return audit.Entry{At: start, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test", Outcome: audit.Done}
}

func TestReopenKeepsEverything(t *testing.T) {
	path := database(t)
	s := newStore(t, path, Options{})
	defer closeStore(t, s)
	shops, err := s.Shops(t.Context())
	if err != nil || len(shops) != 50 {
		t.Errorf("read %d shops, %v", len(shops), err)
	}
	storetest.Check(t, s)
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	path := database(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, path, Options{})
	defer closeStore(t, s)
	if err := s.Append(t.Context(), appended()); err != nil {
		t.Fatal(err)
	}
	for suffix, want := range map[string]fs.FileMode{"": 0o600, ".lock": 0o600, "-wal": 0o600, "-shm": 0o600} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s%s has mode %o, want %o", filepath.Base(path), suffix, got, want)
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
}

func TestSecondProcessIsNamed(t *testing.T) {
	path := database(t)
	first := newStore(t, path, Options{})
	_, err := Open(t.Context(), path, Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "stop that one first") {
		t.Errorf("second opening: %v", err)
	}
	closeStore(t, first)
	closeStore(t, newStore(t, path, Options{}))
}

func TestDamageIsNamed(t *testing.T) {
	whole, err := os.ReadFile(database(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", nil, "the file is empty"},
		{"garbage", bytes.Repeat([]byte("not a database. "), 1000), "not a SQLite database"},
		{"short garbage", []byte("hello"), "not a SQLite database"},
		{"beginning overwritten", append(make([]byte, 100), whole[100:]...), "not a SQLite database"},
		{"cut short", whole[:len(whole)/2], "damaged or cut short"},
		{"cut within a page", whole[:len(whole)-100], "damaged or cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "zhanggui.db")
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), path, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "restore a backup") {
				t.Errorf("got error %v, want %q and a remedy", err, c.want)
			}
			if _, err := OpenAudit(t.Context(), path); err == nil {
				t.Error("the audit log of a damaged file was opened")
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, c.content) {
				t.Errorf("opening changed the file: %v", err)
			}
		})
	}
}

// edit changes a database file from outside.
func edit(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := database(t)
	edit(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), "start the newer version") {
		t.Errorf("got error %v", err)
	}
}

// A newer program may say that this one can run on what it migrated.
func TestNewerSchemaIsOpenedIfItSaysSo(t *testing.T) {
	for compat, opens := range map[int]bool{1: true, 9998: false} {
		path := database(t)
		edit(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
		edit(t, path, "ALTER TABLE grants ADD COLUMN newer INTEGER NOT NULL DEFAULT 7")
		edit(t, path, fmt.Sprintf("INSERT INTO meta (name, number) VALUES ('schema_compat', %d)", compat))
		s, err := Open(t.Context(), path, Options{})
		if (err == nil) != opens {
			t.Errorf("compatible with schema %d and newer: %v", compat, err)
		}
		if err == nil {
			err = errors.Join(s.Append(t.Context(), appended()), s.Close())
		}
		if opens && err != nil {
			t.Errorf("the older program: %v", err)
		}
	}
}

func TestForeignDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	edit(t, path, "CREATE TABLE notes (body TEXT)")
	for name, open := range map[string]func() error{
		"store": func() error { _, err := Open(t.Context(), path, Options{}); return err },
		"audit": func() error { _, err := OpenAudit(t.Context(), path); return err },
	} {
		if err := open(); !errors.Is(err, errForeign) {
			t.Errorf("%s: got error %v, want %v", name, err, errForeign)
		}
	}
}

func TestUnusablePlaceIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "zhanggui.db"), t.TempDir()} {
		if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want one that names the path", path, err)
		}
	}
}

func TestReadOnlyIsNamed(t *testing.T) {
	s := newStore(t, database(t), Options{pragmas: []string{"query_only(1)"}})
	defer closeStore(t, s)
	if err := s.Append(t.Context(), appended()); !told(err, outage.Broken, "cannot be written") {
		t.Errorf("got error %v", err)
	}
}

// told wants an error that says which outage it is, and what to do.
func told(err error, kind outage.Kind, words string) bool {
	o, out := outage.Of(err)
	return out && o.Kind == kind && strings.Contains(err.Error(), words)
}

// TestBusyIsNamed: another program holds the file, and then lets go of it.
func TestBusyIsNamed(t *testing.T) {
	path := database(t)
	s := newStore(t, path, Options{pragmas: []string{"busy_timeout(1)"}})
	defer closeStore(t, s)
	other, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	hold := func(statement string) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	hold("BEGIN IMMEDIATE")
	if err := s.Append(t.Context(), appended()); !told(err, outage.Busy, "another program holds") {
		t.Errorf("got error %v", err)
	}
	hold("ROLLBACK")
	if err := s.Append(t.Context(), appended()); err != nil {
		t.Errorf("when it is free again: %v", err)
	}
}

// TestLostCommitIsUnsure: when the commit itself fails nobody knows whether it landed.
func TestLostCommitIsUnsure(t *testing.T) {
	s := newStore(t, database(t), Options{})
	defer closeStore(t, s)
	s.InterceptCommits(func(commit func() error) error { return errors.Join(commit(), syscall.ENOSPC) })
	defer s.InterceptCommits(nil)
	if o, out := outage.Of(s.Append(t.Context(), appended())); !out || !o.Unsure || o.Kind != outage.Full {
		t.Errorf("it is %+v", o)
	}
}

// TestOutages sorts what is no code of SQLite's.
func TestOutages(t *testing.T) {
	for err, want := range map[error]outage.Kind{
		context.DeadlineExceeded: outage.Busy, syscall.ENOSPC: outage.Full, fs.ErrPermission: outage.Broken,
		context.Canceled: "", errors.New("something else"): "",
	} {
		if o, out := outage.Of(explain(err)); out != (want != "") || out && o.Kind != want {
			t.Errorf("%v: %+v, want %q", err, o, want)
		}
	}
}

func TestFullDiskIsNamedAndHarmless(t *testing.T) {
	path := database(t)
	s := newStore(t, path, Options{pragmas: []string{"max_page_count(1)"}}) // no more pages than there are
	size, _, err := s.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	big := appended()
	big.Details = map[string]string{"x": strings.Repeat("x", 1<<20)}
	if err := s.Append(t.Context(), big); !told(err, outage.Full, "disk is full") {
		t.Errorf("got error %v", err)
	}
	if after, _, err := s.AuditHead(t.Context()); err != nil || after != size {
		t.Errorf("audit log of %d entries after the failure, %v; want %d", after, err, size)
	}
	storetest.Check(t, s)
	closeStore(t, s)
	s = newStore(t, path, Options{})
	defer closeStore(t, s)
	if err := s.Append(t.Context(), big); err != nil {
		t.Errorf("with room again: %v", err)
	}
	storetest.Check(t, s)
}

// A deleted token must not be found in the file, not even in pages that are
// free.
func TestDeletedTokensAreOverwritten(t *testing.T) {
	path := database(t)
	s := newStore(t, path, Options{})
	claims, err := s.ClaimDue(t.Context(), grant.ClaimRequest{Owner: "test", Now: start, For: time.Minute, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	marker := bytes.Repeat([]byte("SEALED-MARKER."), 500)
	settle := func(from int64, access []byte, term int64) {
		t.Helper()
		var batch []grant.Effects
		for _, c := range claims {
			batch = append(batch, grant.Effects{At: start, Settle: &grant.Settlement{
				GrantID: c.Grant.ID, Term: term, From: from, State: grant.Active, Routine: true,
				Tokens: &grant.Tokens{Generation: from + 1, Access: access},
			}})
		}
		if errs, err := s.Settle(t.Context(), batch); errors.Join(append(errs, err)...) != nil {
			t.Fatal(errs, err)
		}
	}
	settle(0, marker, 1)
	for _, c := range claims[:5] {
		r := []grant.Revocation{{GrantID: c.Grant.ID}}
		if err := s.Revoke(t.Context(), grant.Effects{At: start, Revoke: r}); err != nil {
			t.Fatal(err)
		}
	}
	claims = claims[5:]
	for _, c := range claims {
		if _, err := s.Claim(t.Context(), c.Grant.ID, grant.ClaimRequest{Now: start, For: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	settle(1, []byte("short"), 2)
	closeStore(t, s)
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the write-ahead log is left behind: %v", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(content, marker[:14]); n > 0 {
		t.Errorf("deleted tokens are still in the file, %d times", n)
	}
}

func TestAuditOffline(t *testing.T) {
	path := database(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	running := newStore(t, path, Options{}) // takes the lock, which does not matter
	log, err := OpenAudit(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range log.AuditRecords(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	size, root, err := log.AuditHead(t.Context())
	if err != nil || int64(n) != size || n == 0 {
		t.Errorf("read %d of %d entries, %v", n, size, err)
	}
	if got, err := audit.Root(size, log.AuditHashes(t.Context())); err != nil || got != root {
		t.Errorf("root %v, %v; want %v", got, err, root)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	closeStore(t, running)
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("reading the audit log changed the file: %v", err)
	}
	if _, err := OpenAudit(t.Context(), path+".absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

// The store leaves no goroutine behind and never waits on a real clock, so that
// tests of timing can run on it.
func TestInsideBubble(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zhanggui.db")
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, path, Options{})
		defer closeStore(t, s)
		time.Sleep(time.Hour)
		if high, err := s.ObserveTime(t.Context(), time.Now()); err != nil || !high.Equal(time.Now()) {
			t.Errorf("observed %v, %v", high, err)
		}
	})
}

func TestCancelledOpening(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "zhanggui.db")
	if _, err := Open(ctx, path, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	closeStore(t, newStore(t, path+"2", Options{})) // another file is not held up
}
