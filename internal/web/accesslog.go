package web

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// logLine writes the one line of a request. It names the route, not the path:
// paths and queries carry codes, tokens and tickets.
//
// The record is made by hand: a Logger looks up who calls it, which nobody needs to
// know here.
func (wr *wrapper) logLine(rec *recorder, r *http.Request, f *facts, took time.Duration) {
	st := status(rec, f)
	if !wr.log.Enabled(r.Context(), level(st)) {
		return
	}
	line := slog.NewRecord(time.Now(), level(st), "request", 0)
	line.AddAttrs(
		slog.Int64("bytes", rec.bytes),
		slog.Duration("took", took),
		slog.String("request", f.id),
	)
	if e := f.failure; e != nil {
		line.AddAttrs(failureAttrs(e)...)
	}
	handler := wr.lines.handler(wr.log, lineKind{knownMethod(r.Method), route(r, f), st})
	_ = handler.Handle(r.Context(), line) // as package slog does: there is nobody to tell
}

// lineKind is what many lines have in common.
type lineKind struct {
	method, route string
	status        int
}

// mostLines bounds the kinds of lines that are remembered. Methods and routes are
// few; WeChat's answers and those of our own have few statuses, but may have others.
const mostLines = 1024

// lineHandlers remembers, for each kind of line, a handler that has written the
// beginning already: it is half of the work of a line.
type lineHandlers struct {
	known sync.Map // lineKind: slog.Handler
	count atomic.Int64
}

func (l *lineHandlers) handler(log *slog.Logger, k lineKind) slog.Handler {
	if h, ok := l.known.Load(k); ok {
		return h.(slog.Handler)
	}
	h := log.Handler().WithAttrs([]slog.Attr{
		slog.String("method", k.method), slog.String("route", k.route), slog.Int("status", k.status),
	})
	if l.count.Load() < mostLines {
		l.count.Add(1)
		l.known.Store(k, h)
	}
	return h
}

func failureAttrs(e *Error) []slog.Attr {
	attrs := []slog.Attr{slog.String("code", e.Code)}
	if e.Err != nil {
		attrs = append(attrs, slog.String("cause", secret.Scrub(e.Err).Error()))
	}
	if e.ErrCode != 0 {
		attrs = append(attrs, slog.Int("errcode", e.ErrCode), slog.String("rid", e.RID))
	}
	return attrs
}

func level(status int) slog.Level {
	if status >= 500 {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// route names what answered: the pattern of the mux, of an inner mux if there
// was one, or "unmatched".
func route(r *http.Request, f *facts) string {
	return cmp.Or(f.pattern, r.Pattern, "unmatched")
}

// status is what was answered, or 499 when there was nobody left to answer.
func status(rec *recorder, f *facts) int {
	if f.failure != nil && f.failure.Status == StatusClientGone {
		return StatusClientGone
	}
	return rec.answered()
}

func failureCode(f *facts) string {
	if f.failure == nil {
		return ""
	}
	return f.failure.Code
}

// knownMethod bounds what callers can put into logs and labels.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return m
	}
	return "OTHER"
}
