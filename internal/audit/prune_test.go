package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

// prune moves the entries from to to-1 away, except keep, and appends the entry
// that says so.
func (w *world) prune(t testing.TB, from, to int64, keep ...int64) Pruning {
	t.Helper()
	root, err := Root(to, w)
	if err != nil {
		t.Fatal(err)
	}
	p := Pruning{From: from, To: to, Root: root, At: epoch, Archive: [32]byte{1, 2}}
	var sum SeqSum
	for _, seq := range keep {
		sum.Add(seq)
	}
	p.Kept, p.KeptSum = sum.Sum()
	if p, err = w.signer.SignPruning(p); err != nil {
		t.Fatal(err)
	}
	w.records = slices.DeleteFunc(w.records, func(r Record) bool { return r.Seq >= from && r.Seq < to && !slices.Contains(keep, r.Seq) })
	data, err := p.Entry(Actor{Kind: ActorSystem}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.add(t, data)
	return p
}

// add appends an entry to a log that has gaps, and signs.
func (w *world) add(t testing.TB, data []byte) {
	t.Helper()
	size := w.records[len(w.records)-1].Seq + 1
	hashes, root, err := Append(size, w, [][]byte{data})
	if err != nil {
		t.Fatal(err)
	}
	w.hashes = append(w.hashes, hashes...)
	w.records = append(w.records, NewRecord(size, data))
	c, err := w.signer.SignHead(size+1, root, epoch)
	if err != nil {
		t.Fatal(err)
	}
	w.heads, w.checkpoints = append(w.heads, c.SignedNote), append(w.checkpoints, c)
}

func TestPrunedLogVerifies(t *testing.T) {
	w := newWorld(t, testSigner(t), 20, everyThird)
	w.prune(t, 0, 6, 2, 5)
	w.prune(t, 6, 12)
	r := verify(t, w)
	if !r.OK() || r.Archived != 10 || len(r.Pruned) != 2 || r.Signed != 22 || r.Entries != 12 || r.Pruned[1].From != 6 {
		t.Errorf("%+v", r)
	}
	in := w.input()
	in.Keyless, in.Verifier, in.Heads, in.Checkpoints = true, testSigner(t).Verifier(), nil, nil
	if r, err := Verify(in); err != nil || len(r.Problems) != 1 || r.Problems[0].Kind != NoHeads {
		t.Errorf("without the key: %+v, %v", r.Problems, err)
	}
	in.Elsewhere = [][]byte{w.heads[2]}
	in.Verifier = w.signer.Verifier()
	if r, err := Verify(in); err != nil || r.Elsewhere != 1 {
		t.Errorf("with a head from elsewhere: %+v, %v", r, err)
	}
}

// TestCutIsNoPruning: what a pruning does not cover is missing, whoever says what.
func TestCutIsNoPruning(t *testing.T) {
	gone := func(seqs ...int64) func(t *testing.T, w *world) {
		return func(_ *testing.T, w *world) {
			w.records = slices.DeleteFunc(w.records, func(r Record) bool { return slices.Contains(seqs, r.Seq) })
		}
	}
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, w *world)
		kind   Kind
		seq    int64
	}{
		{"an entry after the pruned", gone(8), EntryMissing, 8},
		{"the one right after the pruned", gone(6), EntryMissing, 6},
		{"one that the pruning kept", gone(2), PruneDisagrees, 0},
		{"the pruning itself", gone(20), EntryMissing, 0},
		{"its hash", func(_ *testing.T, w *world) { w.hashes[1] = [32]byte{} }, HashMissing, 1},
		{"its changed hash", func(_ *testing.T, w *world) { w.hashes[1] = [32]byte{1} }, RootDisagrees, 0},
		{"an archived row put back", func(_ *testing.T, w *world) {
			w.records = slices.Insert(w.records, 0, NewRecord(0, []byte(`{"n":0}`)))
		}, PruneDisagrees, 0},
		{"another row put back", func(_ *testing.T, w *world) { w.records = slices.Insert(w.records, 0, NewRecord(0, []byte(`{}`))) }, HashChanged, 0},
		{"a pruning of another key", func(t *testing.T, w *world) {
			mine := w.signer
			w.signer = testSigner(t)
			w.prune(t, 6, 9)
			w.signer = mine
			w.heads, w.checkpoints = w.heads[:len(w.heads)-1], w.checkpoints[:len(w.checkpoints)-1]
		}, PruneForged, 21},
		{"a pruning that leaves something out", func(t *testing.T, w *world) { w.prune(t, 9, 12) }, PruneDisagrees, 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, testSigner(t), 20, everyThird)
			w.prune(t, 0, 6, 2, 5)
			tt.damage(t, w)
			r := verify(t, w)
			if i := slices.IndexFunc(r.Problems, func(p Problem) bool { return p.Kind == tt.kind }); i < 0 || r.Problems[i].Seq != tt.seq {
				t.Errorf("want %s at %d, got %+v", tt.kind, tt.seq, r.Problems)
			}
		})
	}
}

// TestPruningOfMoreThanThereIs: a statement that nobody signed is believed where a
// log is compared with itself alone, and yet keeps nobody busy.
func TestPruningOfMoreThanThereIs(t *testing.T) {
	w := newWorld(t, testSigner(t), 5, everyThird)
	p := Pruning{From: 0, To: 1 << 62, At: epoch}
	p.SignedNote = []byte(p.text("zhanggui-audit") + "\n— nobody AAAA\n")
	data, err := p.Entry(Actor{Kind: ActorSystem}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.add(t, data)
	in := w.input()
	in.Keyless = true
	r, err := Verify(in)
	if p, bad := r.First(); err != nil || !bad || p.Kind != PruneDisagrees {
		t.Errorf("%+v, %v", r.Problems, err)
	}
}

// TestAnyRemovedRowIsFound: of a pruned log, no row can go without notice.
func TestAnyRemovedRowIsFound(t *testing.T) {
	signer := testSigner(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(4, 14).Draw(rt, "entries")
		w := newWorld(t, signer, n, everyThird)
		for from := int64(0); from < int64(n)-1 && rapid.Bool().Draw(rt, "prune"); {
			to := rapid.Int64Range(from+1, int64(n)-1).Draw(rt, "to")
			keep := slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.Int64Range(from, to-1), 0, int(to-from), rapid.ID).Draw(rt, "keep")))
			w.prune(t, from, to, keep...)
			from = to
		}
		if r := verify(t, w); !r.OK() {
			rt.Fatalf("a pruned log does not verify: %v", r.Problems)
		}
		at := rapid.IntRange(0, len(w.records)-1).Draw(rt, "row")
		seq := w.records[at].Seq
		w.records = slices.Delete(w.records, at, at+1)
		if r := verify(t, w); r.OK() {
			rt.Fatalf("entry %d is gone without notice", seq)
		}
	})
}

func TestPruningForm(t *testing.T) {
	s, _, err := parseSigner(goldenKey)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.SignPruning(Pruning{From: 3, To: 9, Root: [32]byte{1}, Kept: 1, KeptSum: [32]byte{2}, Archive: [32]byte{3}, At: epoch})
	if err != nil {
		t.Fatal(err)
	}
	zeros := strings.Repeat("00", 31)
	want := "PeterNeumann\npruned 3 9\nAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nkept 1 02" + zeros + "\narchive 03" + zeros + "\ntime 2026-01-02T03:04:05.000Z\n"
	text, _, _ := strings.Cut(string(p.SignedNote), "\n\n")
	if text+"\n" != want {
		t.Errorf("text %q, want %q", text+"\n", want)
	}
	got, err := OpenPruning(p.SignedNote, s.Verifier())
	if err != nil || got.From != 3 || got.To != 9 || got.Kept != 1 || got.KeptSum != p.KeptSum || got.Archive != p.Archive || !got.At.Equal(epoch) {
		t.Errorf("opened %+v, %v", got, err)
	}
	if _, err := OpenCheckpoint(p.SignedNote, s.Verifier()); err == nil {
		t.Error("a pruning passes for a head")
	}
	if _, err := OpenPruning(p.SignedNote, testSigner(t).Verifier()); err == nil {
		t.Error("a pruning of another key was opened")
	}
	for _, text := range []string{goldenHead, strings.Replace(want, "3 9", "9 3", 1), strings.Replace(want, "3 9", "03 9", 1), strings.Replace(want, "kept 1", "kept one", 1),
		strings.Replace(want, "archive 03", "archive 3", 1), strings.Replace(want, "Peter", "Paul", 1), want + "more\n", strings.Replace(want, "\nkept 1 ", "\nkept 1", 1)} {
		signed, err := note.Sign(&note.Note{Text: text}, s.signer)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := OpenPruning(signed, s.Verifier()); err == nil {
			t.Errorf("%q was read as %+v", text, p)
		}
	}
}

func FuzzParsePruning(f *testing.F) {
	p := Pruning{From: 3, To: 9, Kept: 1, At: epoch}
	f.Add(p.text("zhanggui-audit"))
	f.Add(strings.Replace(p.text("zhanggui-audit"), "3 9", "-3 99999999999999999999", 1))
	f.Add("\n\n\n\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePruning(text, "zhanggui-audit", nil)
		if err != nil {
			return
		}
		if again := p.text("zhanggui-audit"); again != text {
			t.Errorf("%q was read as %q", text, again)
		}
	})
}

// TestNeededKeepsWhatIsSaidOfGrants: whoever reads the log without the entries that
// are not needed learns the same of every grant.
func TestNeededKeepsWhatIsSaidOfGrants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "entries")
		generation := map[string]int{}
		var all []Record
		for i := range n {
			e := Entry{At: epoch, Action: rapid.SampledFrom([]string{GrantSettle, GrantTokens, GrantStart, "login", LogPrune}).Draw(rt, "action"), Outcome: Done}
			e.Details = map[string]string{}
			for range rapid.IntRange(0, 2).Draw(rt, "grants") {
				id := rapid.SampledFrom([]string{"g_1", "g_2", "g_3"}).Draw(rt, "grant")
				if e.Action == GrantStart {
					e.Details[id] = "due"
					continue
				}
				generation[id]++
				e.Details[id] = fmt.Sprintf("%d %032x", generation[id], i)
				e.Reason = rapid.SampledFrom([]string{"", GrantRevoked, GrantRemoved}).Draw(rt, "reason")
			}
			data, err := e.Encode()
			if err != nil {
				rt.Fatal(err)
			}
			all = append(all, NewRecord(int64(i), data))
		}
		to := rapid.IntRange(1, n).Draw(rt, "to")
		look := rapid.IntRange(0, n).Draw(rt, "look")
		var need Needed
		for _, r := range all[:to] {
			need.Read(r)
		}
		for _, r := range all[to:min(n, to+look)] {
			need.Later(r)
		}
		keep := need.Seqs()
		var whole, part Grants
		for _, r := range all {
			whole.Read(r)
			if r.Seq >= int64(to) || slices.Contains(keep, r.Seq) {
				part.Read(r)
			}
		}
		for _, id := range []string{"g_1", "g_2", "g_3"} {
			if a, b := said(&whole, id), said(&part, id); a != b {
				rt.Fatalf("grant %s: the whole log says %s, without the archived entries %s; kept %v of %d", id, a, b, keep, to)
			}
		}
		if !slices.IsSorted(keep) || len(keep) > to {
			rt.Fatalf("kept %v", keep)
		}
	})
}

// said gives what was learned of a grant. One that is removed is as good as unknown.
func said(l *Grants, id string) string {
	key, _ := keyOf(id)
	i, known := l.find(key)
	if !known {
		return "nothing"
	}
	w := l.at(i, key)
	return fmt.Sprint(w.kept(), w.flags, w.seq)
}
