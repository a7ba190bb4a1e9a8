package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// longLog makes a database in dir with a log of n entries, a multiple of two
// thousand, and a signed head after each two thousand.
func longLog(b testing.TB, dir string, n int) *audit.Signer {
	b.Helper()
	path := filepath.Join(dir, "zhanggui.db")
	s, err := Open(b.Context(), path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", dsn(path, writing))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	signer, err := audit.OpenSigner(dir, "zhanggui-audit")
	if err != nil {
		b.Fatal(err)
	}
	heads, err := audit.OpenHeadFile(filepath.Join(dir, audit.HeadsFile))
	if err != nil {
		b.Fatal(err)
	}
	defer heads.Close()
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(idx))
		for i, x := range idx {
			out[i] = hashes[x]
		}
		return out, nil
	})
	const page = 2_000
	for from := 0; from < n; from += page {
		leaves := make([][]byte, page)
		for i := range leaves {
			leaves[i], _ = audit.Entry{At: start, Actor: audit.Actor{Kind: audit.ActorClient, ID: fmt.Sprintf("client-%04d", i)}, Action: "client.named_call",
				Subject: fmt.Sprintf("shop:many-%06d", from+i), Outcome: audit.Done, Details: map[string]string{"path": "/channels/ec/order/get", "used": fmt.Sprint(i)}}.Encode()
		}
		more, root, err := audit.Append(int64(from), read, leaves)
		if err != nil {
			b.Fatal(err)
		}
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		entries, _ := tx.Prepare("INSERT INTO audit_entries (seq, data, leaf) VALUES (?, ?, ?)")
		stored, _ := tx.Prepare("INSERT INTO audit_hashes (idx, hash) VALUES (?, ?)")
		for i, data := range leaves {
			leaf := tlog.RecordHash(data)
			if _, err := entries.Exec(from+i, data, leaf[:]); err != nil {
				b.Fatal(err)
			}
		}
		for i, h := range more {
			if _, err := stored.Exec(len(hashes)+i, h[:]); err != nil {
				b.Fatal(err)
			}
		}
		hashes = append(hashes, more...)
		c, err := signer.SignHead(int64(from+page), root, start)
		if err != nil {
			b.Fatal(err)
		}
		if err := heads.Append(c); err != nil {
			b.Fatal(err)
		}
		tx.Exec("INSERT INTO audit_checkpoints (size, at, root, note) VALUES (?, ?, ?, ?)", c.Size, c.At.UnixMilli(), c.Root[:], c.SignedNote)
		tx.Exec("INSERT OR REPLACE INTO audit_head (id, size, root) VALUES (1, ?, ?)", c.Size, root[:])
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return signer
}

// BenchmarkVerifyLog verifies a log in a file, as zhanggui audit verify does.
// ZHANGGUI_LONG_LOG names a directory in which a log of a million entries is made
// and left for the command.
func BenchmarkVerifyLog(b *testing.B) {
	dir, size := b.TempDir(), 100_000
	if left := os.Getenv("ZHANGGUI_LONG_LOG"); left != "" {
		dir, size = left, 1_000_000
	}
	signer := longLog(b, dir, size)
	entries := 0
	for b.Loop() {
		if r := verifyLog(b, dir, signer, true); !r.OK() {
			b.Fatal(r.Problems)
		}
		entries += size
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}

// verifyLog verifies the log in dir, reading ahead or row by row.
func verifyLog(t testing.TB, dir string, signer *audit.Signer, ahead bool) audit.Report {
	t.Helper()
	l, err := OpenAudit(t.Context(), filepath.Join(dir, "zhanggui.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	state, err := l.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := l.Checkpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heads, err := audit.ReadHeadFile(filepath.Join(dir, audit.HeadsFile))
	if err != nil {
		t.Fatal(err)
	}
	in := audit.VerifyInput{Records: l.AuditRecords(t.Context()), StoredHash: l.StoredHash(t.Context()), Checkpoints: all, Heads: heads, Verifier: signer.Verifier(), State: &state}
	if ahead {
		a, err := l.ReadAhead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer a.Stop()
		in.Records, in.StoredHash = a.Records, a.StoredHash
	}
	r, err := audit.Verify(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReadingAheadFindsTheSame: of a log of several pages, whatever was done to it.
func TestReadingAheadFindsTheSame(t *testing.T) {
	dir := t.TempDir()
	signer := longLog(t, dir, 10_000)
	path := filepath.Join(dir, "zhanggui.db")
	for _, c := range []struct {
		name, damage string
		want         audit.Kind
	}{
		{"sound", "SELECT 1", ""},
		{"an entry edited", "UPDATE audit_entries SET data = x'7b7d' WHERE seq = 5000", audit.EntryEdited},
		{"entries removed", "DELETE FROM audit_entries WHERE seq BETWEEN 4090 AND 4100", audit.EntryMissing},
		{"a hash removed", "DELETE FROM audit_hashes WHERE idx = 16384", audit.HashMissing},
		{"hashes added", "INSERT INTO audit_hashes VALUES (19995, zeroblob(32))", audit.HashExtra},
		{"the end cut", "DELETE FROM audit_entries WHERE seq > 9000", audit.LogTruncated},
		{"an entry far away", "INSERT INTO audit_entries VALUES (9000000, x'7b7d', zeroblob(32))", audit.EntryEdited},
		{"no entries", "DELETE FROM audit_entries", audit.LogTruncated},
	} {
		edit(t, path, c.damage)
		one, two := verifyLog(t, dir, signer, false), verifyLog(t, dir, signer, true)
		if diff := cmp.Diff(one, two); diff != "" {
			t.Errorf("%s: read row by row, and ahead:\n%s", c.name, diff)
		}
		if found := slices.ContainsFunc(two.Problems, func(p audit.Problem) bool { return p.Kind == c.want }); found != (c.want != "") || two.OK() != (c.want == "") {
			t.Errorf("%s: want %s, found %v", c.name, c.want, two.Problems)
		}
	}
}

// TestReadingAheadStopsEarly: whoever does not read to the end leaves nothing
// behind.
func TestReadingAheadStopsEarly(t *testing.T) {
	dir := t.TempDir()
	longLog(t, dir, 2_000)
	edit(t, filepath.Join(dir, "zhanggui.db"), "UPDATE audit_hashes SET hash = zeroblob(31) WHERE idx = 7")
	l, err := OpenAudit(t.Context(), filepath.Join(dir, "zhanggui.db"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.ReadAhead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range a.Records {
		break
	}
	if _, _, err := a.StoredHash(0); err == nil || !strings.Contains(err.Error(), "audit verify") {
		t.Errorf("a hash of 31 bytes: %v", err)
	}
	if err := errors.Join(a.Stop(), l.Close()); err != nil {
		t.Error(err)
	}
}
