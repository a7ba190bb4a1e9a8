package web

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Limits of a [LogBuffer].
const (
	logBatch = 32 << 10
	logDelay = 100 * time.Millisecond
)

// LogBuffer collects what a log writes and hands it on in batches: one line for each
// request is one system call for each request otherwise. A line is handed on a
// tenth of a second after it was written at the latest, and at once when it is
// worse than information (see [LogBuffer.Handler]) or when the batch is full. A
// process that is killed loses the last tenth of a second; one that ends calls Close.
//
// It may be used by many goroutines. Make one with [NewLogBuffer].
type LogBuffer struct {
	to    io.Writer
	timer *time.Timer

	mu     sync.Mutex
	lines  []byte
	err    error // of the last batch
	closed bool
}

// NewLogBuffer makes one that writes to w.
func NewLogBuffer(w io.Writer) *LogBuffer {
	b := &LogBuffer{to: w, lines: make([]byte, 0, logBatch)}
	b.timer = time.AfterFunc(logDelay, func() { _ = b.Flush() }) // the next write tells the error
	b.timer.Stop()
	return b
}

// Write takes one line. The error is that of the last batch that was handed on.
// After Close every line is handed on at once.
func (b *LogBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) > 0 && len(b.lines)+len(line) > logBatch {
		b.flush()
	}
	if len(b.lines) == 0 && !b.closed {
		b.timer.Reset(logDelay)
	}
	b.lines = append(b.lines, line...)
	if b.closed {
		b.flush()
	}
	if b.err != nil {
		return 0, b.err
	}
	return len(line), nil
}

// Flush hands on what was collected.
func (b *LogBuffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush()
	return b.err
}

// flush is Flush with b.mu held.
func (b *LogBuffer) flush() {
	if len(b.lines) == 0 {
		return
	}
	_, b.err = b.to.Write(b.lines)
	b.lines = b.lines[:0]
	b.timer.Stop()
}

// Close hands on what was collected. What is written later is handed on at once.
func (b *LogBuffer) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return b.Flush()
}

// Handler gives a handler that does as h does, which writes to b, and hands on at
// once what is worse than information.
func (b *LogBuffer) Handler(h slog.Handler) slog.Handler { return promptly{h, b} }

type promptly struct {
	slog.Handler
	buffer *LogBuffer
}

// Handle implements slog.Handler.
func (p promptly) Handle(ctx context.Context, r slog.Record) error {
	err := p.Handler.Handle(ctx, r)
	if r.Level > slog.LevelInfo {
		return p.buffer.Flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (p promptly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return promptly{p.Handler.WithAttrs(attrs), p.buffer}
}

// WithGroup implements slog.Handler.
func (p promptly) WithGroup(name string) slog.Handler {
	return promptly{p.Handler.WithGroup(name), p.buffer}
}
