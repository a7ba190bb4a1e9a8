// Package postgres opens the store on PostgreSQL 14 or newer: for several
// replicas of the server that share one database.
//
// # Who decides what
//
// Every replica runs the same transitions (package sqlstore). What SQLite has from
// its one writer, they have from locks of the database, all of which end with
// their transaction:
//
//   - an ordinary transition runs alone across all replicas: its first statement
//     takes an advisory lock;
//   - claims and settles take the same lock shared, so that they run beside each
//     other and never beside an ordinary transition. Between themselves they lock
//     the rows of the grants they decide by: a claim passes over rows that are
//     locked, a settle takes them in the order of their ids;
//   - whoever adds to the audit log locks its head row, as the last step before
//     the commit. So the order of entries is the order of commits, and a reader
//     that has seen an entry has seen all before it.
//
// # Time
//
// A lease is timed by the database's clock in the statement that takes it: when it
// ends, whether the one before it is over, and what is due. Clocks of replicas need
// not agree. [Store.Now] gives that clock to whoever must agree with it.
//
// # What a commit means
//
// What the server's synchronous_commit says; its default survives a crash of the
// server. When the connection is lost while a commit is under way, the change may
// have landed (package sqlstore, "When a commit fails"). A transaction that the
// database rolled back because of another one is begun again.
//
// # Poolers
//
// Nothing here outlives its transaction on the connection: no prepared statement,
// no SET, no session lock, no temporary table. So PgBouncer in transaction mode can
// stand in between. Only [Listen] needs a connection of its own, straight to the
// server.
//
// # Refusals
//
// Opening refuses a server that is too old, a standby, a database of another
// program or of an incompatible version of this one, and says what to do. An error
// never holds the URL: it may carry a password.
package postgres
