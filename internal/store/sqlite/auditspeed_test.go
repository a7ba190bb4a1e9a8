package sqlite

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// longLog fills the database file at path with a log of n entries of the size of
// ours, 70 bytes of them a grant's, with a signed head after every thousand.
func longLog(b *testing.B, dir string, n int) *audit.Signer {
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
	const page = 10_000
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
		verifyLog(b, dir, signer)
		entries += size
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}

func verifyLog(b *testing.B, dir string, signer *audit.Signer) {
	b.Helper()
	var l *sqlstore.Log
	l, err := OpenAudit(b.Context(), filepath.Join(dir, "zhanggui.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	state, err := l.State(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	all, err := l.Checkpoints(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	heads, err := audit.ReadHeadFile(filepath.Join(dir, audit.HeadsFile))
	if err != nil {
		b.Fatal(err)
	}
	ahead, err := l.ReadAhead(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer ahead.Stop()
	r, err := audit.Verify(audit.VerifyInput{Records: ahead.Records, StoredHash: ahead.StoredHash, Checkpoints: all, Heads: heads, Verifier: signer.Verifier(), State: &state})
	if err != nil || !r.OK() {
		b.Fatalf("%v, %v", r.Problems, err)
	}
}
