package zhanggui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"time"
)

// The numbers of a stream.
const (
	silence   = 45 * time.Second // the server says something every 15 seconds
	firstWait = time.Second
	maxWait   = time.Minute
	maxEvent  = 4 << 20 // bytes of one line
)

// errSilent is the cause of a stream that was given up.
var errSilent = fmt.Errorf("nothing came for %v", silence)

// Stream yields events as they happen, until ctx ends or the loop is left. When the
// stream breaks it connects again and goes on behind the last event that it
// yielded, after 1 s, 2 s and so on up to a minute, or when the server says.
// An error is the last thing it yields: ctx's own, or an *[Error] that waiting does
// not mend, such as an ended key.
func (c *Client) Stream(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := stream{c: &c.caller, q: q, yield: yield, wait: firstWait}
		for {
			err := s.connect(ctx)
			if s.left {
				return
			}
			if cause := context.Cause(ctx); cause != nil {
				yield(Event{}, cause)
				return
			}
			if e, ok := errors.AsType[*Error](err); ok && !e.passing() {
				yield(Event{}, e)
				return
			}
			if !s.pause(ctx, err) {
				yield(Event{}, context.Cause(ctx))
				return
			}
		}
	}
}

// stream is a stream over all of its connections.
type stream struct {
	c     *caller
	q     EventQuery // After moves on
	yield func(Event, error) bool
	left  bool // the loop was left
	wait  time.Duration
}

// pause waits before the next connection, and reports whether ctx goes on. A
// server that says when to come back is taken at its word.
func (s *stream) pause(ctx context.Context, err error) bool {
	wait := s.wait/2 + rand.N(s.wait/2+1)
	if e, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, min(e.RetryAfter, maxWait))
	}
	s.wait = min(2*s.wait, maxWait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connect reads one connection to its end.
func (s *stream) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(s.c.timeout, func() { cancel(errLate(s.c.timeout)) })
	defer alarm.Stop()
	req, err := s.c.request(ctx, http.MethodGet, "/v1/events/stream", s.q.values(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := s.c.send(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it ended, or is not wanted any more
	op := req.Method + " " + req.URL.Path
	if res.StatusCode != http.StatusOK {
		return refused(op, res)
	}
	if kindOf(res) != "text/event-stream" {
		return malformed(op, res, fmt.Errorf("%w: it is %q, no stream of events", ErrAnswer, kindOf(res)))
	}
	watch := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watch.Stop()
	alarm.Stop()
	return s.read(res.Body, func() { watch.Reset(silence) })
}

// read takes frames apart: developer.mozilla.org calls the form server-sent events.
// heard is called for every line.
func (s *stream) read(r io.Reader, heard func()) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	var id, data []byte
	for lines.Scan() && !s.left {
		heard()
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "id":
			id = bytes.Clone(value)
		case "data":
			data = append(append(data, value...), '\n')
		}
		if len(lines.Bytes()) > 0 {
			continue
		}
		if err := s.frame(id, data); err != nil {
			return err
		}
		id, data = nil, nil
	}
	return lines.Err()
}

// frame ends a frame. One without data moves the cursor alone.
func (s *stream) frame(id, data []byte) error {
	if len(data) > 0 {
		var e Event
		if err := json.Unmarshal(data, &e); err != nil {
			return fmt.Errorf("%w: an event that is no JSON", ErrAnswer)
		}
		if !s.yield(e, nil) {
			s.left = true
			return nil
		}
	}
	if len(id) > 0 {
		s.q.After, s.wait = string(id), firstWait
	}
	return nil
}
