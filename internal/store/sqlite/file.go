package sqlite

import (
	"encoding/binary"
	"errors"
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
func claimFile(path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	unlock, err = lock(path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = checkFile(path)
	} else if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
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
