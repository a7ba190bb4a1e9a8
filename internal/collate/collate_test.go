package collate_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/collate"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

var begin = time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)

// world is a store of some shops, whose grants are compared.
type world struct {
	*sqlstore.Store
	t      *testing.T
	dir    string
	key    []byte
	logs   strings.Builder
	mu     sync.Mutex
	forgot []string
	read   int64 // entries that were followed
	slow   time.Duration
	fail   error
}

func newWorld(t *testing.T, shops int) *world {
	w := &world{t: t, dir: t.TempDir(), key: []byte("key of the vault")}
	var err error
	if w.Store, err = sqlite.Open(t.Context(), filepath.Join(w.dir, "zhanggui.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	w.must(w.Declare(t.Context(), storetest.ManyShops(0, shops, begin), entry()))
	for range 5 {
		w.must(w.Append(t.Context(), entry()))
	}
	return w
}

func (w *world) close() { w.must(w.Close()) }

func entry() audit.Entry {
	return audit.Entry{At: begin, Actor: audit.Actor{Kind: audit.ActorOperator}, Action: "test", Outcome: audit.Done}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// FollowGrants counts, takes the time that it is told to, and fails when it is.
func (w *world) FollowGrants(ctx context.Context, said *audit.Grants, limit int) (int64, error) {
	w.mu.Lock()
	fail := w.fail
	w.mu.Unlock()
	if fail != nil {
		return 0, fail
	}
	time.Sleep(w.slow)
	before := said.Size()
	size, err := w.Store.FollowGrants(ctx, said, limit)
	w.read += said.Size() - before
	return size, err
}

func (w *world) checker(change func(*collate.Options)) *collate.Checker {
	o := collate.Options{
		Store: w, File: filepath.Join(w.dir, "grants.summary"), Key: w.key, Log: slog.New(slog.NewTextHandler(&w.logs, nil)), Page: 7,
		Forget: func(ids ...string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.forgot = append(w.forgot, ids...)
		},
	}
	if change != nil {
		change(&o)
	}
	return collate.New(o)
}

// edit changes the database as somebody with its file can.
func (w *world) edit(statement string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "zhanggui.db"))
	w.must(err)
	defer db.Close()
	_, err = db.ExecContext(w.t.Context(), statement)
	w.must(err)
}

// some gives the id of one grant.
func (w *world) some() string {
	w.t.Helper()
	all, err := w.Grants(w.t.Context(), grant.Filter{})
	w.must(err)
	return all[len(all)/2].ID
}

func (w *world) state(id string) grant.State {
	w.t.Helper()
	g, err := w.Grant(w.t.Context(), id)
	w.must(err)
	return g.State
}

// bubble runs a test of time, with a store that is closed in it.
func bubble(t *testing.T, shops int, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, shops)
		defer w.close()
		test(t, w)
	})
}

// later lets time pass, and what it woke come to rest.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestSmallStoreIsComparedBeforeAnythingIsServed(t *testing.T) {
	bubble(t, 50, func(t *testing.T, w *world) {
		id := w.some()
		w.edit("UPDATE grants SET generation = 3 WHERE id = '" + id + "'")
		w.edit("DELETE FROM grants WHERE id = (SELECT max(id) FROM grants)")
		c := w.checker(nil)
		w.must(c.Begin(t.Context()))
		if percent, ok := c.Progress(); !ok || percent != 100 {
			t.Errorf("compared to %d %%, %v", percent, ok)
		}
		if w.state(id) != grant.Revoked || len(w.forgot) != 2 || strings.Count(w.logs.String(), "disagrees with the audit log") != 2 {
			t.Errorf("grant is %s, forgot %v, said:\n%s", w.state(id), w.forgot, &w.logs)
		}
		if found, err := w.CheckGrants(t.Context()); err != nil || len(found) != 0 {
			t.Errorf("still disagree: %v, %v", found, err)
		}
	})
}

// A slow start serves; the rest is compared beside it, with pauses as long as the
// work, and said.
func TestLargeStoreIsComparedBesideTheServing(t *testing.T) {
	bubble(t, 50, func(t *testing.T, w *world) {
		id := w.some()
		w.edit("UPDATE grants SET generation = 3 WHERE id = '" + id + "'")
		w.slow = 2 * time.Second
		c := w.checker(func(o *collate.Options) { o.Page = 2 })
		start := time.Now()
		w.must(c.Begin(t.Context()))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("serving began after %v", took)
		}
		if percent, ok := c.Progress(); ok || percent >= 100 {
			t.Errorf("compared to %d %%, %v", percent, ok)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Run(ctx)
		later(time.Minute)
		if percent, ok := c.Progress(); !ok || w.state(id) != grant.Revoked {
			t.Errorf("after a minute: %d %%, %v, grant is %s", percent, ok, w.state(id))
		}
		stop()
		synctest.Wait()
	})
}

// A summary of many grants says that there is no time to compare them before
// serving.
func TestStoreThatIsKnownToBeLargeDoesNotWait(t *testing.T) {
	bubble(t, 50, func(t *testing.T, w *world) {
		w.must(w.checker(nil).Begin(t.Context()))
		id := w.some()
		w.edit("UPDATE grants SET generation = 3 WHERE id = '" + id + "'")
		c := w.checker(func(o *collate.Options) { o.Keep = 10 })
		w.must(c.Begin(t.Context()))
		if percent, ok := c.Progress(); ok || percent != 0 {
			t.Errorf("compared to %d %%, %v", percent, ok)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Run(ctx)
		later(time.Minute)
		stop()
		synctest.Wait()
		if _, ok := c.Progress(); !ok || w.state(id) != grant.Revoked {
			t.Errorf("after a minute: %v, grant is %s", ok, w.state(id))
		}
	})
}

func TestRowPutBackWhileTheServerRunsIsEnded(t *testing.T) {
	bubble(t, 50, func(t *testing.T, w *world) {
		c := w.checker(nil)
		w.must(c.Begin(t.Context()))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Run(ctx)
		id := w.some()
		w.edit("UPDATE grants SET generation = 3 WHERE id = '" + id + "'")
		later(9 * time.Minute)
		if w.state(id) == grant.Revoked {
			t.Error("looked before its time")
		}
		later(2 * time.Minute)
		if w.state(id) != grant.Revoked || !cmp.Equal(w.forgot, []string{id}) {
			t.Errorf("grant is %s, forgot %v", w.state(id), w.forgot)
		}
		stop()
		synctest.Wait()
	})
}

// A row that no entry can name is ended once, and told once.
func TestStrangeRowIsEndedOnce(t *testing.T) {
	bubble(t, 10, func(t *testing.T, w *world) {
		w.edit("UPDATE grants SET id = 'nobody gave this' WHERE id = (SELECT min(id) FROM grants)")
		c := w.checker(nil)
		w.must(c.Begin(t.Context()))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Run(ctx)
		later(25 * time.Minute)
		stop()
		synctest.Wait()
		if n := strings.Count(w.logs.String(), "nobody gave this"); n == 0 || n > 2 { // one line names it twice
			t.Errorf("said:\n%s", &w.logs)
		}
		if _, notices, err := w.PendingNotices(t.Context(), 10); err != nil || len(notices) != 2 { // the id that is gone, and the strange one
			t.Errorf("notices %v, %v", notices, err)
		}
	})
}

// The next start reads what is new only.
func TestNextStartBeginsAtTheSummary(t *testing.T) {
	bubble(t, 50, func(t *testing.T, w *world) {
		size, _, err := w.AuditHead(t.Context())
		w.must(err)
		c := w.checker(nil)
		w.must(c.Begin(t.Context()))
		if w.read != size {
			t.Fatalf("read %d entries of %d", w.read, size)
		}
		w.must(w.Append(t.Context(), entry()))
		c.Save(t.Context())
		w.must(w.Append(t.Context(), entry(), entry()))
		id := w.some()
		w.edit("UPDATE grants SET generation = 3 WHERE id = '" + id + "'")
		w.read = 0
		w.must(w.checker(nil).Begin(t.Context()))
		if w.read != 2 || w.state(id) != grant.Revoked {
			t.Errorf("read %d entries, grant is %s; want 2 entries and what the summary says", w.read, w.state(id))
		}
	})
}

// What memory drops between walks comes back from the file.
func TestMemoryIsFreeBetweenWalks(t *testing.T) {
	bubble(t, 50, func(t *testing.T, w *world) {
		c := w.checker(func(o *collate.Options) { o.Keep = 1 })
		w.must(c.Begin(t.Context()))
		w.read = 0
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Run(ctx)
		id := w.some()
		w.edit("UPDATE grants SET generation = 3 WHERE id = '" + id + "'")
		later(11 * time.Minute)
		stop()
		synctest.Wait()
		if w.read != 0 || w.state(id) != grant.Revoked {
			t.Errorf("read %d entries again, grant is %s", w.read, w.state(id))
		}
		w.must(w.Append(t.Context(), entry()))
		c.Save(t.Context())
	})
}

// A summary that does not fit is named and does no harm.
func TestBadInputSummary(t *testing.T) {
	for name, damage := range map[string]func(w *world, file string){
		"changed by hand": func(w *world, file string) {
			b, err := os.ReadFile(file)
			w.must(err)
			b[len(b)-40] ^= 1
			w.must(os.WriteFile(file, b, 0o600))
		},
		"cut short":         func(w *world, file string) { w.must(os.Truncate(file, 100)) },
		"empty":             func(w *world, file string) { w.must(os.Truncate(file, 0)) },
		"of another keyset": func(w *world, _ string) { w.key = []byte("another key") },
		"of a longer log": func(w *world, _ string) {
			w.edit("DELETE FROM audit_entries WHERE seq >= 4")
			w.edit("UPDATE audit_head SET size = 4")
		},
		"of another log":      func(w *world, _ string) { w.edit("UPDATE audit_hashes SET hash = zeroblob(32)") },
		"of a log in pieces":  func(w *world, _ string) { w.edit("DELETE FROM audit_hashes") },
		"a directory instead": func(w *world, file string) { w.must(os.Remove(file)); w.must(os.Mkdir(file, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 50, func(t *testing.T, w *world) {
				w.must(w.checker(nil).Begin(t.Context()))
				damage(w, filepath.Join(w.dir, "grants.summary"))
				w.read = 0
				c := w.checker(nil)
				w.must(c.Begin(t.Context()))
				if w.read == 0 {
					t.Error("the log was not read again")
				}
				if !strings.Contains(w.logs.String(), "summary of grants is not used") || !strings.Contains(w.logs.String(), "grants.summary") {
					t.Errorf("said:\n%s", &w.logs)
				}
			})
		})
	}
}

func TestDatabaseThatDoesNotAnswer(t *testing.T) {
	bubble(t, 10, func(t *testing.T, w *world) {
		w.fail = errors.New("no answer")
		c := w.checker(nil)
		if err := c.Begin(t.Context()); !errors.Is(err, w.fail) {
			t.Errorf("begin: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Run(ctx)
		later(time.Minute)
		if _, ok := c.Progress(); ok || !strings.Contains(w.logs.String(), "no answer") {
			t.Errorf("progress %v, said:\n%s", ok, &w.logs)
		}
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		later(time.Minute)
		if _, ok := c.Progress(); !ok {
			t.Error("did not go on when the database answered again")
		}
		stop()
		synctest.Wait()
		c.Save(t.Context())
	})
}

// A place where nothing can be written costs time only.
func TestSummaryThatCannotBeWritten(t *testing.T) {
	bubble(t, 10, func(t *testing.T, w *world) {
		c := w.checker(func(o *collate.Options) { o.File = filepath.Join(w.dir, "absent", "grants.summary"); o.Keep = 1 })
		w.must(c.Begin(t.Context()))
		if !strings.Contains(w.logs.String(), "was not saved") {
			t.Errorf("said:\n%s", &w.logs)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		w.read = 0
		go c.Run(ctx)
		later(15 * time.Minute)
		stop()
		synctest.Wait()
		if w.read != 0 {
			t.Error("what could not be saved was dropped from memory")
		}
	})
}

func TestMissingPartsPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a checker without a store was made")
		}
	}()
	collate.New(collate.Options{})
}
