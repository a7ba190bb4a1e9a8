// Package grant is the domain: a grant (授权) is a durable authorisation that
// yields access tokens. It is a leaf: values, states and what may follow from
// what. It stores nothing, calls nobody and has no clock.
//
// A self grant is a shop's own AppID and AppSecret, which yield stable tokens for
// the shop's APIs. A component grant is a third-party platform's AppSecret and
// ticket; an isv grant is what one account gave to it, a refresh token. A user grant is a person's own pair
// of access and refresh token from a code exchange; there is one for each
// (app, openid, scope), and it dies 30 days after the exchange.
//
// # States
//
//	        Authorise
//	───────────────────► active ◄─────────────────────────┐
//	                       │ ▲                            │
//	          claim: lease │ │ settle: renewed,           │ Authorise,
//	                       ▼ │ again later, or unknown    │ or mended
//	                  active + lease                      │
//	                       │                              │
//	                       ├─ settle: an operator must act ──► stopped
//	                       ├─ settle: WeChat ended it ───────► needs_owner
//	                       ├─ revoke (from every state) ─────► revoked
//	                       └─ hand over, and back ──────────── held, followed
//
// An isv grant is held while another system renews it: it keeps its tokens, is
// never claimed and serves nobody. A followed one is served with what the other
// system keeps, and is never claimed either. A grant becomes neither of them under
// a lease, whose answer would be lost. A platform's own grant may be held, not
// followed.
//
// A lease is the right to refresh one grant for a bounded time; its term counts
// up for ever. A claim that finds the term before it unsettled knows that a
// request may have been sent and its answer lost: the claim says so
// (Claim.Unsettled), that is written to the audit log, and whoever claims asks
// the platform what holds instead of guessing.
//
// A generation counts a grant's kept tokens. Every write of tokens names the
// generation it replaces and is refused if another is kept by then, whatever
// its lease thinks.
//
// # Effects
//
// What a feature decides is a value, [Effects]. One store transition applies
// all of it in one transaction, or none of it.
package grant
