// Package bundle writes what somebody who helps from afar needs to know of a server,
// as one file that may be sent on.
//
// What keeps secrets out is the type of [Contents]: it has a field for each thing
// that is told, and none that would hold a token, a key, an address of a robot, an
// openid or a name. Settings come as [Setting], which the settings themselves cut down
// by the types of their fields. Nothing is searched for and blacked out, because
// whoever searches must know what a secret looks like.
package bundle
