package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/durable"
)

// File gives a place that is a file in another directory, such as one that can only
// be appended to. It has the form of audit.heads. Nothing in it is ever changed: it
// is opened for appending and read from its end.
func File(path string, v note.Verifier) Place { return &file{path: path, verifier: v} }

type file struct {
	path     string
	verifier note.Verifier
}

// Name implements Place.
func (f *file) Name() string { return "file:" + f.path }

var errTorn = errors.New("its last head is not whole, as a full disk or a crash leaves it; move the file aside and keep it, a new one is begun")

// Send implements Place. What the file holds counts, not what we remember.
func (f *file) Send(ctx context.Context, l Log, _ audit.Sent, head audit.Checkpoint) error {
	held, err := f.newest()
	if err != nil {
		return err
	}
	if held.Size > 0 {
		if err := leads(ctx, l, held); err != nil {
			return err
		}
	}
	if held.Size >= head.Size {
		return nil
	}
	return f.append(head)
}

// newest gives the newest head of the file; its size is 0 if there is none.
func (f *file) newest() (audit.Checkpoint, error) {
	last, whole, err := f.tail()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return audit.Checkpoint{}, nil
	case err != nil:
		return audit.Checkpoint{}, fmt.Errorf("witness: %w; see that the directory is mounted and readable", err)
	case !whole:
		return audit.Checkpoint{}, fmt.Errorf("witness: %s: %w", f.path, errTorn)
	case last == nil:
		return audit.Checkpoint{}, nil
	}
	c, err := audit.OpenCheckpoint(last, f.verifier)
	if err != nil {
		return audit.Checkpoint{}, fmt.Errorf("witness: %s does not end with a head of this server's key; name another file: %w", f.path, err)
	}
	return c, nil
}

// tailSize is how much of the end is read; a head has about 250 bytes.
const tailSize = 64 << 10

// tail gives the last note of the file, and whether the file ends with it.
func (f *file) tail() (last []byte, whole bool, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, false, err
	}
	from := max(0, info.Size()-tailSize)
	b, err := io.ReadAll(io.NewSectionReader(file, from, tailSize))
	if err != nil {
		return nil, false, err
	}
	if from > 0 {
		if b, whole = wholeRecords(b); !whole {
			return nil, false, nil
		}
	}
	notes, end, err := audit.ReadHeads(bytes.NewReader(b))
	if err != nil || len(notes) == 0 {
		return nil, err == nil && len(b) == 0, nil
	}
	return notes[len(notes)-1], end == int64(len(b)), nil
}

// wholeRecords leaves out the record that a piece of the file begins within: only the end
// of one follows a signature. The file may be cut while it is read, and the piece empty.
func wholeRecords(b []byte) (rest []byte, ok bool) {
	sign := bytes.Index(b, []byte("\n\n— "))
	if sign < 0 {
		return nil, false
	}
	end := bytes.Index(b[sign+2:], []byte("\n\n"))
	if end < 0 {
		return nil, false
	}
	return b[sign+2+end+2:], true
}

// append writes the head with one write and has it on disk.
func (f *file) append(c audit.Checkpoint) error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("witness: %w; see that the directory is mounted and writable", err)
	}
	_, err = file.Write(append(bytes.Clone(c.SignedNote), '\n'))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("witness: append a head to %s: %w; see that the disk is not full", f.path, err)
	}
	if err := durable.SyncDir(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("witness: append a head to %s: %w", f.path, err)
	}
	return nil
}
