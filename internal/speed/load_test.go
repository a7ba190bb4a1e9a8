package speed

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// callers are how many connections a round has.
const callers = 64

// caller is one connection and the request that it sends again and again.
type caller struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	want    int // status
}

// connect opens the callers' connections to a way.
func connect(tb testing.TB, w way, method string, n int) []*caller {
	tb.Helper()
	return dial(tb, w.Address, request(w, method), 200, n)
}

// dial opens connections on which a request is sent again and again, and answered with
// the status that is wanted.
func dial(tb testing.TB, address string, request []byte, want, n int) []*caller {
	tb.Helper()
	all := make([]*caller, n)
	for i := range all {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { conn.Close() })
		all[i] = &caller{conn, bufio.NewReaderSize(conn, 64<<10), request, want}
	}
	return all
}

// request is what a program sends: a call for one order.
func request(w way, method string) []byte {
	const body = `{"order_id":"3700000000000000001","encode_sensitive_info":false}`
	b := fmt.Appendf(nil, "%s /wx/%s/channels/ec/order/get HTTP/1.1\r\nHost: %s\r\nUser-Agent: erp/1.0\r\nAccept: */*\r\n", method, shop, w.Address)
	if w.Key != "" {
		b = fmt.Appendf(b, "Authorization: Bearer %s\r\n", w.Key)
	}
	if method == "GET" {
		return append(b, "\r\n"...)
	}
	return fmt.Appendf(b, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// call sends the request and reads the answer.
func (c *caller) call() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	h, err := readHead(c.in)
	if err == nil && h.status != c.want {
		err = fmt.Errorf("status %d", h.status)
	}
	return err
}

// rush lets every caller call as fast as it is answered, and gives how many calls
// there were in a second.
func rush(tb testing.TB, all []*caller, d time.Duration) (calls int64, took time.Duration) {
	tb.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for _, c := range all {
		wg.Go(func() {
			for time.Since(began) < d {
				if err := c.call(); err != nil {
					tb.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return n.Load(), time.Since(began)
}

// pace starts a call each interval, answered or not, and gives how long each took
// from the moment when it was to be sent.
func pace(tb testing.TB, all []*caller, every time.Duration, calls int) []time.Duration {
	tb.Helper()
	free := make(chan *caller, len(all))
	for _, c := range all {
		free <- c
	}
	took := make([]time.Duration, calls)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range calls {
		due := time.Duration(i) * every
		time.Sleep(due - time.Since(began))
		c := <-free
		wg.Go(func() {
			defer func() { free <- c }()
			if err := c.call(); err != nil {
				tb.Error(err)
			}
			took[i] = time.Since(began) - due
		})
	}
	wg.Wait()
	return took
}
