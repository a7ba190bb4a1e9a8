package web

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// requestLine is the message of a request's line.
const requestLine = "request"

// logLine writes the one line of a request. It names the route, not the path:
// paths and queries carry codes, tokens and tickets.
func (wr *wrapper) logLine(rec *recorder, r *http.Request, f *facts, took time.Duration) {
	st := status(rec, f)
	if !wr.log.Enabled(r.Context(), level(st)) {
		return
	}
	kind := lineKind{knownMethod(r.Method), route(r, f), st}
	if wr.lines != nil && f.failure == nil && f.span == nil && level(st) == slog.LevelInfo {
		wr.lines.request(kind, time.Now(), rec.bytes, took, f.id)
		return
	}
	// The record is made by hand: a Logger looks up who calls it, which nobody needs to
	// know here.
	line := slog.NewRecord(time.Now(), level(st), requestLine, 0)
	line.AddAttrs(kind.attrs()...)
	line.AddAttrs(slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("request", f.id))
	if f.span != nil {
		line.AddAttrs(slog.String("trace", f.span.ID()))
	}
	if e := f.failure; e != nil {
		line.AddAttrs(failureAttrs(e)...)
	}
	_ = wr.log.Handler().Handle(r.Context(), line) // as package slog does: there is nobody to tell
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
