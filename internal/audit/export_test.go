package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// exported writes the entries from to to-1 of w.
func exported(t testing.TB, w *world, from, to int64) []byte {
	t.Helper()
	h, err := NewExportHeader(ExportRange, from, to, w.checkpoints[len(w.checkpoints)-1], w)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	src := RangeSource{Heads: w.checkpoints, Leaf: w.leaf, Records: func(yield func(Record, error) bool) {
		for _, r := range w.records {
			if r.Seq >= from && !yield(r, nil) {
				return
			}
		}
	}}
	if n, _, err := WriteRange(&b, h, src); err != nil || n != to-from {
		t.Fatalf("wrote %d entries of %d: %v", n, to-from, err)
	}
	return b.Bytes()
}

func (w *world) leaf(seq int64) (tlog.Hash, error) {
	h, err := w.ReadHashes([]int64{tlog.StoredHashIndex(0, seq)})
	if err != nil {
		return tlog.Hash{}, err
	}
	return h[0], nil
}

// chosen writes the entries with these numbers, each with its proof.
func chosen(t testing.TB, w *world, seqs ...int64) []byte {
	t.Helper()
	head := w.checkpoints[len(w.checkpoints)-1]
	h, err := NewExportHeader(ExportEntries, 0, head.Size, head, w)
	if err != nil {
		t.Fatal(err)
	}
	h.Subject = "shop:tea"
	var b bytes.Buffer
	e, err := NewExport(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range seqs {
		p, err := ProveInclusion(w.records[seq], head, w)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Entry(w.records[seq], p.Hashes); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func examine(t testing.TB, w *world, file []byte) ExportReport {
	t.Helper()
	r, err := VerifyExport(bytes.NewReader(file), w.signer.Verifier(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEveryRangeVerifies: whatever its ends, also when no head was signed there.
func TestEveryRangeVerifies(t *testing.T) {
	w := newWorld(t, testSigner(t), 13, everyThird)
	for from := range int64(13) {
		for to := from + 1; to <= 13; to++ {
			r := examine(t, w, exported(t, w, from, to))
			if !r.OK() || r.Entries != to-from || r.From != from || r.To != to || r.Signed != to || r.Archived != 0 {
				t.Fatalf("entries %d to %d: %+v", from, to-1, r)
			}
		}
	}
	if _, err := NewExportHeader(ExportRange, 3, 14, w.checkpoints[0], w); err == nil {
		t.Error("a range beyond its head has a header")
	}
}

// TestExportOfGaps: the hashes stand where archived entries were, and an entry that
// is not JSON on a line keeps its bytes.
func TestExportOfGaps(t *testing.T) {
	w := newWorld(t, testSigner(t), 4, everyThird)
	if err := errors.Join(w.append([]byte("two\nlines"), []byte(`{"a": "<spaced>"}`)), w.sign()); err != nil {
		t.Fatal(err)
	}
	var got []string
	w.records = slices.Delete(w.records, 1, 3)
	r, err := VerifyExport(bytes.NewReader(exported(t, w, 0, 6)), w.signer.Verifier(), func(r Record) { got = append(got, string(r.Data)) })
	if err != nil || !r.OK() || r.Archived != 2 || r.Entries != 6 {
		t.Fatalf("%+v, %v", r, err)
	}
	want := []string{`{"n":0}`, `{"n":3}`, "two\nlines", `{"a": "<spaced>"}`}
	if !slices.Equal(got, want) {
		t.Errorf("entries %q, want %q", got, want)
	}
}

func TestChosenEntriesVerify(t *testing.T) {
	w := newWorld(t, testSigner(t), 13, everyThird)
	r := examine(t, w, chosen(t, w, 2, 7, 12))
	if !r.OK() || r.Entries != 3 || r.Kind != ExportEntries || !strings.Contains(r.String(), "shop:tea") {
		t.Errorf("%+v", r)
	}
}

// relabel makes the last line anew, as somebody would who changes a file and knows
// how it is made.
func relabel(lines []string) string {
	var e Export
	body := strings.Join(lines[:len(lines)-1], "")
	var b bytes.Buffer
	n, err := NewExport(&b, ExportHeader{})
	if err != nil {
		panic(err)
	}
	e = *n
	e.w.Reset(&b)
	e.sum.Reset()
	b.Reset()
	e.entries = int64(strings.Count(body, `{"seq":`))
	e.sum.Write([]byte(body))
	if _, err := e.Close(); err != nil {
		panic(err)
	}
	return body + b.String()
}

// TestExportDamageIsNamed states what is said of a file that somebody changed with
// care: its last line fits again.
func TestExportDamageIsNamed(t *testing.T) {
	signer := testSigner(t)
	w := newWorld(t, signer, 10, everyThird)
	other := newWorld(t, testSigner(t), 10, everyThird)
	whole := strings.SplitAfter(string(exported(t, w, 2, 9)), "\n")
	whole = whole[:len(whole)-1]
	some := strings.SplitAfter(string(chosen(t, w, 1, 4, 8)), "\n")
	some = some[:len(some)-1]
	line := func(seq int, lines []string) int {
		return slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, fmt.Sprintf(`{"seq":%d,`, seq)) })
	}
	tests := []struct {
		name  string
		lines []string
		do    func(l []string) []string
		kind  Kind
		seq   int64
	}{
		{"an entry edited", whole, func(l []string) []string {
			i := line(4, l)
			l[i] = strings.Replace(l[i], `"n":4`, `"n":5`, 1)
			return l
		}, EntryEdited, 4},
		{"an entry edited with its hash", whole, func(l []string) []string { i := line(4, l); l[i] = entryLine(t, NewRecord(4, []byte(`{}`))); return l }, RootDisagrees, 3},
		{"an entry left out", whole, func(l []string) []string { i := line(4, l); return slices.Delete(l, i, i+1) }, EntryMissing, 4},
		{"two entries swapped", whole, func(l []string) []string { i := line(7, l); l[i], l[i+1] = l[i+1], l[i]; return l }, EntryMissing, 7},
		{"an entry twice", whole, func(l []string) []string { i := line(7, l); return slices.Insert(l, i, l[i]) }, EntryOrder, 7},
		{"an entry added at the end", whole, func(l []string) []string { return slices.Insert(l, len(l)-1, entryLine(t, w.records[9])) }, EntryOrder, 9},
		{"the last entry cut off", whole, func(l []string) []string { i := line(8, l); return slices.Delete(l, i, i+1) }, FileCut, 8},
		{"another range in the first line", whole, func(l []string) []string { l[0] = strings.Replace(l[0], `"to":9`, `"to":8`, 1); return l }, EntryOrder, 8},
		{"a head of another key", whole, func(l []string) []string {
			i := slices.IndexFunc(l, func(s string) bool { return strings.HasPrefix(s, `{"signed"`) })
			l[i] = signedLine(t, other.checkpoints[0])
			return l
		}, HeadForged, -1},
		{"a head at another place", whole, func(l []string) []string {
			i := slices.IndexFunc(l, func(s string) bool { return strings.HasPrefix(s, `{"signed"`) })
			l[i], l[i+1] = l[i+1], l[i]
			return l
		}, RootDisagrees, 2},
		{"another text beside an entry's bytes", whole, func(l []string) []string {
			i := line(4, l)
			l[i] = lineOf(t, exportLine{Seq: &w.records[4].Seq, Leaf: &w.records[4].Leaf, Data: json.RawMessage(`{"action":"never"}`), Bytes: w.records[4].Data})
			return l
		}, FileUnreadable, 4},
		{"an entry's text hidden in base64", whole, func(l []string) []string {
			i := line(4, l)
			l[i] = lineOf(t, exportLine{Seq: &w.records[4].Seq, Leaf: &w.records[4].Leaf, Bytes: w.records[4].Data})
			return l
		}, FileUnreadable, 4},
		{"an entry beside a head", whole, func(l []string) []string {
			i := slices.IndexFunc(l, func(s string) bool { return strings.HasPrefix(s, `{"signed"`) })
			r := NewRecord(w.checkpoints[0].Size, []byte(`{"action":"never"}`))
			l[i] = lineOf(t, exportLine{Seq: &r.Seq, Leaf: &r.Leaf, Data: r.Data, Signed: string(w.checkpoints[0].SignedNote)})
			return l
		}, FileUnreadable, w.checkpoints[0].Size},
		{"a subject in the first line", whole, func(l []string) []string {
			l[0] = strings.Replace(l[0], `"to":9,`, `"to":9,"subject":"shop:tea",`, 1)
			return l
		}, FileUnreadable, -1},
		{"a line of something else", whole, func(l []string) []string { return slices.Insert(l, 3, "{}\n") }, FileUnreadable, 3},
		{"chosen: edited", some, func(l []string) []string {
			i := line(4, l)
			l[i] = strings.Replace(l[i], `"n":4`, `"n":5`, 1)
			return l
		}, EntryEdited, 4},
		{"chosen: another number", some, func(l []string) []string {
			i := line(4, l)
			l[i] = strings.Replace(l[i], `"seq":4`, `"seq":5`, 1)
			return l
		}, ProofWrong, 5},
		{"chosen: another's proof", some, func(l []string) []string {
			i, j := line(1, l), line(4, l)
			_, p1, _ := strings.Cut(l[i], `"proof"`)
			a, _, _ := strings.Cut(l[j], `"proof"`)
			l[j] = a + `"proof"` + p1
			return l
		}, ProofWrong, 4},
		{"chosen: swapped", some, func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, EntryOrder, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := examine(t, w, []byte(relabel(tt.do(slices.Clone(tt.lines)))))
			i := slices.IndexFunc(r.Problems, func(p Problem) bool { return p.Kind == tt.kind })
			if i < 0 || r.Problems[i].Seq != tt.seq || r.Problems[i].Remedy == "" {
				t.Errorf("want %s at %d, got %+v", tt.kind, tt.seq, r.Problems)
			}
		})
	}
	t.Run("without its last line", func(t *testing.T) {
		r := examine(t, w, []byte(strings.Join(whole[:len(whole)-1], "")))
		if p, bad := r.First(); !bad || p.Kind != FileCut {
			t.Errorf("%+v", r.Problems)
		}
	})
	t.Run("verified with another key", func(t *testing.T) {
		r, err := VerifyExport(strings.NewReader(strings.Join(whole, "")), other.signer.Verifier(), nil)
		if p, bad := r.First(); err != nil || !bad || p.Kind != HeadForged {
			t.Errorf("%+v, %v", r.Problems, err)
		}
	})
}

func entryLine(t testing.TB, r Record) string {
	t.Helper()
	return lineOf(t, exportLine{Seq: &r.Seq, Leaf: &r.Leaf, Data: json.RawMessage(r.Data)})
}

func lineOf(t testing.TB, l exportLine) string {
	t.Helper()
	b, err := encodeLine(l)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func signedLine(t testing.TB, c Checkpoint) string {
	t.Helper()
	return lineOf(t, exportLine{Signed: string(c.SignedNote)})
}

// TestAnyDamagedExportIsFound: not one byte of a file can be another, missing or
// too many.
func TestAnyDamagedExportIsFound(t *testing.T) {
	w := newWorld(t, testSigner(t), 9, everyThird)
	files := [][]byte{exported(t, w, 0, 9), exported(t, w, 3, 8), chosen(t, w, 0, 5)}
	rapid.Check(t, func(rt *rapid.T) {
		file := bytes.Clone(rapid.SampledFrom(files).Draw(rt, "file"))
		at := rapid.IntRange(0, len(file)-1).Draw(rt, "at")
		switch rapid.SampledFrom([]string{"change", "cut", "remove", "add"}).Draw(rt, "damage") {
		case "change":
			file[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		case "cut":
			file = file[:at]
		case "remove":
			if at > 0 && file[at] == file[at-1] || at+1 < len(file) && file[at] == file[at+1] {
				return // the same file without either
			}
			file = slices.Delete(file, at, at+1)
		case "add":
			file = slices.Insert(file, at, rapid.Byte().Draw(rt, "byte"))
		}
		for _, f := range files {
			if bytes.Equal(f, file) {
				return
			}
		}
		if r := examine(t, w, file); r.OK() {
			rt.Fatalf("damage at byte %d was not found: %+v", at, r)
		}
	})
}

func FuzzVerifyExport(f *testing.F) {
	w := newWorld(f, testSigner(f), 6, everyThird)
	f.Add(exported(f, w, 0, 6))
	f.Add(exported(f, w, 3, 5))
	f.Add(chosen(f, w, 1, 4))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"zhanggui_audit_export":1,"kind":"range","from":9007199254740993,"to":9223372036854775807,"head":""}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := VerifyExport(bytes.NewReader(b), w.signer.Verifier(), nil)
		if err != nil {
			t.Fatalf("a file in memory cannot be read: %v", err)
		}
		if r.OK() && r.Head == nil {
			t.Errorf("a file without a signed head verifies: %q", b)
		}
	})
}

type torn struct{ n int }

var errDisk = errors.New("disk on fire")

func (r *torn) Read(b []byte) (int, error) {
	if r.n == 0 {
		return 0, errDisk
	}
	r.n--
	return copy(b, "{"), nil
}

func TestExportReadErrorsArePassedOn(t *testing.T) {
	if _, err := VerifyExport(&torn{3}, testSigner(t).Verifier(), nil); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	long := strings.NewReader(strings.Repeat("x", maxLine+1))
	if r, err := VerifyExport(long, testSigner(t).Verifier(), nil); err != nil || r.OK() {
		t.Errorf("a line without an end: %+v, %v", r, err)
	}
}

func TestTableQuotesFormulas(t *testing.T) {
	e := Entry{At: epoch, Actor: Actor{Kind: ActorAdmin, ID: "a_1"}, Action: "=cmd", Subject: "@shop", Outcome: Done, Reason: "+1",
		Details: map[string]string{"b": "two\nlines", "a": `say "x"`}}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	table, err := NewTable(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Record{NewRecord(7, data), NewRecord(8, []byte("\t-"))} {
		if err := table.Entry(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	want := "seq,at,actor,action,subject,outcome,reason,count,details\n" +
		`7,2026-01-02T03:04:05.000Z,admin a_1,'=cmd,'@shop,done,'+1,1,"a=say ""x""; b=two / lines"` + "\n8,,,unreadable,,,,,\n"
	if b.String() != want {
		t.Errorf("table\n%s, want\n%s", b.String(), want)
	}
}

// TestCell: what a spreadsheet may compute stands behind an apostrophe, and nothing else.
func TestCell(t *testing.T) {
	for _, c := range []string{"=", "=1", "+1", "-1", "@a", "\ta", "\ra", "\na", "＝1", "＋1", "－1", "＠a"} {
		if got := Cell(c); got != "'"+c {
			t.Errorf("cell %q is written %q, not quoted", c, got)
		}
	}
	for _, c := range []string{"", "a", "a=1", "1-1", "店=1", "'=1", "\xff=1", "\uff1c1"} {
		if got := Cell(c); got != c {
			t.Errorf("cell %q is written %q", c, got)
		}
	}
}
