package postgres

import (
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7): how long what was sent may stay
// unacknowledged, in milliseconds. Questions whether the other side is alive are
// not asked meanwhile.
const tcpUserTimeout = 0x12

func boundSending(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(goneAfter.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
