package gateway

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// everyByte percent-encodes all of s, also what need not be.
func everyByte(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func inEncoding(e *base64.Encoding) func(string) string {
	return func(s string) string { return e.EncodeToString([]byte(s)) }
}

// shapes are in what a server may repeat a token in a header.
var shapes = map[string]func(string) string{
	"plain":          func(s string) string { return s },
	"escaped":        url.QueryEscape,
	"every byte":     everyByte,
	"twice":          func(s string) string { return url.QueryEscape(everyByte(s)) },
	"base64":         inEncoding(base64.StdEncoding),
	"base64 of URLs": inEncoding(base64.URLEncoding),
	"base64, no end": inEncoding(base64.RawStdEncoding),
	"escaped base64": func(s string) string { return url.QueryEscape(inEncoding(base64.StdEncoding)(s)) },
}

// TestNoShapeOfTheTokenStaysInAHeader: wherever it stands in the value, and whatever
// was encoded with it.
func TestNoShapeOfTheTokenStaysInAHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.StringMatching(`[A-Za-z0-9_+/=-]{8,160}`).Draw(t, "token")
		within := rapid.StringMatching(`[a-z0-9?&=%;, ]{0,9}`)
		around := rapid.SampledFrom([]string{"", "u=", "https://api.weixin.qq.com/x?", "a, ", `"`})
		shape := rapid.SampledFrom(slices.Sorted(maps.Keys(shapes))).Draw(t, "shape")
		inner := within.Draw(t, "before") + plain + within.Draw(t, "after")
		value := around.Draw(t, "start") + shapes[shape](inner) + rapid.SampledFrom([]string{"", ";q", "&b=1", `"`}).Draw(t, "end")
		for _, name := range []string{"Location", "Link", "X-Echo"} {
			got := blot(name, []string{value}, secret.FromString(plain))[0]
			if encodes(got, plain) || strings.Contains(got, shapes[shape](plain)) {
				t.Fatalf("%s: %q became %q", name, value, got)
			}
		}
	})
}

// TestOrdinaryValuesStay: whatever looks encoded and holds no token passes.
func TestOrdinaryValuesStay(t *testing.T) {
	token := secret.FromString("61_" + strings.Repeat("Ab9-_", 24))
	for _, value := range []string{
		"application/json; encoding=utf-8", "100%", "%zz%41", `attachment; filename*=UTF-8''%E5%BA%97.jpg`,
		`</x?a=1>; rel="next"`, base64.StdEncoding.EncodeToString([]byte(strings.Repeat("an image, say. ", 40))),
		strings.Repeat("%2541", 60), strings.Repeat("=", 300), strings.Repeat("A", 301),
	} {
		if got := blot("X-Any", []string{value}, token)[0]; got != value {
			t.Errorf("%q became %q", value, got)
		}
	}
}

// TestMaskedInPlace: what can be read around a token stays.
func TestMaskedInPlace(t *testing.T) {
	token := tokenOf(0)
	for value, want := range map[string]string{
		"https://h/x?access_token=" + token.RevealString() + "&a=1": "https://h/x?access_token=[secret]&a=1",
		"https://h/x?a=1&access_token=" + token.RevealString()[:8]:  "https://h/x?a=1&access_token=[secret]",
		"https://h/x?u=" + everyByte(token.RevealString()):          secret.Redacted,
		"https://h/x": "https://h/x",
	} {
		if got := blot("Location", []string{value}, token)[0]; got != want {
			t.Errorf("%q became %q", value, got)
		}
	}
}
