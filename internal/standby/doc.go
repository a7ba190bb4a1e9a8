// Package standby keeps a sealed local copy of what serving needs, so that calls
// go on for a while when the shared database is gone, and so that a credential
// that WeChat gave meanwhile is not lost.
//
// # What is in the file
//
//	keyset   as in the database: wrapped with the master key
//	rows     apps, shops, clients, grants with their access tokens; each row
//	         sealed for its place with the vault
//	state    sealed: of which database, complete or not, up to which entry of
//	         the audit log, when that database was last heard of
//	spool    sealed: credentials whose settle did not reach the database
//
// In the clear are the ids of rows and the hashes of client keys, by which rows
// are found; they are in the clear in the database as well, and the sealed row
// repeats them. Refresh tokens are not copied, except in the spool: nothing is
// refreshed without the database.
//
// # How it is filled
//
// [Copy] listens to the change feed. It first copies everything in pages, slowly,
// and writes down each row that changes meanwhile. Who may not be served any more
// is written before who was renewed: renewals may lag behind when there are many,
// revocations do not.
//
// # When it serves
//
//	database answers ────────────────────────────► the database, always
//	an error that is no answer, or none in time ─► down: the file, until the
//	                                               feed reads the log again
//
// The file serves for at most [Grace] after the database was last heard of, since
// a revocation may be in the database that nobody here has heard of. After that,
// and for what is not in the file, the answer is an [outage.Error]. A token is never
// served past its end, whatever the file says: that is the keeper's rule. Writes
// fail while the database is down, and nothing is refreshed.
//
// # What is refused
//
// A file that is damaged, of another program or of a newer version is moved aside
// under the name FILE.refused and begun anew, and the log says why. A copy of
// another database, one that does not open with the keyset, and one that is older
// than [Grace] are emptied and filled again. Without the database nothing can be
// begun anew: then the same problems are errors.
//
// # The spool
//
//	settle fails until the lease's trust ends
//	   ─► [File.Spool]: on disk, one transaction ─► the keeper may serve it
//	database is back ─► [File.Replay], each in turn:
//	   settle as it was ──► done, or it had landed before: forget it
//	   lost ─► claim ─► generation still the one before ─► settle ─► forget it
//	                 ─► generation moved on ─► entry in the audit log ─► forget it
//	                 ─► somebody holds the lease ─► later
//
// Every step may be done twice: the store compares the generation. So a process
// may be killed between any two.
package standby
