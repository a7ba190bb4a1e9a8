package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
)

// outerTime is how long an outer handler gives a body as a whole.
const outerTime = 30 * time.Second

// onePipe is a listener for the one connection that a test makes, over an
// in-memory pipe, which works inside a synctest bubble.
type onePipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *onePipe) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *onePipe) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *onePipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// slowWeChat reads a body as it comes, thinks, and says how much it was.
type slowWeChat struct{ thinks time.Duration }

func (s slowWeChat) RoundTrip(req *http.Request) (*http.Response, error) {
	n, err := io.Copy(io.Discard, req.Body)
	_ = req.Body.Close()
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(s.thinks):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	rec := httptest.NewRecorder()
	fmt.Fprintf(rec, `{"errcode":0,"n":%d}`, n)
	return rec.Result(), nil
}

// pipeTo starts a gateway behind a handler that sets a deadline for bodies, and
// gives a connection to it.
func pipeTo(t *testing.T, wechat http.RoundTripper) net.Conn {
	t.Helper()
	store := newStore()
	g, err := New(Config{
		Clients: store, Directory: store, Tokens: &fakeTokens{},
		Transports: func(string) (http.RoundTripper, error) { return wechat, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := web.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(outerTime)); err != nil {
			t.Error(err)
		}
		g.ServeHTTP(w, r)
	}), nil)
	l := &onePipe{conns: make(chan net.Conn), done: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	client, server := net.Pipe()
	l.conns <- server
	t.Cleanup(func() { client.Close(); srv.Close(); wg.Wait() })
	return client
}

// framings are the ways in which a body of size bytes may come.
func framings(size int) map[string]func(piece string) string {
	whole := func(piece string) string { return piece }
	return map[string]func(string) string{
		fmt.Sprintf("Content-Length: %d", size): whole,
		"Transfer-Encoding: chunked":            func(piece string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece) },
	}
}

// sendSlowly sends a request's head and then a piece each minute less a second, to
// the end or until the server has enough.
func sendSlowly(conn net.Conn, header string, frame func(string) string, pieces, size int, end string) {
	_, _ = io.WriteString(conn, "POST /wx/lantian"+writePath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+writeKey+"\r\n"+header+"\r\n\r\n")
	for range pieces {
		<-time.After(DefaultCallerTimeout - time.Second)
		if _, err := io.WriteString(conn, frame(strings.Repeat("x", size))); err != nil {
			return
		}
	}
	_, _ = io.WriteString(conn, end)
}

func TestASteadyUploadMayTakeLong(t *testing.T) {
	for _, size := range []int{1 << 10, KeptBody} { // a piece; ten of them are kept, or streamed
		for header, frame := range framings(10 * size) {
			t.Run(fmt.Sprint(header, " ", size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conn := pipeTo(t, slowWeChat{thinks: time.Hour})
					end := ""
					if strings.HasPrefix(header, "Transfer") {
						end = "0\r\n\r\n"
					}
					go sendSlowly(conn, header, frame, 10, size, end)
					res, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(res.Body)
					if want := fmt.Sprintf(`{"errcode":0,"n":%d}`, 10*size); res.StatusCode != 200 || string(b) != want || err != nil {
						t.Errorf("%d %s, %v", res.StatusCode, b, err)
					}
				})
			})
		}
	}
}

func TestAStalledUploadIsEnded(t *testing.T) {
	for _, size := range []int{1 << 10, KeptBody} {
		for header, frame := range framings(10 * size) {
			t.Run(fmt.Sprint(header, " ", size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conn := pipeTo(t, slowWeChat{})
					const pieces = 3
					began := time.Now()
					go sendSlowly(conn, header, frame, pieces, size, "")
					got, _ := io.ReadAll(conn)
					if !strings.Contains(string(got), "body-stalled") || !strings.Contains(string(got), "Connection: close") {
						t.Errorf("answer %s", got)
					}
					took := time.Since(began) - pieces*(DefaultCallerTimeout-time.Second)
					if took < DefaultCallerTimeout || took > DefaultCallerTimeout+5*time.Second {
						t.Errorf("ended %v after the last piece", took)
					}
				})
			})
		}
	}
}

// The transport may read on after the call is over. The connection is the next
// request's then, and its deadline must be left alone.
func TestPatienceEndsWithTheCall(t *testing.T) {
	w := &deadlines{}
	p := &patience{rc: *http.NewResponseController(w), wait: time.Minute}
	body := &patientReader{io.NopCloser(strings.NewReader("xy")), p}
	one := make([]byte, 1)
	_, _ = body.Read(one)
	if len(w.reads) != 1 || w.reads[0].IsZero() {
		t.Fatalf("deadlines %v", w.reads)
	}
	p.end()
	_, _ = body.Read(one)
	_, _ = body.Read(one)
	if len(w.reads) != 1 {
		t.Errorf("set after the call: %v", w.reads[1:])
	}
}

func TestPatienceLiftsTheDeadlineWhenTheBodyWasRead(t *testing.T) {
	w := &deadlines{}
	p := &patience{rc: *http.NewResponseController(w), wait: time.Minute}
	body := &patientReader{io.NopCloser(strings.NewReader("xy")), p}
	for range 2 { // reading on after the end changes nothing
		if _, err := io.Copy(io.Discard, body); err != nil {
			t.Fatal(err)
		}
	}
	p.end()
	if n := len(w.reads); n < 2 || w.reads[0].IsZero() || !w.reads[n-1].IsZero() {
		t.Errorf("deadlines %v", w.reads)
	}
}

// deadlines is a writer that notes deadlines for reading.
type deadlines struct {
	http.ResponseWriter
	reads []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.reads = append(d.reads, at)
	return nil
}
