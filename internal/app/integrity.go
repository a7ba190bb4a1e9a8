package app

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/collate"
)

// CheckGrants gives the grants whose rows are not what the audit log says they
// keep: rows that somebody put back, changed, added or deleted by hand.
func (a *App) CheckGrants(ctx context.Context) ([]audit.Disagreement, error) {
	return a.store.CheckGrants(ctx)
}

// collate begins to compare the grants with the audit log, before anything serves
// them. Grants that disagree are revoked; only somebody's own decision brings one
// back: zhanggui grant start, or the person's next login. It does not ask whether
// the log itself is whole; zhanggui audit verify does.
func (a *App) collate(ctx context.Context) error {
	if err := a.grants.Begin(ctx); err != nil {
		return fmt.Errorf("compare the grants with the audit log: %w", err)
	}
	return nil
}

func (a *App) makeCollator() {
	a.grants = collate.New(collate.Options{
		Store: a.store, File: filepath.Join(a.o.Config.Data, SummaryFile), Key: a.vault.MAC("grants summary", nil),
		Forget: func(grantIDs ...string) {
			if a.store.forget != nil { // nothing is in memory before that
				a.store.forget(grantIDs...)
			}
		},
		Now: a.o.Now, Log: a.o.Log, Every: a.o.CompareEvery,
	})
}
