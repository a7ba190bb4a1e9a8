// Package sqlstore keeps everything that lasts, on any SQL database that a
// [Dialect] is written for. It offers transitions, not tables: one method is
// one atomic change together with its entries in the audit log. There is no
// transaction object to pass around, no Save and no Update.
//
// # Who decides what
//
// Features decide and hand over values ([grant.Effects], [access.Declaration]);
// the store checks only what must be checked in the same transaction as the
// write: that a lease is still held, that a generation is still the one that
// was read, that a state, a code, an invitation or a set-up link was not used
// before. A check that fails changes nothing and answers with a sentinel error
// of package access or grant.
//
// # One writer
//
// Write transactions run one after another: on SQLite because the writing pool
// has one connection and takes the write lock when a transaction begins, on
// PostgreSQL by a lock that all replicas take. Claims and settles, which are most of
// what is written, lock the rows of their grants instead, and on PostgreSQL run
// beside each other. Reads have a pool of their own and never wait for a writer.
// What a write method wrote is visible to every read that begins after it returned.
//
// # When a commit fails
//
// An error of a write method means that nothing was written, with one exception:
// when the commit itself fails, the change may have landed, and the error is an
// [ErrOutcome]. Every transition is built so that asking again is harmless: a
// repeated settle is lost ([grant.ErrLost]), a repeated use of a state is used
// ([access.ErrUsed]).
//
// # The audit log
//
// Entries of one transaction are appended together, at its end. Two things are
// recorded by the store itself, because only it knows them: a claim that finds
// the term before it unsettled ("grant.unsettled"), and the digest of every
// token pair that is written ("grant.settle" for a batch of routine settles,
// "grant.tokens" otherwise), as a detail from grant id to "generation digest".
// The end of a grant is recorded in the same way, with its reason, so that
// [Store.CheckGrants] finds a row that somebody put back.
//
// The head row says where the log goes on. A store whose head row does not fit
// the entries does not open, and one that is open writes nothing more ([ErrTip]).
//
// # Pushes and events
//
// A push is recorded once, by its app and digest, in one transaction with all that
// follows from it; many are written at once ([Store.RecordPush]). A push that leads to
// more than events may be refused, and is undone alone, so that it counts as never
// seen.
//
// An event gets its id as the last step of its transaction, from a number in meta.
// Such transactions run one after another, so that ids are in the order of the
// commits: whoever read up to one and goes on from there misses none. No id is used
// twice, also when old events are gone.
//
// # Notices
//
// A notice is written with the change that caused it, together with one delivery
// for each channel that is registered. A lease on the channel says who may send;
// a notice is over with its last delivery.
//
// # Time
//
// Times are parameters, kept as milliseconds in UTC, 0 for the zero time. With one
// exception: several replicas have several clocks, so that leases on PostgreSQL,
// and whether a grant is due, go by the database's.
package sqlstore
