package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
)

// setting is one leaf of Config.
type setting struct {
	name string // in the file, e.g. "tls.mode"
	env  string // e.g. "ZHANGGUI_TLS_MODE"; empty: it can be set in the file only
	doc  string
	kind reflect.Type
	def  reflect.Value
	item bool // of a list, of which there may be many
}

// settings lists every leaf of Config in the order of the struct.
func settings() []setting {
	return leaves(reflect.ValueOf(Default()), "", envPrefix)
}

func leaves(v reflect.Value, path, prefix string) []setting {
	var all []setting
	for i, f := range fieldList(v.Type()) {
		name := join(path, f.Tag.Get("yaml"))
		more, section := f.Tag.Lookup("envPrefix")
		switch {
		case section && f.Type.Kind() == reflect.Slice:
			all = append(all, items(f.Type.Elem(), name, prefix+more)...)
		case section:
			all = append(all, leaves(v.Field(i), name, prefix+more)...)
		default:
			all = append(all, setting{name: name, env: variable(prefix, f.Tag.Get("env")), doc: f.Tag.Get("doc"), kind: f.Type, def: v.Field(i)})
		}
	}
	return all
}

// variable names the variable of a leaf. Lists within lists have none: nobody could
// read their names.
func variable(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + name
}

// items lists the leaves of each item of a list, named after the first.
func items(t reflect.Type, path, prefix string) []setting {
	all := leaves(reflect.Zero(t), path+"[]", prefix+"0_")
	for i := range all {
		all[i].item = true
	}
	return all
}

func fieldList(t reflect.Type) []reflect.StructField {
	fields := make([]reflect.StructField, 0, t.NumField())
	for f := range t.Fields() {
		fields = append(fields, f)
	}
	return fields
}

// Reference gives the table of all settings as Markdown, for the operator's
// guide.
func Reference() string {
	var b strings.Builder
	b.WriteString("| setting | environment | default | meaning |\n|---|---|---|---|\n")
	for _, s := range settings() {
		env := "file only"
		if s.env != "" {
			env = "`" + s.env + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, env, defaultText(s.def), strings.ReplaceAll(s.doc, "|", "\\|"))
	}
	return b.String()
}

func defaultText(v reflect.Value) string {
	if (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		return ""
	}
	text := fmt.Sprint(v.Interface())
	if v.Kind() == reflect.Slice {
		text = strings.ReplaceAll(strings.Trim(text, "[]"), " ", ",") // as in a variable
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, _ := m.MarshalText() // none of the types used here fails
		text = string(b)
	}
	switch {
	case text == "":
		return ""
	case v.Type() == durationType:
		text = strings.TrimSuffix(text, "0m0s")
	}
	return "`" + strings.ToLower(text) + "`"
}
