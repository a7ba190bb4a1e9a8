package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Setting is one setting as it may be shown to somebody who helps from afar.
type Setting struct {
	Name  string // as in the file, such as channels[0].kind
	Value string // empty if it may not be shown
	Set   bool   // whether there is any value
}

// plain are the texts that are shown: addresses to listen on, and words of fixed sets.
// Of any other text it is only told whether there is one, since people also write
// passwords, names and addresses into it.
var plain = []string{
	"listen", "ops_listen", "log.format", "channels[].name", "channels[].kind", "channels[].tls", "channels[].severity", "channels[].kinds[]", "channels[].language",
	"alerts.rules[].kind", "alerts.rules[].severity", "alerts.quiet_hours.from", "alerts.quiet_hours.to", "alerts.quiet_hours.zone",
	"protected[].role", "protected[].doors[]", "protected[].routes[].role", "protected[].routes[].doors[]", "staff_oidc.rules[].kind", "moving[].app",
}

// Outline gives the settings in effect, cut down by the types of their fields:
// numbers, switches, times and words of fixed sets as they are, of addresses only
// scheme and host, of secrets and of other text only whether there is any.
func (c Config) Outline() []Setting {
	var o outline
	o.section("", reflect.ValueOf(c))
	return o.all
}

type outline struct{ all []Setting }

func (o *outline) section(path string, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		if path != "" {
			name = path + "." + name
		}
		o.value(name, v.Field(i))
	}
}

func (o *outline) value(path string, v reflect.Value) {
	s := Setting{Name: path, Set: !v.IsZero()}
	switch x := v.Interface().(type) {
	case secret.Value:
		s.Set = !x.IsZero()
	case Secret:
		s.Set = !x.IsZero()
	case URL:
		if s.Set {
			s.Value = x.URL().Scheme + "://" + x.Host()
		}
	case fmt.Stringer: // durations, levels, networks
		s.Value = x.String()
	default:
		if o.inner(path, v) {
			return
		}
		s.Value = shown(path, v)
	}
	o.all = append(o.all, s)
}

// inner goes into what has settings of its own.
func (o *outline) inner(path string, v reflect.Value) bool {
	_, text := v.Interface().(encoding.TextMarshaler)
	switch {
	case text:
		return false
	case v.Kind() == reflect.Struct:
		o.section(path, v)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			o.value(item(path, i), v.Index(i))
		}
	default:
		return false
	}
	return true
}

// shown is the value of something that is no address and no secret.
func shown(path string, v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.String:
		if v.Type() != reflect.TypeFor[string]() || slices.Contains(plain, withoutNumbers(path)) {
			return v.String() // a type of its own: a word of a fixed set
		}
	}
	return ""
}

// withoutNumbers makes channels[] of channels[3].
func withoutNumbers(path string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(path, "[") {
		if _, after, ok := strings.Cut(part, "]"); ok {
			b.WriteString("[]" + after)
		} else {
			b.WriteString(part)
		}
	}
	return b.String()
}
