// Package retain moves audit entries that are older than somebody wants to keep
// them in the database into archive files, and thins signed heads, see [Thinner]. The hashes of the entries stay, so that
// every signed head and every proof of the past still verifies.
//
// # A step
//
// Entries go in stretches that end with a signed head which is old enough. For each
// stretch, in this order:
//
//  1. the entries are written to a file, as an export that proves itself;
//  2. the file is verified as an inspector would, and is on disk under its name;
//  3. one transaction deletes the entries and records the pruning, signed with the
//     key of the heads and naming the file's digest.
//
// A crash before the third leaves a file that the next run writes again. Entries
// that a later reader cannot do without stay: what the log says last of each grant,
// and the prunings.
//
// # Who decides
//
// Of several replicas each may try; the database lets one prune a stretch, and the
// others find that it was done and remove their files. What cannot be archived stays where it
// is: nothing is deleted because a disk is full, and people are told.
package retain
