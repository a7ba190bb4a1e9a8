// Package signer signs what programs of others verify: the assertions that a
// protected back office gets, with ES256, and ID and logout tokens of OpenID
// Connect, with RS256, which every provider of it must offer. What is signed is a
// JWT (RFC 7519) in the compact form of JWS (RFC 7515); the public halves are
// published as a JWK set (RFC 7517).
//
// # The life of a key
//
//	made ── a day ──► signs ── 30 days ──► signs no more ── 2 days ──► deleted
//	└──────────────────── published ───────────────────────────────┘
//
// A key is published a day before it signs, so that whoever keeps the set for a
// while has it in time. Nothing that is signed lives longer than [MaxLife], and a
// key stays published for longer than that after it signed last. The first key of an
// algorithm is made when it is first asked for, and signs at once: nobody can have
// kept a set without it.
//
// # Several replicas
//
// Keys are rows, private halves sealed for their row. Whoever finds that the next
// key is due makes one; the store keeps the first, and the others read that. Every
// replica reads the rows each minute, and whenever the set is asked for, so that no
// replica publishes less than another one signs with. Public halves are not kept but
// computed from what opened: whoever writes to the database cannot add a key of
// theirs.
//
// # Failure
//
// While the database is away, keys in memory go on signing and being published, a
// day beyond their time if need be. A row that does not open is logged and left out,
// as if it were not there; if it was the one that signs, another is made.
package signer
