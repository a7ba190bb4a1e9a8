package keeper

import (
	"errors"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/trace"
)

// endSpan ends the span of a refresh with what became of it.
func endSpan(s *trace.Span, kind grant.Kind, err error) {
	if s == nil {
		return
	}
	s.Word(trace.Grant, string(kind))
	if e, ok := errors.AsType[*Error](err); ok {
		s.Word(trace.Outcome, e.Cause)
		s.Fail(e.Cause)
		if e.ErrCode != 0 {
			s.Number(trace.Errcode, int64(e.ErrCode))
		}
	} else if err != nil {
		s.Fail("")
	}
	s.End()
}
