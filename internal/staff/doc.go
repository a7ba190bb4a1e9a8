// Package staff logs people of the provider in through their company: an OpenID
// Connect provider (OP) that the settings name. Whoever it names gets what the first
// rule says that fits them, a group or the domain of a confirmed mail address; whom
// no rule fits is nobody here. Nobody of the staff becomes a member of a tenant.
//
// # A login
//
//  1. GET /admin/company writes a sealed cookie of ten minutes with a state, a nonce
//     and a PKCE verifier, and sends the browser to the OP. Nothing is kept here.
//  2. GET /admin/company/callback wants the cookie, the same state and, where the OP
//     names itself, the right issuer. The cookie is gone from then on, whatever comes.
//  3. The code is exchanged once, with the verifier. The ID token must be signed by
//     the OP, for us, in time, and hold the nonce.
//  4. Who logs in the first time is written down, by what the OP calls them for ever;
//     a kind that changed at the company changes here, and ends their sessions.
//  5. They get a session of [Life] at most: somebody who leaves the company is out by
//     the end of the day. Whoever is revoked here stays out.
//
// When the OP cannot be asked, nobody new gets in and nobody is thrown out;
// administrators with keys are not concerned.
package staff
