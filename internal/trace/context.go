package trace

import "context"

// ContextKey is what a context holds its span under, for contexts that are made by
// hand: their Value gives a *Span for it.
type ContextKey struct{}

// FromContext gives the span that ctx is in, or nil.
func FromContext(ctx context.Context) *Span {
	s, _ := ctx.Value(ContextKey{}).(*Span)
	return s
}

// Carry puts the span of from into to, for work that outlives whoever wanted it. It
// gives to where there is none.
func Carry(to, from context.Context) context.Context {
	to, _ = within(to, FromContext(from))
	return to
}

func within(ctx context.Context, s *Span) (context.Context, *Span) {
	if s == nil {
		return ctx, nil
	}
	return context.WithValue(ctx, ContextKey{}, s), s
}
