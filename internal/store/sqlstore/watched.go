package sqlstore

import "context"

// TransitionFunc is told when a transition begins, by the name that its errors have,
// and gives what is told when it is over. Both must return at once.
type TransitionFunc func(ctx context.Context, op string) (done func(err error))

// OnTransition has f told of every later transition, from the wait for its turn to the
// end of its commit. nil ends it. Refusals are errors too: see the package comment.
func (s *Store) OnTransition(f TransitionFunc) {
	if f == nil {
		s.watched.Store(nil)
		return
	}
	s.watched.Store(&f)
}
