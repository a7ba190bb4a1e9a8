package access_test

import (
	"context"
	"errors"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
)

// TestCondition: a condition is asked for until a change is made, and what it reads
// with depends on nothing.
func TestCondition(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	var says error
	asked := 0
	ctx := access.OnlyIf(t.Context(), func(ctx context.Context) error {
		asked++
		if holds, _ := access.Condition(ctx); holds(ctx) != nil || asked > 4 {
			t.Error("the condition depends on itself")
		}
		return says
	})
	step := func(want error) (met func()) {
		t.Helper()
		holds, met := access.Condition(ctx)
		if err := holds(ctx); !errors.Is(err, want) {
			t.Errorf("it says %v, want %v", err, want)
		}
		return met
	}
	step(nil)
	says = wrong
	step(wrong)
	step(wrong)()
	step(nil)
	if asked != 3 {
		t.Errorf("asked %d times, want 3: what was changed is the caller's own", asked)
	}
	if holds, met := access.Condition(t.Context()); holds(t.Context()) != nil {
		t.Error("a context without a condition depends on one")
	} else {
		met()
	}
}
