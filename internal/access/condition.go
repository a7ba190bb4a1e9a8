package access

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrCondition says that a change was not made because what it is about is not as
// whoever asked for it saw it.
var ErrCondition = errors.New("access: it is not as the caller saw it")

type conditionKey struct{}

// condition is what a context's change depends on.
type condition struct {
	holds func(context.Context) error
	over  atomic.Bool
}

// OnlyIf makes changes with the context it gives depend on a condition. The store asks
// holds within the transaction of the first change, when no other replica can change
// anything any more, and makes none if it gives an error. holds may read the
// store, and sees it as the last change left it; it must not write. What is changed
// after the first change depends on nothing: it would find its own doing.
func OnlyIf(ctx context.Context, holds func(context.Context) error) context.Context {
	return context.WithValue(ctx, conditionKey{}, &condition{holds: holds})
}

// Condition is for stores: within a transaction that runs alone they call holds before
// its change, and met once the change is made. Neither is nil.
func Condition(ctx context.Context) (holds func(context.Context) error, met func()) {
	c, _ := ctx.Value(conditionKey{}).(*condition)
	if c == nil || c.over.Load() {
		return func(context.Context) error { return nil }, func() {}
	}
	ask := func(ctx context.Context) error {
		return c.holds(context.WithValue(ctx, conditionKey{}, (*condition)(nil)))
	}
	return ask, func() { c.over.Store(true) }
}
