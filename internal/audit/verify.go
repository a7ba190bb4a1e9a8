package audit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifyInput is a log and its evidence. Against a log that grows meanwhile,
// read Checkpoints first, then Heads, and take Records and StoredHash from one
// snapshot that begins after both: a head is signed after its entries are
// stored, and is in the file before it is in the database.
type VerifyInput struct {
	// Records yields every row of the log in the order of Seq.
	Records iter.Seq2[Record, error]
	// StoredHash gives the stored hash at an index, false if there is none.
	// It is called with 0, 1, 2… while Records yields, so that it may read
	// ahead in pages, and so that Records must not hold the only connection
	// while it yields: fetch a page, close it, then yield.
	StoredHash func(idx int64) (tlog.Hash, bool, error)
	// Checkpoints are the rows of the database.
	Checkpoints []Checkpoint
	// Heads are the notes of the file; see [ReadHeadFile].
	Heads [][]byte
	// Replicated says that several servers sign, each into a file of its own, and
	// take over what the others signed a little later. A file may then end earlier
	// than the database; it lacks nothing before its end.
	Replicated bool
	// Elsewhere are signed notes that were kept in other places, such as those of
	// archives. The log must agree with them, too.
	Elsewhere [][]byte
	// Verifier checks the signatures; see [ReadVerifier].
	Verifier note.Verifier
	// Keyless believes signed prunings without looking at their signatures, where
	// a log is only compared with itself.
	Keyless bool
	// State is compared with what the log says; nil: nothing is.
	State *State
}

// State is what the database says beside its log. It must come from the snapshot
// of Records.
type State struct {
	Size   int64  // of the log, by the head row that the next entry is added to
	Root   []byte // by the same row: 32 bytes, if nobody changed it
	Grants []Kept // every grant's row
}

// Verify compares the log with itself, with its signed heads, and with what the
// database says beside it. It reads the entries once, in constant memory apart
// from heads and grants. The error says that something could not be read; what is
// wrong with the log is in the Report.
//
// A checkpoint that the file has and the database lacks is no problem: a crash
// between the two leaves that.
func Verify(in VerifyInput) (Report, error) {
	if in.Records == nil || in.StoredHash == nil || in.Verifier == nil {
		return Report{}, errors.New("audit: verify needs records, stored hashes and a public key")
	}
	v := &verification{in: in}
	v.openHeads()
	v.compareHeads()
	for rec, err := range in.Records {
		if err == nil {
			err = v.entry(rec)
		}
		if err != nil {
			return v.report, fmt.Errorf("audit: verify stopped at entry %d: %w", v.tree.size, err)
		}
	}
	if err := v.end(); err != nil {
		return v.report, fmt.Errorf("audit: verify stopped after the last entry: %w", err)
	}
	return v.report, nil
}

// head is a signed head whose signature fits.
type head struct {
	size int64
	root tlog.Hash
	at   time.Time
	from headFrom
}

// headFrom says where a head was found.
type headFrom string

const (
	fromDatabase  headFrom = "the database"
	fromFile      headFrom = "the file of signed heads"
	fromElsewhere headFrom = "another place"
)

// verification is one run of Verify.
type verification struct {
	in     VerifyInput
	report Report
	heads  []head // by size; the first ones are taken off as the tree reaches them
	tree   frontier
	rows   int64 // highest Seq seen, plus one
	// broken says that a number was left out or came twice, so that the tree
	// cannot be computed any further. Rows are still compared with themselves.
	broken  bool
	scratch []tlog.Hash
	grants  Grants
	pruned  pruned
}

// openHeads checks the signatures of both sources.
func (v *verification) openHeads() {
	inFile, end := make(map[tlog.Hash]bool), int64(0)
	for i, signed := range v.in.Heads {
		c, err := OpenCheckpoint(signed, v.in.Verifier)
		if err != nil {
			v.report.add(HeadForged, -1, "head number %d of the file has no good signature", i+1)
			continue
		}
		inFile[c.Root], end = true, max(end, c.Size)
		v.heads = append(v.heads, head{c.Size, c.Root, c.At, fromFile})
	}
	for _, row := range v.in.Checkpoints {
		c, err := OpenCheckpoint(row.SignedNote, v.in.Verifier)
		if err != nil {
			v.report.add(HeadForged, -1, "the checkpoint of %d entries in the database has no good signature", row.Size)
			continue
		}
		if c.Size != row.Size || c.Root != row.Root || !c.At.Equal(row.At) {
			v.report.add(HeadEdited, -1, "the checkpoint row of %d entries differs from its own signed note, which says %d", row.Size, c.Size)
		}
		if !inFile[c.Root] && !(v.in.Replicated && c.Size > end) {
			v.report.add(HeadsFileShort, -1, "the database has a head of %d entries, signed %s, that the file of signed heads lacks",
				c.Size, stamp(c.At))
		}
		v.heads = append(v.heads, head{c.Size, c.Root, c.At, fromDatabase})
	}
	for i, signed := range v.in.Elsewhere {
		c, err := OpenCheckpoint(signed, v.in.Verifier)
		if err != nil {
			v.report.add(HeadForged, -1, "head number %d of those from other places has no good signature", i+1)
			continue
		}
		v.heads = append(v.heads, head{c.Size, c.Root, c.At, fromElsewhere})
	}
	slices.SortStableFunc(v.heads, func(a, b head) int { return cmp.Compare(a.size, b.size) })
}

// entry takes the next row.
func (v *verification) entry(rec Record) error {
	v.report.Entries++
	data := tlog.RecordHash(rec.Data)
	if data != rec.Leaf {
		v.report.add(EntryEdited, rec.Seq, "entry %d was edited: its data do not give the hash that stands beside them", rec.Seq)
	}
	v.grants.Read(rec)
	v.readPruning(rec)
	if err := v.place(rec.Seq); err != nil {
		return err
	}
	v.rows = max(v.rows, rec.Seq+1)
	if v.broken {
		return nil
	}
	return v.grow(rec.Seq, data, rec.Leaf)
}

// readPruning takes note of an entry that says which others were moved away.
func (v *verification) readPruning(rec Record) {
	signed, ok := prunedBy(rec.Data)
	if !ok {
		return
	}
	var p Pruning
	var err error
	if v.in.Keyless {
		text, _, _ := strings.Cut(string(signed), "\n\n")
		origin, _, _ := strings.Cut(text, "\n")
		p, err = parsePruning(text+"\n", origin, signed)
	} else {
		p, err = OpenPruning(signed, v.in.Verifier)
	}
	if err != nil {
		v.report.add(PruneForged, rec.Seq, "entry %d says that entries were archived, and this server's key did not sign it", rec.Seq)
		return
	}
	v.pruned.prunings = append(v.pruned.prunings, p)
}

// place checks that the row's number is the next one. Of rows that are not there,
// the tree goes on with the stored hashes: whether they may be missing is known at
// the end.
func (v *verification) place(seq int64) error {
	switch {
	case seq < v.rows:
		v.report.add(EntryOrder, seq, "entry %d comes after entry %d: its number was used twice, or rows were moved", seq, v.rows-1)
		v.broken = true
	case seq > v.rows:
		v.pruned.gaps = append(v.pruned.gaps, gap{v.rows, seq})
		return v.pass(seq)
	}
	return nil
}

// pass grows the tree over rows that are not there, up to seq.
func (v *verification) pass(seq int64) error {
	for at := v.rows; at < seq && !v.broken; at++ {
		leaf, ok, err := v.in.StoredHash(tlog.StoredHashIndex(0, at))
		if err != nil {
			return err
		}
		if !ok {
			v.report.add(HashMissing, at, "the stored hash of %s is missing, and so is the entry", span(at, at))
			v.broken = true
			return nil
		}
		if err := v.grow(at, leaf, leaf); err != nil {
			return err
		}
	}
	return nil
}

// grow adds a leaf to the tree and compares what it completes. Of the two
// hashes of an edited row it takes the one that is stored in the tree too, so
// that one edited row is not reported as many wrong roots.
func (v *verification) grow(seq int64, data, leaf tlog.Hash) error {
	idx := tlog.StoredHashIndex(0, seq)
	stored, ok, err := v.in.StoredHash(idx)
	if err != nil {
		return err
	}
	h := data
	if ok && stored == leaf {
		h = leaf
	}
	v.compareHash(seq, 0, h, stored, ok)
	v.scratch = v.tree.push(h, v.scratch[:0])
	for level, want := range v.scratch[1:] {
		stored, ok, err := v.in.StoredHash(idx + int64(level) + 1)
		if err != nil {
			return err
		}
		v.compareHash(seq, level+1, want, stored, ok)
	}
	v.compareHeads()
	return nil
}

// compareHash compares one stored hash, that of the subtree of 2^level
// entries that ends with seq.
func (v *verification) compareHash(seq int64, level int, want, stored tlog.Hash, ok bool) {
	first := seq + 1 - 1<<level
	switch {
	case !ok:
		v.report.add(HashMissing, first, "the stored hash of %s is missing", span(first, seq))
	case stored != want && level == 0:
		v.report.add(HashChanged, first, "entry %d is not what was written: its hash differs from the one stored in the tree, so one of the two was changed", seq)
	case stored != want:
		v.report.add(HashChanged, first, "the stored hash of %s is not what these entries give", span(first, seq))
	default:
		v.report.Hashes++
	}
}

// compareHeads compares the root with the heads of the size that the tree has
// now.
func (v *verification) compareHeads() {
	for len(v.heads) > 0 && v.heads[0].size == v.tree.size {
		h := v.heads[0]
		v.heads = v.heads[1:]
		if h.root != v.tree.root() {
			v.report.add(RootDisagrees, v.report.Signed,
				"the log was rewritten: the first %d entries do not give the root that was signed %s (head in %s), and those before entry %d do agree with theirs",
				h.size, stamp(h.at), h.from, v.report.Signed)
			continue
		}
		v.agree(h)
	}
}

// agree counts a head that the entries confirm.
func (v *verification) agree(h head) {
	v.report.Signed, v.report.SignedAt = h.size, h.at
	switch h.from {
	case fromFile:
		v.report.Heads++
	case fromDatabase:
		v.report.Checkpoints++
	case fromElsewhere:
		v.report.Elsewhere++
	}
}

// end looks at what is there beyond the last row.
func (v *verification) end() error {
	v.report.Root = v.tree.root()
	for _, h := range v.heads {
		if h.size > v.rows {
			v.report.add(LogTruncated, v.rows, "the log was cut: it ends with %d entries, and the head in %s that was signed %s counts %d (up to entry %d heads agree)",
				v.rows, h.from, stamp(h.at), h.size, v.report.Signed)
		}
	}
	if v.rows > 0 && len(v.in.Heads) == 0 && len(v.in.Checkpoints) == 0 {
		v.report.add(NoHeads, -1, "there are %d entries and no signed head to compare them with", v.rows)
	}
	v.pruned.judge(&v.report, v.rows)
	v.compareGrants()
	if v.broken {
		return nil
	}
	v.compareTip()
	_, ok, err := v.in.StoredHash(tlog.StoredHashCount(v.rows))
	if ok && err == nil {
		v.report.add(HashExtra, v.rows, "the tree has stored hashes for entry %d, and the log ends before it", v.rows)
	}
	return err
}

// compareTip compares the head row with the entries.
func (v *verification) compareTip() {
	s, root := v.in.State, v.tree.root()
	switch {
	case s == nil:
	case s.Size != v.rows:
		v.report.add(TipDisagrees, min(max(s.Size, 0), v.rows), "the head row counts %d entries, and there are %d", s.Size, v.rows)
	case !bytes.Equal(s.Root, root[:]):
		v.report.add(TipDisagrees, -1, "the head row of %d entries has another root than they give", s.Size)
	}
}

// compareGrants compares the rows of grants with what the log says of them.
func (v *verification) compareGrants() {
	if v.in.State == nil {
		return
	}
	v.report.Grants = len(v.in.State.Grants)
	for _, d := range v.grants.Compare(v.in.State.Grants) {
		v.report.add(d.Kind, d.Seq, "%s", d)
	}
}

// span names a range of entries in words.
func span(first, last int64) string {
	if first == last {
		return fmt.Sprintf("entry %d", first)
	}
	return fmt.Sprintf("entries %d to %d", first, last)
}

func stamp(t time.Time) string { return t.UTC().Format(headTimeLayout) }
