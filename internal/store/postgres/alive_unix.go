//go:build unix

package postgres

import (
	"crypto/tls"
	"net"
	"syscall"
)

// alive tells whether an idle connection still leads to the server, without asking
// it: nothing waits to be read there. What a server says to an idle connection is
// that it ends it, or news that a new connection has too.
func alive(conn net.Conn) bool {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	// Control, not Read: the driver may have a reader waiting in the background,
	// and Read would wait behind it.
	quiet := false
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
	})
	return err == nil && quiet
}
