// Package outage says that a store does not answer. The store that knows its driver
// sorts its errors into kinds, once, where they leave it; every door then tells its
// callers the same in words, without knowing which database there is.
//
// Only what the database or the way to it is to blame for is an outage. An answer of
// the database to a question that was wrong is a fault of ours, and stays one.
package outage

import (
	"errors"
	"time"
)

// Kind is what keeps a store from answering.
type Kind string

// The kinds there are.
const (
	Away   Kind = "away"   // no server that takes writes was reached, or it was lost on the way
	Busy   Kind = "busy"   // others held what was needed for too long
	Full   Kind = "full"   // its disk is full
	Broken Kind = "broken" // its disk, its files or its settings do not let it be used
)

// Error says that a store did not answer, and why.
type Error struct {
	Kind   Kind
	Since  time.Time // since when it does not answer; zero: nobody knows
	Unsure bool      // the change may have been made all the same
	Err    error     // what the driver said, with what to do; never nil
}

// Error gives the line for logs.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives what the driver said.
func (e *Error) Unwrap() error { return e.Err }

// Of gives the outage that err tells of; false when it tells of none.
func Of(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// Unsure marks the outage in err, if there is one: whoever made a change does not
// know what came of it. It gives err back.
func Unsure(err error) error {
	if e, ok := Of(err); ok {
		e.Unsure = true
	}
	return err
}
