package msgcrypt

import (
	"bytes"
	"fmt"
	"strings"
)

// Dialect is how an envelope is written. A shop's own pushes come in JSON, those
// of a platform in XML; other accounts choose.
type Dialect int

// The dialects.
const (
	JSON Dialect = iota + 1
	XML
)

// String returns json or xml.
func (d Dialect) String() string {
	switch d {
	case JSON:
		return "json"
	case XML:
		return "xml"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// MediaType is the Content-Type of an envelope in this dialect.
func (d Dialect) MediaType() string {
	if d == XML {
		return "text/xml; charset=utf-8"
	}
	return "application/json; charset=utf-8"
}

// DialectOf tells the dialect of a text by its first byte that is not white
// space. ok is false if that is neither < nor {. WeChat's Content-Type is not
// to be trusted.
func DialectOf(text []byte) (d Dialect, ok bool) {
	switch text = bytes.TrimLeft(text, space); {
	case len(text) == 0:
		return 0, false
	case text[0] == '{':
		return JSON, true
	case text[0] == '<':
		return XML, true
	}
	return 0, false
}

// reply writes a sealed answer. In JSON the TimeStamp is a number.
func (d Dialect) reply(encrypt, signature string, s stamp) []byte {
	if d == XML {
		return fmt.Appendf(nil, "<xml><Encrypt><![CDATA[%s]]></Encrypt><MsgSignature><![CDATA[%s]]></MsgSignature><TimeStamp>%s</TimeStamp><Nonce><![CDATA[%s]]></Nonce></xml>",
			encrypt, signature, s.time, s.nonce)
	}
	return fmt.Appendf(nil, `{"Encrypt":%q,"MsgSignature":%q,"TimeStamp":%s,"Nonce":%q}`, encrypt, signature, s.time, s.nonce)
}

// envelope writes the body of a push.
func (d Dialect) envelope(p Push, encrypt string) []byte {
	name, value := "ToUserName", p.ToUserName
	if value == "" {
		name, value = "AppId", p.AppID
	}
	if d == XML {
		return fmt.Appendf(nil, "<xml><%[1]s><![CDATA[%[2]s]]></%[1]s><Encrypt><![CDATA[%[3]s]]></Encrypt></xml>", name, value, encrypt)
	}
	return fmt.Appendf(nil, `{%q:%q,"Encrypt":%q}`, name, value, encrypt)
}

// nameOK reports whether a name needs no escaping in either dialect.
func nameOK(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@.-"
	return strings.Trim(name, letters) == ""
}
