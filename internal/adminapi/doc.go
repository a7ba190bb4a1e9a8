// Package adminapi is the REST interface for those who run the server: the
// command line over the admin socket, and administrators with a key over the
// public listener. Its OpenAPI document is made from the code and served at
// /v1/openapi.json.
//
// Every operation knows who asks (an [audit.Actor] in the request's context)
// and records it with what was done. Errors are RFC 9457 problem documents
// that never repeat the input: it may hold a secret.
//
// A key, a link or a code of four digits appears in exactly one answer, the
// one to the request that made it.
package adminapi
