// Package rotate leads an operator through the change of a secret: an AppSecret, a
// third-party platform's secret, the token and the AES key of pushes, a client's key.
// Calls go on meanwhile, and until a rotation is finished there is a way back.
//
// # AppSecrets
//
// WeChat has no two AppSecrets at once. Somebody resets it by hand, the old one ends at
// that moment, and WeChat keeps no copy of the new one: it is shown once
// (developers.weixin.qq.com/doc/oplatform/developers/dev/api). A shop's, a website
// app's and a platform's can be reset and not frozen. WeChat's pages do not say that a
// reset ends the access tokens that live; what is certain is that none can be had any
// more. So:
//
//	begin    a token is asked for with the old secret; its life is the time there is
//	 │       [waits] a refused secret stops no grant; the token that lives is served
//	take     the new secret is entered and proved; a wrong one changes nothing
//	 │       [taken] WeChat could not be asked; proved as soon as it can be
//	cut over the new one is in use on all replicas, the one before is kept, sealed
//	 │       [overlap] for a day; the keeper asks with either
//	 ├─ finish   the one before is deleted                    [done]
//	 └─ back     it is proved again, and is in use again      [back]
//
// The proof is a renewal by the keeper whose answer is kept: for a shop the stable
// token that lives, for a platform a new token of its own. It disturbs nothing and
// costs one call. An app without tokens is proved by an ordinary stable token; a
// website app's secret cannot be proved before a login.
//
// # Push keys
//
// Token and AES key are chosen by us. From the beginning on both old and new open
// what WeChat pushes; the receiver sees which WeChat uses. A day after the old one
// was seen last it is deleted by itself, never before the new one was seen.
//
// # Clients' keys
//
// A rotation makes a second key, shown once. Both count until the rotation is
// finished, by hand or at a date. Revoking the client ends both.
//
// # Who decides, and what fails
//
// Each step is one declaration to the store: the secret, the rotation and the audit
// entry change together, against the revision that was read. Of two operators one wins,
// and the other is told what is under way. A step that failed, or failed and landed, is
// repeated: it finds what is there. Between proof and cut-over nothing is stored; who
// crashed there enters the secret again. A secret that was changed by other means
// meanwhile ends the rotation.
package rotate
