// Package sqlite opens the store on a SQLite file: the default, for one process.
// It is pure Go.
//
// # What a commit means
//
// The file is in WAL mode with synchronous=FULL: a commit returns after its
// pages are on the disk, so that a power cut loses nothing that was answered. A
// token that WeChat changed and we lost would be a lost authorisation.
//
// # Who may open it
//
// One process at a time. A lock file beside the database names the second one
// at once instead of letting the two wait for each other. The lock is held by
// the operating system: it ends with the process, however that ends. The file,
// the lock and what SQLite keeps beside it (-wal, -shm) are readable by their
// owner only.
//
// # Nothing left behind
//
// Secrets are stored sealed. Even so, what is deleted is overwritten
// (secure_delete), temporary tables stay in memory, and closing the store empties
// the write-ahead log into the database.
//
// # Refusals
//
// Opening refuses a file that is not a database, is cut short, belongs to another
// program, or was written by a newer version, and says what to do. Migrations go
// forward only.
package sqlite
