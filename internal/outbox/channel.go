package outbox

import (
	"context"
	"log/slog"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// Message is one notice as it goes out.
type Message = notice.Message

// Channel is a place that notices go to. One message at a time is sent to it,
// except by [Outbox.Test] and [Outbox.Direct].
type Channel interface {
	// Name tells channels apart, over restarts and servers too. It is shown, and
	// a metric's label: it holds no secret.
	Name() string
	// Send tries once, until ctx ends at the latest.
	Send(ctx context.Context, m Message) webhook.Outcome
}

// LogName is the name of the log as a channel.
const LogName = "log"

// Log gives the channel that writes one line for each notice.
func Log(log *slog.Logger) Channel { return logChannel{log} }

type logChannel struct{ log *slog.Logger }

// Name implements Channel.
func (logChannel) Name() string { return LogName }

// Send implements Channel.
func (c logChannel) Send(ctx context.Context, m Message) webhook.Outcome {
	w := m.Notice.Kind.Words()
	attrs := []any{"notice", m.Notice.Kind, "id", m.ID, "at", m.Notice.At.UTC(), "subject", m.Notice.Subject, "next", w.Next.EN}
	if len(m.Notice.Details) > 0 {
		attrs = append(attrs, "details", m.Notice.Details)
	}
	if m.Alert != 0 {
		attrs = append(attrs, "alert", m.Alert, "phase", m.Phase, "count", m.Count)
	}
	if m.Direct != "" {
		attrs = append(attrs, "direct", m.Direct)
	}
	if m.Runbook != "" {
		attrs = append(attrs, "runbook", m.Runbook)
	}
	c.log.Log(ctx, level(m), w.What.EN, attrs...)
	return webhook.Outcome{}
}

// level is how loud a message is in the log. That something is over is nothing to look
// for among what is wrong.
func level(m Message) slog.Level {
	switch {
	case m.Severity == notice.Info || m.Phase == notice.Over:
		return slog.LevelInfo
	case m.Severity == notice.Critical:
		return slog.LevelError
	}
	return slog.LevelWarn
}
