package access

import (
	"fmt"
	"strings"
)

// InUseError says that something stays because something else needs it. It is an
// [ErrUsed].
type InUseError struct {
	What string   // such as: tenant "lantian"
	By   []string // what needs it, such as: shop "lantian"
}

// Error says what is to go first.
func (e *InUseError) Error() string {
	return e.What + " is needed by " + strings.Join(e.By, ", ") + "; remove that first"
}

// Is makes errors.Is(err, ErrUsed) true.
func (e *InUseError) Is(target error) bool { return target == ErrUsed }

// named is how many single things an [InUseError] names.
const named = 10

// InUse is an [*InUseError] for a thing that others of one kind need, or nil when
// there is none. It names few of many.
func InUse(what, kind string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	e := &InUseError{What: what}
	for _, id := range ids[:min(named, len(ids))] {
		e.By = append(e.By, fmt.Sprintf("%s %q", kind, id))
	}
	if more := len(ids) - named; more > 0 {
		e.By = append(e.By, fmt.Sprintf("%d more", more))
	}
	return e
}
