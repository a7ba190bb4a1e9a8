// Package provider keeps a third-party platform (第三方平台) and the accounts that
// authorised it, its authorisers, as WeChat has them.
//
// It learns of authorisers in three ways: by push ([Provider.Decide]), by
// somebody who comes from the service market ([Provider.Enter]), and by WeChat's
// own list ([Provider.Reconcile]). Accounts that are no shops come by a link that was
// made here as well ([Provider.Link]). A push may be lost, doubled, late and out of
// order, and a purchase by a shop that had authorised before brings none, so no
// way is enough alone.
//
// # Who decides what
//
// Decide turns a push into effects and asks WeChat nothing: it runs before the
// push is acknowledged. It only notes that an authoriser must be looked at. The
// adoption ([Provider.Run]) claims authorisers that are due, asks WeChat what the
// account is, takes its refresh token and makes or restarts the grant; from then
// on the keeper keeps it. A claim is a new version of the row, so that one
// replica works at each, and whoever decided on an older version has lost.
//
//	           authorized, Enter, the list
//	 ┌────────────────────────────────────────────┐
//	 ▼                                            │
//	new ── adopt: a shop ──► kept ── unauthorized, or not listed ──► withdrawn
//	 │                        ▲                   and confirmed          ▲
//	 └── adopt: no shop ──► foreign ─────────────────────────────────────┘
//	                        foreign, or not known ── Link ──► kept
//
// A kept authoriser is looked at once a day: its permission sets, the state of
// its account, what it bought.
//
// # Order
//
// The CreateTime of the newest event that was applied is kept (EventAt). An older
// event changes nothing. Of two in the same second a withdrawal counts, whichever
// comes first: if that is wrong, the list says so within the hour. Of two
// authorisations in one second the first counts; they say the same.
//
// # Failures
//
// A code is written off before it is sent: after a crash or a lost answer the
// refresh token is taken from WeChat's record of the account, or from its list.
// What WeChat does not answer, or answers with an unknown errcode, changes
// nothing but the next time to ask. A kept account is withdrawn only by its own
// event or when WeChat twice says so: it is missing from a list that was seen
// whole, and asked by name WeChat answers 61003. A grant that an administrator revoked comes
// back only by an event "authorized" that is newer than the revocation.
package provider
