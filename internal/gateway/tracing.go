package gateway

import "github.com/zhanggui/zhanggui/internal/trace"

// tellTrace says on the request's span what became of the call, if there is a span.
// What the caller wrote is not told: neither the path, unless the catalogue has it,
// nor a shop that nobody declared.
func (c *call) tellTrace() {
	s := trace.FromContext(c.in.Context())
	if s == nil {
		return
	}
	s.Word(trace.Group, c.label())
	if c.may.endpoint != nil {
		s.Word(trace.Path, c.may.endpoint.Path)
	}
	if c.attempts > 0 { // the shop is the client's
		s.Word(trace.Shop, c.to.shop)
		s.Number(trace.Tries, int64(c.attempts))
	}
	if c.head.Found {
		s.Number(trace.Errcode, int64(c.head.Code))
	}
	if c.head.Found && c.head.Code != 0 {
		s.Word(trace.Class, c.explain().Class.String())
	}
}
