package audit

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func everyThird(size int) bool { return size%3 == 0 }

// TestVerifyNamesTheDamage states, for each kind of damage, which kind of
// problem and which entry is named.
func TestVerifyNamesTheDamage(t *testing.T) {
	signer := testSigner(t)
	edit := func(w *world, i int) { w.records[i].Data = []byte("edited") }
	tests := []struct {
		name   string
		damage func(w *world)
		kind   Kind
		seq    int64
	}{
		{"data edited", func(w *world) { edit(w, 4) }, EntryEdited, 4},
		{"leaf column edited", func(w *world) { w.records[4].Leaf[0] ^= 1 }, EntryEdited, 4},
		{"data and leaf edited", func(w *world) { w.records[4] = NewRecord(4, []byte("edited")) }, HashChanged, 4},
		{"rewritten whole", func(w *world) { edit(w, 4); w.rebuild() }, RootDisagrees, 3},
		{"row removed", func(w *world) { w.records = slices.Delete(w.records, 4, 5) }, EntryMissing, 4},
		{"first row removed", func(w *world) { w.records = w.records[1:] }, EntryMissing, 0},
		{"row removed, rest renumbered", func(w *world) { w.records = slices.Delete(w.records, 4, 5); renumber(w) }, HashChanged, 4},
		{"row removed, hashes made anew", func(w *world) { w.records = slices.Delete(w.records, 4, 5); w.rebuild() }, RootDisagrees, 3},
		{"rows swapped with their numbers", func(w *world) { w.records[4], w.records[5] = w.records[5], w.records[4] }, EntryMissing, 4},
		{"contents swapped", func(w *world) {
			w.records[4], w.records[5] = w.records[5], w.records[4]
			renumber(w)
		}, HashChanged, 4},
		{"row doubled", func(w *world) { w.records = slices.Insert(w.records, 5, w.records[4]) }, EntryOrder, 4},
		{"rows cut at the end", func(w *world) { w.records = w.records[:8] }, LogTruncated, 8},
		{"rows and hashes cut", func(w *world) { w.records = w.records[:8]; w.rebuild() }, LogTruncated, 8},
		{"everything deleted", func(w *world) { w.records, w.hashes = nil, nil }, LogTruncated, 0},
		{"row added without hashes", func(w *world) { w.records = append(w.records, NewRecord(10, []byte("new"))) }, HashMissing, 10},
		{"leaf hash row edited", func(w *world) { w.hashes[tlog.StoredHashIndex(0, 6)][0] ^= 1 }, HashChanged, 6},
		{"inner hash row edited", func(w *world) { w.hashes[tlog.StoredHashIndex(1, 2)][0] ^= 1 }, HashChanged, 4},
		{"hash row deleted", func(w *world) { w.hashes[tlog.StoredHashIndex(2, 1)] = tlog.Hash{} }, HashMissing, 4},
		{"hash row too many", func(w *world) { w.hashes = append(w.hashes, tlog.Hash{1}) }, HashExtra, 10},
		{"checkpoint row edited", func(w *world) { w.checkpoints[1].Size++ }, HeadEdited, -1},
		{"checkpoint note edited", func(w *world) { w.checkpoints[1].SignedNote = flip(w.checkpoints[1].SignedNote, 0) }, HeadForged, -1},
		{"head in the file edited", func(w *world) { w.heads[1] = flip(w.heads[1], 20) }, HeadForged, -1},
		{"head signed with another key", func(w *world) { forge(t, w) }, HeadForged, -1},
		{"file of heads cut", func(w *world) { w.heads = w.heads[:2] }, HeadsFileShort, -1},
		{"file of heads deleted", func(w *world) { w.heads = nil }, HeadsFileShort, -1},
		{"no evidence left", func(w *world) { w.heads, w.checkpoints = nil, nil }, NoHeads, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, signer, 10, everyThird)
			tt.damage(w)
			report := verify(t, w)
			i := slices.IndexFunc(report.Problems, func(p Problem) bool { return p.Kind == tt.kind })
			if i < 0 {
				t.Fatalf("want %s, got %v", tt.kind, report.Problems)
			}
			p := report.Problems[i]
			if p.Seq != tt.seq {
				t.Errorf("first bad entry = %d, want %d: %s", p.Seq, tt.seq, p)
			}
			if p.Remedy == "" || p.Text == "" {
				t.Errorf("a problem without words: %+v", p)
			}
		})
	}
}

func renumber(w *world) {
	for i := range w.records {
		w.records[i].Seq = int64(i)
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// forge replaces the newest head by one that another key of the same name
// signed.
func forge(t testing.TB, w *world) {
	other := *w
	other.signer = testSigner(t)
	other.heads = nil
	if err := other.sign(); err != nil {
		t.Fatal(err)
	}
	w.heads[len(w.heads)-1] = other.heads[0]
}

func verify(t testing.TB, w *world) Report {
	t.Helper()
	report, err := Verify(w.input())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerifySoundLog(t *testing.T) {
	w := newWorld(t, testSigner(t), 10, everyThird)
	if err := w.append([]byte("not signed yet")); err != nil {
		t.Fatal(err)
	}
	r := verify(t, w)
	if !r.OK() {
		t.Fatalf("problems in a sound log: %v", r.Problems)
	}
	root, err := Root(11, w)
	if err != nil {
		t.Fatal(err)
	}
	if r.Entries != 11 || r.Signed != 10 || r.Unsigned() != 1 || r.Heads != 4 || r.Checkpoints != 4 ||
		r.Root != root || r.Hashes != tlog.StoredHashCount(11) || !r.SignedAt.Equal(w.checkpoints[3].At) {
		t.Errorf("report = %+v", r)
	}
	if p, ok := r.First(); ok {
		t.Errorf("First() = %v in a sound log", p)
	}
}

func TestVerifyEmptyLog(t *testing.T) {
	w := &world{signer: testSigner(t)}
	if r := verify(t, w); !r.OK() {
		t.Errorf("an empty log has problems: %v", r.Problems)
	}
	if err := w.sign(); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, w); !r.OK() || r.Heads != 1 {
		t.Errorf("an empty signed log: %+v", r)
	}
}

// A crash between file and database leaves a head in the file only.
func TestVerifyHeadInFileOnly(t *testing.T) {
	w := newWorld(t, testSigner(t), 10, everyThird)
	w.checkpoints = w.checkpoints[:3]
	if r := verify(t, w); !r.OK() {
		t.Errorf("problems: %v", r.Problems)
	}
}

// One edited row does not make every later head look wrong.
func TestVerifyKeepsDamageApart(t *testing.T) {
	w := newWorld(t, testSigner(t), 10, everyThird)
	w.records[1].Data = []byte("edited")
	w.records[7].Data = []byte("edited too")
	r := verify(t, w)
	if len(r.Problems) != 1 || r.Problems[0].Count != 2 || r.Signed != 10 {
		t.Errorf("want one problem that counts 2 and ten signed entries, got %+v", r)
	}
	if !strings.Contains(r.Problems[0].String(), "2 of this kind") {
		t.Errorf("text does not tell the count: %s", r.Problems[0])
	}
}

func TestReportFirst(t *testing.T) {
	r := Report{Problems: []Problem{{Kind: HeadForged, Seq: -1}, {Kind: HashChanged, Seq: 9}, {Kind: EntryEdited, Seq: 4}}}
	if p, ok := r.First(); !ok || p.Kind != EntryEdited {
		t.Errorf("First() = %v, %v", p, ok)
	}
}

func TestVerifyPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("disk on fire")
	w := newWorld(t, testSigner(t), 4, everyThird)

	in := w.input()
	in.StoredHash = func(int64) (tlog.Hash, bool, error) { return tlog.Hash{}, false, broken }
	if _, err := Verify(in); !errors.Is(err, broken) {
		t.Errorf("hash read: %v", err)
	}

	in = w.input()
	in.Records = func(yield func(Record, error) bool) { yield(Record{}, broken) }
	if _, err := Verify(in); !errors.Is(err, broken) {
		t.Errorf("record read: %v", err)
	}

	if _, err := Verify(VerifyInput{}); err == nil {
		t.Error("an empty input was verified")
	}
}

// TestAnySingleMutationIsFound draws a log and one mutation of what heads
// cover, and wants a problem. No head may agree beyond the mutated entry unless
// the problem names that entry or one before it.
func TestAnySingleMutationIsFound(t *testing.T) {
	signer := testSigner(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(rt, "entries")
		every := rapid.IntRange(1, 10).Draw(rt, "head every")
		w := newWorld(t, signer, n, func(size int) bool { return size%every == 0 })
		if r := verify(t, w); !r.OK() {
			rt.Fatalf("problems before the mutation: %v", r.Problems)
		}
		at := rapid.IntRange(0, n-1).Draw(rt, "at")
		m := rapid.SampledFrom(mutations).Draw(rt, "mutation")
		m.do(rt, w, at)
		if rapid.Bool().Draw(rt, "hashes made anew") && m.rebuild {
			w.rebuild()
		}
		r := verify(t, w)
		p, ok := r.First()
		if !ok {
			rt.Fatalf("%s at %d of %d was not found", m.name, at, n)
		}
		if min(p.Seq, r.Signed) > int64(at) {
			rt.Fatalf("%s at %d: first bad entry is named as %d: %s", m.name, at, p.Seq, p)
		}
	})
}

type mutation struct {
	name    string
	rebuild bool // whoever did it may also make every hash anew
	do      func(rt *rapid.T, w *world, at int)
}

var mutations = []mutation{
	{"edit", true, func(_ *rapid.T, w *world, at int) { w.records[at].Data = []byte("edited") }},
	{"edit with leaf", true, func(_ *rapid.T, w *world, at int) { w.records[at] = NewRecord(int64(at), []byte("edited")) }},
	{"remove", true, func(_ *rapid.T, w *world, at int) { w.records = slices.Delete(w.records, at, at+1) }},
	{"swap", true, func(rt *rapid.T, w *world, at int) {
		other := (at + rapid.IntRange(1, len(w.records)-1).Draw(rt, "other")) % len(w.records)
		at, other = min(at, other), max(at, other)
		w.records[at], w.records[other] = w.records[other], w.records[at]
		renumber(w)
	}},
	{"truncate", true, func(_ *rapid.T, w *world, at int) { w.records = w.records[:at] }},
	{"insert", true, func(_ *rapid.T, w *world, at int) {
		w.records = slices.Insert(w.records, at, NewRecord(0, []byte("inserted")))
		renumber(w)
	}},
	{"hash row", false, func(rt *rapid.T, w *world, at int) {
		bit := rapid.IntRange(0, 255).Draw(rt, "bit")
		w.hashes[tlog.StoredHashIndex(0, int64(at))][bit/8] ^= 1 << (bit % 8)
	}},
	{"head in the file", false, func(rt *rapid.T, w *world, _ int) {
		i := rapid.IntRange(0, len(w.heads)-1).Draw(rt, "head")
		w.heads[i] = flipText(rt, w.heads[i])
	}},
	{"checkpoint", false, func(rt *rapid.T, w *world, _ int) {
		i := rapid.IntRange(0, len(w.checkpoints)-1).Draw(rt, "checkpoint")
		w.checkpoints[i].SignedNote = flipText(rt, w.checkpoints[i].SignedNote)
	}},
}

// flipText changes one bit of the text that is signed.
func flipText(rt *rapid.T, signed []byte) []byte {
	text := bytes.Index(signed, []byte("\n\n"))
	b := bytes.Clone(signed)
	b[rapid.IntRange(0, text-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
	return b
}
