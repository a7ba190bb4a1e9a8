package wechatsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// pushField is one member of a message. Order matters in XML, and the two
// dialects do not agree on it, so messages are lists and not maps.
type pushField struct {
	name  string
	value any // string, json.Number, bool, nil, pushObject or []any of these
}

// pushObject is a message or a part of one, in the order of the documents.
type pushObject []pushField

// errNoObject says what the body of an event has to be.
var errNoObject = errors.New(`the body of an event is a JSON object: write it like {"order_info":{"order_id":"3700000000000000001"}}`)

// fieldForm is what can be the name of an XML element.
var fieldForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,127}$`)

// parsePushObject reads JSON and keeps the order of members and the digits of
// numbers as they are written.
func parsePushObject(raw []byte) (pushObject, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := readPushValue(dec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoObject, err)
	}
	o, ok := v.(pushObject)
	if _, err := dec.Token(); !ok || !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return o, nil
}

func readPushValue(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		return readPushObject(dec)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := readPushValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	return tok, nil
}

func readPushObject(dec *json.Decoder) (pushObject, error) {
	o := pushObject{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name := tok.(string) // the decoder refuses any other key
		if !fieldForm.MatchString(name) {
			return nil, fmt.Errorf("%q cannot be the name of an XML element, and providers get XML: use letters, digits and '_'", name)
		}
		v, err := readPushValue(dec)
		if err != nil {
			return nil, err
		}
		o = append(o, pushField{name, v})
	}
	_, err := dec.Token()
	return o, err
}

// toJSON writes the message as self-developed shops get it: numbers as
// numbers, in the order of the documents.
func (o pushObject) toJSON() []byte {
	var b bytes.Buffer
	writePushJSON(&b, o)
	return b.Bytes()
}

func writePushJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case pushObject:
		b.WriteByte('{')
		for i, f := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(encode(f.name))
			b.WriteByte(':')
			writePushJSON(b, f.value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writePushJSON(b, item)
		}
		b.WriteByte(']')
	default:
		b.Write(encode(v))
	}
}

// toXML writes the message as providers get it. XML has no types, so every
// value becomes text; a list becomes an element that repeats.
func (o pushObject) toXML() []byte {
	var b bytes.Buffer
	b.WriteString("<xml>")
	for _, f := range o {
		writePushXML(&b, f.name, f.value)
	}
	b.WriteString("</xml>")
	return b.Bytes()
}

func writePushXML(b *bytes.Buffer, name string, v any) {
	if list, ok := v.([]any); ok {
		for _, item := range list {
			writePushXML(b, name, item)
		}
		return
	}
	fmt.Fprintf(b, "<%s>", name)
	switch v := v.(type) {
	case pushObject:
		for _, f := range v {
			writePushXML(b, f.name, f.value)
		}
	case string:
		// A section cannot hold its own end, so it is cut in two there.
		b.WriteString("<![CDATA[" + strings.ReplaceAll(cleanXML(v), "]]>", "]]]]><![CDATA[>") + "]]>")
	case nil:
	default:
		fmt.Fprint(b, v)
	}
	fmt.Fprintf(b, "</%s>", name)
}

// cleanXML drops the control characters that XML 1.0 cannot carry at all.
func cleanXML(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, s)
}

// reordered sorts the members of every object by name. What providers get has
// been seen in another order than the documents show.
func (o pushObject) reordered() pushObject {
	out := slices.Clone(o)
	for i, f := range out {
		out[i].value = reorderedValue(f.value)
	}
	slices.SortStableFunc(out, func(a, b pushField) int { return strings.Compare(a.name, b.name) })
	return out
}

func reorderedValue(v any) any {
	switch v := v.(type) {
	case pushObject:
		return v.reordered()
	case []any:
		out := slices.Clone(v)
		for i, item := range out {
			out[i] = reorderedValue(item)
		}
		return out
	}
	return v
}
