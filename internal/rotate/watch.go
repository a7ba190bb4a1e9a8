package rotate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// lookEvery is how often rotations are looked at that may go on by themselves.
const lookEvery = 30 * time.Second

// seen is what pushes came with since it was written down last.
type seen struct {
	mu   sync.Mutex
	apps map[string]*pushUse
}

// pushUse says when pushes of an app came with the current and the previous token and
// AES key, while the current ones are of a version.
type pushUse struct {
	version                            int64
	newToken, oldToken, newKey, oldKey time.Time
}

// Opened is told of each push that was taken: whether it came with the current token
// and with the current AES key, which are of a version. It returns at once.
func (a *Assistant) Opened(app string, version int64, token, key bool, at time.Time) {
	a.seen.mu.Lock()
	defer a.seen.mu.Unlock()
	u := a.seen.apps[app]
	switch {
	case u != nil && version < u.version:
		return // opened by somebody who had not heard of the change yet
	case u == nil || version > u.version:
		if a.seen.apps == nil {
			a.seen.apps = map[string]*pushUse{}
		}
		u = &pushUse{version: version}
		a.seen.apps[app] = u
	}
	*pick(token, &u.newToken, &u.oldToken) = at
	*pick(key, &u.newKey, &u.oldKey) = at
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// take gives what was seen of an app's new and old token or key.
func (s *seen) take(r access.Rotation) (newSeen, oldSeen time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.apps[r.Subject]
	switch {
	case u == nil || u.version != r.Version: // current was another pair
		return never, never
	case r.Kind == access.RotatePushToken:
		return since(r, u.newToken), since(r, u.oldToken)
	}
	return since(r, u.newKey), since(r, u.oldKey)
}

// since leaves out what was seen before the rotation began.
func since(r access.Rotation, at time.Time) time.Time {
	if at.Before(r.BegunAt) {
		return never
	}
	return at
}

// Run looks at the live rotations every half minute until ctx ends.
func (a *Assistant) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := a.Look(ctx); err != nil && ctx.Err() == nil {
			a.o.Log.Warn("rotations were not looked at; they are again in half a minute", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look writes down what this process saw, and lets the rotations go on whose time has
// come. Run does it.
func (a *Assistant) Look(ctx context.Context) error {
	all, err := a.o.Store.LiveRotations(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	var errs []error
	for _, r := range all {
		if r.Kind.OfPush() {
			if newSeen, oldSeen := a.seen.take(r); newSeen.After(r.NewSeen) || oldSeen.After(r.OldSeen) {
				errs = append(errs, a.o.Store.SeeRotation(ctx, r.ID, newSeen, oldSeen))
			}
		}
	}
	now := a.o.Now()
	mine, err := a.o.Store.Turn(ctx, "rotations", now, now.Add(lookEvery-time.Second))
	if err != nil || !mine {
		return errors.Join(append(errs, err)...)
	}
	for _, r := range all {
		errs = append(errs, a.advance(ctx, r, now))
	}
	return errors.Join(errs...)
}

// advance lets one rotation go on. What somebody else did meanwhile is no error.
func (a *Assistant) advance(ctx context.Context, r access.Rotation, now time.Time) error {
	err := a.advanceOne(ctx, r, now)
	if _, ok := errors.AsType[*Refusal](err); ok {
		a.o.Log.Info("a rotation went on without us", "rotation", r.ID, "why", err)
		return nil
	}
	return err
}

func (a *Assistant) advanceOne(ctx context.Context, r access.Rotation, now time.Time) (err error) {
	due := !r.DueAt.IsZero() && !now.Before(r.DueAt)
	switch {
	case r.Kind.OfPush():
		return a.advancePush(ctx, r, now)
	case r.Kind == access.RotateClient:
		return a.advanceClient(ctx, r, due)
	case r.State == access.RotationOverlap && due:
		_, err = a.finish(ctx, system, r.ID, true, "time_over")
		return err
	case r.State == access.RotationOverlap:
		a.over(ctx, r)
		return nil
	}
	return a.advanceSecret(ctx, r, due)
}

// advancePush deletes the keys before when WeChat has not used them for a day.
func (a *Assistant) advancePush(ctx context.Context, r access.Rotation, now time.Time) error {
	app, err := a.o.Directory.App(ctx, r.Subject)
	if errors.Is(err, access.ErrNotFound) || err == nil && app.Push.Version != r.Version {
		_, err = a.giveUp(ctx, system, r.ID, "changed_elsewhere")
		return err
	}
	if err != nil || r.NewSeen.IsZero() {
		return err
	}
	if r.DueAt.IsZero() {
		_, err = a.noteSeen(ctx, r.ID)
		return err
	}
	if now.Before(later(r.OldSeen.Add(keepFor), r.DueAt)) {
		return nil
	}
	_, err = a.finish(ctx, system, r.ID, false, "old_not_seen")
	return err
}

// noteSeen writes into the log that WeChat uses the new keys, and plans the end of
// those before.
func (a *Assistant) noteSeen(ctx context.Context, id string) (access.Rotation, error) {
	return a.change(ctx, system, func() (r access.Rotation, s step, err error) {
		r, err = a.live(ctx, id, access.RotationOverlap)
		r.DueAt = a.o.Now().Add(keepFor)
		return r, step{action: "rotation.seen"}, err
	})
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// advanceClient ends the first key at its date, and the rotation of a client that has
// ended or has no second key any more.
func (a *Assistant) advanceClient(ctx context.Context, r access.Rotation, due bool) error {
	c, err := a.o.Directory.Client(ctx, r.Subject)
	switch {
	case errors.Is(err, access.ErrNotFound) || err == nil && !c.RevokedAt.IsZero():
		_, err = a.end(ctx, r.ID, "client_ended")
	case err == nil && len(c.Next.Hash) == 0: // it was removed, and made again
		_, err = a.end(ctx, r.ID, "changed_elsewhere")
	case err == nil && due:
		_, err = a.finish(ctx, system, r.ID, true, "time_over")
	}
	return err
}

// end ends a rotation and changes nothing else.
func (a *Assistant) end(ctx context.Context, id, why string) (access.Rotation, error) {
	return a.change(ctx, system, func() (r access.Rotation, s step, err error) {
		r, err = a.live(ctx, id, access.RotationWaits, access.RotationTaken, access.RotationOverlap)
		r.State, r.Next, r.Previous, r.DueAt, r.Why = access.RotationBack, nil, nil, never, why
		return r, step{action: "rotation.back", why: why}, err
	})
}

// advanceSecret looks at a rotation that has not cut over.
func (a *Assistant) advanceSecret(ctx context.Context, r access.Rotation, due bool) error {
	app, err := a.o.Directory.App(ctx, r.Subject)
	if errors.Is(err, access.ErrNotFound) || err == nil && app.SecretVersion != r.Version {
		_, err = a.end(ctx, r.ID, "changed_elsewhere")
		return err
	}
	if err != nil {
		return err
	}
	if r.State == access.RotationTaken {
		return a.proveLater(ctx, r, app)
	}
	if due {
		_, err = a.giveUp(ctx, system, r.ID, "time_over")
		return err
	}
	return a.tellWaiting(ctx, r, app)
}

const (
	// askMost is the longest time between two questions about a secret.
	askMost = 30 * time.Minute
	// unprovedFor is how long a secret could not be proved when a human is told.
	unprovedFor = 10 * time.Minute
)

// proveLater asks WeChat about a secret that could not be proved when it came: half a
// minute after it, then after twice the time, and every half hour in the end. One that
// is entered again is asked about at once. A human is told if it takes long.
func (a *Assistant) proveLater(ctx context.Context, r access.Rotation, app access.App) error {
	now := a.o.Now()
	since := now.Sub(r.ChangedAt)
	name := fmt.Sprintf("rotation-proof:%s:%d", r.ID, r.ChangedAt.UnixMilli())
	due, err := a.o.Store.Turn(ctx, name, now, now.Add(min(max(since, lookEvery), askMost)-time.Second))
	if err != nil || !due {
		return err
	}
	if err := a.proveAgain(ctx, r, app); err != nil || since < unprovedFor {
		return err
	}
	return a.tellUnproved(ctx, r.ID, app)
}

// causeUnproved says that a new secret is there and could not be proved for long.
const causeUnproved = "secret_unproved"

// tellUnproved has a human told, once, that a secret is still taken.
func (a *Assistant) tellUnproved(ctx context.Context, id string, app access.App) error {
	r, err := a.o.Store.Rotation(ctx, id)
	if err != nil || r.State != access.RotationTaken {
		return err
	}
	g, ok, err := a.grantOf(ctx, app)
	if err != nil {
		return err
	}
	details := map[string]string{"app": r.Subject, "cause": causeUnproved, "rotation": r.ID}
	if ok {
		details["ends"] = g.Tokens.AccessExpires.UTC().Format(time.RFC3339)
	}
	return a.tell(ctx, r, notice.RefreshFailing, details)
}

// proveAgain asks WeChat about a secret that could not be proved when it came. One that
// WeChat refuses is deleted: the rotation waits again.
func (a *Assistant) proveAgain(ctx context.Context, r access.Rotation, app access.App) error {
	plain, err := a.o.Vault.Open(r.Next, vault.RotationNext(r.ID))
	if err == nil {
		err = a.prove(ctx, app, plain, system)
	}
	if err == nil || errors.Is(err, ErrUnprovable) {
		_, err = a.cutOver(ctx, system, r.ID, plain)
		return err
	}
	if _, refused := errors.AsType[*Refused](err); !refused && !errors.Is(err, vault.ErrSealed) {
		a.o.Log.Info("the new AppSecret still cannot be proved; it is asked about later again", "rotation", r.ID, "err", err)
		return nil
	}
	_, err = a.change(ctx, system, func() (now access.Rotation, s step, err error) {
		now, err = a.live(ctx, r.ID, access.RotationTaken)
		if err == nil && !bytes.Equal(now.Next, r.Next) {
			err = notNow(now) // another one was entered while this one was asked about
		}
		now.State, now.Next, now.Why = access.RotationWaits, nil, "refused"
		return now, step{action: "rotation.refused", why: grant.CauseSecretWrong}, err
	})
	return err
}

// tellWaiting has a human told, once, that tokens cannot be renewed until the new
// secret is entered, with the end of the one that is kept.
func (a *Assistant) tellWaiting(ctx context.Context, r access.Rotation, app access.App) error {
	g, ok, err := a.grantOf(ctx, app)
	if err != nil || !ok || g.Cause != grant.CauseAwaitsSecret {
		return err
	}
	return a.tell(ctx, r, notice.RefreshFailing, map[string]string{
		"app": r.Subject, "cause": grant.CauseAwaitsSecret, "rotation": r.ID, "ends": g.Tokens.AccessExpires.UTC().Format(time.RFC3339)})
}

// over has a human told who was told that a rotation waits, when it waits no more.
func (a *Assistant) over(ctx context.Context, r access.Rotation) {
	if !r.Kind.OfSecret() || r.State == access.RotationWaits || r.State == access.RotationTaken {
		return
	}
	if err := a.tell(ctx, r, notice.AlertOver, map[string]string{notice.DetailWas: string(notice.RefreshFailing), "rotation": r.ID}); err != nil {
		a.o.Log.Warn("nobody was told that a rotation waits no more; see rotate status", "rotation", r.ID, "err", err)
	}
}

func (a *Assistant) tell(ctx context.Context, r access.Rotation, kind notice.Kind, details map[string]string) error {
	// The subject is not the app: its renewals may fail, and be over, for other reasons.
	n := notice.Notice{At: a.o.Now(), Kind: kind, Subject: "rotation:" + r.ID, Details: details}
	_, err := a.o.Store.SetCondition(ctx, "rotation:"+r.ID, kind != notice.AlertOver, n)
	return err
}
