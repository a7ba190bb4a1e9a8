// Package app is the composition root: it opens the store and the vault, makes
// every feature, connects them, and serves the listeners. It is the only place
// that knows everything; features know each other through the small interfaces
// that they declare.
//
// The program, the demo and the tests all run this same App, with other
// settings and another clock.
//
// # Listeners
//
//	public        pages, callbacks, gateway, REST with an administrator's key
//	ops           /metrics, /healthz, /readyz, /debug/pprof
//	DIR/admin.sock  REST without a key, for whoever may open the socket (0600)
//
// # Starting and stopping
//
// [New] does everything that can fail and listens to nothing. [App.Run] listens,
// keeps tokens fresh, signs the audit log's head, and returns when its context
// ends: listeners stop first, then refreshes settle, then the last head is
// signed and the store is closed.
package app
