package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// headEvery is how often the head of the audit log is signed if it grew.
const headEvery = 10 * time.Second

// heads signs the audit log's head: into its own file first, since that is
// the copy that somebody who rewrites the database does not reach. Of several
// replicas, each has its file, and takes over what the others signed. These agree
// in the database on one order of heads first, so that no file lacks one that is
// older than its end: to a verification that is a file that was cut.
type heads struct {
	store  *sqlstore.Store
	signer *audit.Signer
	file   *audit.HeadFile
	path   string // of the file
	others bool   // other replicas sign too
	now    func() time.Time
	log    *slog.Logger

	mu     sync.Mutex // one head at a time, so that the file's heads grow
	signed int64      // the longest log that the file has a head of, as far as is known

	lost   atomic.Pointer[string]           // what of the log was lost, as far as this process knows
	newest atomic.Pointer[audit.Checkpoint] // the newest head that this process knows; nil: none
}

// openHeads opens the signing key, which is the same for all replicas, and the
// file of signed heads.
func openHeads(ctx context.Context, dir string, db database, now func() time.Time, log *slog.Logger) (*heads, error) {
	h := &heads{store: db.Store, others: db.postgres != nil, now: now, log: log}
	open := h.openSigner
	if h.others {
		open = h.openSharedSigner
	}
	var err error
	if h.signer, err = open(ctx, dir); err != nil {
		return nil, err
	}
	h.path = filepath.Join(dir, audit.HeadsFile)
	if h.file, err = audit.OpenHeadFile(h.path); err != nil {
		return nil, err
	}
	c, err := h.newestHead()
	if err == nil && c.Size > 0 {
		h.newest.Store(&c)
	}
	if h.others {
		h.signed = c.Size
		if err != nil {
			return nil, errors.Join(err, h.file.Close())
		}
	}
	return h, nil
}

func (*heads) openSigner(_ context.Context, dir string) (*audit.Signer, error) {
	return audit.OpenSigner(dir, "zhanggui-audit")
}

// errAuditKey says how a replica gets the key of the others.
var errAuditKey = errors.New("the heads of the audit log are signed with the key of another replica; copy " + audit.KeyFile + " and " + audit.PubFile +
	" from its data directory, with mode 0600; if no replica has them any more, delete the row audit_key of the table meta: heads from before will not verify")

// openSharedSigner opens the key that the database knows, or makes the first one.
func (h *heads) openSharedSigner(ctx context.Context, dir string) (*audit.Signer, error) {
	known, err := h.store.AuditKey(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, audit.KeyFile)); known != "" && errors.Is(err, fs.ErrNotExist) {
		return nil, errAuditKey
	}
	s, err := h.openSigner(ctx, dir)
	if err != nil {
		return nil, err
	}
	kept, err := h.store.CreateAuditKey(ctx, s.PublicKey())
	if err == nil && kept != s.PublicKey() {
		err = errAuditKey
	}
	return s, err
}

// newestHead gives the newest head that was in the file when it was opened; its
// size is 0 if there was none.
func (h *heads) newestHead() (audit.Checkpoint, error) {
	note := h.file.Newest()
	if note == nil {
		return audit.Checkpoint{}, nil
	}
	c, err := audit.OpenCheckpoint(note, h.signer.Verifier())
	if err != nil {
		err = fmt.Errorf("%s does not end with a head of this server's key; run zhanggui audit verify: %w", audit.HeadsFile, err)
	}
	return c, err
}

// compare compares the log with the newest head in the file. A database whose end
// was cut off, or in whose place an older one was put, looks sound to itself.
func (h *heads) compare(ctx context.Context) error {
	c, err := h.newestHead()
	if err != nil || c.Size == 0 {
		if err != nil {
			h.log.ErrorContext(ctx, "the audit log is not compared with its newest signed head", "error", err)
		}
		return nil
	}
	root, err := h.store.RootAt(ctx, c.Size)
	switch {
	case errors.Is(err, sqlstore.ErrShorter):
		return h.lose(ctx, c, "shorter")
	case err != nil:
		return fmt.Errorf("compare the audit log with its newest signed head: %w", err)
	case root != c.Root:
		return h.lose(ctx, c, "another")
	}
	return nil
}

// lose says once, in every place where somebody may look, that a part of the
// database is gone. Refusing to serve would bring nothing of it back.
func (h *heads) lose(ctx context.Context, c audit.Checkpoint, reason string) error {
	size, _, err := h.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("the database is not the one whose audit log was signed at %s with %d entries; it has %d", c.At.UTC().Format("2006-01-02 15:04:05Z"), c.Size, size)
	h.lost.Store(&text)
	h.signed = size // it is signed from here on
	h.log.ErrorContext(ctx, text+"; its end was cut off, or an older one was put in its place: what was authorised or revoked since then is lost; "+
		"look for the newer database, keep "+audit.HeadsFile+" aside, and revoke again what had been revoked", "reason", reason)
	return h.store.Append(ctx, audit.Entry{At: h.now(), Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "log.lost", Outcome: audit.Failed, Reason: reason,
		Details: map[string]string{"signed": fmt.Sprint(c.Size), "have": fmt.Sprint(size), "signed_at": c.At.UTC().Format(time.RFC3339)}})
}

// sign signs the head if the log grew since the last time, and nobody else did.
func (h *heads) sign(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		// Another replica that signed meanwhile has a head of its own, which comes first.
		if err := h.signOnce(ctx); !errors.Is(err, access.ErrStale) {
			return err
		}
	}
}

func (h *heads) signOnce(ctx context.Context) error {
	size, root, err := h.store.AuditHead(ctx)
	if err != nil || size == h.signed {
		return err
	}
	if err := h.takeOver(ctx); err != nil || size <= h.signed {
		return err
	}
	c, err := h.signer.SignHead(size, root, h.now())
	if err != nil {
		return err
	}
	first, second := h.write, h.share
	if h.others {
		first, second = h.share, h.write
	}
	if err := first(ctx, c); err != nil {
		return err
	}
	if err := second(ctx, c); err != nil {
		return err
	}
	h.signed = size
	h.newest.Store(&c)
	return nil
}

func (h *heads) write(_ context.Context, c audit.Checkpoint) error {
	if err := h.file.Append(c); err != nil {
		return fmt.Errorf("write the signed head: %w", err)
	}
	return nil
}

// share keeps a head in the database. Where nobody else signs, one that is there
// already is as good.
func (h *heads) share(ctx context.Context, c audit.Checkpoint) error {
	known := c.Size - 1
	if h.others {
		known = h.signed
	}
	err := h.store.SaveCheckpoint(ctx, c, known)
	if err == nil || !h.others && errors.Is(err, access.ErrStale) {
		return nil
	}
	return fmt.Errorf("store the signed head: %w", err)
}

// older finds a head that the database keeps no more in the file of signed heads; false
// when none of so many entries was signed, as far as this server knows.
func (h *heads) older(size int64) (audit.Checkpoint, bool, error) {
	return headInFile(h.path, h.signer.Verifier(), size)
}

// headInFile finds the head of so many entries in a file of signed heads. One that the
// key did not sign is none.
func headInFile(path string, v note.Verifier, size int64) (audit.Checkpoint, bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return audit.Checkpoint{}, false, nil
	}
	if err != nil {
		return audit.Checkpoint{}, false, fmt.Errorf("look into the file of signed heads: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return audit.Checkpoint{}, false, fmt.Errorf("look into the file of signed heads: %w", err)
	}
	signed, err := audit.FindHead(f, info.Size(), size)
	if err != nil || signed == nil {
		return audit.Checkpoint{}, false, err
	}
	c, err := audit.OpenCheckpoint(signed, v)
	return c, err == nil && c.Size == size, nil
}

// takeOver copies into the file what others signed and kept in the database. What
// was not signed with our key is left where it is, for the verification to find.
func (h *heads) takeOver(ctx context.Context) error {
	const page = 1000
	for h.others {
		theirs, err := h.store.CheckpointsAfter(ctx, h.signed, page)
		if err != nil {
			return fmt.Errorf("read the heads that others signed: %w", err)
		}
		for _, c := range theirs {
			if _, err := audit.OpenCheckpoint(c.SignedNote, h.signer.Verifier()); err != nil {
				h.log.Error("a head in the database is not signed with our key; run zhanggui audit verify", "size", c.Size)
			} else if err := h.file.Append(c); err != nil {
				return fmt.Errorf("write a head that another replica signed: %w", err)
			}
			h.signed = c.Size
			h.newest.Store(&c)
		}
		if len(theirs) < page {
			break
		}
	}
	return nil
}

// run signs now and then until ctx ends. What was written since is signed by
// whoever stops the server, after the last entry.
func (h *heads) run(ctx context.Context) {
	tick := time.NewTicker(headEvery)
	defer tick.Stop()
	for {
		if err := h.sign(context.WithoutCancel(ctx)); err != nil {
			h.log.Error("the audit log's head was not signed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
