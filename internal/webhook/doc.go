// Package webhook posts signed messages to addresses that users chose, and says
// what came of it. Notices and events are sent with it.
//
// The scheme is Standard Webhooks (www.standardwebhooks.com): the receiver checks
// the headers webhook-id, webhook-timestamp and webhook-signature with a secret of
// its own, and drops an id that it had. While a secret is being replaced a message
// carries a signature of each.
//
// Redirects are not followed, an answer is read up to 64 KiB and never shown or
// kept, and a reason is one of a few fixed words. Which addresses may be reached at
// all is package egress's business. When to try again is in one table, retry.go.
package webhook
