package postgres

import (
	"net"
	"time"
)

// goneAfter is how long a server's machine may leave us without any sign of life,
// whatever the statement takes: then the connection counts as lost. Without it, a
// machine that is cut off is waited for for a quarter of an hour.
const goneAfter = 10 * time.Second

// dialer asks a silent machine every few seconds whether it is still there.
var dialer = net.Dialer{
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: goneAfter / 2, Interval: goneAfter / 6, Count: 3},
	Control:         boundSending,
}
