package event

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// xmlReader builds the tree from tokens. The decoder knows the five entities of
// XML and no others, and reads UTF-8 only.
type xmlReader struct {
	d *xml.Decoder
	budget
}

func parseXML(text []byte) (object, error) {
	r := xmlReader{d: xml.NewDecoder(bytes.NewReader(text))}
	if err := r.root(); err != nil {
		return nil, err
	}
	v, err := r.element(1)
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return object{}, nil // a root without elements has no members
	}
	return o, nil
}

// token returns the next token that matters: a start, an end or text.
func (r *xmlReader) token() (xml.Token, error) {
	for {
		tok, err := r.d.Token()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, ErrSyntax // the decoder's own words quote the message
		}
		switch tok.(type) {
		case xml.Directive:
			return nil, ErrDocType
		case xml.StartElement, xml.EndElement, xml.CharData:
			return tok, nil
		}
	}
}

// root passes to the first element, which must be <xml>.
func (r *xmlReader) root() error {
	for {
		tok, err := r.token()
		if errors.Is(err, io.EOF) {
			return ErrSyntax
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local == "xml" {
				return nil
			}
			return ErrSyntax
		case xml.CharData:
			if !blank(tok) {
				return ErrSyntax
			}
		}
	}
}

// end wants nothing after the root.
func (r *xmlReader) end() error {
	for {
		tok, err := r.token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if text, ok := tok.(xml.CharData); !ok || !blank(text) {
			return ErrSyntax
		}
	}
}

func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// element reads what is inside an element, up to its end: an object if there
// are elements, or text.
func (r *xmlReader) element(depth int) (any, error) {
	if err := r.spend(depth); err != nil {
		return nil, err
	}
	var text strings.Builder
	children := map[string]list{}
	for {
		tok, err := r.token()
		if errors.Is(err, io.EOF) {
			return nil, ErrSyntax
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			child, err := r.element(depth + 1)
			if err != nil {
				return nil, err
			}
			children[tok.Name.Local] = append(children[tok.Name.Local], child)
		case xml.CharData:
			text.Write(tok)
		case xml.EndElement:
			if len(children) == 0 {
				return text.String(), nil
			}
			return fold(children), nil
		}
	}
}

// fold makes an object of elements: one of a name is a member, several are a
// list.
func fold(children map[string]list) any {
	o := object{}
	for name, values := range children {
		if len(values) == 1 {
			o.put(name, values[0])
		} else {
			o.put(name, values)
		}
	}
	return o.value()
}
