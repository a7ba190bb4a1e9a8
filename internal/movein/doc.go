// Package movein takes over the accounts of a third-party platform from another
// system, and gives them back: nobody has to authorise again.
//
// What moves is one refresh token for each account. [Read] finds them in what
// the other system can give: CSV, JSON, or keys of a Redis as common SDKs name
// them. [Mover.TakeIn] decides about each and has the store write a whole batch
// in one transaction. [Mover.Export] reads them out again, and [Seal] puts them
// into a file that a passphrase opens.
//
// # What a batch does
//
//	kept here             in the file     outcome
//	nothing               a token         imported: grant, shop and account are made
//	the same token        a token         kept, "same"
//	held or followed,     a token         replaced: the other system still renews it
//	another token
//	no token, or broken   a token         replaced
//	active, other token   a token         kept, "renewed_here": WeChat changed it here
//	ended by somebody     a token         refused, "revoked_here"
//	withdrawn at WeChat   a token         refused, "withdrawn"
//
// So the same file may be given as often as one likes: what landed stays, what
// did not is taken in. A grant that changed between the look and the write is
// refused as "changed_meanwhile", alone; the next run decides about it anew.
//
// # Who renews
//
// A refresh token has one user at a time. A grant is taken in held, in which
// nobody here asks WeChat with it and nobody is served, or leading, in which the
// keeper renews it from then on. Between them it may be followed: the other system
// renews it, and calls here are served with the access token that it keeps, see
// [Source]. [Mover.Hand] and [Mover.HandAll] move grants between the three. Only
// what leads can be busy: a renewal that is on its way may bring the next refresh
// token, so the grant stays until it is over. What was followed leads with the
// refresh token that the other system keeps at that moment.
//
// # What fails
//
// Reading a file changes nothing. A batch lands whole, or as far as single
// accounts were refused, or not at all. Tokens are sealed before they reach the
// store; no error, log line or audit entry holds one.
package movein
