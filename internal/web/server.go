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
	bodyTimeout       = 30 * time.Second
	idleTimeout       = 120 * time.Second
)

// Server makes the http.Server of a listener: headers up to about 32 KiB that
// must arrive within 10 s, bodies that must arrive within 30 s unless a handler
// gives them longer, idle connections closed after 2 minutes, TLS 1.2 or newer,
// HTTP/2 where the listener's TLS offers it. Answers have no limit here,
// because the gateway streams them; see [AnswerWithin]. What net/http has to complain about goes to
// logger at debug level, since strangers cause most of it; nil discards it.
//
// A handler gives a body longer with [LimitBody], or by calling
// [http.ResponseController.SetReadDeadline] before each read.
func Server(h http.Handler, logger *slog.Logger) *http.Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           boundBody(h),
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		// Without "h2" here net/http hangs up on those who agreed on HTTP/2
		// with a TLS listener.
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}},
		ErrorLog:  log.New(&lineLogger{logger}, "", 0),
		// net/http would answer "OPTIONS *" past our handler, and read its body
		// for as long as it comes.
		DisableGeneralOptionsHandler: true,
	}
}

// boundBody sets the time by which the body of a request must be here. It
// matters most where no handler reads the body: net/http takes the rest of it
// off the connection before it answers, and waits for it.
//
// The deadline is therefore not lifted when the handler returns. net/http lifts
// it when the body has ended, so it cancels no handler that takes its time
// afterwards, and sets another one for the next request.
func boundBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// Not every writer has deadlines: tests have others.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// lineLogger turns the lines of package log into slog records.
type lineLogger struct{ to *slog.Logger }

func (l *lineLogger) Write(p []byte) (int, error) {
	l.to.DebugContext(context.Background(), "connection trouble", "said", string(p[:max(0, len(p)-1)]))
	return len(p), nil
}
