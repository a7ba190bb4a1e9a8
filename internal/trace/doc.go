// Package trace follows single requests through the rooms: a login, a call, a refresh,
// a push, each a span with its parts under it. The rooms see this package only; where
// spans go is package trace/otlp.
//
// # Off, and nearly off
//
// A nil [Tracer] is tracing that is off, and a nil [Span] a request that nobody looks
// at. All methods work on both and do nothing, so a room asks nothing before it uses
// them, and they allocate nothing. With tracing on, whether a trace is kept is decided
// where it begins, by [Options].Sample alone; all that follows from it is in it.
//
// # What others say
//
// The traceparent of a request (W3C Trace Context) is kept as a link, nothing more: a
// trace of ours has an id of its own and whoever calls us does not decide what we keep.
// Our own id goes on to protected back offices. It never goes to WeChat.
//
// # What a span says
//
// Names are routes, paths of the catalogue and words of ours. Values are words and
// numbers under one of the [Key]s here; a text of another form is left out, see
// [Span.Word]. There is no place for a URL, a query, a token, an openid or an errmsg.
package trace
