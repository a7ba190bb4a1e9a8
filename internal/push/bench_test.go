package push_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// databases are what pushes are recorded in, with the pushes a second that each
// must take at least.
var databases = []struct {
	name string
	open func(tb testing.TB) *sqlstore.Store
	rate int
}{
	{"sqlite", onSQLite, 2000},
	{"postgres", onPostgres, 1500},
}

// benchmarked is a server on a real store, and whole requests for it, each a
// message of its own of about 1 KB, as a platform gets them.
type benchmarked struct {
	b        *testing.B
	addr     string
	requests [][]byte
	next     atomic.Int64
}

func newBenchmarked(b *testing.B, open func(tb testing.TB) *sqlstore.Store) *benchmarked {
	b.Helper()
	r := newRig(b, over(open(b)))
	s := httptest.NewServer(r)
	b.Cleanup(s.Close)
	x := &benchmarked{b: b, addr: s.Listener.Addr().String()}
	ring := keyring(b, "platform")
	for i := range b.N {
		plain := shopEvent(msgcrypt.XML, strconv.Itoa(i), start)
		plain = plain[:len(plain)-len("</xml>")] + "<note>" + string(bytes.Repeat([]byte("x"), 700)) + "</note></xml>"
		q, body, err := ring.Seal(msgcrypt.Push{Dialect: msgcrypt.XML, AppID: platformID, ToUserName: "gh_000000000001", Plain: []byte(plain), Time: start})
		if err != nil {
			b.Fatal(err)
		}
		head := fmt.Sprintf("POST %s?%s HTTP/1.1\r\nHost: keys.example.com\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n",
			eventURL, q.Values().Encode(), len(body))
		x.requests = append(x.requests, append([]byte(head), body...))
	}
	return x
}

// caller is one connection of WeChat's.
type caller struct {
	net.Conn
	r *bufio.Reader
}

func (x *benchmarked) dial() *caller {
	conn, err := net.Dial("tcp", x.addr)
	if err != nil {
		x.b.Error(err)
		return nil
	}
	return &caller{conn, bufio.NewReader(conn)}
}

// send sends the ith push and waits until it is taken.
func (x *benchmarked) send(c *caller, i int) bool {
	if _, err := c.Write(x.requests[i]); err != nil {
		x.b.Error(err)
		return false
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		x.b.Error(err)
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "success" {
		x.b.Errorf("push %d: %d %q, %v", i, resp.StatusCode, body, err)
		return false
	}
	return true
}

// BenchmarkPush takes whole pushes over real connections into a real database, all
// on this machine: 128 callers as fast as they are answered. The figure to look at
// is pushes/s.
func BenchmarkPush(b *testing.B) {
	for _, db := range databases {
		b.Run(db.name, func(b *testing.B) {
			x := newBenchmarked(b, db.open)
			b.ResetTimer()
			var wg sync.WaitGroup
			for range 128 {
				wg.Go(func() {
					c := x.dial()
					if c == nil {
						return
					}
					defer c.Close()
					for i := x.next.Add(1) - 1; i < int64(b.N) && x.send(c, int(i)); i = x.next.Add(1) - 1 {
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
			b.ReportMetric(float64(db.rate), "wanted/s")
		})
	}
}

// BenchmarkPushLatency sends pushes at half of the wanted rate, each at its time
// whether others were answered or not, and reports how long after that time the
// answer came. p99 should be at most 50 ms. Give it enough of them:
//
//	go test -run '^$' -bench PushLatency -benchtime 10000x ./internal/push
func BenchmarkPushLatency(b *testing.B) {
	for _, db := range databases {
		b.Run(db.name, func(b *testing.B) {
			x := newBenchmarked(b, db.open)
			every := time.Second / time.Duration(db.rate/2)
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			began := time.Now()
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() {
					c := x.dial()
					if c == nil {
						return
					}
					defer c.Close()
					for i := x.next.Add(1) - 1; i < int64(b.N); i = x.next.Add(1) - 1 {
						due := began.Add(time.Duration(i) * every)
						<-time.After(time.Until(due))
						if !x.send(c, int(i)) {
							return
						}
						took[i] = time.Since(due)
					}
				})
			}
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
		})
	}
}
