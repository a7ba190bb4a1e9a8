package msgcrypt

import (
	"bytes"
	"encoding/json"
	"strings"
)

// MaxBody is the largest body of a push, in bytes. WeChat's events have a few
// kilobytes; the largest message of a person has under a hundred.
const MaxBody = 1 << 20

// space is what may stand between the parts of an envelope.
const space = " \t\r\n"

// Envelope is the outer body of a push. Of its members only Encrypt is covered
// by the signature.
type Envelope struct {
	// Dialect is how it was written.
	Dialect Dialect
	// ToUserName is the gh_ name of the account, or AppID is the platform's
	// appid on the URL for authorisation events. Neither is proven.
	ToUserName, AppID string
	// Encrypt is the ciphertext in base64.
	Encrypt string
}

// ParseEnvelope reads the outer body of a push, told by its first byte. It knows
// just what an envelope needs: a flat list of members, no attributes, entities,
// comments or DOCTYPE, Encrypt once. Members with other names are passed over,
// except those of a message: with them the push is in compatible or plaintext
// mode and refused. The errors are [ErrTooLarge], [ErrEnvelope],
// [ErrCompatibleMode] and [ErrPlainMode].
//
// It runs before anything is proven, so it takes one pass and does not nest.
func ParseEnvelope(body []byte) (Envelope, error) {
	if len(body) > MaxBody {
		return Envelope{}, ErrTooLarge
	}
	d, ok := DialectOf(body)
	if !ok {
		return Envelope{}, ErrEnvelope
	}
	b := builder{env: Envelope{Dialect: d}}
	s := scanner{rest: body}
	if d == XML {
		ok = s.xml(&b)
	} else {
		ok = s.json(&b)
	}
	return b.finish(ok)
}

// builder collects members.
type builder struct {
	env       Envelope
	encrypted bool
	// message says that members of a message stand in the clear.
	message bool
}

// add takes a member and reports whether the envelope can still be right.
func (b *builder) add(name, value string) bool {
	switch name {
	case "Encrypt":
		if b.encrypted {
			return false
		}
		b.env.Encrypt, b.encrypted = value, true
	case "ToUserName":
		b.env.ToUserName = value
	case "AppId":
		b.env.AppID = value
	case "FromUserName", "CreateTime", "MsgType", "Event", "InfoType":
		b.message = true
	}
	return true
}

// finish judges what was collected; whole says that nothing was left over. A
// message in the clear may nest, which ends the scan early, so its mark counts
// first.
func (b *builder) finish(whole bool) (Envelope, error) {
	switch {
	case b.message && b.encrypted:
		return Envelope{}, ErrCompatibleMode
	case b.message:
		return Envelope{}, ErrPlainMode
	case !whole || b.env.Encrypt == "":
		return Envelope{}, ErrEnvelope
	}
	return b.env, nil
}

// scanner reads an envelope from its front.
type scanner struct {
	rest []byte
}

// skip passes white space.
func (s *scanner) skip() { s.rest = bytes.TrimLeft(s.rest, space) }

// take passes a fixed text, if it comes next.
func (s *scanner) take(text string) bool {
	rest, ok := bytes.CutPrefix(s.rest, []byte(text))
	if ok {
		s.rest = rest
	}
	return ok
}

// until passes and returns everything up to a mark, and the mark.
func (s *scanner) until(mark string) (string, bool) {
	before, after, ok := bytes.Cut(s.rest, []byte(mark))
	if ok {
		s.rest = after
	}
	return string(before), ok
}

func (s *scanner) xml(b *builder) bool {
	s.skip()
	if s.take("<?xml ") {
		if _, ok := s.until("?>"); !ok {
			return false
		}
		s.skip()
	}
	if !s.take("<xml>") {
		return false
	}
	for {
		s.skip()
		if s.take("</xml>") {
			s.skip()
			return len(s.rest) == 0
		}
		if !s.element(b) {
			return false
		}
	}
}

// element reads <Name>text</Name>.
func (s *scanner) element(b *builder) bool {
	if !s.take("<") {
		return false
	}
	name, ok := s.until(">")
	if !ok || name == "" || strings.ContainsAny(name, space+"<&!?/'\"=:") {
		return false
	}
	value, ok := s.text()
	if !ok {
		// A message in the clear nests; its mark is its name.
		b.add(name, "")
		return false
	}
	return s.take("</"+name+">") && b.add(name, value)
}

// text reads one CDATA section, or text without markup up to the next tag.
func (s *scanner) text() (string, bool) {
	s.skip()
	if s.take("<![CDATA[") {
		value, ok := s.until("]]>")
		s.skip()
		return value, ok
	}
	i := bytes.IndexByte(s.rest, '<')
	if i < 0 || bytes.IndexByte(s.rest[:i], '&') >= 0 || !bytes.HasPrefix(s.rest[i:], []byte("</")) {
		return "", false
	}
	value := string(bytes.TrimRight(s.rest[:i], space))
	s.rest = s.rest[i:]
	return value, true
}

func (s *scanner) json(b *builder) bool {
	s.skip()
	s.take("{")
	for {
		s.skip()
		name, ok := s.quoted()
		if !ok {
			return false
		}
		s.skip()
		if !s.take(":") {
			return false
		}
		s.skip()
		value, ok := s.scalar()
		if !b.add(name, value) || !ok {
			return false
		}
		s.skip()
		if s.take("}") {
			s.skip()
			return len(s.rest) == 0
		}
		if !s.take(",") {
			return false
		}
	}
}

// scalar reads a string, or passes a number or a word.
func (s *scanner) scalar() (string, bool) {
	if len(s.rest) > 0 && s.rest[0] == '"' {
		return s.quoted()
	}
	i := bytes.IndexAny(s.rest, ",}"+space)
	if i < 0 || s.rest[0] == '[' || !json.Valid(s.rest[:i]) {
		return "", false
	}
	s.rest = s.rest[i:]
	return "", true
}

// quoted reads a string. WeChat may write the / of base64 as \/.
func (s *scanner) quoted() (string, bool) {
	if !s.take(`"`) {
		return "", false
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		return "", false
	}
	if bytes.IndexByte(s.rest[:end], '\\') >= 0 {
		end = closing(s.rest)
	}
	if end >= len(s.rest) {
		return "", false
	}
	text := s.rest[:end]
	s.rest = s.rest[end+1:]
	for _, c := range text {
		if c < ' ' || c == '\\' || c > '~' {
			return unquote(text)
		}
	}
	return string(text), true
}

// closing returns the place of the quote that no backslash stands before, or
// the length if there is none.
func closing(text []byte) int {
	i := 0
	for i < len(text) && text[i] != '"' {
		if text[i] == '\\' {
			i++
		}
		i++
	}
	return i
}

// unquote reads what is between quotes.
func unquote(text []byte) (value string, ok bool) {
	err := json.Unmarshal(append(append([]byte{'"'}, text...), '"'), &value)
	return value, err == nil
}
