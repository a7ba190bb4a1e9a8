package storetest

import (
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/storecheck"
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
			{Size: size + 1, Root: root, SignedNote: []byte("note 2"), At: start.Add(time.Minute)},
		}
		for _, c := range []audit.Checkpoint{want[0], want[0], want[1], want[1]} { // an answer may be lost
			w.must(w.s.SaveCheckpoint(t.Context(), c, c.Size-1))
		}
		// Others signed meanwhile: what is as long, or longer, or shorter than theirs.
		for _, c := range []audit.Checkpoint{
			{Size: size, Root: root, SignedNote: []byte("shorter"), At: start}, {Size: size + 1, Root: root, SignedNote: []byte("as long"), At: start},
			{Size: size + 9, Root: root, SignedNote: []byte("longer"), At: start},
		} {
			w.refused(access.ErrStale, func() error { return w.s.SaveCheckpoint(t.Context(), c, size) })
		}
		got, err := w.s.Checkpoints(t.Context())
		w.must(err)
		same(t, "checkpoints", got, want)
		got, err = w.s.CheckpointsAfter(t.Context(), size, 10)
		w.must(err)
		same(t, "later checkpoints", got, want[1:])
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
	{"an earlier time is accepted", func(t *testing.T, w *world) {
		later := start.Add(24 * time.Hour)
		_, err := w.s.ObserveTime(t.Context(), later)
		w.must(err)
		w.must(w.s.AcceptTime(t.Context(), start, entry("clock.accept")))
		got, err := w.s.ObserveTime(t.Context(), start.Add(-time.Hour))
		w.must(err)
		same(t, "highest time", got, start)
		same(t, "entries", len(w.entries("clock.accept")), 1)
	}},
	{"the keyset is kept", func(t *testing.T, w *world) {
		if _, ok, err := w.s.Keyset(t.Context()); ok || err != nil {
			t.Errorf("a new store has a keyset: %v, %v", ok, err)
		}
		kept := func(want string) {
			t.Helper()
			got, ok, err := w.s.Keyset(t.Context())
			w.must(err)
			if !ok || string(got) != want {
				t.Errorf("keyset %q %v, want %q", got, ok, want)
			}
		}
		for range 2 { // of two replicas that start at once, one is first
			got, err := w.s.CreateKeyset(t.Context(), []byte("wrapped 1"), entry("keyset.create"))
			w.must(err)
			same(t, "keyset", string(got), "wrapped 1")
		}
		got, err := w.s.CreateKeyset(t.Context(), []byte("another"), entry("keyset.create"))
		w.must(err)
		same(t, "keyset", string(got), "wrapped 1")
		w.must(w.s.SaveKeyset(t.Context(), []byte("wrapped 1"), []byte("wrapped 2"), entry("keyset.rotate")))
		kept("wrapped 2")
		w.refused(access.ErrStale, func() error {
			return w.s.SaveKeyset(t.Context(), []byte("wrapped 1"), []byte("wrapped 3"), entry("keyset.rotate"))
		})
		kept("wrapped 2")
		same(t, "entries", len(w.entries("keyset.create"))+len(w.entries("keyset.rotate")), 2)
	}},
	{"the first audit key stays", func(t *testing.T, w *world) {
		for _, key := range []string{"key 1", "key 2"} {
			kept, err := w.s.CreateAuditKey(t.Context(), key)
			w.must(err)
			same(t, "kept", kept, "key 1")
			kept, err = w.s.AuditKey(t.Context())
			w.must(err)
			same(t, "read", kept, "key 1")
		}
	}},
	{"archived entries go, and their hashes stay", func(t *testing.T, w *world) {
		w.renew("tea", start)
		for range 5 {
			w.must(w.s.Append(t.Context(), entry("x"), entry("y")))
		}
		size, root, err := w.s.AuditHead(t.Context())
		w.must(err)
		var need audit.Needed
		for rec, err := range w.s.AuditRecordsFrom(t.Context(), 0) {
			w.must(err)
			if rec.Seq < 6 {
				need.Read(rec)
			}
		}
		p, keep := pruning(0, 6, need.Seqs()...)
		w.must(w.s.Prune(t.Context(), p, keep, audit.Actor{Kind: audit.ActorSystem}))
		rows, err := w.s.AuditEntries(t.Context(), -1, len(keep)+1)
		w.must(err)
		var left []int64
		for _, r := range rows {
			left = append(left, r.Seq)
		}
		same(t, "rows", left, append(keep, 6))
		was, err := w.s.RootAt(t.Context(), size)
		w.must(err)
		same(t, "root of the log before", [32]byte(was), root)
		to, err := w.s.PrunedTo(t.Context())
		w.must(err)
		same(t, "pruned", to, int64(6))
		same(t, "entries", len(w.entries(audit.LogPrune)), 1)

		w.refused(access.ErrStale, func() error { return w.s.Prune(t.Context(), p, keep, audit.Actor{}) })
		p, keep = pruning(6, 8)
		p.Kept = 1 // the archive has one less than would go
		w.refused(access.ErrStale, func() error { return w.s.Prune(t.Context(), p, keep, audit.Actor{}) })
		p.Kept = 0
		w.must(w.s.Prune(t.Context(), p, keep, audit.Actor{Kind: audit.ActorSystem}))
	}},
	{"heads are found by time and size", func(t *testing.T, w *world) {
		for i := range int64(3) {
			w.must(w.s.SaveCheckpoint(t.Context(), audit.Checkpoint{Size: 1 + i, SignedNote: []byte{byte(i)}, At: start.Add(time.Duration(i) * time.Hour)}, i))
		}
		newest, ok, err := w.s.NewestCheckpoint(t.Context())
		w.must(err)
		same(t, "newest", []any{newest.Size, ok}, []any{int64(3), true})
		for _, c := range []struct {
			before time.Duration
			most   int64
			want   int64
		}{{0, 9, 1}, {90 * time.Minute, 9, 2}, {9 * time.Hour, 2, 2}, {-1, 9, 0}, {9 * time.Hour, 0, 0}} {
			got, ok, err := w.s.CheckpointBefore(t.Context(), start.Add(c.before), c.most)
			w.must(err)
			same(t, "head before", []any{got.Size, ok}, []any{c.want, c.want > 0})
		}
	}},
	{"what other places took is remembered", func(t *testing.T, w *world) {
		sent, err := w.s.SentTo(t.Context(), "file:/worm")
		w.must(err)
		same(t, "nothing yet", sent, audit.Sent{Place: "file:/worm"})
		for i := range int64(2) {
			want := audit.Sent{Place: "file:/worm", Size: 3 + i, At: start, SignedNote: []byte("note")}
			w.must(w.s.SaveSent(t.Context(), want))
			sent, err = w.s.SentTo(t.Context(), "file:/worm")
			w.must(err)
			same(t, "sent", sent, want)
		}
		all, err := w.s.SentHeads(t.Context())
		w.must(err)
		same(t, "places", len(all), 1)
	}},
	{"seen heads follow one another, and a fork is kept beside them", func(t *testing.T, w *world) {
		head := func(size int64, root byte) audit.Seen {
			return audit.Seen{Log: "main", Size: size, Root: tlog.Hash{root}, SeenAt: start, SignedNote: []byte{root}}
		}
		if _, ok, err := w.s.Witnessed(t.Context(), "main"); ok || err != nil {
			t.Fatalf("a head of a log that nobody saw: %v, %v", ok, err)
		}
		w.refused(access.ErrStale, func() error { return w.s.SaveWitnessed(t.Context(), head(3, 1), 2) })
		w.must(w.s.SaveWitnessed(t.Context(), head(3, 1), 0, entry("witness.begin")))
		w.refused(access.ErrStale, func() error { return w.s.SaveWitnessed(t.Context(), head(4, 1), 0) })
		w.must(w.s.SaveWitnessed(t.Context(), head(5, 2), 3))
		fork := head(7, 3)
		fork.Forked = true
		for range 2 {
			w.must(w.s.SaveForked(t.Context(), fork, notice.Notice{At: start, Kind: notice.AuditBroken, Subject: "log:main"}, entry("witness.fork")))
		}
		newest, ok, err := w.s.Witnessed(t.Context(), "main")
		w.must(err)
		same(t, "newest", []any{newest, ok}, []any{head(5, 2), true})
		at, err := w.s.WitnessedAt(t.Context(), "main", 3)
		w.must(err)
		same(t, "at a size", at, []audit.Seen{head(3, 1)})
		all, err := w.s.WitnessedHeads(t.Context(), "main", 2)
		w.must(err)
		same(t, "forks first", all, []audit.Seen{fork, head(5, 2)})
		same(t, "told once", len(w.entries("witness.fork")), 1)
		for i := range byte(120) {
			many := head(8, 4+i)
			many.Forked = true
			w.must(w.s.SaveForked(t.Context(), many, notice.Notice{At: start, Kind: notice.AuditBroken, Subject: "log:main"}, entry("witness.fork")))
		}
		same(t, "told of so many", len(w.entries("witness.fork")), 100)
	}},
	{"heads that are thinned are gone, and servers do not thin twice", func(t *testing.T, w *world) {
		for i := range int64(4) {
			w.must(w.s.SaveCheckpoint(t.Context(), audit.Checkpoint{Size: 1 + i, SignedNote: []byte{byte(i)}, At: start.Add(time.Duration(i) * time.Hour)}, i))
		}
		drop := []audit.Checkpoint{{Size: 1, At: start}, {Size: 3, At: start}} // the latter is another of its size
		w.must(w.s.ThinCheckpoints(t.Context(), 0, 3, drop))
		w.refused(access.ErrStale, func() error {
			return w.s.ThinCheckpoints(t.Context(), 0, 4, []audit.Checkpoint{{Size: 2, At: start.Add(time.Hour)}})
		})
		to, err := w.s.ThinnedTo(t.Context())
		w.must(err)
		same(t, "decided", to, int64(3))
		left, err := w.s.Checkpoints(t.Context())
		w.must(err)
		var sizes []int64
		for _, c := range left {
			sizes = append(sizes, c.Size)
		}
		same(t, "left", sizes, []int64{2, 3, 4})
	}},
	{"of seen heads one a day stays, and all of a log that forked", func(t *testing.T, w *world) {
		midnight := start.Truncate(24 * time.Hour)
		for _, log := range []string{"forked", "main"} {
			for i := range int64(6) { // three a day
				w.must(w.s.SaveWitnessed(t.Context(), audit.Seen{Log: log, Size: 1 + i, SeenAt: midnight.Add(time.Duration(i) * 8 * time.Hour), SignedNote: []byte{byte(i)}}, i))
			}
		}
		fork := audit.Seen{Log: "forked", Size: 2, Root: tlog.Hash{1}, SeenAt: midnight, SignedNote: []byte("fork"), Forked: true}
		w.must(w.s.SaveForked(t.Context(), fork, notice.Notice{At: start, Kind: notice.AuditBroken, Subject: "log:forked"}))
		gone := 0
		for _, want := range []int{1, 1, 1, 0} {
			n, err := w.s.ThinWitnessed(t.Context(), midnight.Add(30*time.Hour), 1)
			w.must(err)
			same(t, "gone at once", n, want)
			gone += n
		}
		left, err := w.s.WitnessedHeads(t.Context(), "main", 10)
		w.must(err)
		var sizes []int64
		for _, s := range left {
			sizes = append(sizes, s.Size)
		}
		same(t, "left", sizes, []int64{6, 5, 3}) // 5 is not old enough yet
		all, err := w.s.WitnessedHeads(t.Context(), "forked", 10)
		w.must(err)
		same(t, "left of the forked log", len(all), 7)
		same(t, "gone", gone, 3)
	}},
	{"it answers", func(t *testing.T, w *world) {
		w.must(w.s.Ping(t.Context()))
	}},
	{"the checker finds what is wrong", func(t *testing.T, w *world) {
		if p := storecheck.Problems(t.Context(), w.s); len(p) > 0 {
			t.Errorf("problems of a sound store: %q", p)
		}
		g := w.shopGrant("tea")
		forged := entry("grant.settle")
		forged.Details = map[string]string{g.ID: "1 00000000000000000000000000000000"}
		w.renew("tea", start)
		if err := w.s.Append(t.Context(), forged); err != nil {
			t.Fatal(err)
		}
		if p := storecheck.Problems(t.Context(), w.s); len(p) != 1 {
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

// pruning states that the entries from to to-1 go, except keep.
func pruning(from, to int64, keep ...int64) (audit.Pruning, []int64) {
	var sum audit.SeqSum
	for _, seq := range keep {
		sum.Add(seq)
	}
	p := audit.Pruning{From: from, To: to, At: start, SignedNote: []byte("note")}
	p.Kept, p.KeptSum = sum.Sum()
	return p, keep
}
