// Package outbox sends what was written to be sent: notices, to every [Channel]
// that is configured or made. The log is one; signed webhooks are others, and package
// channel has those where people look.
//
// # A delivery
//
//	package alert ──► message + one delivery for each channel (one transaction)
//	tick ──► DueChannels ──► ClaimDeliveries ──► Send, one by one ──► SettleDeliveries
//	                         (lease on the channel)
//
//	pending ──2xx──► sent
//	   │ ▲
//	   │ └── not taken: waits as the table of package webhook says, or longer if asked to
//	   ├──410──► failed
//	   └──not taken for three days──► failed, with an audit entry
//
// # Who decides what
//
// The store decides who sends: a lease on the channel, which one server at a time
// holds. So a channel gets notices in the order in which they were written, as far
// as retries allow: one that was not taken waits by itself, and those behind it
// wait a few seconds for the channel to come back. When a server dies, another
// goes on after the lease.
//
// # What holds
//
//   - At least once. What was sent and not settled, because of a crash or a lost
//     answer, is sent again with the same id. Receivers drop what they had.
//   - A restart changes nothing: attempts and times are in the row.
//   - A channel's rate is kept without an attempt: what has to wait for it is due
//     then.
//   - A channel that takes nothing for ten minutes is a condition, of which the others
//     tell, and whose end they tell.
//   - One of several receivers of a channel keeps nothing from the others: who may take
//     a message later is tried again alone, whoever of the servers does it, and who
//     never will is a condition of its own.
//   - A channel that is made while the server runs is used by every server within
//     seconds, and one that is removed by none.
//   - What cannot wait for the store, that it fails, is sent past it by [Outbox.Direct]:
//     as often as one attempt after the other needs, and without a row.
//   - Answers of receivers are read up to 64 KiB and never shown or kept. A reason
//     is one of a few fixed words.
//   - Redirects are not followed, and addresses are looked at by package egress.
//   - A channel that was not there before does not begin with the past: it gets
//     what some channel still waits for.
//
// Nothing here is needed to serve tokens: a channel that is down is no reason to
// be less ready.
package outbox
