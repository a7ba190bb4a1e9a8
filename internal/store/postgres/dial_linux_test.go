package postgres

import (
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

func TestConnectionsNoticeAMachineThatIsGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]int{tcpUserTimeout: int(goneAfter.Milliseconds()), syscall.TCP_KEEPIDLE: int(goneAfter.Seconds()) / 2}
	err = raw.Control(func(fd uintptr) {
		for option, value := range want {
			if got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option); err != nil || got != value {
				t.Errorf("option %d is %d, %v; want %d", option, got, err, value)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The liveness of an idle connection is seen without a word.
func TestAliveSeesTheEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if !alive(conn) {
		t.Error("a quiet connection counts as dead")
	}
	// The driver may be reading in the background, which must hold nobody up.
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = conn.Read(make([]byte, 1)) }) // ends with the connection
	defer wg.Wait()
	for range 1000 {
		if !alive(conn) {
			t.Fatal("a quiet connection that somebody reads from counts as dead")
		}
		runtime.Gosched()
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait() // the end has come
	if alive(conn) {
		t.Error("an ended connection counts as alive")
	}
}
