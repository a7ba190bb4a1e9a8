package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// An [Export] is a file of lines, each a JSON object. It is checked with the public
// key and nothing else:
//
//	{"zhanggui_audit_export":1,"kind":"range","from":0,"to":3,"edge":[],"head":"…","proof":[]}
//	{"seq":0,"leaf":"…","data":{…}}       an entry, its bytes as they are stored
//	{"seq":1,"leaf":"…"}                  an entry that an older archive holds
//	{"seq":2,"leaf":"…","data":{…}}
//	{"signed":"…"}                        a head of the entries up to here
//	{"end":{"entries":3,"sha256":"…"}}    of all lines before
//
// A range holds all entries of it: edge is what was before it, the right edge of
// the tree of the first "from" entries, and proof leads from the log of the first
// "to" entries to the signed head. In an export of chosen entries each line carries
// the proof that it stands in the log of the head:
//
//	{"zhanggui_audit_export":1,"kind":"entries","from":0,"to":3,"subject":"shop:tea","head":"…"}
//	{"seq":2,"leaf":"…","data":{…},"proof":["…","…"]}

// ExportKind says which entries an export has.
type ExportKind string

// The kinds of export.
const (
	ExportRange   ExportKind = "range"   // all entries from one to another
	ExportEntries ExportKind = "entries" // chosen ones
)

const exportVersion = 1

// ExportHeader is the first line of an export.
type ExportHeader struct {
	Version int         `json:"zhanggui_audit_export"`
	Kind    ExportKind  `json:"kind"`
	From    int64       `json:"from"`
	To      int64       `json:"to"`                // the first entry after it
	Subject string      `json:"subject,omitempty"` // what the entries were chosen by
	Edge    []tlog.Hash `json:"edge,omitempty"`
	Head    string      `json:"head"` // a signed note
	Proof   []tlog.Hash `json:"proof,omitempty"`
}

// exportLine is every other line but the last.
type exportLine struct {
	Seq  *int64     `json:"seq,omitempty"`
	Leaf *tlog.Hash `json:"leaf,omitempty"`
	// Data are the bytes of the entry. Bytes that are not JSON on one line, which
	// nobody of ours writes, stand in Bytes.
	Data   json.RawMessage `json:"data,omitempty"`
	Bytes  []byte          `json:"bytes,omitempty"`
	Proof  []tlog.Hash     `json:"proof,omitempty"`
	Signed string          `json:"signed,omitempty"`
	End    *exportEnd      `json:"end,omitempty"`
}

// lineForm is what a line is.
type lineForm int

const (
	formNone lineForm = iota
	formEntry
	formSigned
	formEnd
)

// form tells what a line is. It has the parts of one form only: what stands beside them
// would be read by people and checked by nobody.
func (l exportLine) form() lineForm {
	entry := l.Seq != nil || l.Leaf != nil || len(l.Data) > 0 || len(l.Bytes) > 0 || len(l.Proof) > 0
	switch {
	case l.End != nil && l.Signed == "" && !entry:
		return formEnd
	case l.Signed != "" && l.End == nil && !entry:
		return formSigned
	case l.End == nil && l.Signed == "" && l.Seq != nil && l.Leaf != nil && l.oneText():
		return formEntry
	}
	return formNone
}

// oneText tells whether an entry stands in its line once, in the form that it is
// written in.
func (l exportLine) oneText() bool {
	if len(l.Bytes) == 0 {
		return true
	}
	return len(l.Data) == 0 && !plainJSON(l.Bytes)
}

// exportEnd is the last line.
type exportEnd struct {
	Entries int64  `json:"entries"`
	SHA256  string `json:"sha256"`
}

// NewExportHeader makes the header of an export of the entries from to to-1, whose
// proof ends at head. stored reads the log's hashes.
func NewExportHeader(kind ExportKind, from, to int64, head Checkpoint, stored tlog.HashReader) (ExportHeader, error) {
	h := ExportHeader{Version: exportVersion, Kind: kind, From: from, To: to, Head: string(head.SignedNote)}
	if from < 0 || from >= to || to > head.Size {
		return h, fmt.Errorf("audit: there are no entries %d to %d under the head of %d entries; choose others", from, to-1, head.Size)
	}
	if kind != ExportRange {
		return h, nil
	}
	edge, err := readFrontier(from, stored)
	if err != nil {
		return h, err
	}
	h.Edge = edge.nodes
	h.Proof, err = consistency(to, head.Size, stored)
	return h, err
}

// Export writes an export. Make it with [NewExport]; it is for one goroutine.
type Export struct {
	w       *bufio.Writer
	sum     hash.Hash
	entries int64
}

// NewExport writes the header and gives what takes the entries.
func NewExport(w io.Writer, h ExportHeader) (*Export, error) {
	e := &Export{sum: sha256.New()}
	e.w = bufio.NewWriterSize(io.MultiWriter(w, e.sum), 64<<10)
	return e, e.line(h)
}

func (e *Export) line(v any) error {
	b, err := encodeLine(v)
	if err == nil {
		_, err = e.w.Write(b)
	}
	if err != nil {
		return fmt.Errorf("audit: write an export: %w", err)
	}
	return nil
}

// encodeLine gives v on one line, with its raw parts as they are.
func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// Entry writes an entry; proof is for an export of chosen entries.
func (e *Export) Entry(r Record, proof []tlog.Hash) error {
	e.entries++
	l := exportLine{Seq: &r.Seq, Leaf: &r.Leaf, Proof: proof}
	if plainJSON(r.Data) {
		l.Data = r.Data
	} else {
		l.Bytes = r.Data
	}
	return e.line(l)
}

// plainJSON tells whether data can stand in a line as they are: nothing that
// writing them again would change.
func plainJSON(data []byte) bool {
	again, err := encodeLine(json.RawMessage(data))
	return err == nil && bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), data)
}

// Archived writes the hash of an entry that an older archive holds.
func (e *Export) Archived(seq int64, leaf tlog.Hash) error {
	e.entries++
	return e.line(exportLine{Seq: &seq, Leaf: &leaf})
}

// Signed writes a head of the entries up to here.
func (e *Export) Signed(c Checkpoint) error { return e.line(exportLine{Signed: string(c.SignedNote)}) }

// Close writes the last line, and gives the digest of the whole file.
func (e *Export) Close() (sum [32]byte, err error) {
	if err := e.w.Flush(); err != nil {
		return sum, fmt.Errorf("audit: write an export: %w", err)
	}
	end := exportLine{End: &exportEnd{Entries: e.entries, SHA256: hex.EncodeToString(e.sum.Sum(nil))}}
	if err := e.line(end); err != nil {
		return sum, err
	}
	if err := e.w.Flush(); err != nil {
		return sum, fmt.Errorf("audit: write an export: %w", err)
	}
	return [32]byte(e.sum.Sum(nil)), nil
}

// RangeSource is what a range is written from.
type RangeSource struct {
	Records iter.Seq2[Record, error]           // the log's rows from the first entry of the range on
	Leaf    func(seq int64) (tlog.Hash, error) // the stored hash of an entry that is not among them
	Heads   []Checkpoint                       // signed heads by size; those within the range are written
	Each    func(r Record)                     // nil: nobody else reads the entries
}

// WriteRange writes the export of a range with this header, and gives how many
// entries it has and the digest of the file.
func WriteRange(w io.Writer, h ExportHeader, src RangeSource) (entries int64, sum [32]byte, err error) {
	e, err := NewExport(w, h)
	if err != nil {
		return 0, sum, err
	}
	x := rangeWriter{e: e, src: src, at: h.From, to: h.To}
	x.heads = slices.DeleteFunc(slices.Clone(src.Heads), func(c Checkpoint) bool { return c.Size <= h.From || c.Size > h.To })
	for r, err := range src.Records {
		if err != nil {
			return x.at - h.From, sum, err
		}
		if r.Seq >= h.To {
			break
		}
		if err := x.entry(r); err != nil {
			return x.at - h.From, sum, err
		}
	}
	if err := x.archived(h.To); err != nil {
		return x.at - h.From, sum, err
	}
	sum, err = e.Close()
	return x.at - h.From, sum, err
}

type rangeWriter struct {
	e      *Export
	src    RangeSource
	heads  []Checkpoint
	at, to int64
}

func (x *rangeWriter) entry(r Record) error {
	if r.Seq < x.at {
		return fmt.Errorf("audit: entry %d comes twice; run zhanggui audit verify", r.Seq)
	}
	if err := x.archived(r.Seq); err != nil {
		return err
	}
	if x.src.Each != nil {
		x.src.Each(r)
	}
	if err := x.e.Entry(r, nil); err != nil {
		return err
	}
	return x.step()
}

// archived writes the hashes of entries that are not in the database, up to seq.
func (x *rangeWriter) archived(seq int64) error {
	for x.at < seq {
		leaf, err := x.src.Leaf(x.at)
		if err != nil {
			return err
		}
		if err := x.e.Archived(x.at, leaf); err != nil {
			return err
		}
		if err := x.step(); err != nil {
			return err
		}
	}
	return nil
}

// step goes on by an entry, and writes the heads that end with it.
func (x *rangeWriter) step() error {
	x.at++
	for len(x.heads) > 0 && x.heads[0].Size <= x.at {
		if err := x.e.Signed(x.heads[0]); err != nil {
			return err
		}
		x.heads = x.heads[1:]
	}
	return nil
}

// maxLine bounds one line of an export. An entry may name a hundred grants.
const maxLine = 4 << 20

var errLine = errors.New("the line is not one of an export")

// exportReader reads lines.
type exportReader struct {
	r     *bufio.Reader
	sum   hash.Hash // of the lines before the one that was read last
	whole hash.Hash
	line  []byte
	n     int // number of the line, from 1
}

func newExportReader(r io.Reader) *exportReader {
	return &exportReader{r: bufio.NewReaderSize(r, 256<<10), sum: sha256.New(), whole: sha256.New()}
}

// next reads a line. io.EOF says that there is none.
func (x *exportReader) next() error {
	x.sum.Write(x.line)
	x.line = x.line[:0]
	x.n++
	for {
		part, err := x.r.ReadSlice('\n')
		x.line = append(x.line, part...)
		switch {
		case err == nil:
			x.whole.Write(x.line)
			return nil
		case errors.Is(err, bufio.ErrBufferFull) && len(x.line) < maxLine:
		case errors.Is(err, io.EOF) && len(x.line) == 0:
			return io.EOF
		case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
			x.whole.Write(x.line)
			return errLine
		default:
			return fmt.Errorf("audit: read an export: %w", err)
		}
	}
}

// decode reads the line into v, which must be written the same way again.
func (x *exportReader) decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(x.line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errLine
	}
	if again, err := encodeLine(v); err != nil || !bytes.Equal(again, x.line) {
		return errLine
	}
	return nil
}
