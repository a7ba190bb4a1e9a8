// Package follow reads what another system keeps of a platform's accounts while
// that system still renews them: the access token of an account, how long it
// lives, and its refresh token. Nothing is written there.
//
// A [Source] is one way to read. There are two: a URL that answers JSON, and a
// Redis with the keys of common SDKs. [Set] has one for each platform that is
// followed, and is what the rest of the server asks.
//
// # What fails
//
// A source that cannot be reached rests for two seconds, in which every question
// is answered with the error of the first, so that a busy gateway does not wait
// for a dead machine once for every call. An account of which nothing is kept is
// an error of that account alone. No error holds a token, a password or the path
// that was asked.
//
// Addresses are the operator's choice and go through package egress.
package follow
