package passon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// atOnce is how many are sent at the same time.
	atOnce = 16
	// most is how many may wait, and mostBytes how much: what a busy platform gets
	// in a minute.
	most, mostBytes = 4096, 32 << 20
	// sendTime bounds one attempt. WeChat gives up after three seconds.
	sendTime = 5 * time.Second
	// maxAnswer is what is read of an answer, to use its connection again.
	maxAnswer = 4 << 10
)

// waits is how long to wait after each attempt that failed.
//
//	attempt  waited before it  since the first
//	1        -                 0
//	2        1 s               1 s
//	3        5 s               6 s
//	4        30 s              36 s
var waits = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second}

// Place is where the pushes of one platform go.
type Place struct {
	Auth  string            // takes what WeChat tells the platform itself; empty: nobody
	Event string            // takes events of accounts; $APPID$ stands for their ids; empty: nobody
	Way   http.RoundTripper // the way there
}

// Observer counts. result is "sent", "failed" (tried again) or "dropped".
type Observer interface {
	PassedOn(result string)
}

// Options are what a Passer works with; all are needed.
type Options struct {
	Places   map[string]Place // by our id of the platform
	Logger   *slog.Logger
	Observer Observer
}

// Passer hands pushes on. Make it with [New]; it is safe for concurrent use.
type Passer struct {
	o       Options
	clients map[string]*http.Client
	slots   chan struct{}
	flying  sync.WaitGroup
	last    context.Context // ends when there is no time left for waiting
	hurry   context.CancelFunc
	work    context.Context // ends when there is no time left at all
	stop    context.CancelFunc
	tell    rate.Sometimes

	mu             sync.Mutex
	closed         bool
	waiting, bytes int
	dropped        int // since the last log line
}

// New makes a Passer.
func New(o Options) *Passer {
	p := &Passer{o: o, clients: map[string]*http.Client{}, slots: make(chan struct{}, atOnce), tell: rate.Sometimes{Interval: 10 * time.Second}}
	p.last, p.hurry = context.WithCancel(context.Background())
	p.work, p.stop = context.WithCancel(context.Background())
	for app, place := range o.Places {
		p.clients[app] = &http.Client{
			Transport:     place.Way,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return p
}

// message is one push on its way.
type message struct {
	app, url, contentType string
	body                  []byte
}

// Pass hands a push on, in the background. account is WeChat's id of the account
// that it is about, empty for what is about the platform itself. It implements
// push.Passer.
func (p *Passer) Pass(app, account, query, contentType string, body []byte) {
	place := p.o.Places[app]
	to := place.Auth
	if account != "" {
		to = strings.ReplaceAll(place.Event, "$APPID$", url.PathEscape(account))
	}
	if to == "" {
		return
	}
	m := message{app: app, url: to + "?" + query, contentType: contentType, body: body}
	if !p.begin(m) {
		p.drop(m, "too many wait")
	}
}

// begin has a message carried, if there is room for it.
func (p *Passer) begin(m message) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.waiting >= most || p.bytes+len(m.body) > mostBytes {
		return false
	}
	p.waiting++
	p.bytes += len(m.body)
	p.flying.Go(func() {
		defer p.leave(m)
		p.carry(m)
	})
	return true
}

func (p *Passer) leave(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	p.bytes -= len(m.body)
}

// carry tries until the other system took a message, refused it, or the waits are
// over. When the Passer closes, one more attempt is made at once.
func (p *Passer) carry(m message) {
	for failed := 0; ; failed++ {
		last := p.last.Err() != nil || failed == len(waits)
		again, reason := p.send(m)
		switch {
		case reason == "":
			p.o.Observer.PassedOn("sent")
			return
		case !again || last:
			p.drop(m, reason)
			return
		}
		p.o.Observer.PassedOn("failed")
		pause(p.last, waits[failed])
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// send tries once. reason says why it was not taken, and again
// whether it may be later.
func (p *Passer) send(m message) (again bool, reason string) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-p.work.Done():
	}
	if p.work.Err() != nil {
		return false, "stopped"
	}
	ctx, cancel := context.WithTimeout(p.work, sendTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(m.body))
	if err != nil {
		return false, "not a URL"
	}
	req.Header.Set("User-Agent", "zhanggui")
	if m.contentType != "" {
		req.Header.Set("Content-Type", m.contentType)
	}
	resp, err := p.clients[m.app].Do(req)
	if err != nil {
		return true, why(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // the status says it all
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		return false, ""
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return true, "answered " + strconv.Itoa(status)
	default:
		return false, "answered " + strconv.Itoa(status)
	}
}

// why says what went wrong without the address, whose query is signed by WeChat.
func why(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return "no answer in time"
		}
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return err.Error()
}

// drop counts what does not get there, and says so now and then.
func (p *Passer) drop(m message, reason string) {
	p.o.Observer.PassedOn("dropped")
	p.mu.Lock()
	p.dropped++
	p.mu.Unlock()
	p.tell.Do(func() {
		p.mu.Lock()
		n := p.dropped
		p.dropped = 0
		p.mu.Unlock()
		p.o.Logger.Error("pushes were not passed on to the other system; compare it with WeChat's list when it is back",
			"app", m.app, "reason", reason, "pushes", n)
	})
}

// Close gives what waits one more attempt at once, and returns when all of them
// ended, or with ctx: what is left then is dropped.
func (p *Passer) Close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.hurry()
	defer context.AfterFunc(ctx, p.stop)()
	p.flying.Wait()
	p.stop()
}
