package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// NewLogHandler makes the handler of a server's log: JSON or text as package slog
// writes them, from level on, collected in b. [Wrap] writes the lines of requests
// through it with half of the work that any other handler costs.
func NewLogHandler(b *LogBuffer, asJSON bool, level slog.Leveler) slog.Handler {
	l := &lines{asJSON: asJSON}
	l.promptly = promptly{l.format(b, level), b}
	return l
}

// lines is a log whose form is known here, so that the line of a request is put
// together from a middle that slog wrote once and a few numbers. What was added to it
// with attributes is another handler, which knows nothing of that.
type lines struct {
	promptly
	asJSON bool
	known  sync.Map // lineKind: []byte, of all between time and bytes
	count  atomic.Int64
}

// lineKind is what many lines have in common.
type lineKind struct {
	method, route string
	status        int
}

// mostLines bounds the kinds of lines that are remembered. Methods and routes are
// few; WeChat's answers and those of our own have few statuses, but may have others.
const mostLines = 1024

// The forms of a line: what stands before each of its parts, and the time's layout.
var (
	jsonForm = lineForm{`{"time":"`, time.RFC3339Nano, `",`, `,"bytes":`, `,"took":`, `,"request":"`, "\"}\n"}
	textForm = lineForm{`time=`, "2006-01-02T15:04:05.000Z07:00", ` `, ` bytes=`, ` took=`, ` request=`, "\n"}
)

type lineForm struct{ time, layout, middle, bytes, took, request, end string }

// request writes the line of a request that did not fail, byte for byte as slog
// would.
func (l *lines) request(k lineKind, at time.Time, n int64, took time.Duration, id string) {
	form := &textForm
	if l.asJSON {
		form = &jsonForm
	}
	var space [512]byte
	line := append(space[:0], form.time...)
	line = at.AppendFormat(line, form.layout)
	line = append(line, form.middle...)
	line = append(line, l.middle(k)...)
	line = append(line, form.bytes...)
	line = strconv.AppendInt(line, n, 10)
	line = append(line, form.took...)
	if l.asJSON {
		line = strconv.AppendInt(line, int64(took), 10)
	} else {
		line = append(line, took.String()...)
	}
	line = append(line, form.request...)
	line = append(line, id...)
	line = append(line, form.end...)
	_, _ = l.buffer.Write(line) // as package slog does: there is nobody to tell
}

// middle gives level, message, method, route and status, as slog writes them.
func (l *lines) middle(k lineKind) []byte {
	if m, ok := l.known.Load(k); ok {
		return m.([]byte)
	}
	var out bytes.Buffer
	record := slog.NewRecord(time.Time{}, slog.LevelInfo, requestLine, 0) // without a time slog writes none
	record.AddAttrs(k.attrs()...)
	_ = l.format(&out, slog.LevelInfo).Handle(context.Background(), record) // a buffer takes everything
	m := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if l.asJSON {
		m = bytes.TrimSuffix(bytes.TrimPrefix(m, []byte("{")), []byte("}"))
	}
	if l.count.Load() < mostLines {
		l.count.Add(1)
		l.known.Store(k, m)
	}
	return m
}

// format is package slog's handler for this form.
func (l *lines) format(to io.Writer, level slog.Leveler) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if l.asJSON {
		return slog.NewJSONHandler(to, options)
	}
	return slog.NewTextHandler(to, options)
}

func (k lineKind) attrs() []slog.Attr {
	return []slog.Attr{slog.String("method", k.method), slog.String("route", k.route), slog.Int("status", k.status)}
}
