// Package witness takes signed heads of the audit log to other places, and keeps
// those of other servers. Whoever can rewrite a log, its heads and even use its key
// cannot reach what another place holds.
//
// # Sending
//
// A [Place] is a file in another directory, a webhook, or another server of ours. A
// [Sender] hands the newest head to each on its schedule. When a place takes none,
// people are told once, and once when it works again; nothing else waits for it.
// What a place is known to hold is compared with the log first: a head that the log
// does not lead to says that the log was cut or rewritten, or that another one
// stands in its place.
//
// # Witnessing
//
// A [Witness] is the other end. It knows the public keys of the logs that it looks
// after, remembers the newest head of each, and takes another only with the proof
// that the log it saw is the beginning of the new one. The signature is all that a
// sender needs to show: only the log's own server can make one.
//
//	head of a log that was not seen yet     taken
//	longer, proof leads from what was seen  taken, and is the newest from then on
//	longer, proof from another size         "behind": the answer says what was seen
//	as long or shorter, seen before         "known"
//	shorter, never seen                     "behind"
//	as long as one that was seen, other     "forked": kept beside it as evidence, and
//	root; or the proof shows another root   people are told
//	at the size that was seen
//	signed by another key, proof broken     refused; nothing is kept
//
// Two heads of one size with two roots, both signed, prove to everybody that the
// log's key signed two logs.
package witness
