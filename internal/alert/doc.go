// Package alert decides what humans are told, when, and with what else. It reads
// notices, which are facts that were written with their causes, folds them into
// alerts, and owes messages to the channels. Sending is somebody else's work.
//
// # States
//
//	          first fact                    gathered        last subject out
//	(nothing) ─────────► open, nobody told ─────────► open, told ─────────► over
//	                          │    ▲                    │    ▲
//	                  silence │    │ its end    silence │    │ its end: told again
//	                          ▼    │                    ▼    │
//	                         silenced                  silenced
//
//	events:   told one by one ──many in a minute──► counted, told with a count ──quiet──► over
//
// # Who decides what
//
// [Fold] decides, as a pure function of what is open, what is new, what is
// silenced, the [Rules] and the time. The store decides who folds: one server at a
// time holds the right, under a lease with a term, and a plan is applied in one
// transaction that looks at the term again. The operator decides about rules,
// quiet hours and silences.
//
// # What holds
//
//   - Each fact is folded once: it is told by itself, or counted in one alert, or
//     ends one, or its rule says that nobody wants it.
//   - A cause is told once while it lasts. It is told again when it has grown much,
//     as a reminder while it stays, and when a silence ends before it does.
//   - It is told that something is over, once, if it was told that it began.
//   - An alert leaves within five seconds: at most a tick until it is read, the time
//     that its rule gathers for, and a tick of the sender. How many facts there are does
//     not matter: a hundred thousand are one message, and the rest is counted.
//   - A crash between reading and writing changes nothing; the next step sees the
//     same. A server that lost its lease writes nothing.
//
// # What a server sees for itself
//
// [Rates] counts what goes well and ill in this process, in rings of fixed size, and
// [Watch] holds a condition in the store while the rate is bad. Each server renews what it
// holds; a condition is over when no server holds it, so that of a dead server ends
// by itself. That the store fails, each tells without it, see [StoreWatch].
package alert
