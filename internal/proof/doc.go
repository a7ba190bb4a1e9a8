// Package proof checks the story of the demo from what it leaves behind: the
// database, the server's log, and the emulator's ledger. It believes nothing
// that the server says of itself.
//
// It is a second opinion, so it shares no code with the program that it
// judges: it imports no other package of this module. It opens sealed values,
// hashes the audit log and checks signatures by itself, from the written forms:
// RFC 6962 for the tree, C2SP's signed notes and checkpoints for heads, C2SP's
// XAES-256-GCM and the drawing in package vault for what is sealed. What the two
// do not agree on is a finding.
//
// # What it reads
//
//	DIR/steps.json    what the story told, one object a step
//	DIR/ledger.json   every request that reached the emulated WeChat, raw
//	DIR/world.json    the emulator's apps and people, secrets and all
//	DIR/server.log    one JSON object a line
//	DIR/data/         database, keys, signed heads
//
// # Clocks
//
// Ledger, database and audit log are on the story's own clock, which jumps
// ahead; the server's log is on the wall clock. So lines of the log are compared
// with each other by their order only.
//
// # Independence has its price
//
// Whatever of the stored forms changes must be changed here too, by hand. That
// is what makes a change of them visible.
package proof
