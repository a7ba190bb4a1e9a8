package postgres

import (
	"context"
	"database/sql/driver"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/stdlib"
)

// connector makes connections that take any text. PostgreSQL keeps valid UTF-8
// without zero bytes only; SQLite keeps everything. Strangers choose what is
// looked for: a shop's name in a path, a browser's name in a header. Such a
// request is to find nothing, as it does on SQLite, not to fail.
type connector struct{ driver.Connector }

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	dc, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{dc.(*stdlib.Conn)}, nil
}

// conn is a connection that mends texts on their way to the server.
type conn struct{ *stdlib.Conn }

// CheckNamedValue implements [driver.NamedValueChecker].
func (c conn) CheckNamedValue(v *driver.NamedValue) error {
	switch text := v.Value.(type) {
	case string:
		v.Value = mend(text)
	case []string:
		mended := make([]string, len(text))
		for i, s := range text {
			mended[i] = mend(s)
		}
		v.Value = mended
	}
	return c.Conn.CheckNamedValue(v)
}

// mend replaces what the server does not take. No id or name of ours holds the
// replacement.
func mend(s string) string {
	const replacement = string(utf8.RuneError)
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, replacement), "\x00", replacement)
}
