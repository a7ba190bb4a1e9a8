package speed

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// fakeWeChat answers every call with the same bytes, and every request for a
// token with one.
type fakeWeChat struct {
	net.Listener
	body atomic.Pointer[[]byte] // the whole answer
}

// tokenAnswer has a token as long as WeChat's are.
var tokenAnswer = `{"access_token":"speed_access_token_0001` + strings.Repeat("Ab9-_xYz", 14) + `","expires_in":7200}`

func startWeChat(tb testing.TB) *fakeWeChat {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	f := &fakeWeChat{Listener: l}
	f.says(600)
	go f.accept()
	tb.Cleanup(func() { l.Close() })
	return f
}

// says sets the size of the answers' bodies.
func (f *fakeWeChat) says(size int) {
	const start, end = `{"errcode":0,"errmsg":"ok","x":"`, `"}`
	all := response(start + strings.Repeat("x", size-len(start)-len(end)) + end)
	f.body.Store(&all)
}

func response(body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json; encoding=utf-8\r\n"+
		"Date: Thu, 01 Jan 2030 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func (f *fakeWeChat) accept() {
	for {
		conn, err := f.Accept()
		if err != nil {
			return
		}
		go f.serve(conn)
	}
}

func (f *fakeWeChat) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // either side may be first
	in := bufio.NewReader(conn)
	token := response(tokenAnswer)
	for {
		head, err := readHead(in)
		if err != nil {
			return
		}
		answer := *f.body.Load()
		if head.token {
			answer = token
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// head is what matters of a message's first lines.
type head struct {
	status int  // of an answer
	token  bool // a request for a token
	length int
}

// readHead reads a message whole and gives what its head said. The body is read
// and dropped.
func readHead(in *bufio.Reader) (h head, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return h, err
	}
	h.token = bytes.Contains(line, []byte("/cgi-bin/stable_token"))
	if rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 ")); ok {
		h.status, _ = strconv.Atoi(string(rest[:3])) //nolint:errcheck // 0 is no good status
	}
	chunked := false
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return h, err
		}
		name, value, ok := bytes.Cut(line, []byte(": "))
		switch {
		case len(line) <= 2:
			return h, dropBody(in, h.length, chunked)
		case ok && bytes.EqualFold(name, []byte("Content-Length")):
			if h.length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return h, err
			}
		case ok && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
}

func dropBody(in *bufio.Reader, length int, chunked bool) error {
	if !chunked {
		_, err := in.Discard(length)
		return err
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if _, err := in.Discard(int(size) + 2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}
