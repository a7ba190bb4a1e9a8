// Package clock watches the clock that the server goes by and, where several
// replicas must agree on the time, makes one.
//
// # A clock that is watched
//
// Two comparisons, both by [Watcher], every minute:
//
//	with                     wrong when                  what follows
//	the latest time that     more than a minute behind   clock.back is told; logins stop, since
//	the store ever saw                                   every limit of a session would be wrong
//	WeChat's Date headers    more than 30 seconds off    clock.skew is told
//	([Skew], a median)       beyond the error's bound
//
// A human is told once, and once when it is over, by all replicas together: what
// is wrong is remembered in the store. Tokens are served all the while.
//
// The skew is measured from answers to calls that are made anyway, so nothing is
// known while there is no traffic. It is shown and told, and corrects nothing: the
// end of a token that is read from the store after a restart is taken by our own
// clock as it is. A clock that is wrong by less than the limit costs nothing, since
// tokens are renewed minutes ahead of their end; one that is wrong by more is told,
// and calls that fail for it are reported to the keeper, which asks WeChat.
//
// # A clock for several replicas
//
// [Shared] gives the wall time of a reference, the database's clock, whatever
// the machine's own clock says. In one process it is a straight line over the
// local monotonic reading, moved when a new measurement says so:
//
//	difference found           what is done
//	within the measurement's   nothing; chasing noise would only make noise
//	error (half a round trip)
//	up to SlewMax              the line runs 1/8 faster or slower until it is made up
//	more                       measured once more; if both agree, the time jumps and it is logged
//	reference does not answer  the line goes on; how old the last answer is can be read
//
// It never goes back, except in a jump: a reference that was set back takes all
// replicas with it, since agreeing with each other is what leases need. The local
// wall clock is never looked at, so setting it changes nothing. A machine that
// slept wakes with an old time, until the next measurement.
package clock
