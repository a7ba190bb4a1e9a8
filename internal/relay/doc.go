// Package relay tells clients what happens in their shops: pushes of WeChat, and
// what happens here. The store keeps every event in one order; this package only
// reads them, so that a push never waits for a client.
//
//	transition ──► events (one order, ids without gaps that are filled later)
//	                  │
//	                  ├──► webhooks: one [grant.Subscription] each, with a cursor
//	                  ├──► GET /v1/events: the client keeps the cursor
//	                  └──► GET /v1/events/stream: the same, live
//
// # A subscription
//
//	cursor ──► batch ──► one queue for each shop, a few at once ──► settle
//	                        │
//	                        ├── taken: the next of the shop
//	                        ├── not taken: the shop is held, the others go on
//	                        └── not taken for three days: a dead letter, the next of the shop
//
//	held ──due──► the shop goes on where it stopped ──► free, when it is at the cursor
//	on ──410──► off, with a notice; it goes on from there when it is switched on
//
// # Who decides what
//
// The store decides who sends: a lease on the subscription, which one server at a
// time holds. What came of a batch is settled under the lease's term, or not at
// all. The client's right to a shop is read with each claim, and an event of a shop
// that the client may not use at that moment is never sent later either.
//
// # What holds
//
//   - At least once, in order within a shop. What was sent and not settled is sent
//     again with the same id, in the same order.
//   - A shop that is held holds up no other shop, a subscription no other one.
//   - Slots for sending go round among clients, and among the subscriptions of each; no
//     client has more than its share at once.
//   - A client that is revoked, or loses a shop, hears nothing from the next delivery on.
//   - When several shops in a row are not taken and none is, the receiver is away:
//     the whole subscription pauses, longer each time, up to ten minutes. With the
//     first event that is taken again everything held is due.
//   - Streams hold no queue: each reads on from its own cursor, out of the events
//     in memory or the store, so that a slow one costs nobody else anything. One
//     that takes nothing for ten seconds is cut.
//   - Bodies hold no credential; secrets of subscriptions are sealed, and shown once.
package relay
