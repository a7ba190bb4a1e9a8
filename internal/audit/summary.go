package audit

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// A summary keeps what [Grants] learned from the first entries of a log, so that
// the next reader begins after them:
//
//	"zhanggui grants 1\n"
//	size      8   entries that were read, big-endian like all numbers here
//	root     32   of the tree of these entries
//	count     8   of the records
//	records  60   each: id 28, flags 4, digest 16, generation 6, entry 6; by id
//	MAC      32   HMAC-SHA256 of everything before it
//
// It stands outside the database. Whoever can write to the database and not to
// the summary cannot change what it says; the root ties it to one log.
const (
	summaryMagic  = "zhanggui grants 1\n"
	summaryHeader = len(summaryMagic) + 8 + tlog.HashSize + 8
	summaryRecord = len(grantID{}) + 4 + 16 + 6 + 6
	max48         = 1<<48 - 1
)

// SummaryBytes is what one grant takes in a summary.
const SummaryBytes = int64(summaryRecord)

// ErrSummary says that a summary cannot be used. Nothing is lost by that: the
// whole log says the same.
var ErrSummary = errors.New("audit: the summary of grants cannot be used")

// WriteSummary writes what was learned, for [ReadSummary]. root is that of the
// tree of [Grants.Size] entries; key is secret to those who write to the
// database.
func (l *Grants) WriteSummary(to io.Writer, root tlog.Hash, key []byte) error {
	l.sort()
	w := newSealing(to, key)
	b := append(make([]byte, 0, summaryHeader), summaryMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(l.size))
	b = append(b, root[:]...)
	w.write(binary.BigEndian.AppendUint64(b, uint64(len(l.words))))
	for i := range l.words {
		b, err := l.words[i].encode(b[:0])
		if err != nil {
			return err
		}
		w.write(b)
	}
	return w.end()
}

// sealing writes and computes the MAC beside it. Its first error stays.
type sealing struct {
	to  *bufio.Writer
	mac hash.Hash
}

func newSealing(to io.Writer, key []byte) *sealing {
	mac := hmac.New(sha256.New, key)
	return &sealing{to: bufio.NewWriterSize(io.MultiWriter(to, mac), 64<<10), mac: mac}
}

func (s *sealing) write(b []byte) { _, _ = s.to.Write(b) } // Flush gives its error

func (s *sealing) end() error {
	if err := s.to.Flush(); err != nil {
		return err
	}
	_, _ = s.to.Write(s.mac.Sum(nil))
	return s.to.Flush()
}

// encode appends the record.
func (w *word) encode(b []byte) ([]byte, error) {
	if w.generation < 0 || w.generation > max48 || w.seq < 0 || w.seq > max48 {
		return nil, fmt.Errorf("%w: grant %s has numbers that nobody reaches; run zhanggui audit verify", ErrSummary, w.id)
	}
	b = append(b, w.id[:]...)
	b = append(b, byte(w.flags&^wordChecked), 0, 0, 0)
	b = append(b, w.digest[:]...)
	b = append48(b, w.generation)
	return append48(b, w.seq), nil
}

func append48(b []byte, v int64) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(v>>32)), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func uint48(b []byte) int64 {
	return int64(binary.BigEndian.Uint16(b))<<32 | int64(binary.BigEndian.Uint32(b[2:]))
}

// ReadSummary reads the size bytes that [Grants.WriteSummary] wrote with this key,
// and gives the root that they are for: the caller compares it with the log's. What
// cannot be used is [ErrSummary], in words.
func ReadSummary(r io.Reader, size int64, key []byte) (*Grants, tlog.Hash, error) {
	mac := hmac.New(sha256.New, key)
	body := bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, size-sha256.Size), mac), 64<<10)
	l, root, err := readGrants(body, size)
	if err != nil {
		return nil, root, err
	}
	sum := make([]byte, sha256.Size)
	if _, err := io.ReadFull(r, sum); err != nil || !hmac.Equal(mac.Sum(nil), sum) {
		return nil, root, fmt.Errorf("%w: it was changed or cut short, or belongs to another keyset", ErrSummary)
	}
	return l, root, nil
}

// readGrants reads everything before the MAC. Nothing of it may be believed yet,
// except how long it is.
func readGrants(r io.Reader, size int64) (*Grants, tlog.Hash, error) {
	var root tlog.Hash
	head := make([]byte, summaryHeader)
	if _, err := io.ReadFull(r, head); err != nil || !bytes.HasPrefix(head, []byte(summaryMagic)) {
		return nil, root, fmt.Errorf("%w: it is cut short, or of another version", ErrSummary)
	}
	at := head[len(summaryMagic):]
	l := &Grants{size: int64(binary.BigEndian.Uint64(at))}
	copy(root[:], at[8:])
	room := size - int64(summaryHeader) - sha256.Size
	if count := binary.BigEndian.Uint64(at[8+tlog.HashSize:]); room%SummaryBytes != 0 || count != uint64(room/SummaryBytes) {
		return nil, root, fmt.Errorf("%w: it does not hold the %d grants that it counts", ErrSummary, count)
	}
	l.words = make([]word, room/SummaryBytes)
	record := make([]byte, summaryRecord)
	for i := range l.words {
		if _, err := io.ReadFull(r, record); err != nil {
			return nil, root, fmt.Errorf("%w: it ends too early: %w", ErrSummary, err)
		}
		l.words[i].decode(record)
	}
	return l, root, nil
}

func (w *word) decode(b []byte) {
	copy(w.id[:], b)
	w.flags = wordFlags(b[28])
	copy(w.digest[:], b[32:])
	w.generation, w.seq = uint48(b[48:]), uint48(b[54:])
}
