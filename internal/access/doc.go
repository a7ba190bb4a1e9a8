// Package access says who may do what: persons and their roles in a tenant
// (商家) or a shop (店铺), sessions, invitations, programs with client keys, and
// administrators. It is a leaf: values and rules, no storage and no clock of
// its own.
//
// A person is a human, known by one identity for each app they came through:
// (app, openid). A unionid is a fact about an identity that may change; it
// never joins two persons by itself.
//
// An invitation (邀请) goes through these states:
//
//	open ──take──► taken ──confirm──► confirmed
//	  │              │  └─3 wrong codes─► dead
//	  └──────────────┴──expiry or withdrawal──► dead
//
// Opening its link changes nothing. Taking needs a person whom WeChat named;
// confirming needs the four digits that this person was shown, told to the
// inviter by other means.
package access
