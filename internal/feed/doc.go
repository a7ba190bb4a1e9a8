// Package feed lets a process hear what others changed in the store they share.
// The audit log is the feed: every change that somebody must hear of has an
// entry in the transaction of the change, and on every store the order of the
// entries is the order of the commits. So there is no second log that could
// disagree with the first.
//
// # How it is followed
//
//	poll ──► entries behind the last one ──► Change ──► Listener.Changed ──► position
//	  ▲                                                                        │
//	  └────────── every [Options].Every, or at once after [Feed.Wake] ◄────────┘
//
// Each poll reads the last entry again with those that follow it, and compares
// its hash. A log that went back, or that is another one, as after a restored
// backup or a failover that lost commits, is noticed at once: the Change then
// says All, and nothing that was known counts any more.
//
// # Who decides what
//
// An entry says which rows it is about, not what is in them. Listeners forget,
// or read the rows anew. A change that comes twice is therefore harmless, and
// so is one of the process's own.
//
// An entry of a kind that is not known here names its rows in the usual way and
// is treated as a change of them. So the programs of two versions may follow one
// log.
//
// # When things fail
//
// A store that cannot be read is told to the listener with each try. A listener
// that cannot take a change gets it again. The position moves only past what
// was taken.
package feed
