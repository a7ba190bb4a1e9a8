package app

import (
	"context"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// CheckGrants gives the grants whose rows are not what the audit log says they
// keep: rows that somebody put back, changed, added or deleted by hand.
func (a *App) CheckGrants(ctx context.Context) ([]audit.Disagreement, error) {
	return a.store.CheckGrants(ctx)
}

// endPutBack revokes the grants that CheckGrants finds, before anything serves
// them. Only somebody's own decision brings one back: zhanggui grant start, or
// the person's next login. It does not ask whether the log itself is whole; zhanggui
// audit verify does.
func (a *App) endPutBack(ctx context.Context) error {
	found, err := a.CheckGrants(ctx)
	if err != nil {
		return fmt.Errorf("compare the grants with the audit log: %w", err)
	}
	if len(found) == 0 {
		return nil
	}
	if err := a.store.EndPutBack(ctx, a.o.Now(), found...); err != nil {
		return fmt.Errorf("end the grants that disagree with the audit log: %w", err)
	}
	for _, d := range found {
		a.o.Log.ErrorContext(ctx, "a grant disagrees with the audit log and is not served; find out who can write to the database, then run zhanggui grant start",
			"grant", d.Grant(), "cause", audit.GrantRowPutBack, "problem", d.String())
	}
	return nil
}
