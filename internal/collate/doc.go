// Package collate compares the row of every grant with what the audit log says
// it keeps, so that a row that somebody put back, changed, added or deleted by
// hand is ended and told. It does so when a server starts, and goes on while it
// runs.
//
// # A walk
//
//	summary ──► follow the log ──► compare the rows, page by page ──► look again ──► summary
//	(file)      (entries after it)  (log and page of one state)       for missing    (file)
//
// [Checker.Begin] walks before anything is served, for as long as its budget
// lasts. A small store is compared whole in that time, and a row that was put back
// is never served. What is left of a large one is walked by [Checker.Run] beside
// the serving, with a bounded share of one processor, and [Checker.Progress] says
// how far it is. From then on every [Options.Every] another walk begins, with a
// smaller share.
//
// # States and who decides
//
// A walk is in one of the phases above. Only the goroutine that called Begin, and
// then Run, moves it. What disagrees is ended by the store in one transaction, and
// forgotten by memory right after it. Every replica walks for itself; the store
// ends a row once.
//
// # The summary
//
// What the log said up to some entry is kept in a file, so that the next walk
// begins there. The file has a MAC under a key of the vault, and the root that the
// log had at that entry: whoever can write to the database only can neither change
// it nor have another log taken for this one. A file that does not fit is named,
// left alone, and written over after the whole log was read.
//
// # Failure
//
// A database that cannot be read fails the start. Later it is logged, and the walk
// goes on at the next time from where it was. A summary that cannot be written
// costs time at the next start, and nothing else.
package collate
