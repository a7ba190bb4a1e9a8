package event

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// object is a message or a part of one. A value is a string, an object or a
// list of values.
type object map[string]any

// list is what stands under one name several times.
type list []any

// lists are the names that are lists also with one element, as the samples on
// the pages show them. Names that end in _list need no entry.
var lists = []string{
	"api_changes",   // api_diff
	"head_imgs",     // head_supplier_subscribe_product_baseinfo_update
	"update_fields", // head_supplier_item_update
}

func isList(name string) bool {
	return strings.HasSuffix(name, "_list") || slices.Contains(lists, name)
}

// put sets a member in the one form that both dialects can have: nothing is
// "", an empty list is no member, a known list is one also with one element.
func (o object) put(name string, v any) {
	if isList(name) {
		elements, ok := v.(list)
		if !ok {
			elements = list{v}
		}
		// An empty element is how XML says that the list is empty.
		elements = slices.DeleteFunc(elements, func(v any) bool { return v == "" })
		v = elements
	}
	if l, ok := v.(list); ok && len(l) == 0 {
		return
	}
	o[name] = v
}

// value is the object as a value: an empty one is "".
func (o object) value() any {
	if len(o) == 0 {
		return ""
	}
	return o
}

// take moves a scalar out of the object. The first name that holds something
// counts; another value under a second name stays.
func (o object) take(name string, to *string) error {
	v, ok := o[name]
	if !ok {
		return nil
	}
	s, ok := v.(string)
	if !ok {
		return ErrEnvelope
	}
	s = strings.TrimSpace(s)
	if *to != "" && *to != s {
		return nil
	}
	*to = s
	delete(o, name)
	return nil
}

// canonical writes the object with sorted names and nothing escaped that JSON
// does not ask for.
func canonical(o object) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// budget counts the values of one message.
type budget int

// spend takes one value at a depth.
func (b *budget) spend(depth int) error {
	*b++
	if *b > MaxElements || depth > MaxDepth {
		return ErrTooLarge
	}
	return nil
}
