package app

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// headEvery is how often the head of the audit log is signed if it grew.
const headEvery = 10 * time.Second

// heads signs the audit log's head: into its own file first, since that is
// the copy that somebody who rewrites the database does not reach.
type heads struct {
	store  *sqlstore.Store
	signer *audit.Signer
	file   *audit.HeadFile
	now    func() time.Time
	log    *slog.Logger

	mu     sync.Mutex // one head at a time, so that the file's heads grow
	signed int64
}

func openHeads(dir string, store *sqlstore.Store, now func() time.Time, log *slog.Logger) (*heads, error) {
	signer, err := audit.OpenSigner(dir, "zhanggui-audit")
	if err != nil {
		return nil, err
	}
	file, err := audit.OpenHeadFile(filepath.Join(dir, audit.HeadsFile))
	if err != nil {
		return nil, err
	}
	return &heads{store: store, signer: signer, file: file, now: now, log: log}, nil
}

// sign signs the head if the log grew since the last time.
func (h *heads) sign(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	size, root, err := h.store.AuditHead(ctx)
	if err != nil || size == h.signed {
		return err
	}
	c, err := h.signer.SignHead(size, root, h.now())
	if err != nil {
		return err
	}
	if err := h.file.Append(c); err != nil {
		return fmt.Errorf("write the signed head: %w", err)
	}
	if err := h.store.SaveCheckpoint(ctx, c); err != nil {
		return fmt.Errorf("store the signed head: %w", err)
	}
	h.signed = size
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
