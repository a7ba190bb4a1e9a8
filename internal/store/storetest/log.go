package storetest

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

var logCases = []testCase{
	{"entries are read in pages, as they were written", func(t *testing.T, w *world) {
		before, _, err := w.s.AuditHead(t.Context())
		w.must(err)
		want := []audit.Entry{entry("a"), entry("b"), entry("c")}
		want[1].Details = map[string]string{"errcode": "40001"}
		w.must(w.s.Append(t.Context(), want...))
		w.must(w.s.Append(t.Context()))
		var got []audit.Entry
		for after := before - 1; ; after++ {
			page, err := w.s.AuditEntries(t.Context(), after, 1)
			w.must(err)
			if len(page) == 0 {
				break
			}
			e, err := audit.Decode(page[0].Data)
			w.must(err)
			got = append(got, e)
		}
		same(t, "entries", got, want)
	}},
	{"an inclusion proof can be made from what is stored", func(t *testing.T, w *world) {
		for range 20 {
			w.must(w.s.Append(t.Context(), entry("x"), entry("y"), entry("z")))
		}
		size, root, err := w.s.AuditHead(t.Context())
		w.must(err)
		proof, err := tlog.ProveRecord(size, 7, w.s.AuditHashes(t.Context()))
		w.must(err)
		recs, err := w.s.AuditEntries(t.Context(), 6, 1)
		w.must(err)
		w.must(tlog.CheckRecord(proof, size, root, 7, recs[0].Leaf))
		if _, err := w.s.AuditHashes(t.Context()).ReadHashes([]int64{1 << 40}); err == nil {
			t.Error("a hash that is not stored was read")
		}
	}},
	{"signed heads are kept in order", func(t *testing.T, w *world) {
		size, root, err := w.s.AuditHead(t.Context())
		w.must(err)
		want := []audit.Checkpoint{
			{Size: size, Root: root, SignedNote: []byte("note 1"), At: start},
			{Size: size, Root: root, SignedNote: []byte("note 2"), At: start.Add(time.Minute)},
		}
		for i := len(want) - 1; i >= 0; i-- {
			w.must(w.s.SaveCheckpoint(t.Context(), want[i]))
		}
		got, err := w.s.Checkpoints(t.Context())
		w.must(err)
		same(t, "checkpoints", got, want)
	}},
	{"reading the log can stop early", func(t *testing.T, w *world) {
		n := 0
		for range w.s.AuditRecords(t.Context()) {
			n++
			break
		}
		same(t, "records", n, 1)
	}},
	{"the highest time is remembered", func(t *testing.T, w *world) {
		for _, c := range []struct{ now, want time.Time }{
			{start, start}, {start.Add(time.Hour), start.Add(time.Hour)}, {start, start.Add(time.Hour)},
			{start.Add(time.Hour), start.Add(time.Hour)}, {start.Add(2 * time.Hour), start.Add(2 * time.Hour)},
		} {
			got, err := w.s.ObserveTime(t.Context(), c.now)
			w.must(err)
			if !got.Equal(c.want) {
				t.Errorf("observing %v gave %v, want %v", c.now, got, c.want)
			}
		}
	}},
	{"the keyset is kept", func(t *testing.T, w *world) {
		if _, ok, err := w.s.Keyset(t.Context()); ok || err != nil {
			t.Errorf("a new store has a keyset: %v, %v", ok, err)
		}
		for _, want := range [][]byte{[]byte("wrapped 1"), []byte("wrapped 2")} {
			w.must(w.s.SaveKeyset(t.Context(), want, entry("keyset.rotate")))
			got, ok, err := w.s.Keyset(t.Context())
			w.must(err)
			if !ok || !bytes.Equal(got, want) {
				t.Errorf("keyset %q %v, want %q", got, ok, want)
			}
		}
		same(t, "entries", len(w.entries("keyset.rotate")), 2)
	}},
	{"it answers", func(t *testing.T, w *world) {
		w.must(w.s.Ping(t.Context()))
	}},
	{"the checker finds what is wrong", func(t *testing.T, w *world) {
		if p := Problems(t.Context(), w.s); len(p) > 0 {
			t.Errorf("problems of a sound store: %q", p)
		}
		g := w.shopGrant("tea")
		forged := entry("grant.settle")
		forged.Details = map[string]string{g.ID: "1 00000000000000000000000000000000"}
		w.renew("tea", start)
		if err := w.s.Append(t.Context(), forged); err != nil {
			t.Fatal(err)
		}
		if p := Problems(t.Context(), w.s); len(p) != 1 {
			t.Errorf("problems after a row that the log does not name: %q, want one", p)
		}
		found, err := w.s.CheckGrants(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.must(w.s.EndPutBack(t.Context(), start, found...))
		w.refused(access.ErrNotFound, func() error { return second(w.s.Invitation(t.Context(), "i_unknown")) })
	}},
}
