// Package adminapi is the REST interface for those who run the server: the
// command line over the admin socket, and administrators with a key over the
// public listener. Its OpenAPI document is made from the code and served at
// /v1/openapi.json; /v1/reference shows it to people. These two are open to
// everybody ([Public]).
//
// Every operation knows who asks (an [audit.Actor] in the request's context)
// and records it with what was done. Errors are RFC 9457 problem documents
// that never repeat the input: it may hold a secret.
//
// # What stands around every operation
//
// Lists come in pages behind cursors that are made of keys, so that what is added
// meanwhile moves nothing; no list is read whole. Reads have an ETag made of their
// content, and a change can be tied to one (If-Match): the look is part of the
// transaction that makes the change, so that it holds across replicas. What makes
// something takes an Idempotency-Key: its answer is kept for a day, sealed, since it
// may show a key that is shown once. When the server fails while it answers such a
// request, nobody knows what came of it, and repeating it says so rather than do it
// twice. [Frame] is all of this for others.
//
// One app, tenant or shop is made, changed and removed by the planner of manifests
// (package setup), as one manifest that names it alone.
//
// A key, a link or a code of four digits appears in exactly one answer: the one to
// the request that made it, and to the same request sent again with its key.
package adminapi
