package wechat

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// The head of a body that [Peek] looks at.
const (
	// DefaultPeek is how many bytes are looked at unless told otherwise.
	// WeChat writes errcode and errmsg first.
	DefaultPeek = 1024
	// MaxPeek bounds what is held in memory for each answer on its way.
	MaxPeek = 4096
)

// Head is what the first bytes of an answer tell.
type Head struct {
	// Found reports whether a complete top-level errcode was seen. Without
	// one the answer is a success as far as one can see: many omit it.
	Found bool
	// Code is the errcode, 0 when none was found.
	Code int
	// Message is the errmsg, cut where the head ends. It may echo what
	// the request carried; mask it before it is logged.
	Message string
	// RID is the request id in the message.
	RID string
}

// Peek reads at most n bytes of body and returns what they tell, together with
// a reader that yields the original bytes from the first to the last,
// untouched, and the error if reading failed. n is [DefaultPeek] when it is
// not positive, and never above [MaxPeek].
//
// It reads no further than it must: it stops at the first byte that cannot
// begin a JSON object, at an errcode of 0, and at the end of the object. The
// result depends on the bytes alone, not on how they arrive.
//
// An errcode counts at the top level only, the first one if there are two, as
// a number or as a string of one. It must be complete within the head: what
// comes later is not seen. A compressed body is left alone.
func Peek(body io.Reader, n int) (Head, io.Reader) {
	if n <= 0 {
		n = DefaultPeek
	}
	buf := make([]byte, 0, min(n, MaxPeek))
	var head Head
	for {
		var done bool
		if head, done = scan(buf); done || len(buf) == cap(buf) {
			break
		}
		m, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+m]
		if err != nil {
			head, _ = scan(buf)
			return head, io.MultiReader(bytes.NewReader(buf), failing{err})
		}
	}
	return head, io.MultiReader(bytes.NewReader(buf), body)
}

// Look is [Peek] for bytes that are in memory already: it tells what the first
// bytes of a body tell, and whether more of them could not change that. It does not
// keep buf.
func Look(buf []byte) (head Head, done bool) { return scan(buf) }

// failing is the end of a body that could not be read further.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// scanHead returns what a body tells that is in memory.
func scanHead(body []byte) Head {
	head, _ := scan(body)
	return head
}

// scan looks for errcode and errmsg among the members of the object at the
// start of buf, and reports whether more bytes could not change the result.
func scan(buf []byte) (head Head, done bool) {
	s := scanner{buf: buf}
	s.skipStart()
	if s.atEnd() {
		return head, false
	}
	if s.buf[s.pos] != '{' {
		return head, true
	}
	s.pos++
	for {
		key, more := s.key()
		if !more {
			return head, s.broken
		}
		start := s.pos
		complete := s.value()
		switch {
		case key == "errcode" && !head.Found && complete:
			head.Code, head.Found = parseCode(s.buf[start:s.pos])
		case key == "errmsg" && head.Message == "":
			head.Message = parseMessage(s.buf[start:s.pos])
			head.RID = RID(head.Message)
		}
		if !complete {
			return head, s.broken
		}
		if head.Found && (head.Code == 0 || head.Message != "") {
			return head, true
		}
	}
}

// scanner walks over JSON that may be cut at any byte. It is lenient: it
// tells members apart, it does not validate values.
type scanner struct {
	buf    []byte
	pos    int
	broken bool // this is not JSON; more bytes do not help
}

func (s *scanner) atEnd() bool { return s.pos >= len(s.buf) }

// skipStart moves over white space and a byte order mark.
func (s *scanner) skipStart() {
	s.skipSpace()
	if rest := s.buf[s.pos:]; len(rest) < len(utf8BOM) && len(rest) > 0 && bytes.HasPrefix(utf8BOM, rest) {
		s.pos = len(s.buf) // half a mark: wait for the rest
		return
	}
	if bytes.HasPrefix(s.buf[s.pos:], utf8BOM) {
		s.pos += len(utf8BOM)
		s.skipSpace()
	}
}

func (s *scanner) skipSpace() {
	for !s.atEnd() && isSpace(s.buf[s.pos]) {
		s.pos++
	}
}

// key reads a member's name and the colon. It reports false at the end of the
// object, at the end of the bytes, and where this is not JSON.
func (s *scanner) key() (string, bool) {
	s.skipSpace()
	if !s.atEnd() && s.buf[s.pos] == ',' {
		s.pos++
		s.skipSpace()
	}
	if s.atEnd() {
		return "", false
	}
	start := s.pos
	if s.buf[s.pos] != '"' {
		s.broken = true
		return "", false
	}
	if !s.str() {
		return "", false
	}
	name := unquote(s.buf[start:s.pos])
	s.skipSpace()
	if s.atEnd() {
		return "", false
	}
	if s.buf[s.pos] != ':' {
		s.broken = true
		return "", false
	}
	s.pos++
	s.skipSpace()
	return name, true
}

// str moves over a string, including its quotation marks. It reports whether the
// end was there.
func (s *scanner) str() bool {
	for s.pos++; s.pos < len(s.buf); s.pos++ {
		switch s.buf[s.pos] {
		case '\\':
			s.pos++
		case '"':
			s.pos++
			return true
		}
	}
	s.pos = len(s.buf)
	return false
}

// value moves over one value and reports whether its end was there. A number
// ends only where something follows it.
func (s *scanner) value() bool {
	depth := 0
	for !s.atEnd() {
		switch s.buf[s.pos] {
		case '"':
			if !s.str() {
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true
			}
			if depth--; depth == 0 {
				s.pos++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		s.pos++
	}
	return false
}

// parseCode reads an errcode: a whole number or a string of one.
func parseCode(raw []byte) (int, bool) {
	text := string(bytes.TrimSpace(raw))
	if strings.HasPrefix(text, `"`) {
		text = strings.TrimSpace(unquote([]byte(text)))
	}
	if !isWhole([]byte(text)) {
		return 0, false
	}
	code, err := strconv.Atoi(text)
	if err != nil {
		return 0, false // beyond an int
	}
	return code, true
}

// parseMessage reads an errmsg that may lack its end.
func parseMessage(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	if len(raw) < 2 || raw[len(raw)-1] != '"' {
		// The bytes are those that the caller passes on: work on a copy.
		raw = append(bytes.Clone(bytes.TrimRight(raw, `\`)), '"')
	}
	return unquote(raw)
}

// isPlain reports whether a string's bytes mean themselves.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c >= 0x80 || c == '\\' || c == '"' {
			return false
		}
	}
	return true
}

// unquote decodes a JSON string. One that cannot be decoded, such as one
// with raw control characters, is repaired, or returned as it is
// written.
func unquote(quoted []byte) string {
	if n := len(quoted); n >= 2 && quoted[n-1] == '"' && isPlain(quoted[1:n-1]) {
		if string(quoted) == `"errcode"` { // what nearly every answer begins with, without a copy
			return "errcode"
		}
		return string(quoted[1 : n-1])
	}
	var text string
	if json.Unmarshal(sanitise(quoted), &text) == nil {
		return text
	}
	return strings.ToValidUTF8(strings.Trim(string(quoted), `"`), "\uFFFD")
}
