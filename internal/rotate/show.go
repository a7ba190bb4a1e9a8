package rotate

import (
	"context"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Standing is what stands beside a rotation in the rows that it changes.
type Standing struct {
	TokenEnds time.Time     // of the kept token that rests on the secret; zero: there is none
	NewSeen   time.Time     // when the new one was used last
	OldSeen   time.Time     // when the old one was
	Steps     []notice.Text // what the rotation does
}

// Show tells where a rotation stands. What was removed meanwhile is left out.
func (a *Assistant) Show(ctx context.Context, r access.Rotation) (Standing, error) {
	s := Standing{NewSeen: r.NewSeen, OldSeen: r.OldSeen, Steps: Explain(r.Kind, access.App{})}
	if r.Kind == access.RotateClient {
		c, err := a.o.Directory.Client(ctx, r.Subject)
		if r.State.Live() {
			s.NewSeen, s.OldSeen = c.Next.UsedAt, c.UsedAt
		}
		return s, gone(err)
	}
	app, err := a.o.Directory.App(ctx, r.Subject)
	if err != nil {
		return s, gone(err)
	}
	s.Steps = Explain(r.Kind, app)
	if !r.Kind.OfSecret() {
		return s, nil
	}
	g, ok, err := a.grantOf(ctx, app)
	if ok {
		s.TokenEnds = g.Tokens.AccessExpires
	}
	return s, err
}

// gone leaves out that something is not there.
func gone(err error) error {
	if errors.Is(err, access.ErrNotFound) {
		return nil
	}
	return err
}

// Rotation gives a rotation, or [access.ErrNotFound].
func (a *Assistant) Rotation(ctx context.Context, id string) (access.Rotation, error) {
	return a.o.Store.Rotation(ctx, id)
}

// Rotations gives at most limit rotations, the newest first, behind the mark.
func (a *Assistant) Rotations(ctx context.Context, m access.Mark, limit int) ([]access.Rotation, error) {
	return a.o.Store.Rotations(ctx, m, limit)
}
