package upstream

import (
	"context"
	"net"
)

// DialWith has the back offices of p reached by dial.
func DialWith(p *Proxy, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	for _, o := range p.hosts {
		o.transport.DialContext = dial
	}
}
