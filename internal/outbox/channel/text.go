package channel

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxFact = 120 // characters of one fact
	cutSign = "…"
)

// clean drops what cannot be seen or turns the direction of writing, and makes one
// line of it. What is no UTF-8 becomes U+FFFD.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d': // parts of words and of pictures
			return r
		case unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || r >= 0xe0000 && r <= 0xe0fff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(s), " ")
}

// cut gives at most n characters, with a sign if there were more.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:max(n-1, 0)]), " ") + cutSign
}

// fact is a stranger's text as one bounded line.
func fact(s string) string { return cut(clean(s), maxFact) }

// twins are the full-width forms of characters that chat tools read as markup,
// as the beginning of a mention, of a link or of an entity.
var twins = strings.NewReplacer(
	"<", "＜", ">", "＞", "@", "＠", "&", "＆", "*", "＊", "_", "＿", "~", "～", "`", "｀",
	"[", "［", "]", "］", "(", "（", ")", "）", "!", "！", "#", "＃", "|", "｜", "\\", "＼", "$", "＄", "://", "：//",
)

// inert is a stranger's text that no chat tool takes for markup.
func inert(s string) string { return twins.Replace(s) }
