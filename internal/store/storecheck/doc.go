// Package storecheck looks at a whole store for what must hold between its rows,
// whoever wrote them:
//
//   - the audit tree recomputes from its entries, hash by hash, up to its head;
//   - the newest audit entry that names a grant's tokens names those it keeps;
//   - a grant keeps an access token exactly when it has a digest to show for it,
//     a revoked one keeps none and is due only while it owes forced refreshes;
//   - no term is settled that was not given out, a lease that runs has a holder and
//     an end, and one that was voided has neither;
//   - one row stands for each shop's own grant and for each person's with an app and
//     a scope, and no sealed token stands in two rows;
//   - every grant has its app, every living one its shop or person;
//   - every session has exactly one holder, who exists;
//   - a confirmed invitation has its member, a taken one its person and code.
//
// It reads everything and changes nothing. The conformance suite asks it after
// each step, zhanggui chaos at the end of a run.
package storecheck
