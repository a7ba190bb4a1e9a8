package app

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// several are replicas that sign the log of one store, each with a file of its own.
func several(t *testing.T, n int) (*sqlstore.Store, []*heads) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "shared.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	signer, err := audit.OpenSigner(t.TempDir(), "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	var all []*heads
	for range n {
		path := filepath.Join(t.TempDir(), audit.HeadsFile)
		file, err := audit.OpenHeadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		all = append(all, &heads{store: store, signer: signer, file: file, path: path, others: true, now: time.Now, log: slog.New(slog.DiscardHandler)})
	}
	return store, all
}

var anEntry = audit.Entry{At: time.Now(), Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "test", Outcome: audit.Done}

// allInFile wants the file of a replica to hold what the database holds, in order.
func (h *heads) allInFile(t *testing.T) {
	t.Helper()
	kept, err := h.store.Checkpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(h.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	notes, _, err := audit.ReadHeads(f)
	if err != nil || len(notes) != len(kept) {
		t.Fatalf("the file has %d of %d heads, %v", len(notes), len(kept), err)
	}
	for i, c := range kept {
		if string(notes[i]) != string(c.SignedNote) {
			t.Errorf("head %d is not that of %d entries", i, c.Size)
		}
	}
}

// TestHeadsOfSeveral: replicas that sign at the same moment have all heads of the
// database in their files, in the order of their sizes.
func TestHeadsOfSeveral(t *testing.T) {
	t.Parallel()
	const rounds = 20
	store, all := several(t, 3)
	var wg sync.WaitGroup
	for _, h := range all {
		wg.Go(func() {
			for range rounds {
				if err := errors.Join(store.Append(t.Context(), anEntry), h.sign(t.Context())); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, h := range all {
		if err := h.sign(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.allInFile(t)
	}
	if kept, err := store.Checkpoints(t.Context()); err != nil || len(kept) < rounds {
		t.Errorf("%d heads, %v", len(kept), err)
	}
}

// TestHeadThatLanded: a head that the database took without an answer is in the file
// after the next try, once; one that it did not take is signed anew.
func TestHeadThatLanded(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]sqlstore.CommitFunc{
		"failed":            func(func() error) error { return io.ErrUnexpectedEOF },
		"failed but landed": func(commit func() error) error { return errors.Join(commit(), io.ErrUnexpectedEOF) },
	} {
		t.Run(name, func(t *testing.T) {
			store, all := several(t, 2)
			if err := store.Append(t.Context(), anEntry); err != nil {
				t.Fatal(err)
			}
			store.InterceptCommits(lost)
			if err := all[0].sign(t.Context()); err == nil {
				t.Fatal("a head that may not be kept is no error")
			}
			store.InterceptCommits(nil)
			for range 2 {
				for _, h := range all {
					if err := h.sign(t.Context()); err != nil {
						t.Fatal(err)
					}
					h.allInFile(t)
				}
			}
			if kept, err := store.Checkpoints(t.Context()); err != nil || len(kept) != 1 {
				t.Errorf("%d heads, %v, want one", len(kept), err)
			}
		})
	}
}

// TestHeadInFile: a head that our key signed is found in the file; another is none.
func TestHeadInFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, audit.HeadsFile)
	ours, err := audit.OpenSigner(dir, "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := audit.OpenSigner(t.TempDir(), "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := headInFile(path, ours.Verifier(), 1); ok || err != nil {
		t.Errorf("without a file: %v, %v", ok, err)
	}
	var file []byte
	for size, s := range []*audit.Signer{1: ours, 2: theirs, 3: ours} {
		if s == nil {
			continue
		}
		c, err := s.SignHead(int64(size), tlog.Hash{byte(size)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		file = append(append(file, c.SignedNote...), '\n')
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]bool{0: false, 1: true, 2: false, 3: true, 4: false} {
		if c, ok, err := headInFile(path, ours.Verifier(), size); ok != want || err != nil || ok && c.Size != size {
			t.Errorf("the head of %d entries: %+v, %v, %v", size, c, ok, err)
		}
	}
	if _, _, err := headInFile(filepath.Join(path, "below"), ours.Verifier(), 1); err == nil {
		t.Error("a file that cannot be opened is no error")
	}
}
