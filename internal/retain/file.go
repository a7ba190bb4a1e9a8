package retain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/durable"
)

// errGap is a stretch with entries that are not there.
var errGap = errors.New("an entry of it is missing from the database; run zhanggui audit verify")

// write writes the archive of a stretch and verifies it. It is on disk under its
// name when write returns; an older file of the name is replaced: no pruning names
// it, or the stretch would be over.
func (a *Archiver) write(ctx context.Context, path string, from int64, head audit.Checkpoint) (p audit.Pruning, err error) {
	if err := os.MkdirAll(a.o.Dir, 0o700); err != nil {
		return p, fmt.Errorf("archive audit entries: %w; name another directory as audit.archive", err)
	}
	tmp, err := os.CreateTemp(a.o.Dir, filepath.Base(path)+".*")
	if err != nil {
		return p, fmt.Errorf("archive audit entries: %w; see that the directory is writable", err)
	}
	defer os.Remove(tmp.Name()) // does nothing after the rename
	p, err = a.fill(ctx, tmp, from, head)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return p, fmt.Errorf("archive entries %d to %d: %w", from, head.Size-1, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return p, fmt.Errorf("archive audit entries: %w", err)
	}
	if err := durable.SyncDir(a.o.Dir); err != nil {
		return p, fmt.Errorf("archive audit entries: %w", err)
	}
	return p, nil
}

// fill writes the file, and reads it again as an inspector would.
func (a *Archiver) fill(ctx context.Context, f *os.File, from int64, head audit.Checkpoint) (p audit.Pruning, err error) {
	h, err := audit.NewExportHeader(audit.ExportRange, from, head.Size, head, a.o.Store.AuditHashes(ctx))
	if err != nil {
		return p, err
	}
	p = audit.Pruning{From: from, To: head.Size, Root: head.Root}
	_, p.Archive, err = audit.WriteRange(f, h, audit.RangeSource{
		Records: a.o.Store.AuditRecordsFrom(ctx, from), Heads: []audit.Checkpoint{head},
		Leaf: func(int64) (tlog.Hash, error) { return tlog.Hash{}, errGap },
	})
	if err != nil {
		return p, err
	}
	if err := f.Sync(); err != nil {
		return p, fmt.Errorf("%w; see that the disk is writable and not full", err)
	}
	return p, a.verify(f, p)
}

func (a *Archiver) verify(f *os.File, p audit.Pruning) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	report, err := audit.VerifyExport(f, a.o.Signer.Verifier(), nil)
	if err != nil {
		return err
	}
	if bad, ok := report.First(); ok {
		return fmt.Errorf("the archive does not verify, and nothing is deleted: %s", bad)
	}
	if report.SHA256 != fmt.Sprintf("%x", p.Archive) || report.Archived != 0 {
		return errors.New("the archive was changed while it was written; nothing is deleted, and it is tried again")
	}
	return nil
}
