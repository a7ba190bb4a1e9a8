package rotate

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// beginClient makes a second key.
func (a *Assistant) beginClient(ctx context.Context, by audit.Actor, s Start) (Begun, error) {
	if !s.Until.IsZero() && !s.Until.After(a.o.Now()) {
		return Begun{}, untilOver()
	}
	var made secret.Value
	r := a.fresh(by, s.Kind, s.Subject, access.RotationOverlap)
	r.DueAt = s.Until
	r, err := a.change(ctx, by, func() (access.Rotation, step, error) {
		c, err := a.o.Directory.Client(ctx, s.Subject)
		if err == nil {
			err = a.alone(ctx, s.Kind, c.ID)
		}
		if err != nil {
			return r, step{}, err
		}
		if !c.Live(a.o.Now()) {
			return r, step{}, wrongKind(s.Kind, s.Subject)
		}
		keys := keysOf(c)
		var hash []byte
		made, hash = access.NewKey(access.ClientKeyPrefix)
		keys.Next = access.NextKey{Hash: hash, Hint: access.KeyHint(made), MadeAt: a.o.Now()}
		return r, step{action: "rotation.begin", d: access.Declaration{Keys: []access.ClientKeys{keys}}}, nil
	})
	if err != nil {
		return Begun{}, err
	}
	return Begun{Rotation: r, Made: made}, nil
}

func keysOf(c access.Client) access.ClientKeys {
	return access.ClientKeys{Client: c.ID, Hash: c.KeyHash, Hint: c.KeyHint, CreatedAt: c.CreatedAt, MadeBy: c.MadeBy, UsedAt: c.UsedAt, Next: c.Next}
}

// firstKey makes the second key the only one.
func (a *Assistant) firstKey(ctx context.Context, r *access.Rotation, by audit.Actor, force bool) (access.Declaration, error) {
	c, err := a.o.Directory.Client(ctx, r.Subject)
	if err != nil {
		return access.Declaration{}, err
	}
	if len(c.Next.Hash) == 0 {
		return access.Declaration{}, changedElsewhere(*r)
	}
	if c.Next.UsedAt.IsZero() && !force {
		return access.Declaration{}, notSeen(*r)
	}
	r.NewSeen, r.OldSeen = c.Next.UsedAt, c.UsedAt
	keys := access.ClientKeys{Client: c.ID, Hash: c.Next.Hash, Hint: c.Next.Hint, CreatedAt: c.Next.MadeAt, MadeBy: r.By, UsedAt: c.Next.UsedAt}
	return access.Declaration{Keys: []access.ClientKeys{keys}}, nil
}

// oneKey takes the second key away.
func (a *Assistant) oneKey(ctx context.Context, r access.Rotation) (access.Declaration, error) {
	c, err := a.o.Directory.Client(ctx, r.Subject)
	if err != nil || len(c.Next.Hash) == 0 {
		return access.Declaration{}, err
	}
	keys := keysOf(c)
	keys.Next = access.NextKey{}
	return access.Declaration{Keys: []access.ClientKeys{keys}}, nil
}
