package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// bait has no byte sequence that occurs by accident in an address.
const bait = "Kf9zQx-bait-7Wv"

// leaks reports the form in which the bait shows in text, or "".
func leaks(text string) string {
	var decimals, octals, uses []string
	for _, b := range []byte(bait) {
		decimals = append(decimals, fmt.Sprint(b))
		octals = append(octals, fmt.Sprintf("%o", b))
		uses = append(uses, fmt.Sprintf("%#x", b))
	}
	forms := map[string]string{
		"plain":    bait,
		"hex":      hex.EncodeToString([]byte(bait)),
		"HEX":      strings.ToUpper(hex.EncodeToString([]byte(bait))),
		"base64":   base64.StdEncoding.EncodeToString([]byte(bait)),
		"decimals": strings.Join(decimals, " "),
		"octals":   strings.Join(octals, " "),
		"go bytes": strings.Join(uses, ", "),
		"chars":    strings.Join(strings.Split(bait, ""), " "),
	}
	for name, form := range forms {
		if strings.Contains(text, form) {
			return name
		}
	}
	return ""
}

type hidden struct{ v secret.Value }

type open struct {
	V secret.Value
	P *secret.Value
}

type embedded struct{ secret.Value }

// shapes are the ways a secret gets into a print statement.
func shapes() map[string]any {
	v := secret.FromString(bait)
	return map[string]any{
		"value":             v,
		"pointer":           &v,
		"unexported field":  hidden{v},
		"pointer to hidden": &hidden{v},
		"exported fields":   open{V: v, P: &v},
		"embedded":          embedded{v},
		"map":               map[string]secret.Value{"k": v},
		"slice":             []secret.Value{v},
		"map of hidden":     map[string]*hidden{"k": {v}},
		"interface slice":   []any{v, hidden{v}, &v},
	}
}

func TestNoVerbPrintsTheBytes(t *testing.T) {
	verbs := []string{
		"%v", "%+v", "%#v", "%T", "%t", "%s", "%q", "%x", "%X", "%d",
		"%b", "%o", "%c", "%U", "%e", "%g", "%p", "%w", "%z", "%#x", "% x", "%+q",
	}
	for name, shape := range shapes() {
		for _, verb := range verbs {
			if form := leaks(fmt.Sprintf(verb, shape)); form != "" {
				t.Errorf("%s with %s leaks as %s", name, verb, form)
			}
		}
	}
}

func TestEveryVerbPrintsThePlaceholder(t *testing.T) {
	for _, v := range []secret.Value{{}, secret.FromString(bait)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%5.2f"} {
			if got := fmt.Sprintf(verb, v); got != secret.Redacted {
				t.Errorf("Sprintf(%q) = %q, want %q", verb, got, secret.Redacted)
			}
		}
		if v.String() != secret.Redacted || v.GoString() != secret.Redacted {
			t.Errorf("String = %q, GoString = %q", v.String(), v.GoString())
		}
	}
}

func TestNoEncoderWritesTheBytes(t *testing.T) {
	encoders := map[string]func(any) string{
		"json": func(x any) string { b, err := json.Marshal(x); return fmt.Sprint(string(b), err) },
		"xml":  func(x any) string { b, err := xml.Marshal(x); return fmt.Sprint(string(b), err) },
		"yaml": func(x any) (s string) {
			defer func() { s += fmt.Sprint(recover()) }()
			b, err := yaml.Marshal(x)
			return fmt.Sprint(string(b), err)
		},
		"gob": func(x any) string {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(x)
			return fmt.Sprint(b.String(), err)
		},
		"slog json": func(x any) string {
			var b bytes.Buffer
			slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "x", x, slog.Group("g", "x", x))
			return b.String()
		},
		"slog text": func(x any) string {
			var b bytes.Buffer
			slog.New(slog.NewTextHandler(&b, nil)).Info("m", "x", x, slog.Any("y", x))
			return b.String()
		},
		"cmp":   func(x any) string { return cmp.Diff(x, nil, cmp.AllowUnexported(hidden{}, embedded{})) },
		"panic": func(x any) (s string) { defer func() { s = fmt.Sprint(recover()) }(); panic(x) },
	}
	for encoder, encode := range encoders {
		for name, shape := range shapes() {
			if form := leaks(encode(shape)); form != "" {
				t.Errorf("%s of %s leaks as %s", encoder, name, form)
			}
		}
	}
}

func TestTheProbeSeesALeak(t *testing.T) {
	for _, verb := range []string{"%v", "%x", "%X", "%d", "%#v", "%o", "%s"} {
		if leaks(fmt.Sprintf(verb, []byte(bait))) == "" {
			t.Errorf("%s of the bare bytes was not noticed: %s", verb, fmt.Sprintf(verb, []byte(bait)))
		}
	}
	if form := leaks("0xc000012345"); form != "" {
		t.Errorf("an address was taken for a leak: %s", form)
	}
}

func TestRevealReturnsACopy(t *testing.T) {
	source := []byte(bait)
	v := secret.New(source)
	clear(source)
	first := v.Reveal()
	clear(first)
	if got := string(v.Reveal()); got != bait {
		t.Errorf("after clearing the source and a copy: %q", got)
	}
	if v.RevealString() != bait || v.Len() != len(bait) || v.IsZero() {
		t.Errorf("RevealString %q, Len %d, IsZero %v", v.RevealString(), v.Len(), v.IsZero())
	}
}

func TestZeroValueIsAnEmptySecret(t *testing.T) {
	for name, v := range map[string]secret.Value{
		"zero": {}, "empty string": secret.FromString(""), "nil": secret.New(nil), "empty": secret.New([]byte{}),
	} {
		if !v.IsZero() || v.Len() != 0 || v.Reveal() != nil || v.RevealString() != "" {
			t.Errorf("%s: not empty", name)
		}
		if !v.Equal(secret.Value{}) {
			t.Errorf("%s: not equal to the zero value", name)
		}
	}
}

func TestEqual(t *testing.T) {
	a := secret.FromString(bait)
	for _, tc := range []struct {
		b    string
		want bool
	}{{bait, true}, {bait + "x", false}, {bait[1:], false}, {"", false}} {
		if got := a.Equal(secret.FromString(tc.b)); got != tc.want {
			t.Errorf("Equal(%q) = %v", tc.b, got)
		}
	}
	if diff := cmp.Diff(hidden{a}, hidden{secret.New([]byte(bait))}, cmp.AllowUnexported(hidden{})); diff != "" {
		t.Error("cmp does not use Equal:", diff)
	}
}

func TestConfigurationsCanHoldASecret(t *testing.T) {
	type config struct {
		Key   secret.Value `json:"key" yaml:"key"`
		Other secret.Value `json:"other,omitzero" yaml:"other,omitempty"`
	}
	decoders := map[string]func(*config) error{
		"json": func(c *config) error { return json.Unmarshal([]byte(`{"key":"`+bait+`"}`), c) },
		"yaml": func(c *config) error { return yaml.Unmarshal([]byte("key: "+bait), c) },
	}
	for name, decode := range decoders {
		var c config
		if err := decode(&c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Key.RevealString() != bait || !c.Other.IsZero() {
			t.Errorf("%s: key %q", name, c.Key.RevealString())
		}
		if b, _ := json.Marshal(c); string(b) != `{"key":"[secret]"}` {
			t.Errorf("%s: marshals as %s", name, b)
		}
	}
}

func TestARedactedExportIsRefused(t *testing.T) {
	var v secret.Value
	err := json.Unmarshal([]byte(`"[secret]"`), &v)
	if err == nil || !strings.Contains(err.Error(), "put the real secret") {
		t.Errorf("error = %v", err)
	}
}
