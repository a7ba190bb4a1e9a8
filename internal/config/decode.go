package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds what is read; a longer file is not a configuration.
const maxFile = 1 << 20

// decode reads YAML into the struct that target points to. It works on yaml's
// tree instead of letting yaml fill the struct, so that unknown keys, repeated
// keys and wrong types are all found in one go. Problems never repeat values.
func (r *report) decode(data []byte, target any) {
	root, ok := r.parse(data)
	if !ok {
		return
	}
	r.section("", root, reflect.ValueOf(target).Elem())
}

// parse gives the root node of the one document in data; ok is false if there
// is nothing to read.
func (r *report) parse(data []byte) (root *yaml.Node, ok bool) {
	if len(data) > maxFile {
		r.at(0, "", "the file is larger than 1 MiB", "check that this is the right file")
		return nil, false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, false
	}
	if err != nil {
		r.syntax(err)
		return nil, false
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		r.at(second.Line, "", "a second document begins", "keep one document and remove the line ---")
	}
	return doc.Content[0], true
}

var (
	yamlLine   = regexp.MustCompile(`line (\d+): `)
	yamlQuoted = regexp.MustCompile("'[^']*'|\"[^\"]*\"|`[^`]*`")
)

// syntax reports a YAML error without anything that it quotes of the file.
func (r *report) syntax(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits by the pattern
		text = strings.Replace(text, m[0], "", 1)
	}
	text = yamlQuoted.ReplaceAllString(text, "…")
	r.at(line, "", "this is not YAML: "+text, "check indentation, colons and quotes near this line")
}

// section reads a mapping into a struct. An empty section is fine.
func (r *report) section(path string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.unreadable(n.Line, path, "is not a section", "write its keys below it, indented")
		return
	}
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, ok := fields[key.Value]
		switch {
		case !ok || key.Kind != yaml.ScalarNode:
			r.unknown(path, key, fields)
		case seen[key.Value]:
			r.at(key.Line, join(path, key.Value), "is written twice", "keep one of them")
		default:
			seen[key.Value] = true
			setting := join(path, key.Value)
			r.places[setting] = place{r.file, key.Line}
			r.value(setting, value, v.FieldByIndex(f.Index))
		}
	}
}

// unknown reports a key that no field has. Keys are names, not values, and a
// name that looks like none is not repeated.
func (r *report) unknown(path string, key *yaml.Node, fields map[string]reflect.StructField) {
	remedy := "remove it, or see the reference for the names there are"
	if near := nearest(key.Value, fields); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	}
	what := "has an unknown key"
	if keyForm.MatchString(key.Value) {
		what = fmt.Sprintf("has an unknown key %q", key.Value)
	}
	r.at(key.Line, path, what, remedy)
}

var keyForm = regexp.MustCompile(`^[a-z_]{1,32}$`)

// value reads any node into a field.
func (r *report) value(path string, n *yaml.Node, v reflect.Value) {
	switch {
	case n.Kind == yaml.AliasNode:
		r.unreadable(n.Line, path, "uses a YAML alias", "write the value out")
	case isText(v):
		r.text(path, n, v)
	case v.Type() == timeType || v.Type() == durationType:
		r.plain(path, n, v)
	case v.Kind() == reflect.Struct:
		r.section(path, n, v)
	case v.Kind() == reflect.Slice:
		r.list(path, n, v)
	case v.Kind() == reflect.Map:
		r.names(path, n, v)
	default:
		r.plain(path, n, v)
	}
}

// list reads a sequence. An empty value is an empty list.
func (r *report) list(path string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.unreadable(n.Line, path, "is not a list", "write it as [a, b] or with one \"- \" a line")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		setting := path + "[" + strconv.Itoa(i) + "]"
		r.places[setting] = place{r.file, item.Line}
		r.value(setting, item, out.Index(i))
	}
	v.Set(out)
}

// names reads a mapping whose keys the operator chooses.
func (r *report) names(path string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.unreadable(n.Line, path, "is not a list of names", "write one \"name: value\" a line, indented")
		return
	}
	out := reflect.MakeMap(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], reflect.New(v.Type().Elem()).Elem()
		r.places[join(path, key.Value)] = place{r.file, key.Line}
		r.value(join(path, key.Value), n.Content[i+1], value)
		if out.MapIndex(reflect.ValueOf(key.Value)).IsValid() {
			r.at(key.Line, path, "has a name twice", "keep one of them")
		}
		out.SetMapIndex(reflect.ValueOf(key.Value), value)
	}
	v.Set(out)
}

// text reads a scalar by the field's own UnmarshalText, whose error is not
// shown because it may repeat the value.
func (r *report) text(path string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	u, _ := v.Addr().Interface().(encoding.TextUnmarshaler)
	if n.Kind != yaml.ScalarNode || u.UnmarshalText([]byte(n.Value)) != nil {
		r.wrongType(n.Line, path, v.Type())
	}
}

// plain reads a scalar of a basic type, a time or a duration.
func (r *report) plain(path string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.ScalarNode || n.Decode(v.Addr().Interface()) != nil {
		r.wrongType(n.Line, path, v.Type())
	}
}

func (r *report) wrongType(line int, path string, t reflect.Type) {
	w, remedy := describe(t)
	r.unreadable(line, path, "is not "+w, remedy)
}

// describe says what a type wants, and how to write it.
func describe(t reflect.Type) (what, remedy string) {
	if w, ok := typeWords[t.String()]; ok {
		return w[0], w[1]
	}
	switch t.Kind() {
	case reflect.Bool:
		return "a yes or no", "write true or false"
	case reflect.Int, reflect.Int64:
		return "a number", "write it in digits"
	case reflect.Float64:
		return "a number", "write it as 20 or 0.5"
	case reflect.Slice:
		return describe(t.Elem())
	default:
		return "a single text", "write one value, in quotes if it has odd characters"
	}
}

var typeWords = map[string][2]string{
	"time.Duration": {"a duration", "write it as 168h, 30m or 10s"},
	"time.Time":     {"a time", "write it as 2027-01-01T00:00:00Z"},
	"config.URL":    {"a plain URL", "write it as https://host or https://host/path, without user, query and fragment"},
	"netip.Prefix":  {"a network", "write it as 10.0.0.0/8, or 192.0.2.7/32 for one address"},
	"slog.Level":    {"a log level", "write debug, info, warn or error"},
	"config.Secret": {"a secret's reference", "write file:/path or env:NAME"},
	"secret.Value":  {"a single text", "write one value, or leave it empty"},
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// isText tells whether a field reads itself. Times do too, but yaml knows them
// better.
func isText(v reflect.Value) bool {
	_, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return ok && v.Type() != timeType
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldsOf gives a struct's fields by their yaml names.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) { // also those of embedded structs
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
			fields[name] = f
		}
	}
	return fields
}
