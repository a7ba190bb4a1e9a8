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
	errShort = errors.New("the database is damaged or cut short: it ends within a page; keep the file aside and restore a backup")
)

// claimFile sees to it that the database file exists, is ours alone and can be
// read by nobody else.
func claimFile(ctx context.Context, path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	unlock, err = lock(path)
	if err != nil {
		return nil, err
	}
	if err = checkFile(path); errors.Is(err, fs.ErrNotExist) {
		err = makeFile(ctx, path)
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
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
	page, err := pageSize(path)
	if err == nil && page > 0 && info.Size()%page != 0 {
		return errShort
	}
	return err
}

// pageSize reads the size of pages from the header of a SQLite file; 0 when it
// is none. The format is described in sqlite.org/fileformat.html, section 1.3.
func pageSize(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	header := make([]byte, 18)
	if _, err := io.ReadFull(f, header); errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	if string(header[:16]) != "SQLite format 3\x00" {
		return 0, nil
	}
	size := int64(binary.BigEndian.Uint16(header[16:]))
	if size == 1 { // stands for the largest, which has no room in 16 bits
		size = 65536
	}
	return size, nil
}
