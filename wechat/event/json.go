package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// jsonReader builds the tree from tokens, because a decoder into a map would
// let the second of two equal names win.
type jsonReader struct {
	d *json.Decoder
	budget
}

func parseJSON(text []byte) (object, error) {
	// The decoder alone stops after the first value.
	if !json.Valid(text) {
		return nil, ErrSyntax
	}
	r := jsonReader{d: json.NewDecoder(bytes.NewReader(text))}
	r.d.UseNumber()
	v, err := r.value(1)
	if err != nil {
		return nil, err
	}
	if v == "" {
		return object{}, nil
	}
	o, ok := v.(object)
	if !ok {
		return nil, ErrSyntax
	}
	return o, nil
}

// value reads the next value.
func (r *jsonReader) value(depth int) (any, error) {
	if err := r.spend(depth); err != nil {
		return nil, err
	}
	tok, err := r.d.Token()
	if err != nil {
		return nil, ErrSyntax
	}
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '[' {
			return r.list(depth)
		}
		return r.object(depth)
	case nil:
		return "", nil
	}
	return clean(fmt.Sprint(tok)) // a string, a number in its own words, true or false
}

// clean refuses the one character that neither XML nor every database can hold.
func clean(s string) (string, error) {
	if strings.ContainsRune(s, 0) {
		return "", ErrSyntax
	}
	return s, nil
}

func (r *jsonReader) object(depth int) (any, error) {
	o, seen := object{}, map[string]bool{}
	for r.d.More() {
		tok, err := r.d.Token()
		if err != nil {
			return nil, ErrSyntax
		}
		name, err := clean(strings.TrimSpace(fmt.Sprint(tok)))
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, ErrDuplicate
		}
		seen[name] = true
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.put(name, v)
	}
	_, err := r.d.Token()
	return o.value(), err
}

func (r *jsonReader) list(depth int) (any, error) {
	l := list{}
	for r.d.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	_, err := r.d.Token()
	return l, err
}
