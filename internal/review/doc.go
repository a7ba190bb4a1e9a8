// Package review answers the question that auditors ask four times a year: who may do
// what here, does everybody still need it, and who looked.
//
// A [Report] is made from a [Snapshot] and from nothing else: the same state gives the
// same bytes, apart from its time. Each [Line] says what somebody or something may do,
// why it stands out, if it does, and the command that takes it away. Where WeChat lets
// nobody rotate a credential, [Credentials] says so.
//
// # Signing
//
// A report has a digest over all of it but the time at its head. Whoever signs names
// the digest of the report that they read; it is made anew then, and refused with
// [ErrChanged] if it says something else by now. The signature is a row and an entry
// of the audit log, written together. The report itself is kept by whoever needs it:
// [ReadFile] proves that a file is the one that was signed.
//
// The house signs every so often ([Options.Every]). When the newest signature, or the
// first start if there is none, is older than that, a human is told; signing ends it.
// The owners of a tenant or a shop see and sign their part, when they like.
//
// # Renewals
//
// Somebody may be asked to authorise anew before WeChat wants it ([Renewals.Ask]), and
// the settings may ask by themselves when an authorisation is older than it may become
// ([Renewals.Look]). The grant serves meanwhile. A newer authorisation ends the asking
// in its own transaction, whatever brought it. Nobody is cut off at the end, unless the
// settings say so: then the grant waits for its owner.
package review
