// Package balance judges a run of several keepers from what others saw of it:
// the emulator's ledger, a witness inside the database, the audit log, and the
// programs that called. It shares no code with the keeper and knows none of its
// decisions, so that it can disagree. [Judge] takes a [History] and gives a
// [Balance]; nothing here opens a file or reads a clock.
//
// # The balance
//
// A refresh happens under a term, which the database gives out once. Every
// request that the emulator saw belongs to the newest term that its replica
// held when it came, and a term is worth one request. What a term came to is
// read from the row that the witness saw and from the audit log:
//
//	due      it asked when there was no token, or the kept one had at most half
//	         left of what it had at the last answer, or had ended
//	died     it asked after the kept token had been ended by the emulator
//	unknown  the audit log says that nobody knows what came of it
//
// and for each grant there must hold
//
//	asked ≤ due + died + unknown
//
// where the difference is the number of unknown terms of which no request is in
// the ledger. A request outside of a term, a second one under a term, one that
// nothing called for, and a term that ended without a word all break it.
//
// Requests of a holder that was paused past its lease are late: WeChat knows no
// fencing. They are part of asked, since the term that they belong to is
// recorded as unknown by whoever claims next, and are counted apart too.
//
// # What else must hold
//
//   - A lease is given out once its predecessor is settled or over, on the
//     database's clock; terms count up by one; a settle names the newest term.
//   - Generations count up by one, and only with a settle. Tokens do not change
//     without their generation.
//   - No call carries a token before the settle that made it durable, or before its
//     replica had it on its own disk because the database was away. A term that
//     renews without asking brings such a token, and no other.
//   - No token is lost: at the end every grant is active, and the emulator
//     honours what is kept.
//   - No answer of one shop is given for another.
//   - Once nothing is broken any more, no call fails.
//
// # Stale answers
//
// An answer to a program is stale when it says that its token is dead (40001,
// 40014, 42001) although a newer one was durable [StaleAfter] before the call
// began and was honoured until it ended. A replica that could not know, because
// it was paused or cut off from the database then, is counted apart.
package balance
