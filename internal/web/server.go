package web

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net/http"
	"time"
)

// The limits of a connection.
const (
	maxHeaderBytes    = 32 << 10
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 120 * time.Second
)

// Server makes the http.Server of a listener: headers up to about 32 KiB that
// must arrive within 10 s, idle connections closed after 2 minutes, TLS 1.2 or
// newer. Bodies and answers have no limit here, because the gateway streams
// both; see [LimitBody]. What net/http has to complain about goes to logger at
// debug level, since strangers cause most of it; nil discards it.
func Server(h http.Handler, logger *slog.Logger) *http.Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           h,
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
		ErrorLog:          log.New(&lineLogger{logger}, "", 0),
	}
}

// lineLogger turns the lines of package log into slog records.
type lineLogger struct{ to *slog.Logger }

func (l *lineLogger) Write(p []byte) (int, error) {
	l.to.DebugContext(context.Background(), "connection trouble", "said", string(p[:max(0, len(p)-1)]))
	return len(p), nil
}
