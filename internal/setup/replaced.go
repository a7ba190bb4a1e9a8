package setup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// freshSecret is an AppSecret that a plan puts in place of another one.
type freshSecret struct {
	app    string
	plain  secret.Value
	change int // its place among the changes
}

// replaced finds the secrets of a plan that a rotation replaced: a file that was not
// brought up to date would bring back what WeChat takes no more. The changes say so.
// Unless it is wanted, or only planned, it is refused.
func (s *Setup) replaced(ctx context.Context, p *plan, o Options) error {
	var problems []string
	for _, f := range p.secrets {
		r, err := s.dir.RotationThatReplaced(ctx, f.app, access.ReplacedSecret(s.sealer.MAC, f.app, f.plain))
		switch {
		case errors.Is(err, access.ErrNotFound):
			continue
		case err != nil:
			return fmt.Errorf("setup: look for replaced secrets: %w", err)
		}
		c := &p.changes[f.change]
		// The proof of the new secret is its cut-over.
		c.Warning = fmt.Sprintf("this AppSecret was replaced on %s by rotation %s; name the one that is in use, or nothing to keep it, or pass old_secrets (zhanggui apply --old-secrets) to take it all the same",
			r.NewSeen.UTC().Format(time.DateOnly), r.ID)
		p.tell(f.change, map[string]string{"replaced_by": r.ID})
		problems = append(problems, fmt.Sprintf("%s %q: %s", c.Kind, c.ID, c.Warning))
	}
	if len(problems) > 0 && !o.OldSecrets && !o.DryRun {
		return &InvalidError{Problems: problems}
	}
	return nil
}
