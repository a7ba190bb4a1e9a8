package web

import (
	"context"
	"net/netip"

	"github.com/zhanggui/zhanggui/internal/trace"
)

// visit is one request's stay with Wrap: its context and the recorder of its answer,
// made in one piece because every request needs one.
type visit struct {
	context.Context
	facts
	recorder recorder
	idValue  [1]string // of X-Request-Id
}

// Value implements context.Context. It knows the facts, and the span.
func (v *visit) Value(key any) any {
	switch key {
	case factsKey{}:
		return &v.facts
	case trace.ContextKey{}:
		return v.span
	}
	return v.Context.Value(key)
}

// facts are what Wrap found out about a request. They travel in the context
// as one pointer, so that inner handlers can leave notes for the access log.
type facts struct {
	id      string
	client  netip.Addr
	host    string
	scheme  string
	proxied bool   // the peer is a trusted proxy
	forged  bool   // it came with identity headers
	pattern string // of the innermost handler that ran
	failure *Error
	span    *trace.Span // nil: not traced
}

type factsKey struct{}

// factsOf gives the request's facts, or empty ones that nobody reads outside
// of Wrap.
func factsOf(ctx context.Context) *facts {
	if f, ok := ctx.Value(factsKey{}).(*facts); ok {
		return f
	}
	return &facts{}
}

// RequestID gives the id that the answer and the access log carry. It is
// ours: ids that callers send are not used. Empty outside of [Wrap].
func RequestID(ctx context.Context) string { return factsOf(ctx).id }

// ClientAddr gives the caller's address: the peer's, or what a trusted proxy
// says. It is invalid when unknown, as on a unix socket.
func ClientAddr(ctx context.Context) netip.Addr { return factsOf(ctx).client }

// EffectiveHost gives host[:port] as the browser used it, in lower case. It is
// input: compare it with configuration, never build a URL from it.
func EffectiveHost(ctx context.Context) string { return factsOf(ctx).host }

// FromProxy tells whether the request comes from one of the trusted proxies, so that
// what such a proxy says of another request may be believed.
func FromProxy(ctx context.Context) bool { return factsOf(ctx).proxied }

// ForgedIdentity tells whether the request came with identity headers of ours, which
// are removed. Where a proxy asks about a request, it still has them.
func ForgedIdentity(ctx context.Context) bool { return factsOf(ctx).forged }

// Scheme gives "https" or "http" as the browser used it. Empty outside of
// [Wrap].
func Scheme(ctx context.Context) string { return factsOf(ctx).scheme }
