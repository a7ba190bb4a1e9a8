// Package storecopy copies a store from one database to another: from SQLite to
// PostgreSQL and back.
//
// # A copy
//
//	check the source ──► copy table by table ──► compare ──► done, or undone
//	(log, grants)        (one state of it)       (both sides)
//
// The source is read in one transaction while no server works on it, and is not
// changed. The target must be empty. It is written in one transaction too, which is
// committed after everything was compared: there is never half a store that opens.
//
// # What is compared
//
// Each side is read once more by itself, after the last row was written. For every
// table there is the number of rows and a digest of what is in them, which does not
// depend on their order. The audit log is computed anew from its entries on both
// sides, and must give the same root; every grant must keep what the log says of
// it.
//
// # What is not copied
//
// What migrations write: which ran, whose database it is, and which programs it
// serves. Keys are files and belong to no database.
package storecopy
