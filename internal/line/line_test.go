package line_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/line"
)

func TestOf(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"  蓝天 店铺\n":               "蓝天 店铺",
		"a\r\nb\tc\u2028d\u3000e": "a  b c d e",
		"a\u00a0b":                "a b",
		"\x1b[31mred\x00":         "[31mred",
		"txt.\u202eexe":           "txt.exe",
		"to\u200bken\ufeff":       "token",
		"a\xff\xfeb\ufffdc":       "abc",
		"half\xe5\xba":            "half",
		"\ue000\U000e0041x\u0378": "x", // for private use, a tag, nobody's
		"<b>&amp;*@all":           "<b>&amp;*@all",
		"\u200b \u202e":           "",
	} {
		if got := line.Of(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"店铺名称", 4, "店铺名称"}, {"店铺名称", 3, "店铺…"}, {"a b c", 3, "a…"}, {"ab", 1, "…"}, {"", 0, ""}, {"ab", 0, "…"},
	} {
		if got := line.Cut(tc.in, tc.n); got != tc.want {
			t.Errorf("%q cut to %d is %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{"", "a\nb", "\u202e\u200d", "\xff", "店铺 \u3000", strings.Repeat("长", 50), " \x00 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := line.Of(s)
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }); i >= 0 || !utf8.ValidString(got) {
			t.Errorf("%q became %q", s, got)
		}
		if again := line.Of(got); again != got {
			t.Errorf("%q became %q, and that %q", s, got, again)
		}
		if cut := line.Cut(got, 8); utf8.RuneCountInString(cut) > 8 || !strings.HasPrefix(got, strings.TrimSuffix(cut, "…")) {
			t.Errorf("%q was cut to %q", got, cut)
		}
	})
}
