package rotate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Directory is what rotations change, and the only way they change it.
type Directory interface {
	Revision(ctx context.Context) (int64, error)
	App(ctx context.Context, id string) (access.App, error)
	Apps(ctx context.Context) ([]access.App, error)
	Client(ctx context.Context, id string) (access.Client, error)
	Declare(ctx context.Context, d access.Declaration, entries ...audit.Entry) error
}

// Store keeps rotations.
type Store interface {
	Rotation(ctx context.Context, id string) (access.Rotation, error)
	// Rotations gives a page, the newest first; the zero mark is the beginning.
	Rotations(ctx context.Context, m access.Mark, limit int) ([]access.Rotation, error)
	// LiveRotations gives those under way, the oldest first.
	LiveRotations(ctx context.Context) ([]access.Rotation, error)
	// SeeRotation writes down uses of the new and of the old one.
	SeeRotation(ctx context.Context, id string, newSeen, oldSeen time.Time) error
	// Turn gives one replica the turn of a name.
	Turn(ctx context.Context, name string, now, next time.Time) (bool, error)
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
}

// Grants finds the grants that rest on an app's secret.
type Grants interface {
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	// ComponentGrant gives a platform's own, or grant.ErrNotFound.
	ComponentGrant(ctx context.Context, app string) (grant.Grant, error)
}

// Vault seals secrets for their places.
type Vault interface {
	Seal(plain secret.Value, cell vault.Cell) ([]byte, error)
	Open(sealed []byte, cell vault.Cell) (secret.Value, error)
	// MAC gives a keyed digest.
	MAC(purpose string, data []byte) []byte
}

// WeChat asks WeChat with an AppSecret. Its methods return a [*Refused] when WeChat
// refused the secret itself; any other error proves nothing.
type WeChat interface {
	// Renew asks for a grant's token and keeps it; with plain unless that is zero.
	// fresh has a token replaced that lives. It gives the end of the token.
	Renew(ctx context.Context, grantID string, plain secret.Value, fresh bool, by audit.Actor) (ends time.Time, err error)
	// Prove finds out whether WeChat takes the secret of an app without a grant.
	// [ErrUnprovable] says that there is no call that would tell.
	Prove(ctx context.Context, app access.App, plain secret.Value) error
}

// Refused is WeChat's word that a secret is not the app's.
type Refused struct {
	Code int // WeChat's errcode
	Err  error
}

// Error gives the errcode.
func (r *Refused) Error() string {
	return fmt.Sprintf("rotate: WeChat refuses the secret with errcode %d; look it up again in WeChat's console", r.Code)
}

// Unwrap returns the cause.
func (r *Refused) Unwrap() error { return r.Err }

// ErrUnprovable says that WeChat has no harmless call that would prove a secret.
var ErrUnprovable = errors.New("rotate: no call proves this secret; log in through the app once to prove it")

// Options are what an Assistant works with. All but Log must be set.
type Options struct {
	Directory Directory
	Store     Store
	Grants    Grants
	Vault     Vault
	WeChat    WeChat
	Now       func() time.Time
	Log       *slog.Logger // nil: discards
}

// Assistant leads rotations. Make it with [New]; it is safe for concurrent use.
type Assistant struct {
	o    Options
	seen seen
}

// New makes an assistant.
func New(o Options) *Assistant {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Assistant{o: o}
}

// How long the steps of a rotation last.
const (
	// waitFor is how long a rotation waits for the new secret before it is given up,
	// so that a forgotten one does not hide for ever that a secret is wrong.
	waitFor = 24 * time.Hour
	// keepFor is how long the secret before is kept for the way back, and how long
	// the old push keys are kept after they were seen last.
	keepFor = 24 * time.Hour
)

// tries is how often a step is decided anew because somebody else changed the
// directory meanwhile.
const tries = 4

// step is one change: what is declared, and what the log says of it.
type step struct {
	d      access.Declaration
	action string
	why    string
}

// change makes one step. decide reads what is there and says what follows; it runs
// again when somebody else was first.
func (a *Assistant) change(ctx context.Context, by audit.Actor, decide func() (access.Rotation, step, error)) (access.Rotation, error) {
	var err error
	for range tries {
		var revision int64
		if revision, err = a.o.Directory.Revision(ctx); err != nil {
			return access.Rotation{}, err
		}
		var r access.Rotation
		var s step
		if r, s, err = decide(); err != nil {
			return access.Rotation{}, err
		}
		now := a.o.Now()
		r.ChangedAt = now
		s.d.Revision, s.d.At, s.d.Rotations = revision, now, []access.Rotation{r}
		if err = a.o.Directory.Declare(ctx, s.d, entry(r, s, now, by)); err == nil {
			a.over(ctx, r)
			return r, nil
		}
		if !errors.Is(err, access.ErrStale) {
			break
		}
	}
	return access.Rotation{}, fmt.Errorf("rotate: %w", err)
}

// entry names the rotation and the app or client, no secret.
func entry(r access.Rotation, s step, now time.Time, by audit.Actor) audit.Entry {
	kind := "app:"
	if r.Kind == access.RotateClient {
		kind = "client:"
	}
	return audit.Entry{At: now, Actor: by, Action: s.action, Subject: kind + r.Subject, Outcome: audit.Done, Reason: s.why,
		Details: map[string]string{"rotation": r.ID, "kind": string(r.Kind), "state": string(r.State)}}
}

// system is who acts when a time has come.
var system = audit.Actor{Kind: audit.ActorSystem}

// live reads a rotation that is under way, in one of these states.
func (a *Assistant) live(ctx context.Context, id string, states ...access.RotationState) (access.Rotation, error) {
	r, err := a.o.Store.Rotation(ctx, id)
	switch {
	case err != nil:
		return r, err
	case !slices.Contains(states, r.State):
		return r, notNow(r)
	}
	return r, nil
}

// alone refuses a second rotation of what is being rotated.
func (a *Assistant) alone(ctx context.Context, kind access.RotationKind, subject string) error {
	all, err := a.o.Store.LiveRotations(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Subject == subject && sameThing(r.Kind, kind) {
			return underWay(r)
		}
	}
	return nil
}

// sameThing tells whether two kinds change one row's one thing: push keys are kept as
// a pair.
func sameThing(a, b access.RotationKind) bool {
	return a == b || a.OfPush() && b.OfPush() || a.OfSecret() && b.OfSecret()
}

func actorName(by audit.Actor) string {
	if by.ID == "" {
		return by.Kind
	}
	return by.Kind + ":" + by.ID
}
