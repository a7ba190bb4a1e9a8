package wechat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxLifetime bounds expires_in. Nothing of WeChat's lives longer than the
// 30 days of a refresh token; a larger number is a unit mistake or an attack.
const maxLifetime = 31 * 24 * time.Hour

// utf8BOM is what some proxies put in front of a body.
var utf8BOM = []byte("\xef\xbb\xbf")

// object is a JSON object whose members are read one by one, so that one odd
// member does not spoil the others.
type object map[string]json.RawMessage

// parseObject reads a body that should be a JSON object. Nicknames are known
// to hold raw control characters and invalid UTF-8; both are repaired first.
func parseObject(body []byte) (object, error) {
	var o object
	if err := json.Unmarshal(sanitise(body), &o); err != nil {
		return nil, fmt.Errorf("%w: the body is not a JSON object: %s", ErrMalformed, jsonFault(err))
	}
	if o == nil {
		return nil, fmt.Errorf("%w: the body is null", ErrMalformed)
	}
	return o, nil
}

// jsonFault describes err without the bytes of the body: json quotes single
// characters only, but a type error may name a value.
func jsonFault(err error) string {
	if syntax, ok := err.(*json.SyntaxError); ok { //nolint:errorlint // json returns it unwrapped
		return fmt.Sprintf("syntax error after %d bytes", syntax.Offset)
	}
	return "another type"
}

// sanitise removes a BOM, replaces invalid UTF-8, and drops control
// characters that JSON forbids inside strings.
func sanitise(body []byte) []byte {
	body = bytes.TrimPrefix(bytes.TrimSpace(body), utf8BOM)
	if !bytes.ContainsFunc(body, unicodeControl) && utf8.Valid(body) {
		return body
	}
	out := make([]byte, 0, len(body))
	inString, escaped := false, false
	for _, c := range body {
		if c < 0x20 && (inString || !isSpace(c)) {
			continue
		}
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = inString
		case c == '"':
			inString = !inString
		}
		out = append(out, c)
	}
	return bytes.ToValidUTF8(out, []byte("\uFFFD"))
}

// unicodeControl reports whether r needs the slow path of sanitise.
func unicodeControl(r rune) bool { return r < 0x20 }

// isSpace reports whether c is white space of JSON.
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// text returns a member as a string. Numbers are returned as they are
// written; null, objects and a missing member are "".
func (o object) text(key string) string {
	raw := bytes.TrimSpace(o[key])
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if _, err := strconv.ParseFloat(string(raw), 64); err == nil {
		return string(raw)
	}
	return ""
}

// texts returns a member that is an array of strings.
func (o object) texts(key string) []string {
	var list []string
	if json.Unmarshal(o[key], &list) != nil {
		return nil
	}
	return list
}

// integer returns a member that is a whole number, or a string of one. A
// missing member, null and "" are zero.
func (o object) integer(key string) (int64, error) {
	s := strings.TrimSpace(o.text(key))
	if s == "" && isEmpty(o[key]) {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is not a whole number", ErrMalformed, key)
	}
	return n, nil
}

// isEmpty reports whether a member is missing, null or "".
func isEmpty(raw json.RawMessage) bool {
	s := string(bytes.TrimSpace(raw))
	return s == "" || s == "null" || s == `""`
}

// flag reports whether a member is 1, "1" or true.
func (o object) flag(key string) bool {
	return o.text(key) == "1" || string(bytes.TrimSpace(o[key])) == "true"
}

// lifetime returns expires_in as a duration. Anything that could make a
// caller believe in a token for too long is refused.
func (o object) lifetime(key string) (time.Duration, error) {
	if isEmpty(o[key]) {
		return 0, fmt.Errorf("%w: %s is missing", ErrMalformed, key)
	}
	n, err := o.integer(key)
	switch {
	case err != nil:
		return 0, err
	case n <= 0:
		return 0, fmt.Errorf("%w: %s is %d, a lifetime must be positive", ErrMalformed, key, n)
	case n > int64(maxLifetime/time.Second):
		return 0, fmt.Errorf("%w: %s is %d seconds, which is longer than anything of WeChat's lives", ErrMalformed, key, n)
	}
	return time.Duration(n) * time.Second, nil
}

// need returns a member that must be a non-empty string.
func (o object) need(key string) (string, error) {
	if s := o.text(key); s != "" {
		return s, nil
	}
	return "", fmt.Errorf("%w: %s is missing", ErrMalformed, key)
}

// object returns a member that is an object, else nil: a missing one, null,
// and anything else say the same.
func (o object) object(key string) object {
	var inner object
	if json.Unmarshal(o[key], &inner) != nil {
		return nil
	}
	return inner
}

// objects returns a member that is a list of objects. What is none within the
// list is counted as odd. A missing member and null are an empty list.
func (o object) objects(key string) (rows []object, odd int, err error) {
	if isEmpty(o[key]) {
		return nil, 0, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(o[key], &list) != nil {
		return nil, 0, fmt.Errorf("%w: %s is not a list", ErrMalformed, key)
	}
	rows = make([]object, 0, len(list))
	for _, raw := range list {
		var row object
		if json.Unmarshal(raw, &row) != nil || row == nil {
			odd++
			continue
		}
		rows = append(rows, row)
	}
	return rows, odd, nil
}

// lastMoment bounds times: the end of the year 9999, beyond which time.Time
// has no JSON form.
const lastMoment = 253402300799

// moment returns a member that counts seconds since 1970. The zero time stands
// for anything that names no moment.
func (o object) moment(key string) time.Time {
	n, err := o.integer(key)
	if err != nil || n <= 0 || n > lastMoment {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// id returns a member that is an identifier of up to 64 bits, else "".
func (o object) id(key string) ID {
	var id ID
	if json.Unmarshal(o[key], &id) != nil {
		return ""
	}
	if _, ok := id.number(); !ok {
		return ""
	}
	return id
}

// appID returns a member that names an account.
func (o object) appID(key string) (string, error) {
	s := o.text(key)
	switch {
	case s == "":
		return "", fmt.Errorf("%w: %s is missing", ErrMalformed, key)
	case !appIDForm.MatchString(s):
		return "", fmt.Errorf("%w: %s does not look like an appid", ErrMalformed, key)
	}
	return s, nil
}

// differs reports whether an answer names somebody else. It need not repeat
// whom we asked about.
func differs(got, asked string) bool { return got != "" && got != asked }

// ID is an identifier that WeChat sends as a JSON number in one place and as
// a string in another, often beyond 2^53: order_id, product_id, service_id.
// It keeps the digits.
type ID string

// UnmarshalJSON takes a string or a whole number; null leaves it empty.
func (id *ID) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if string(b) == "null" {
		*id = ""
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*id = ID(s)
		return nil
	}
	if !isWhole(b) {
		return fmt.Errorf("wechat: an id must be a string or a whole number, not %.20s", b)
	}
	*id = ID(b)
	return nil
}

// String returns the digits.
func (id ID) String() string { return string(id) }

// number returns the id in the form that request bodies want: digits of an
// unsigned 64-bit number.
func (id ID) number() (json.Number, bool) {
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return "", false
	}
	return json.Number(strconv.FormatUint(n, 10)), true
}

// isWhole reports whether b is a JSON integer.
func isWhole(b []byte) bool {
	digits := bytes.TrimPrefix(b, []byte("-"))
	return len(digits) > 0 && len(bytes.Trim(digits, "0123456789")) == 0
}
