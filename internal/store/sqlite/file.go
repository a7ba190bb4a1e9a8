package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

var (
	errEmpty = errors.New("the file is empty, so what it held is lost; restore a backup, or delete the file to begin anew")
	errKind  = errors.New("it is a symbolic link, a directory or a device; zhanggui opens regular files only, and changes nothing behind a link: name the file itself, or move it there")
	errShort = errors.New("the database is damaged or cut short: it ends within a page; keep the file aside and restore a backup")
)

// claimFile sees to it that the database file exists, is ours alone and can be
// read by nobody else. A file that is not ours stays as it is.
func claimFile(ctx context.Context, path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{path, path + ".lock"} {
		if err := checkRegular(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	unlock, err = lock(path)
	if err != nil {
		return nil, err
	}
	if err = checkFile(path); errors.Is(err, fs.ErrNotExist) {
		err = makeFile(ctx, path)
	}
	if err == nil {
		err = closeToOthers(path)
	}
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// checkRegular refuses what is no file of its own.
func checkRegular(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", filepath.Base(path), errKind)
	}
	return err
}

// closeToOthers takes the file's mode away from others, before SQLite makes more
// files with the same mode. Only a file whose header has our mark is touched; one
// that is no SQLite database is left for SQLite to name.
func closeToOthers(path string) error {
	header, err := readHeader(path)
	if err != nil || !header.sqlite() {
		return err
	}
	if header.application() != applicationID {
		return errForeign
	}
	return os.Chmod(path, 0o600)
}

// makeFile makes an empty database under another name first: so a file without
// bytes is never one that a crash left at its beginning, and checkFile may call
// it damaged.
func makeFile(ctx context.Context, path string) error {
	begun := path + ".new"
	for _, left := range []string{begun, begun + "-journal"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(begun, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(begun, beginning))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return os.Rename(begun, path)
}

// checkFile refuses what SQLite would take without a word: a file of no bytes,
// with which it would begin anew without shops and keys, and one that lacks the
// end of its last page, which it would read as zeros. A write-ahead log that is
// there may complete the file.
func checkFile(path string) error {
	if err := checkRegular(path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return errEmpty
	}
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return nil
	}
	header, err := readHeader(path)
	if page := header.pageSize(); page > 0 && info.Size()%page != 0 {
		return errShort
	}
	return err
}

// fileHeader is the beginning of a SQLite file, as described in
// sqlite.org/fileformat.html, section 1.3. What is too short for one is empty.
type fileHeader []byte

const headerSize = 100

func readHeader(path string) (fileHeader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := make(fileHeader, headerSize)
	if _, err := io.ReadFull(f, h); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return h, nil
}

func (h fileHeader) sqlite() bool {
	return len(h) == headerSize && string(h[:16]) == "SQLite format 3\x00"
}

// application is the id of the program that the file belongs to; 0 when it has
// none.
func (h fileHeader) application() int64 { return int64(binary.BigEndian.Uint32(h[68:])) }

// pageSize is the size of pages; 0 when it is no SQLite file.
func (h fileHeader) pageSize() int64 {
	if !h.sqlite() {
		return 0
	}
	size := int64(binary.BigEndian.Uint16(h[16:]))
	if size == 1 { // stands for the largest, which has no room in 16 bits
		size = 65536
	}
	return size
}
