package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ExportReport is what [VerifyExport] found. Archived counts the entries whose
// words an older archive holds.
type ExportReport struct {
	Report
	Kind    ExportKind `json:"kind"`
	From    int64      `json:"from"`
	To      int64      `json:"to"`
	Subject string     `json:"subject,omitempty"`
	SHA256  string     `json:"sha256"` // of the whole file
	Head    []byte     `json:"-"`      // signed note of the head that the proofs lead to; nil if it is not signed by the key
}

// VerifyExport verifies a file of [Export] with the public key alone, in constant
// memory. yield is given every entry with its bytes in order, also of a damaged
// file; it may be nil. The error says that the file could not be read; what is wrong
// with it is in the report.
//
// Of a range it proves that nothing was changed, left out or added. Of chosen
// entries it proves that each stands in the log as it is; that none was left out it
// cannot prove.
func VerifyExport(r io.Reader, v note.Verifier, yield func(Record)) (ExportReport, error) {
	x := &exportCheck{in: newExportReader(r), v: v, yield: yield}
	err := x.run()
	x.report.SHA256 = hex.EncodeToString(x.in.whole.Sum(nil))
	return x.report, err
}

// exportCheck is one run of VerifyExport.
type exportCheck struct {
	in     *exportReader
	v      note.Verifier
	yield  func(Record)
	report ExportReport
	header ExportHeader
	head   Checkpoint
	signed bool     // head has a good signature
	tree   frontier // of a range
	at     int64    // number of the next entry; of chosen entries the lowest that it may have
	ended  bool
}

func (x *exportCheck) run() error {
	if err := x.in.next(); err != nil {
		return x.unreadable(err)
	}
	if x.in.decode(&x.header) != nil || !x.header.sound() {
		x.report.add(FileUnreadable, -1, "the first line is not that of an export")
		return nil
	}
	h := x.header
	x.report.Kind, x.report.From, x.report.To, x.report.Subject = h.Kind, h.From, h.To, h.Subject
	x.openHead()
	x.tree = frontier{size: h.From, nodes: h.Edge}
	x.at = h.From
	for !x.ended {
		if err := x.in.next(); err != nil {
			return x.unreadable(err)
		}
		if !x.take() {
			return nil
		}
	}
	if !errors.Is(x.in.next(), io.EOF) {
		x.report.add(FileUnreadable, -1, "line %d comes after the last one", x.in.n)
	}
	x.end()
	return nil
}

// sound tells whether a header can be worked with.
func (h ExportHeader) sound() bool {
	fits := h.Version == exportVersion && h.From >= 0 && h.To > h.From && h.To < maxSize
	if h.Kind == ExportEntries {
		return fits && len(h.Edge) == 0 && len(h.Proof) == 0
	}
	return fits && h.Kind == ExportRange && h.Subject == "" && len(h.Edge) == len(frontierIndexes(h.From))
}

func (x *exportCheck) openHead() {
	var err error
	if x.head, err = OpenCheckpoint([]byte(x.header.Head), x.v); err != nil {
		x.report.add(HeadForged, -1, "the head of the file has no good signature")
		return
	}
	x.signed = true
	x.report.Head = x.head.SignedNote
	x.report.SignedAt = x.head.At
	if x.head.Size < x.header.To {
		x.report.add(ProofWrong, x.head.Size, "the file has entries up to %d, and its head counts %d", x.header.To-1, x.head.Size)
	}
}

// unreadable notes that a line is not there or not whole.
func (x *exportCheck) unreadable(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, errLine) {
		return err
	}
	x.report.add(FileCut, x.next(), "the file ends at line %d, before its last line", x.in.n)
	return nil
}

// next names the entry that would come next.
func (x *exportCheck) next() int64 {
	if x.header.Kind == "" {
		return -1
	}
	return x.at
}

// take looks at the line that was read; false ends it.
func (x *exportCheck) take() bool {
	var l exportLine
	if x.in.decode(&l) != nil {
		x.report.add(FileUnreadable, x.next(), "line %d, after entry %d, is not one of an export", x.in.n, x.at-1)
		return false
	}
	switch l.form() {
	case formEnd:
		x.ended = true
		x.compareEnd(*l.End)
		return true
	case formSigned:
		x.compareSigned([]byte(l.Signed))
		return true
	case formEntry:
		return x.entry(l)
	}
	x.report.add(FileUnreadable, x.next(), "line %d, after entry %d, is not one of an export", x.in.n, x.at-1)
	return false
}

func (x *exportCheck) entry(l exportLine) bool {
	seq := *l.Seq
	x.report.Entries++
	if !x.place(seq) {
		return false
	}
	x.at = seq + 1
	x.words(l)
	if x.header.Kind == ExportEntries {
		if x.signed && checkInclusion(l.Proof, x.head, seq, *l.Leaf) != nil {
			x.report.add(ProofWrong, seq, "entry %d does not stand in the log of %d entries as it is here", seq, x.head.Size)
		}
		return true
	}
	x.tree.push(*l.Leaf, nil)
	return true
}

// place checks the number of an entry.
func (x *exportCheck) place(seq int64) bool {
	switch {
	case seq < x.at:
		x.report.add(EntryOrder, seq, "entry %d stands after entry %d", seq, x.at-1)
	case seq >= x.header.To:
		x.report.add(EntryOrder, seq, "entry %d is not of this file, which ends with entry %d", seq, x.header.To-1)
	case x.header.Kind == ExportRange && seq > x.at:
		x.report.add(EntryMissing, x.at, "gap in the file before entry %d: %s missing", seq, span(x.at, seq-1))
	default:
		return true
	}
	return false
}

// words compares the bytes of an entry with its hash.
func (x *exportCheck) words(l exportLine) {
	data := []byte(l.Data)
	if len(l.Bytes) > 0 {
		data = l.Bytes
	}
	if len(data) == 0 {
		x.report.Archived++
		if x.header.Kind == ExportEntries {
			x.report.add(FileUnreadable, *l.Seq, "entry %d has no words", *l.Seq)
		}
		return
	}
	if tlog.RecordHash(data) != *l.Leaf {
		x.report.add(EntryEdited, *l.Seq, "entry %d was edited: its data do not give the hash that stands beside them", *l.Seq)
	}
	if x.yield != nil {
		x.yield(Record{Seq: *l.Seq, Data: data, Leaf: *l.Leaf})
	}
}

// compareSigned compares the tree with a head of the entries up to here.
func (x *exportCheck) compareSigned(signed []byte) {
	c, err := OpenCheckpoint(signed, x.v)
	switch {
	case err != nil || x.header.Kind != ExportRange:
		x.report.add(HeadForged, -1, "the head in line %d has no good signature, or does not belong there", x.in.n)
	case c.Size != x.tree.size || c.Root != x.tree.root():
		x.report.add(RootDisagrees, max(x.report.Signed, x.header.From), "the first %d entries do not give the root that was signed %s (head in line %d)", x.tree.size, stamp(c.At), x.in.n)
	default:
		x.report.Heads++
		x.report.Signed = c.Size
	}
}

func (x *exportCheck) compareEnd(e exportEnd) {
	if e.Entries != x.report.Entries {
		x.report.add(FileCut, x.next(), "the file has %d entries, and its last line counts %d", x.report.Entries, e.Entries)
	}
	if e.SHA256 != hex.EncodeToString(x.in.sum.Sum(nil)) {
		x.report.add(FileUnreadable, -1, "the file is not as it was written: its last line has another digest than its lines give")
	}
}

// end checks that a range is whole, and leads to its head.
func (x *exportCheck) end() {
	if x.header.Kind != ExportRange {
		if x.signed && x.report.OK() {
			x.report.Root, x.report.Signed, x.report.Heads = x.head.Root, x.head.Size, x.report.Heads+1
		}
		return
	}
	x.report.Root = x.tree.root()
	switch {
	case x.tree.size != x.header.To:
		x.report.add(FileCut, x.tree.size, "the file ends with entry %d, and its first line says %d", x.tree.size-1, x.header.To-1)
	case !x.signed:
	case CheckConsistency(x.header.Proof, Checkpoint{Size: x.tree.size, Root: x.tree.root()}, x.head) != nil:
		x.report.add(RootDisagrees, max(x.report.Signed, x.header.From), "%s, with what the file says of those before, do not lead to the head of %d entries that was signed %s",
			span(max(x.report.Signed, x.header.From), x.header.To-1), x.head.Size, stamp(x.head.At))
	default:
		x.report.Heads++
		x.report.Signed = max(x.report.Signed, x.tree.size)
	}
}

// String tells in a sentence what a sound file proves.
func (r ExportReport) String() string {
	if r.Kind == ExportEntries {
		return fmt.Sprintf("%d entries stand in the log that was signed %s; that none about %q was left out is not proved, a range proves that", r.Entries, stamp(r.SignedAt), r.Subject)
	}
	whole := fmt.Sprintf("%s are whole and stand in the log that was signed %s", span(r.From, r.To-1), stamp(r.SignedAt))
	if r.Archived == 0 {
		return whole
	}
	return fmt.Sprintf("%s; of %d of them an older archive holds the words", whole, r.Archived)
}
