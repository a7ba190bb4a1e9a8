package trace

import (
	"encoding/hex"
	"strings"

	otel "go.opentelemetry.io/otel/trace"
)

// Header is the header of W3C Trace Context (w3.org/TR/trace-context).
const Header = "Traceparent"

// Parent is the traceparent that a request under this span says; empty for nil.
func (s *Span) Parent() string {
	if s == nil {
		return ""
	}
	c := s.otel.SpanContext()
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-01"
}

// parseParent reads a traceparent. Of later versions it reads what they share with
// the first, as the standard says.
func parseParent(text string) (otel.SpanContext, bool) {
	parts := strings.SplitN(text, "-", 5)
	later := len(parts) == 5 && parts[0] != "00"
	if len(parts) < 4 || len(parts) == 5 && !later || len(parts[0]) != 2 || parts[0] == "ff" || len(parts[3]) != 2 {
		return otel.SpanContext{}, false
	}
	var c otel.SpanContextConfig
	var version, flags [1]byte
	ok := digits(version[:], parts[0]) && digits(c.TraceID[:], parts[1]) && digits(c.SpanID[:], parts[2]) && digits(flags[:], parts[3])
	c.TraceFlags, c.Remote = otel.TraceFlags(flags[0]&1), true
	from := otel.NewSpanContext(c)
	return from, ok && from.IsValid()
}

// digits reads hexadecimal digits, in lower case only, into a buffer that they must
// fill.
func digits(into []byte, text string) bool {
	if len(text) != 2*len(into) || strings.ToLower(text) != text {
		return false
	}
	_, err := hex.Decode(into, []byte(text))
	return err == nil
}
