// Package clock watches clocks and, where several replicas must agree on the
// time, makes them.
//
// # A clock for several replicas
//
// [Shared] gives the wall time of a reference, the database's clock, whatever
// the machine's own clock says. In one process it is a straight line over the
// local monotonic reading, moved when a new measurement says so:
//
//	difference found          what is done
//	within the measurement's  nothing; chasing noise would only make noise
//	error (half round trip)
//	up to SlewMax             the line runs 1/8 faster or slower until it is made up
//	more                      measured once more; if both agree, the time jumps and it is logged
//	reference does not answer the line goes on; how old the last answer is can be read
//
// It never goes back, except in a jump: a reference that was set back takes all
// replicas with it, since agreeing with each other is what leases need. The local
// wall clock is never looked at, so setting it changes nothing. A machine that
// slept wakes with an old time, until the next measurement.
package clock
