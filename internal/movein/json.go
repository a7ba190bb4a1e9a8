package movein

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how deep accounts may lie in a file: in a list, in an object.
const maxDepth = 4

// json reads values one after another, so that a list of lines is as good as one
// list.
func (g *gather) json(in io.Reader, f Format) error {
	d := json.NewDecoder(in)
	for n := 0; ; n++ {
		var v json.RawMessage
		err := d.Decode(&v)
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return errors.New("the file is empty; give one with JSON in it")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("near byte %d the file is not JSON; mend it, or name its format", d.InputOffset())
		}
		if err := g.value(v, f, 0); err != nil {
			return err
		}
	}
}

// value takes what a value holds: a list of values, an account, an entry of a
// Redis, or an object of either.
func (g *gather) value(v json.RawMessage, f Format, depth int) error {
	if depth > maxDepth {
		return errors.New("accounts lie too deep in the file; give a list of them")
	}
	var list []json.RawMessage
	if v[0] == '[' && json.Unmarshal(v, &list) == nil {
		for _, one := range list {
			if err := g.value(one, f, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	var object map[string]json.RawMessage
	if v[0] != '{' || json.Unmarshal(v, &object) != nil {
		g.file.Skipped++
		return nil
	}
	return g.object(object, f, depth)
}

func (g *gather) object(object map[string]json.RawMessage, f Format, depth int) error {
	if f != Redis {
		if named := texts(object); named["appid"] != "" {
			g.add(rowOf(named))
			return nil
		}
		if inner := listIn(object); inner != nil {
			return g.value(inner, f, depth+1)
		}
	}
	if f != JSON {
		g.redis(object)
		return nil
	}
	g.file.Skipped++
	return nil
}

// texts picks our fields out of an object.
func texts(object map[string]json.RawMessage) map[string]string {
	named := map[string]string{}
	for name, v := range object {
		var text string
		if field := fieldOf(name); field != "" && json.Unmarshal(v, &text) == nil && text != "" {
			named[field] = text
		}
	}
	return named
}

// listIn is the one list of an object around it, as in WeChat's own list of
// authorisers.
func listIn(object map[string]json.RawMessage) json.RawMessage {
	for _, name := range []string{"list", "items", "authorizers", "data"} {
		if v := object[name]; len(v) > 0 && v[0] == '[' {
			return v
		}
	}
	return nil
}
