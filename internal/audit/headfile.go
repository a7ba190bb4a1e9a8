package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/zhanggui/zhanggui/internal/durable"
)

// maxHead bounds one record of a head file; a real one has about 250 bytes.
const maxHead = 16 << 10

// HeadFile is the file of signed heads, one note after another with an empty
// line after each:
//
//	zhanggui-audit           ┐
//	1234                     │ text of the note
//	mCQqwTIj…=               │
//	time 2026-01-02T…Z       ┘
//	                         empty line
//	— zhanggui-audit Zm9v…   signatures
//	                         empty line: the record is whole
//
// It only grows. A record without its last line was cut by a crash; it was
// never acknowledged, so that readers pass over it and [OpenHeadFile] cuts it
// off. One process writes it; others may read. Methods may be called from
// several goroutines.
type HeadFile struct {
	mu   sync.Mutex
	file headWriter
	end  int64  // of the last whole record
	last []byte // the newest note when the file was opened
}

// headWriter is what a head file needs of an *os.File.
type headWriter interface {
	WriteAt(b []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// OpenHeadFile opens the file for appending and makes it if it is not there.
func OpenHeadFile(path string) (*HeadFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: open the file of signed heads: %w", err)
	}
	last, end, err := repair(f)
	if err == nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("audit: file of signed heads %s: %w", path, err)
	}
	return &HeadFile{file: f, end: end, last: last}, nil
}

// Newest gives the newest note that was in the file when it was opened, nil if
// there was none. [OpenCheckpoint] looks into it.
func (h *HeadFile) Newest() []byte { return h.last }

// repair cuts off a torn last record. It gives the last whole one and where it
// ends. It reads the end of the file only: a year of heads is large.
func repair(f *os.File) (last []byte, end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	from, err := lastBoundary(f, info.Size())
	if err != nil {
		return nil, 0, err
	}
	notes, end, err := ReadHeads(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return nil, 0, err
	}
	if len(notes) > 0 {
		last = notes[len(notes)-1]
	}
	if end += from; end == info.Size() {
		return last, end, nil
	}
	return last, end, f.Truncate(end)
}

// lastBoundary gives a place near the end at which a record begins with a whole
// one behind it, or 0.
func lastBoundary(f io.ReaderAt, size int64) (int64, error) {
	const look = 4 * maxHead
	if size <= look {
		return 0, nil
	}
	b := make([]byte, look)
	if _, err := f.ReadAt(b, size-look); err != nil {
		return 0, err
	}
	end := recordEnd(b)
	if end < 0 {
		return 0, nil
	}
	return size - look + int64(end), nil
}

// recordEnd gives where the first record ends whose signatures are in b; -1 when none
// does.
func recordEnd(b []byte) int {
	// Only the empty line at the end of a record follows a signature.
	sign := bytes.Index(b, []byte("\n\n— "))
	if sign < 0 {
		return -1
	}
	end := bytes.Index(b[sign+2:], []byte("\n\n"))
	if end < 0 {
		return -1
	}
	return sign + 2 + end + 2
}

// Append writes a signed head and returns when it is on disk. After an error
// the head counts as not written; the next Append takes its place.
func (h *HeadFile) Append(c Checkpoint) error {
	record := append(bytes.Clone(c.SignedNote), '\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.write(record); err != nil {
		return fmt.Errorf("audit: append the head of %d entries to its file: %w; see that the disk is writable and not full", c.Size, err)
	}
	h.end += int64(len(record))
	return nil
}

// write puts the record after the last whole one, over the rest of one that
// failed before.
func (h *HeadFile) write(record []byte) error {
	if err := h.file.Truncate(h.end); err != nil {
		return err
	}
	if _, err := h.file.WriteAt(record, h.end); err != nil {
		return err
	}
	return h.file.Sync()
}

// Close closes the file.
func (h *HeadFile) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.file.Close()
}

// ReadHeads reads the signed notes of a head file, in the order in which they
// were written, and tells where the last whole record ends; what follows there
// was cut by a crash. It does not look into the notes: [OpenCheckpoint] does,
// with the key.
func ReadHeads(r io.Reader) (notes [][]byte, end int64, err error) {
	br := bufio.NewReaderSize(r, maxHead)
	for {
		record, err := readRecord(br)
		if errors.Is(err, io.EOF) {
			return notes, end, nil
		}
		if err != nil {
			return notes, end, err
		}
		end += int64(len(record))
		notes = append(notes, record[:len(record)-1])
	}
}

// readRecord reads up to and including the second empty line. io.EOF says that
// there is no further whole record.
func readRecord(br *bufio.Reader) ([]byte, error) {
	var record []byte
	for empty := 0; empty < 2; {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("audit: read signed heads: %w", err)
		}
		if len(record)+len(line) > maxHead {
			return nil, errors.New("audit: this is not a file of signed heads: a record is too long; restore it from a copy")
		}
		record = append(record, line...)
		if len(line) == 1 {
			empty++
		}
	}
	return record, nil
}

// FindHead gives the first note in a head file of so many bytes that says it counts
// size entries, and nil when there is none. It does not look at the signature:
// [OpenCheckpoint] does. Sizes grow through a file, so it reads little of it.
func FindHead(file io.ReaderAt, length, size int64) ([]byte, error) {
	low, high := int64(0), length // a record begins at low, with fewer entries or as the first
	for high-low > 8*maxHead {
		middle := low + (high-low)/2
		at, record, err := recordAfter(file, middle, length)
		if err != nil {
			return nil, err
		}
		n, ok := sizeOf(record)
		if record == nil || at >= high || !ok || n >= size {
			high = middle
			continue
		}
		low = at
	}
	br := bufio.NewReaderSize(io.NewSectionReader(file, low, length-low), maxHead)
	for {
		record, err := readRecord(br)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		switch n, ok := sizeOf(record); {
		case ok && n == size:
			return record[:len(record)-1], nil
		case ok && n > size:
			return nil, nil
		}
	}
}

// recordAfter gives the first whole record that begins behind a place, and where; nil
// when there is none.
func recordAfter(file io.ReaderAt, place, length int64) (at int64, record []byte, err error) {
	b := make([]byte, min(4*maxHead, length-place))
	if _, err := file.ReadAt(b, place); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, fmt.Errorf("audit: read signed heads: %w", err)
	}
	start := recordEnd(b)
	if start < 0 {
		return 0, nil, nil
	}
	record, err = readRecord(bufio.NewReaderSize(bytes.NewReader(b[start:]), maxHead))
	if errors.Is(err, io.EOF) {
		return 0, nil, nil
	}
	return place + int64(start), record, err
}

// sizeOf reads the second line of a record.
func sizeOf(record []byte) (int64, bool) {
	_, rest, _ := bytes.Cut(record, []byte("\n"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.ParseInt(string(line), 10, 64)
	return n, err == nil
}

// ReadHeadFile reads the signed notes of the file at path. A file that does not
// exist has none.
func ReadHeadFile(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: read the file of signed heads: %w", err)
	}
	defer f.Close()
	notes, _, err := ReadHeads(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return notes, nil
}
