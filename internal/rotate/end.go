package rotate

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// never is the due time of what does not go on by itself.
var never time.Time

// Finish ends the way back: the one before is deleted. Before the new one was seen in
// use that is refused, unless it is forced.
func (a *Assistant) Finish(ctx context.Context, by audit.Actor, id string, force bool) (access.Rotation, error) {
	return a.finish(ctx, by, id, force, "")
}

func (a *Assistant) finish(ctx context.Context, by audit.Actor, id string, force bool, why string) (access.Rotation, error) {
	return a.change(ctx, by, func() (r access.Rotation, s step, err error) {
		if r, err = a.live(ctx, id, access.RotationOverlap); err != nil {
			return r, s, err
		}
		s = step{action: "rotation.finish", why: why}
		switch {
		case r.Kind.OfPush():
			s.d, err = a.dropPush(ctx, r, force)
		case r.Kind == access.RotateClient:
			s.d, err = a.firstKey(ctx, &r, by, force)
		}
		r.State, r.Previous, r.DueAt, r.Why = access.RotationDone, nil, never, why
		return r, s, err
	})
}

// Back ends a rotation so that the one before is in use. An AppSecret is proved first:
// a [*Refusal] says that WeChat does not take it any more.
func (a *Assistant) Back(ctx context.Context, by audit.Actor, id string) (access.Rotation, error) {
	r, err := a.live(ctx, id, access.RotationWaits, access.RotationTaken, access.RotationOverlap)
	if err != nil {
		return r, err
	}
	if r.Kind.OfSecret() && r.State == access.RotationOverlap {
		return a.backToSecret(ctx, by, r)
	}
	return a.giveUp(ctx, by, id, "")
}

// giveUp ends a rotation of a secret that was not cut over, of push keys or of a
// client's key.
func (a *Assistant) giveUp(ctx context.Context, by audit.Actor, id, why string) (access.Rotation, error) {
	return a.change(ctx, by, func() (r access.Rotation, s step, err error) {
		if r, err = a.live(ctx, id, access.RotationWaits, access.RotationTaken, access.RotationOverlap); err != nil {
			return r, s, err
		}
		s = step{action: "rotation.back", why: why}
		switch {
		case r.Kind.OfSecret() && r.State == access.RotationOverlap:
			return r, s, notNow(r) // it was cut over meanwhile
		case r.Kind.OfPush():
			s.d, err = a.backToPush(ctx, r)
		case r.Kind == access.RotateClient:
			s.d, err = a.oneKey(ctx, r)
		}
		r.State, r.Next, r.DueAt, r.Why = access.RotationBack, nil, never, why
		return r, s, err
	})
}
