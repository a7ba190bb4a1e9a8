package chaos

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Mode is what a [Way] does to the bytes that go over it.
type Mode string

// The modes of a way.
const (
	Open   Mode = "open"   // lets everything pass
	Refuse Mode = "refuse" // ends all connections, and new ones at once
	Hang   Mode = "hang"   // takes connections and bytes, and passes nothing on
	Cut    Mode = "cut"    // ends connections after some bytes, in the middle of a message
	Delay  Mode = "delay"  // passes everything on later
)

// modes are the ways to be broken.
var modes = []Mode{Refuse, Hang, Cut, Delay}

// Numbers of broken ways.
const (
	delayUpTo = 400 * time.Millisecond
	cutWithin = 2048 // bytes in one direction
)

// Way carries connections from one listener to one address and can be broken.
// It is safe for concurrent use.
type Way struct {
	listener net.Listener
	network  string
	address  string

	mu      sync.Mutex
	mode    Mode
	changed chan struct{} // closed when the mode changes
	conns   map[net.Conn]bool
	wg      sync.WaitGroup
	done    bool
}

// NewWay listens on a free port of loopback and leads to address. Close ends
// it.
func NewWay(ctx context.Context, network, address string) (*Way, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Way{listener: l, network: network, address: address, mode: Open, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	w.wg.Go(w.accept)
	return w, nil
}

// Addr is where the way begins.
func (w *Way) Addr() string { return w.listener.Addr().String() }

// Set changes what the way does, also to connections that are open. Refuse ends
// them. What a way that hung was given is lost with its connection: they are
// ended when it opens again, as by a firewall that lost its memory.
func (w *Way) Set(m Mode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m == Refuse || w.mode == Hang && m != Hang {
		for c := range w.conns {
			_ = c.Close()
		}
	}
	w.mode = m
	close(w.changed)
	w.changed = make(chan struct{})
}

// now gives the mode, and what is closed when it changes.
func (w *Way) now() (Mode, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mode, w.changed
}

// Close ends the way and all that goes over it.
func (w *Way) Close() error {
	err := w.listener.Close()
	w.mu.Lock()
	w.done = true
	w.mu.Unlock()
	w.Set(Refuse)
	w.wg.Wait()
	return err
}

func (w *Way) accept() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.wg.Go(func() { w.carry(c) })
	}
}

// carry leads one connection to the end of the way.
func (w *Way) carry(near net.Conn) {
	defer near.Close()
	if !w.hold(near) {
		return
	}
	defer w.drop(near)
	if !w.pass() {
		return
	}
	far, err := net.DialTimeout(w.network, w.address, time.Second)
	if err != nil {
		return
	}
	defer far.Close()
	if !w.hold(far) {
		return
	}
	defer w.drop(far)
	var both sync.WaitGroup
	both.Go(func() { w.copy(far, near) })
	both.Go(func() { w.copy(near, far) })
	both.Wait()
}

// hold notes an open connection, unless the way refuses them.
func (w *Way) hold(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mode == Refuse || w.done {
		return false
	}
	w.conns[c] = true
	return true
}

func (w *Way) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// copy carries the bytes of one direction and ends both when it ends.
func (w *Way) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if n > 0 && !w.write(to, b[:n]) {
			return
		}
		if err != nil {
			return
		}
	}
}

// write passes bytes on as the mode says. It reports false when the connection
// is over.
func (w *Way) write(to io.Writer, b []byte) bool {
	if !w.pass() {
		return false
	}
	cut := false
	if mode, _ := w.now(); mode == Cut {
		if n := rand.IntN(cutWithin); n < len(b) {
			b, cut = b[:n], true
		}
	}
	_, err := to.Write(b)
	return err == nil && !cut
}

// pass waits until bytes may go on. It reports false when they may not.
func (w *Way) pass() bool {
	mode, changed := w.now()
	switch mode {
	case Refuse:
		return false
	case Hang:
		<-changed
		return false
	case Delay:
		t := time.NewTimer(rand.N(delayUpTo))
		defer t.Stop()
		<-t.C
	}
	return true
}
