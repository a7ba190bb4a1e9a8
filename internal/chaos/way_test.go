package chaos

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// far is a server that sends back what it gets.
func far(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); _, _ = io.Copy(c, c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

func way(t *testing.T) *Way {
	t.Helper()
	w, err := NewWay(t.Context(), "tcp", far(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func dial(t *testing.T, w *Way) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echo sends b and reads as much within d.
func echo(c net.Conn, b []byte, d time.Duration) ([]byte, error) {
	_ = c.SetDeadline(time.Now().Add(d))
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	got := make([]byte, len(b))
	n, err := io.ReadFull(c, got)
	return got[:n], err
}

const soon = 100 * time.Millisecond

func timedOut(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// TestWay: what each mode does to new and to open connections.
func TestWay(t *testing.T) {
	message := bytes.Repeat([]byte("掌柜"), 2000)
	open := func(t *testing.T) (*Way, net.Conn) {
		w := way(t)
		c := dial(t, w)
		if got, err := echo(c, message, time.Minute); err != nil || !bytes.Equal(got, message) {
			t.Fatalf("through an open way came %d bytes, %v", len(got), err)
		}
		return w, c
	}
	t.Run("refuse", func(t *testing.T) {
		w, c := open(t)
		w.Set(Refuse)
		for _, c := range []net.Conn{c, dial(t, w)} {
			if _, err := echo(c, message, time.Minute); err == nil || timedOut(err) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("hang", func(t *testing.T) {
		w, c := open(t)
		w.Set(Hang)
		for _, c := range []net.Conn{c, dial(t, w)} {
			if got, err := echo(c, []byte("x"), soon); !timedOut(err) || len(got) > 0 {
				t.Errorf("got %q, %v", got, err)
			}
		}
		w.Set(Open)
		if _, err := echo(c, []byte("x"), time.Minute); err == nil || timedOut(err) {
			t.Errorf("a connection that hung goes on: %v", err)
		}
		if got, err := echo(dial(t, w), message, time.Minute); err != nil || !bytes.Equal(got, message) {
			t.Errorf("a new one does not: %v", err)
		}
	})
	t.Run("cut", func(t *testing.T) {
		w, c := open(t)
		w.Set(Cut)
		got, err := echo(c, message, time.Minute)
		if err == nil || timedOut(err) || !bytes.HasPrefix(message, got) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	t.Run("delay", func(t *testing.T) {
		w, c := open(t)
		w.Set(Delay)
		if got, err := echo(c, message, time.Minute); err != nil || !bytes.Equal(got, message) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		w, c := open(t)
		w.Set(Hang)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if _, err := echo(c, message, time.Minute); err == nil || timedOut(err) {
			t.Errorf("got %v", err)
		}
	})
}
