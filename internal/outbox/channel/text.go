package channel

import (
	"strings"
	"unicode"

	"github.com/zhanggui/zhanggui/internal/line"
)

const (
	maxFact = 120 // characters of one fact
	cutSign = "…"
)

// clean drops what cannot be seen or turns the direction of writing, and makes one
// line of it. What is no UTF-8 becomes U+FFFD. Unlike [line.Of] it keeps the two joiners,
// without which pictures and some scripts fall apart: people read these texts, and
// nothing is looked for in them.
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

// fact is a stranger's text as one bounded line.
func fact(s string) string { return line.Cut(clean(s), maxFact) }

// twins are the full-width forms of characters that chat tools read as markup,
// as the beginning of a mention, of a link or of an entity.
var twins = strings.NewReplacer(
	"<", "＜", ">", "＞", "@", "＠", "&", "＆", "*", "＊", "_", "＿", "~", "～", "`", "｀",
	"[", "［", "]", "］", "(", "（", ")", "）", "!", "！", "#", "＃", "|", "｜", "\\", "＼", "$", "＄", "://", "：//",
)

// inert is a stranger's text that no chat tool takes for markup.
func inert(s string) string { return twins.Replace(s) }

// addresses are what programs that show plain text make links and mentions of.
var addresses = strings.NewReplacer("@", "＠", "://", "：//")

// unlinked is a stranger's text that nobody can click where text is not markup.
func unlinked(s string) string { return addresses.Replace(s) }
