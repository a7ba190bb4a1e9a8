package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
)

// listForm is the name of a variable that sets a part of an item of a list. A
// hundred items are enough, and no number is long enough to ask for much memory.
var listForm = regexp.MustCompile(`^` + envPrefix + `([A-Z]+_)([0-9]{1,2})_([A-Z_]+)$`)

// listVariables overlays the variables of lists of sections. One that skips a
// number leaves an empty item, which is a problem of its own.
func (r *report) listVariables(c *Config, vars map[string]string) {
	lists := map[string]string{} // yaml names by the prefixes of variables
	config := reflect.ValueOf(c).Elem()
	for _, f := range fieldList(config.Type()) {
		if prefix, section := f.Tag.Lookup("envPrefix"); section && f.Type.Kind() == reflect.Slice {
			lists[prefix] = f.Tag.Get("yaml")
		}
	}
	fields, mine := fieldsOf(config.Type()), map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		m := listForm.FindStringSubmatch(name)
		if m == nil || lists[m[1]] == "" {
			continue
		}
		list := lists[m[1]]
		v := config.FieldByIndex(fields[list].Index)
		if !mine[list] { // not the file's, which others may read
			v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v))
			mine[list] = true
		}
		n, _ := strconv.Atoi(m[2]) // digits by the pattern
		r.listVariable(v, list, n, m[3], name, vars[name])
	}
}

// listVariable sets the part of the nth item of a list that a variable is named
// after, if it has one.
func (r *report) listVariable(v reflect.Value, list string, n int, part, name, text string) {
	i := slices.IndexFunc(fieldList(v.Type().Elem()), func(f reflect.StructField) bool { return f.Tag.Get("env") == part })
	if i < 0 {
		return
	}
	for v.Len() <= n {
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	}
	setting := item(list, n) + "." + v.Type().Elem().Field(i).Tag.Get("yaml")
	r.places[setting] = place{file: fmt.Sprintf("environment variable %s", name)}
	r.want(setText(v.Index(n).Field(i), name, text), setting, "cannot be read", "see the reference for how it is written")
}

// setText sets a field from the text of a variable, if it can be read.
func setText(v reflect.Value, name, text string) bool {
	if s, ok := v.Addr().Interface().(*Secret); ok {
		if s.UnmarshalText([]byte(text)) != nil {
			return false
		}
		if _, _, literal := s.kind(); literal {
			// It is in a variable already, which is where it should be.
			return s.UnmarshalText([]byte("env:"+name)) == nil
		}
		return true
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text)) == nil
	}
	if v.Kind() == reflect.Bool {
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err == nil
	}
	v.SetString(text)
	return true
}
