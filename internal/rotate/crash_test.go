package rotate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var errDown = errors.New("database is not there")

// breaking is a store whose next declaration fails: before it happened, or after.
type breaking struct {
	*sqlstore.Store
	w *world
}

func (b breaking) Declare(ctx context.Context, d access.Declaration, entries ...audit.Entry) error {
	how := b.w.breaks
	b.w.breaks = ""
	switch how {
	case "failed":
		return errDown
	case "failed but landed":
		return errors.Join(errDown, b.Store.Declare(ctx, d, entries...))
	}
	return b.Store.Declare(ctx, d, entries...)
}

// TestCrash: each step fails, or fails and has landed; whoever repeats it comes to the
// same end, and nothing is changed twice.
func TestCrash(t *testing.T) {
	t.Parallel()
	steps := []struct {
		name string
		want access.RotationState
		make func(w *world) rotate.Begun // what is there before the step
		do   func(w *world, id string) error
	}{
		{"begin", access.RotationWaits, func(*world) rotate.Begun { return rotate.Begun{} }, func(w *world, _ string) error {
			_, err := w.rotate.Begin(w.t.Context(), operator, appSecret)
			return err
		}},
		{"cut over", access.RotationOverlap, func(w *world) rotate.Begun { return w.begin(appSecret) }, func(w *world, id string) error {
			_, err := w.rotate.Take(w.t.Context(), operator, id, w.shown)
			return err
		}},
		{"finish a secret", access.RotationDone, func(w *world) rotate.Begun {
			b := w.begin(appSecret)
			w.shown = w.reset(shopAppID)
			_, err := w.rotate.Take(w.t.Context(), operator, b.ID, w.shown)
			w.must(err)
			return b
		}, func(w *world, id string) error {
			_, err := w.rotate.Finish(w.t.Context(), operator, id, false)
			return err
		}},
		{"begin a client's", access.RotationOverlap, func(*world) rotate.Begun { return rotate.Begun{} }, func(w *world, _ string) error {
			_, err := w.rotate.Begin(w.t.Context(), operator, rotate.Start{Kind: access.RotateClient, Subject: "erp"})
			return err
		}},
		{"finish a client's", access.RotationDone, func(w *world) rotate.Begun {
			return w.begin(rotate.Start{Kind: access.RotateClient, Subject: "erp"})
		}, func(w *world, id string) error {
			_, err := w.rotate.Finish(w.t.Context(), operator, id, true)
			return err
		}},
		{"go back with push keys", access.RotationBack, func(w *world) rotate.Begun {
			return w.begin(rotate.Start{Kind: access.RotateAESKey, Subject: "lantian"})
		}, func(w *world, id string) error {
			_, err := w.rotate.Back(w.t.Context(), operator, id)
			return err
		}},
	}
	for _, tt := range steps {
		for side, landed := range map[string]bool{"failed": false, "failed but landed": true} {
			t.Run(tt.name+" "+side, func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					w.must(first(w.keeper.Token(t.Context(), "lantian")))
					id := tt.make(w).ID
					if tt.name == "cut over" {
						w.shown = w.reset(shopAppID)
					}
					w.breaks = side
					if err := tt.do(w, id); !errors.Is(err, errDown) {
						t.Fatalf("the broken step: %v", err)
					}
					time.Sleep(10 * time.Second)
					err := tt.do(w, id)
					if no, ok := errors.AsType[*rotate.Refusal](err); landed && !ok || !landed && err != nil {
						t.Fatalf("the repeated step: %v (%v)", err, no)
					}
					all, err := w.store.Rotations(t.Context(), access.Mark{}, 10)
					if err != nil || len(all) != 1 || all[0].State != tt.want {
						t.Fatalf("in the end there are %+v, %v; want one that is %s", all, err, tt.want)
					}
				})
			})
		}
	}
}

func first[T any](_ T, err error) error { return err }
