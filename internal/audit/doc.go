// Package audit makes the audit log (审计) provable. Each entry is a leaf of a
// Merkle tree (the tile-free form of golang.org/x/mod/sumdb/tlog), written in
// the transaction of the change that it records. The tree's head is signed
// with a key that is kept outside the database and is also written to a file
// of its own, so that somebody who rewrites the database, even the whole of it
// with every hash made anew, is caught by [Verify].
//
// It is a leaf: it computes, signs and compares; storage of the log belongs to
// others.
//
// # What is kept where
//
//	database   entries       Seq, Data, Leaf         one row for each entry
//	           hashes        idx, hash               the tree, in stored-hash order
//	           checkpoints   Size, Root, SignedNote  signed heads
//	files      audit.key     signs the heads; 0600, never in the database
//	           audit.pub     checks them; safe to give away
//	           audit.heads   signed heads again, one after another
//	           grants.summary  what the log said of grants up to some entry ([Grants])
//
// # Writing
//
// A store calls [Append] inside its transaction and writes what it returns.
// Once in a while, somebody reads size and root, calls [Signer.SignHead], then
// [HeadFile.Append], then stores the [Checkpoint]: the file comes first, so
// that every checkpoint of the database is in the file too, whenever the
// process dies.
//
// # What is proved, and what is not
//
// Everything up to the newest signed head is proved: an entry that was edited,
// removed, inserted or moved there is found. Entries after that head are
// compared with their stored hashes only. Whoever can write to the database can
// therefore cut or rewrite the last stretch before it is signed, and nothing
// after. Whoever can cut audit.heads as well can take the log back to an older
// head, and whoever holds audit.key can rewrite everything: keep a copy of
// audit.heads on another machine.
//
// # For those who have no database
//
// A [Proof] leads from one signed head to another, or from an entry to one. An
// [Export] holds entries with what proves them, for [VerifyExport]. Both are checked
// with the public key alone.
//
// # Entries that left
//
// Old entries may be moved out of the database into an export. Their hashes stay,
// and a signed [Pruning] in the log says which are gone and where they are, so that
// [Verify] tells a pruning from a cut. [Needed] finds the ones that must stay.
//
// # Refusals
//
// Refusals can come as fast as anybody likes to send requests. [Tally] turns
// many alike into one entry with a count, in bounded memory.
package audit
