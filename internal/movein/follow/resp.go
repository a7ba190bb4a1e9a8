package follow

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// The part of the protocol of Redis that reading keys takes, in its second version
// (redis.io/docs/latest/develop/reference/protocol-spec): a command is a list of
// texts, an answer a word, an error, a number or a text.

// command is a command's name with its arguments.
type command []string

// reply is one answer.
type reply struct {
	text   string
	number int64
	none   bool // there is no such key
}

// conn is a connection. It is used by one goroutine at a time, and is of no use any
// more after an error.
type conn struct {
	net.Conn
	in *bufio.Reader
}

func newConn(n net.Conn) *conn { return &conn{n, bufio.NewReader(n)} }

// end closes the connection; nothing was written that could be lost.
func (c *conn) end() { _ = c.Close() }

// do sends commands at once and reads their answers, until ctx ends at the latest.
func (c *conn) do(ctx context.Context, commands ...command) ([]reply, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // ends what is under way
	defer stop()
	var b strings.Builder
	for _, one := range commands {
		fmt.Fprintf(&b, "*%d\r\n", len(one))
		for _, part := range one {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(part), part)
		}
	}
	if _, err := io.WriteString(c, b.String()); err != nil {
		return nil, cut(ctx, err)
	}
	replies := make([]reply, len(commands))
	for i := range replies {
		var err error
		if replies[i], err = c.reply(); err != nil {
			return nil, cut(ctx, err)
		}
	}
	if ctx.Err() != nil { // the deadline may be set already
		return nil, context.Cause(ctx)
	}
	return replies, nil
}

// cut says why a connection ended.
func cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return bare(err)
}

var errProtocol = errors.New("it does not speak the protocol of Redis; look at the host and port in moving[].follow")

// reply reads one answer.
func (c *conn) reply() (reply, error) {
	line, err := c.line()
	if err != nil {
		return reply{}, err
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+':
		return reply{text: rest}, nil
	case '-':
		return reply{}, refusal(rest)
	case ':':
		n, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			return reply{}, errProtocol
		}
		return reply{number: n}, nil
	case '$':
		return c.bulk(rest)
	}
	return reply{}, errProtocol
}

// line reads up to a line's end, and as long as a line of an answer can be.
func (c *conn) line() (string, error) {
	b, err := c.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errProtocol
	case err != nil:
		return "", err
	case len(b) < 3 || b[len(b)-2] != '\r':
		return "", errProtocol
	}
	return string(b[:len(b)-2]), nil
}

// bulk reads a text of a length.
func (c *conn) bulk(length string) (reply, error) {
	n, err := strconv.Atoi(length)
	if n == -1 {
		return reply{none: true}, nil
	}
	if err != nil || n < 0 || n > maxAnswer {
		return reply{}, errProtocol
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(c.in, b); err != nil {
		return reply{}, err
	}
	if string(b[n:]) != "\r\n" {
		return reply{}, errProtocol
	}
	return reply{text: string(b[:n])}, nil
}

// refusal says what Redis refused, by the word that its error begins with.
func refusal(text string) error {
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return fmt.Errorf("it refused us (%s); look at moving[].secret and the user in moving[].follow", word)
	case "WRONGTYPE":
		return ErrNone
	case "MOVED", "ASK", "CLUSTERDOWN":
		return fmt.Errorf("it is part of a cluster (%s); let the other system answer over https instead", word)
	}
	return errors.New("it answered with an error; try the same keys with redis-cli")
}
