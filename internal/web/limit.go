package web

import (
	"net"

	"golang.org/x/net/netutil"
)

// Limit lets l have at most n connections at a time. Further callers wait in
// the system's queue until one of them ends, and the other listeners of the
// process keep the descriptors that they need. A connection counts from
// Accept until it is closed. n must be positive.
//
// Put it under TLS, tls.NewListener(Limit(l, n), config): net/http must see the
// TLS connection, not a wrapper around it.
func Limit(l net.Listener, n int) net.Listener { return netutil.LimitListener(l, n) }

// MaxConns is how many connections a listener that strangers reach should
// have: as many as this process may open files (RLIMIT_NOFILE, the soft limit
// at the moment of the call), without some for the store, logs and the other
// listeners, and halved, because a call through the gateway holds a connection
// to WeChat too. It is between 1 and 10,000.
func MaxConns() int { return connsWith(openFiles()) }

const (
	maxConns      = 10_000
	reservedFiles = 64
)

// connsWith is MaxConns where files may be open.
func connsWith(files uint64) int {
	reserved := min(files/4, reservedFiles)
	return int(max(1, min((files-reserved)/2, maxConns)))
}
