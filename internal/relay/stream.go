package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
)

// The numbers of a stream.
const (
	heartbeat   = 15 * time.Second
	recheck     = time.Second      // how old the knowledge of the client's rights may be
	takeTime    = 10 * time.Second // for what is written
	streamsEach = 16               // open ones of one client
	streamSize  = 200              // events in one write
)

// stream tells events as they happen, as server-sent events, until the client
// goes, its key ends, it stops taking them, or the server stops.
func (r *Relay) stream(w http.ResponseWriter, req *http.Request, c access.Client) error {
	q, err := query(req)
	if err != nil {
		return err
	}
	q.client = c.ID
	if err := holds(c, q.shop); err != nil {
		return err
	}
	if q.after < 0 {
		q.after, err = r.o.Store.LastEvent(req.Context())
	} else {
		q.after, err = r.begin(req.Context(), q.after)
	}
	if err != nil {
		return err
	}
	if !r.enter(c.ID) {
		return &web.Error{
			Status: http.StatusTooManyRequests, Code: "streams", RetryAfter: 5 * time.Second,
			EN: "This client has 16 streams open already.", ZH: "该程序已打开 16 个事件流。",
			NextEN: "Close one, or read several shops in one stream.", NextZH: "请关闭其中一个，或在一个流中读取多个店铺。",
		}
	}
	defer r.leave(c.ID)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx holds answers back otherwise
	s := &stream{r: r, req: req, q: q, shops: rightsOf(c), looked: r.o.Now(), w: w, rc: http.NewResponseController(w)}
	return s.run(req.Context())
}

// enter counts a stream of a client, unless it has enough of them.
func (r *Relay) enter(client string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams[client] >= streamsEach {
		return false
	}
	r.streams[client]++
	r.live++
	r.o.Observer.Streams(r.live)
	return true
}

func (r *Relay) leave(client string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams[client]--; r.streams[client] == 0 {
		delete(r.streams, client)
	}
	r.live--
	r.o.Observer.Streams(r.live)
}

// stream is one open stream. It keeps a cursor and no events.
type stream struct {
	r      *Relay
	req    *http.Request
	q      asked
	shops  rights
	looked time.Time // when the client was read
	w      http.ResponseWriter
	rc     *http.ResponseController
}

// run writes until something ends the stream. What ends it is no failure: the
// client comes back with the id of the last event that it had.
func (s *stream) run(ctx context.Context) error {
	// The id lets a caller that loses the connection before the first event come
	// back to this place.
	if !s.write(fmt.Appendf(nil, ": welcome\nid: %s\n\n", MessageID(s.q.after))) {
		return nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	look := time.NewTicker(recheck)
	defer look.Stop()
	for {
		moved := s.r.tail.waiting() // before reading, so that nothing falls between
		more, ok := s.next(ctx)
		if !ok {
			return nil
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.r.ended:
			return nil
		case <-moved:
		case <-look.C:
			if !s.allowed() {
				return nil
			}
		case <-beat.C:
			if !s.write([]byte(": \n\n")) {
				return nil
			}
		}
	}
}

// next writes what is behind the cursor, and reports whether there may be more.
func (s *stream) next(ctx context.Context) (more, ok bool) {
	events, err := s.r.after(ctx, s.q.after, streamSize)
	if err != nil || len(events) == 0 {
		return false, ctx.Err() == nil // the store may come back
	}
	if s.r.o.Now().Sub(s.looked) >= recheck && !s.allowed() {
		return false, false
	}
	var b bytes.Buffer
	for _, e := range events {
		if s.q.wants(s.shops, e) {
			s.frame(&b, e)
		}
	}
	if b.Len() > 0 && !s.write(b.Bytes()) {
		return false, false
	}
	s.q.after = events[len(events)-1].ID
	select {
	case <-s.r.ended:
		return false, false
	default:
		return len(events) == streamSize, ctx.Err() == nil
	}
}

// frame writes an event. Its JSON has no line breaks, and its name none either:
// names come from WeChat.
func (s *stream) frame(b *bytes.Buffer, e grant.Event) {
	fmt.Fprintf(b, "id: %s\nevent: %s\ndata: %s\n\n", MessageID(e.ID), oneLine(e.Name), s.r.encode(e))
}

func oneLine(name string) string {
	return string(bytes.Map(func(c rune) rune {
		if c < ' ' {
			return -1
		}
		return c
	}, []byte(name)))
}

// allowed reads the client again and tells whether its key still counts. A store
// that does not answer takes no right away.
func (s *stream) allowed() bool {
	key, _ := clientKey(s.req)
	c, err := s.r.o.Clients.ClientByKey(s.req.Context(), access.HashKey(key))
	if err == nil {
		s.shops, s.looked = rightsOf(c), s.r.o.Now()
	}
	return !errors.Is(err, access.ErrNotFound) && (err != nil || c.Live(s.r.o.Now()))
}

// write sends bytes and reports whether they were taken in time.
func (s *stream) write(b []byte) bool {
	_ = s.rc.SetWriteDeadline(time.Now().Add(takeTime)) // not every writer has deadlines: tests have others
	if _, err := s.w.Write(b); err != nil {
		return false
	}
	return s.rc.Flush() == nil
}
