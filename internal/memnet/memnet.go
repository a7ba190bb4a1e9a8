// Package memnet is a network inside the process. Tests of the whole server use it
// with testing/synctest: who waits at one of its connections waits durably, so that
// days pass in a moment, and everybody's timers fire in their order.
package memnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Network connects those who dial with those who listen. The zero value is ready for
// use, and safe for concurrent use. Make it inside the bubble.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	port      uint16 // that was given last
}

// firstPort is where ports begin that were not asked for.
const firstPort = 20000

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Listen opens a listener on a port of 127.0.0.1.
func (n *Network) Listen() net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &listener{network: n, address: n.next(), conns: make(chan net.Conn), done: make(chan struct{})}
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	n.listeners[l.address.String()] = l
	return l
}

// next gives a port that nobody had.
func (n *Network) next() *net.TCPAddr {
	n.port++
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback, firstPort+n.port))
}

// Dial connects to the listener of an address, whatever the kind of network. Where
// nobody listens it is refused. It fits http.Transport's DialContext.
func (n *Network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l, from := n.listeners[address], n.next()
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	}
	near, far := net.Pipe()
	select {
	case l.conns <- &conn{far, l.address, from}:
		return &conn{near, from, l.address}, nil
	case <-l.done:
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *Network) forget(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, address)
}

// conn is an end of a pipe with addresses, which servers tell clients by.
type conn struct {
	net.Conn
	local, remote net.Addr
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// listener hands one end of a pipe to whoever accepts.
type listener struct {
	network *Network
	address *net.TCPAddr
	conns   chan net.Conn
	done    chan struct{}
	once    sync.Once
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener: accepting and dialling fail from now on.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.network.forget(l.address.String())
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.address }
