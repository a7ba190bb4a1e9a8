package retain

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// rig is a store with a log of a year, a head for each day.
type rig struct {
	t      *testing.T
	dir    string
	signer *audit.Signer
	store  *sqlstore.Store
	now    time.Time
}

func newRig(t *testing.T, days int) *rig {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return newRigOn(t, store, days)
}

// newRigOn is newRig with a store that is empty, and that it closes.
func newRigOn(t *testing.T, store *sqlstore.Store, days int) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), store: store, now: start}
	var err error
	if r.signer, err = audit.OpenSigner(r.dir, "zhanggui-audit"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	for range days {
		r.append(audit.Entry{Action: "login", Subject: "shop:tea", Outcome: audit.Done}, audit.Entry{Action: audit.GrantTokens, Outcome: audit.Done, Reason: audit.GrantRemoved,
			Details: map[string]string{"g_" + r.now.Format("20060102"): "1 none"}})
		r.now = r.now.Add(24 * time.Hour)
	}
	return r
}

// append adds entries and signs.
func (r *rig) append(entries ...audit.Entry) {
	r.t.Helper()
	for i := range entries {
		entries[i].At = r.now
	}
	if err := r.store.Append(r.t.Context(), entries...); err != nil {
		r.t.Fatal(err)
	}
	r.sign()
}

func (r *rig) sign() {
	r.t.Helper()
	size, root, err := r.store.AuditHead(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := r.signer.SignHead(size, root, r.now)
	if err == nil {
		err = r.store.SaveCheckpoint(r.t.Context(), c, size-1)
	}
	if err != nil && !errors.Is(err, access.ErrStale) { // there is one of this size
		r.t.Fatal(err)
	}
}

func (r *rig) archiver(s Store) *Archiver {
	return New(Options{Store: s, Signer: r.signer, Dir: filepath.Join(r.dir, "archive"), Keep: Least, Now: func() time.Time { return r.now }, Stretch: 50})
}

// verify verifies what is left in the database.
func (r *rig) verify() audit.Report {
	r.t.Helper()
	heads, err := r.store.Checkpoints(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	report, err := audit.Verify(audit.VerifyInput{Records: r.store.AuditRecords(r.t.Context()), StoredHash: r.store.StoredHash(r.t.Context()), Verifier: r.signer.Verifier(), Elsewhere: notes(heads)})
	if err != nil || len(report.Problems) > 1 || len(report.Problems) == 1 && report.Problems[0].Kind != audit.NoHeads {
		r.t.Fatalf("what is left does not verify: %v, %v", report.Problems, err)
	}
	return report
}

func notes(heads []audit.Checkpoint) (out [][]byte) {
	for _, c := range heads {
		out = append(out, c.SignedNote)
	}
	return out
}

func (r *rig) files() []string {
	r.t.Helper()
	all, err := filepath.Glob(filepath.Join(r.dir, "archive", "*"))
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *rig) notices() (all []notice.Kind) {
	r.t.Helper()
	_, pending, err := r.store.PendingNotices(r.t.Context(), 10)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, n := range pending {
		all = append(all, n.Kind)
	}
	return all
}

// TestOldEntriesAreArchived: what is older than it may become goes in stretches,
// each archive verifies alone, and nothing goes twice.
func TestOldEntriesAreArchived(t *testing.T) {
	r := newRig(t, 240)
	a := r.archiver(r.store)
	for range 2 {
		if err := a.Archive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.sign()
	report := r.verify()
	// Of 60 days that are over, two entries each; the one about the grant stays.
	if len(report.Pruned) != 3 || report.Pruned[2].To != 122 || report.Archived != 61 || report.Signed != 483 {
		t.Errorf("%+v", report)
	}
	files := r.files()
	if len(files) != 3 || filepath.Base(files[0]) != "audit-000000000000-000000000049.jsonl" {
		t.Fatalf("archives %q", files)
	}
	for i, path := range files {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := audit.VerifyExport(f, r.signer.Verifier(), nil)
		if err := errors.Join(err, f.Close()); err != nil || !x.OK() || x.SHA256 != report.Pruned[i].Archive || x.Archived != 0 {
			t.Errorf("%s: %+v, %v", path, x, err)
		}
	}
	if told := r.notices(); len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

// between is a store in which something happens before a pruning.
type between struct {
	*sqlstore.Store
	happens func()
}

func (b between) Prune(ctx context.Context, p audit.Pruning, keep []int64, by audit.Actor) error {
	b.happens()
	return b.Store.Prune(ctx, p, keep, by)
}

// TestOldEntriesAreArchivedOnPostgres: two servers with one database archive and thin,
// each what the other left.
func TestOldEntriesAreArchivedOnPostgres(t *testing.T) {
	u := pgtest.Database(t)
	open := func() *sqlstore.Store {
		s, err := postgres.Open(t.Context(), u, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Store
	}
	r := newRigOn(t, open(), 30)
	other := open()
	defer func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}()
	r.now = r.now.Add(Least - 10*aDay)
	r.sign() // of a log that is as long already; nothing is kept
	if err := r.archiver(other).Archive(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(20 * aDay)
	for _, s := range []*sqlstore.Store{r.store, other} {
		thinner := Thinner{Store: s, Now: func() time.Time { return r.now }}
		if err := errors.Join(r.archiver(s).Archive(t.Context()), thinner.Thin(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	r.sign()
	report := r.verify()
	// Of 30 days, two entries each; the one about the grant stays.
	if len(report.Pruned) != 2 || report.Pruned[1].To != 60 || report.Archived != 30 || len(r.files()) != 2 {
		t.Errorf("%+v, archives %q", report, r.files())
	}
}

// TestAnotherReplicaWasFaster: its archive counts, ours is removed.
func TestAnotherReplicaWasFaster(t *testing.T) {
	r := newRig(t, 200)
	other := r.archiver(r.store)
	other.o.Dir = filepath.Join(r.dir, "other")
	once := func() {
		if err := other.Archive(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := r.archiver(between{r.store, once}).Archive(t.Context()); err != nil {
		t.Error(err)
	}
	r.sign()
	if left := r.files(); len(left) != 0 || len(r.verify().Pruned) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// TestNothingIsDeletedWithoutItsArchive: people are told once, and again when it
// works.
func TestNothingIsDeletedWithoutItsArchive(t *testing.T) {
	r := newRig(t, 200)
	a := r.archiver(r.store)
	if err := os.WriteFile(a.o.Dir, []byte("a file where the directory should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Archive(t.Context()); err == nil || !strings.Contains(err.Error(), "audit.archive") {
			t.Errorf("got %v", err)
		}
	}
	r.sign()
	if report := r.verify(); report.Archived != 0 || report.Entries != 400 {
		t.Errorf("%+v", report)
	}
	if err := os.Remove(a.o.Dir); err != nil {
		t.Fatal(err)
	}
	if err := a.Archive(t.Context()); err != nil {
		t.Error(err)
	}
	if told := r.notices(); !slices.Equal(told, []notice.Kind{notice.CheckpointUnsent, notice.AlertOver}) {
		t.Errorf("told %v", told)
	}
}

// TestRetire: an archive that nobody wants any more is not missed for ever.
func TestRetire(t *testing.T) {
	r := newRig(t, 1)
	if err := r.archiver(r.store).tell(t.Context(), errors.New("the disk is full")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Retire(t.Context(), r.store, r.now); err != nil {
			t.Fatal(err)
		}
	}
	if told := r.notices(); !slices.Equal(told, []notice.Kind{notice.CheckpointUnsent, notice.AlertOver}) {
		t.Errorf("told %v", told)
	}
}

// missing is a store that lacks an entry, or changes one.
type missing struct {
	*sqlstore.Store
	change func(r *audit.Record) bool // false: it is not there
}

func (m missing) AuditRecordsFrom(ctx context.Context, first int64) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for r, err := range m.Store.AuditRecordsFrom(ctx, first) {
			if err == nil && !m.change(&r) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// TestDamagedStretchStays: what does not verify is not archived, or a damage would
// be taken for a pruning.
func TestDamagedStretchStays(t *testing.T) {
	r := newRig(t, 200)
	for name, change := range map[string]func(x *audit.Record) bool{
		"gone":   func(x *audit.Record) bool { return x.Seq != 7 },
		"edited": func(x *audit.Record) bool { *x = edited(*x); return true },
		"edited with its hash": func(x *audit.Record) bool {
			*x = edited(*x)
			x.Leaf = tlog.RecordHash(x.Data)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := r.archiver(missing{r.store, change}).Archive(t.Context()); err == nil {
				t.Error("it was archived")
			}
			if to, err := r.store.PrunedTo(t.Context()); err != nil || to != 0 || len(r.files()) != 0 {
				t.Errorf("pruned to %d, %v; files %q", to, err, r.files())
			}
		})
	}
	stranger, err := audit.OpenSigner(t.TempDir(), "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	a := r.archiver(r.store)
	a.o.Signer = stranger
	if err := a.Archive(t.Context()); err == nil || !strings.Contains(err.Error(), "audit verify") {
		t.Errorf("heads of another key: %v", err)
	}
}

func edited(r audit.Record) audit.Record {
	if r.Seq == 7 {
		r.Data = []byte(`{"action":"nothing"}`)
	}
	return r
}

// TestLostStretch: the database refuses, and nobody else pruned.
func TestLostStretch(t *testing.T) {
	r := newRig(t, 200)
	if err := r.archiver(refusing{r.store}).Archive(t.Context()); !errors.Is(err, access.ErrStale) {
		t.Errorf("got %v", err)
	}
}

type refusing struct{ *sqlstore.Store }

func (refusing) Prune(context.Context, audit.Pruning, []int64, audit.Actor) error {
	return access.ErrStale
}
